# Guest programs: RISC-V or eBPF code that is compiled with the cross compiler and laid into a firmware image as data.

find_program(LIMPET_GUEST_CC riscv64-unknown-elf-gcc REQUIRED)
find_program(LIMPET_GUEST_OBJCOPY riscv64-unknown-elf-objcopy REQUIRED)
find_program(LIMPET_BPF_CC clang-19 REQUIRED)

# -march by isa. Debian's libgcc for RV32E with C exists as rv32eac and rv32emac only; A brings no instruction in here,
# because nothing uses atomics.
set(LIMPET_MARCH_rv32e rv32e)
set(LIMPET_MARCH_rv32ec rv32eac)
set(LIMPET_MARCH_rv32emc rv32emac)
set(LIMPET_MARCH_rv32ecx rv32eac) # and then relaxed
set(LIMPET_MARCH_rv32dense rv32eac) # likewise

find_program(LIMPET_HOST_CXX c++ REQUIRED)
file(GLOB host_headers CONFIGURE_DEPENDS ${LIMPET_ROOT}/interp/*.h ${LIMPET_ROOT}/interp/*/*.h)

# limpet-<name>, a program of the machine that builds, which a cross compiler does not make: firmware/<name>.cpp with
# underscores, `sources` of interp, and libraries.
function(limpet_add_host_program name sources)
  set(program ${CMAKE_BINARY_DIR}/limpet-${name})
  string(REPLACE - _ target ${name})
  if(TARGET limpet_${target})
    return()
  endif()
  set(files ${LIMPET_ROOT}/firmware/${target}.cpp)
  foreach(source ${sources})
    list(APPEND files ${LIMPET_ROOT}/interp/${source}.cpp)
  endforeach()
  add_custom_command(
    OUTPUT ${program}
    COMMAND ${LIMPET_HOST_CXX} -std=c++20 -O1 ${files} -o ${program} ${ARGN}
    DEPENDS ${files} ${host_headers}
    COMMENT "limpet-${name}"
    VERBATIM)
  add_custom_target(limpet_${target} DEPENDS ${program})
endfunction()

# What relaxes guests for rv32ecx and rv32dense, and what lays eBPF guests out.
limpet_add_host_program(relax "image/dense;image/relax;image/relax_code;rv32/encode")
limpet_add_host_program(bpf-guest "image/bpf_object;image/elf;image/guest;bpf/disasm;bpf/fault" -lelf)
set(LIMPET_RELAX ${CMAKE_BINARY_DIR}/limpet-relax)
set(LIMPET_BPF_GUEST ${CMAKE_BINARY_DIR}/limpet-bpf-guest)

# Freestanding, and no loop may become a call of memcpy or memset, which are not there.
set(LIMPET_WORKLOAD_FLAGS -std=c11 -ffreestanding -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections)

