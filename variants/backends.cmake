# The backends. One line registers one: its name, its header, its namespace, what it is optimised for, and what tunes
# gcc's code for it on Cortex-M0+ (measured, see ARCHITECTURE.md). A setting of a backend is a line of its own, named
# BACKEND/SETTING; names of targets and files have a dash or an underscore for /.
# The host's registry and every microcontroller build are made from this list.
#
# limpet_backend        <header> defines  template <Isa, class Host> limpet_status limpet::<namespace>::run(vm, host)
#                       One for eBPF has a name that begins with bpf-:
#                                         template <class Host> limpet_status run(limpet_bpf_vm&, host)
# limpet_thumb_backend  one that exists as Thumb code only: its header is compiled for Cortex-M alone (it emits Thumb),
#                       or it is assembly. On a PC it has the same name, and its Cortex-M0+ library runs in an emulator
#                       (thumb/), a setting for rv32ec only. One for eBPF runs programs for 32-bit registers
#                       (interp/bpf/map.h).
# Optimisation "asm": on Cortex-M, assembly carries out limpet.h by itself: the file, or the .S file beside the header.

set(LIMPET_ISAS rv32e rv32ec rv32emc rv32ecx)
set(LIMPET_BPF_ISAS ebpf ebpf32)
# Encodings of rv32ec that are isas of their own: which backend runs them is in LIMPET_DENSE_BACKENDS.
set(LIMPET_DENSE_ISAS rv32dense)
# Of these, each instruction costs one unit of fuel; others may charge by blocks of instructions.
set(LIMPET_EXACT_BACKENDS rv32-switch rv32-tiny bpf-switch bpf-packed)
# Those that run rv32dense (interp/rv32/dense.h), and nothing else.
set(LIMPET_DENSE_BACKENDS rv32-dense)

macro(limpet_backend name header namespace opt)
  if("${name}" MATCHES "^bpf-")
    list(APPEND LIMPET_BPF_BACKENDS ${name})
  else()
    list(APPEND LIMPET_BACKENDS ${name})
  endif()
  set(LIMPET_HEADER_${name} ${header})
  set(LIMPET_NAMESPACE_${name} ${namespace})
  set(LIMPET_OPT_${name} ${opt})
  set(LIMPET_TUNING_${name} ${ARGN})
endmacro()

macro(limpet_thumb_backend name)
  list(APPEND LIMPET_THUMB_BACKENDS ${name})
  limpet_backend(${ARGV})
endmacro()

set(LIMPET_BACKENDS "")
set(LIMPET_THUMB_BACKENDS "")
set(LIMPET_BPF_BACKENDS "")
limpet_backend(rv32-switch       rv32/switch/switch.h        rv32_switch       -Os
               -fno-jump-tables -fno-reorder-blocks -fno-tree-dominator-opts -fno-tree-vrp -fno-cse-follow-jumps
               -fno-if-conversion)
limpet_backend(rv32-goto         rv32/goto/goto.h            rv32_goto         -O2
               -fno-crossjumping -fno-reorder-blocks -fno-tree-dominator-opts -fno-cse-follow-jumps
               -fno-rerun-cse-after-loop --param=max-goto-duplication-insns=2)
limpet_backend(rv32-goto/lean    rv32/goto/lean.h            rv32_goto_lean    -O2
               -fno-jump-tables -fno-reorder-blocks -fno-if-conversion -fno-tree-sink -fno-tree-dominator-opts
               -fno-tree-ter -fno-tree-vrp -fno-tree-reassoc -fno-rerun-cse-after-loop)
limpet_backend(rv32-threaded     rv32/threaded/threaded.h    rv32_threaded     asm)
limpet_thumb_backend(rv32-threaded/compact rv32/threaded/compact.S rv32_threaded_compact asm)
limpet_thumb_backend(rv32-tiny   rv32/tiny/tiny.S            rv32_tiny         asm)
limpet_thumb_backend(rv32-dense  rv32/dense/dense.S          rv32_dense        asm)
limpet_thumb_backend(rv32-jit    rv32/jit/jit.S          rv32_jit          asm)
limpet_thumb_backend(rv32-jit/compact rv32/jit/compact.S rv32_jit_compact asm)
limpet_backend(bpf-switch        bpf/switch/switch.h         bpf_switch        -Os
               -fno-tree-loop-distribute-patterns -fno-if-conversion -fno-expensive-optimizations
               -fno-forward-propagate -fno-tree-slsr -fno-tree-coalesce-vars -fno-guess-branch-probability
               -fira-region=all)
limpet_backend(bpf-goto          bpf/goto/goto.h             bpf_goto          -O2
               -fno-tree-loop-distribute-patterns)
limpet_backend(bpf-threaded      bpf/threaded/threaded.h     bpf_threaded      -O2
               -fno-tree-loop-distribute-patterns)
limpet_backend(bpf-packed        bpf/packed/packed.h         bpf_packed        -Os
               -fno-tree-loop-distribute-patterns -fno-if-conversion -fno-expensive-optimizations
               -fno-forward-propagate -fno-tree-slsr -fno-tree-coalesce-vars -fno-guess-branch-probability
               -fira-region=all)