# Compiles `source` (C or assembly) for `isa` at `opt` with the function `entry` as its start, into
# ${CMAKE_CURRENT_BINARY_DIR}/guests/<isa><opt>/<entry>.elf, and its pieces beside it.
function(limpet_add_guest entry source isa opt)
  set(base ${CMAKE_CURRENT_BINARY_DIR}/guests/${isa}${opt}/${entry})
  set(pieces "")
  set(relax "")
  set(emit_relocs "")
  # Assembly is meant as it stands, where it can be.
  if(isa STREQUAL rv32dense OR (isa STREQUAL rv32ecx AND source MATCHES "\\.c$"))
    set(relax COMMAND ${LIMPET_RELAX} ${isa} ${base}.elf ${base}.elf)
    set(emit_relocs -Wl,--emit-relocs)
  endif()
  if(isa STREQUAL rv32dense)
    list(APPEND emit_relocs -DLIMPET_DENSE)
  endif()
  foreach(section rodata data text)
    list(APPEND pieces COMMAND ${LIMPET_GUEST_OBJCOPY} -O binary -j .${section} ${base}.elf ${base}.${section})
  endforeach()
  add_custom_command(
    OUTPUT ${base}.elf ${base}.limpet
    BYPRODUCTS ${base}.rodata ${base}.data ${base}.text
    COMMAND
      ${LIMPET_GUEST_CC} -march=${LIMPET_MARCH_${isa}} -mabi=ilp32e ${LIMPET_WORKLOAD_FLAGS} ${opt}
      -msmall-data-limit=0 -Wall -Wextra -Wshadow -Werror -nostartfiles -nostdlib -T ${LIMPET_ROOT}/firmware/sdk/guest.ld
      -Wl,--gc-sections,--fatal-warnings,-e,${entry},--defsym=limpet_entry=${entry} -MD -MF ${base}.d -MT ${base}.elf
      ${emit_relocs} ${source} -lgcc -o ${base}.elf
    ${relax}
    COMMAND ${LIMPET_GUEST_OBJCOPY} --dump-section .limpet=${base}.limpet ${base}.elf
    ${pieces}
    DEPENDS ${source} ${LIMPET_ROOT}/firmware/sdk/guest.ld limpet_relax ${LIMPET_RELAX}
    DEPFILE ${base}.d
    COMMENT "Guest ${entry} for ${isa} at ${opt}"
    VERBATIM)
endfunction()

# The object ${CMAKE_CURRENT_BINARY_DIR}/guests/ebpf<opt>/<entry>.o of an eBPF guest.
function(limpet_add_bpf_object entry source opt)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/guests/ebpf${opt})
  set(object ${folder}/${entry}.o)
  set(flags "")
  if(source MATCHES "\\.c$")
    set(flags -std=c11 -ffreestanding ${opt} -Wall -Wextra -Werror)
  endif()
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${LIMPET_BPF_CC} --target=bpf -mcpu=v3 ${flags} -MD -MF ${folder}/${entry}.d -MT ${object} -c ${source} -o
            ${object}
    DEPENDS ${source}
    DEPFILE ${folder}/${entry}.d
    COMMENT "Guest ${entry} for ebpf at ${opt}"
    VERBATIM)
endfunction()

# As limpet_add_guest, of that object.
function(limpet_add_bpf_guest entry source opt)
  limpet_add_bpf_object(${entry} ${source} ${opt})
  set(base ${CMAKE_CURRENT_BINARY_DIR}/guests/ebpf${opt}/${entry})
  add_custom_command(
    OUTPUT ${base}.limpet
    BYPRODUCTS ${base}.rodata ${base}.data ${base}.text
    COMMAND ${LIMPET_BPF_GUEST} ${base}.o ${entry} ${base}
    DEPENDS ${base}.o limpet_bpf_guest ${LIMPET_BPF_GUEST}
    VERBATIM)
endfunction()

# Object library `target`: guests `entries` of isa and opt (struct GuestImage), and guest_table..guest_table_end with
# their names (struct NamedGuest).
function(limpet_add_guest_images target isa opt entries)
  set(text ".section .rodata.guests, \"a\"\n")
  set(table ".balign 4\n.global guest_table, guest_table_end\nguest_table:\n")
  set(names "")
  set(headers "")
  foreach(entry ${entries})
    set(base ${CMAKE_CURRENT_BINARY_DIR}/guests/${isa}${opt}/${entry})
    list(APPEND headers ${base}.limpet)
    string(APPEND text ".balign 4\nguest_${entry}:\n")
    string(APPEND table ".dc.a name_${entry}, guest_${entry}\n")
    string(APPEND names "name_${entry}: .asciz \"${entry}\"\n")
    foreach(piece limpet rodata data text)
      string(APPEND text ".incbin \"${base}.${piece}\"\n")
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT ${target}.S CONTENT "${text}${table}guest_table_end:\n${names}" @ONLY)
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/${target}.S)
  set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/${target}.S PROPERTIES OBJECT_DEPENDS "${headers}")
endfunction()