limpet_thumb_backend(bpf-alu32   bpf/alu32/alu32.h           bpf_alu32         -Os
                     -fno-tree-loop-distribute-patterns -fno-jump-tables -fno-expensive-optimizations
                     -fno-if-conversion -fno-forward-propagate)

set(LIMPET_ROOT ${CMAKE_CURRENT_LIST_DIR}/..)
include(${LIMPET_ROOT}/variants/tables.cmake)

set(LIMPET_FREESTANDING_FLAGS -ffreestanding -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffunction-sections
    -fdata-sections)

# The profiles that a backend for rv32 runs.
function(limpet_isas_of result backend)
  set(isas ${LIMPET_ISAS})
  if(backend IN_LIST LIMPET_DENSE_BACKENDS)
    set(isas ${LIMPET_DENSE_ISAS})
  endif()
  set(${result} ${isas} PARENT_SCOPE)
endfunction()

# The profile that a backend for eBPF runs.
function(limpet_bpf_isa_of result backend)
  set(isa ebpf)
  if(backend IN_LIST LIMPET_THUMB_BACKENDS)
    set(isa ebpf32)
  endif()
  set(${result} ${isa} PARENT_SCOPE)
endfunction()

# Stops with the list of what there is, when `value` is not in it.
function(limpet_expect_one_of what value)
  if(NOT value IN_LIST ARGN)
    string(JOIN ", " list ${ARGN})
    message(FATAL_ERROR "unknown ${what} '${value}'; there is: ${list}")
  endif()
endfunction()

# Declared host calls, the same for all backends: always for least flash (without -fno-ivopts 4 bytes more).
function(limpet_add_calls_object)
  if(NOT TARGET limpet_calls_object)
    add_library(limpet_calls_object OBJECT ${LIMPET_ROOT}/interp/calls/calls.cpp)
    target_compile_features(limpet_calls_object PRIVATE cxx_std_20)
    target_include_directories(limpet_calls_object PRIVATE ${LIMPET_ROOT}/interp)
    target_compile_options(limpet_calls_object PRIVATE -Os ${LIMPET_FREESTANDING_FLAGS}
                           $<$<CXX_COMPILER_ID:GNU>:-fno-ivopts>)
  endif()
endfunction()

# The name of a backend's library: limpet-rv32-switch-rv32ec-Os, limpet-rv32-tiny-rv32ec-asm.
function(limpet_library_name result backend isa opt)
  string(REPLACE / - name ${backend})
  string(REGEX REPLACE "^-" "" opt ${opt})
  set(${result} limpet-${name}-${isa}-${opt} PARENT_SCOPE)
endfunction()

# Library `target`: the C interfaces of limpet.h (or limpet_bpf.h) and limpet_calls.h, carried out by one backend for one isa.
function(limpet_add_library target backend isa)
  limpet_expect_one_of(backend "${backend}" ${LIMPET_BACKENDS} ${LIMPET_BPF_BACKENDS})
  if(backend IN_LIST LIMPET_BPF_BACKENDS)
    limpet_bpf_isa_of(isas ${backend})
    limpet_expect_one_of(isa "${isa}" ${isas})
  else()
    limpet_isas_of(isas ${backend})
    limpet_expect_one_of(isa "${isa}" ${isas})
  endif()
  if(backend IN_LIST LIMPET_THUMB_BACKENDS AND NOT CMAKE_CROSSCOMPILING)
    message(FATAL_ERROR "${backend} is Thumb code: its library is for Cortex-M only")
  endif()
  limpet_add_calls_object()
  set(source c_api.cpp)
  set(opt ${LIMPET_OPT_${backend}})
  if(backend IN_LIST LIMPET_BPF_BACKENDS)
    set(source bpf_c_api.cpp)
  elseif(opt STREQUAL asm)
    set(opt -O2)
    if(CMAKE_CROSSCOMPILING)
      set(opt "")
      string(REGEX REPLACE "\\.h$" ".S" source ${LIMPET_HEADER_${backend}})
    endif()
  endif()
  add_library(${target} STATIC ${LIMPET_ROOT}/variants/${source} $<TARGET_OBJECTS:limpet_calls_object>)
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_compile_definitions(${target} PRIVATE LIMPET_BACKEND_HEADER="${LIMPET_HEADER_${backend}}"
                             LIMPET_BACKEND_NAMESPACE=${LIMPET_NAMESPACE_${backend}} LIMPET_ISA_NAME=${isa})
  target_include_directories(
    ${target} PUBLIC $<BUILD_INTERFACE:${LIMPET_ROOT}/interp> $<BUILD_INTERFACE:${LIMPET_ROOT}/interp/calls>
                     $<INSTALL_INTERFACE:include>)
  target_compile_options(${target} PRIVATE ${opt} "$<$<COMPILE_LANGUAGE:CXX>:${LIMPET_FREESTANDING_FLAGS}>"
                         "$<$<CXX_COMPILER_ID:GNU>:${LIMPET_TUNING_${backend}}>")
  get_filename_component(folder ${LIMPET_ROOT}/variants/${LIMPET_HEADER_${backend}} DIRECTORY)
  include(${folder}/library.cmake OPTIONAL)
endfunction()
