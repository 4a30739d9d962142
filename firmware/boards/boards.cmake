# The boards: one call each. `name` is what images are named by, folder/layout in board.h's sense.
#
# limpet_board(NAME LAYOUT SCRIPT SOURCES...) makes the object library board-<NAME>[-<LAYOUT>] and remembers the linker
# script; LAYOUT is "" for the usual one. Every board of limpet_boards runs the same application.
set(LIMPET_BOARDS "")
set(boards_dir ${CMAKE_CURRENT_LIST_DIR})
set(board_flags -Os -ffreestanding -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections
    -fno-tree-loop-distribute-patterns)

function(limpet_board name layout script)
  if(layout)
    set(target board-${name}-${layout})
    set(shown ${name}/${layout})
  else()
    set(target board-${name})
    set(shown ${name})
  endif()
  list(TRANSFORM ARGN PREPEND ${boards_dir}/ OUTPUT_VARIABLE sources)
  list(TRANSFORM sources REPLACE "^${boards_dir}/(/.*)$" "\\1")
  add_library(${target} OBJECT ${boards_dir}/common/start.cpp ${sources})
  target_compile_definitions(${target} PRIVATE BOARD_NAME="${shown}")
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${board_flags}>")
  string(REPLACE board- "" id ${target})
  set(LIMPET_BOARD_SCRIPT_${id} ${boards_dir}/${name}/${script} PARENT_SCOPE)
  set(LIMPET_BOARDS ${LIMPET_BOARDS} ${id} PARENT_SCOPE)
endfunction()

# The start of an RP2040's flash: assembled by itself, then its checksum is added.
add_executable(rp2040-boot2 EXCLUDE_FROM_ALL ${boards_dir}/rp2040/boot2.S)
target_link_options(rp2040-boot2 PRIVATE -Wl,-Ttext=0x20041f00,-e,boot2)
set(boot2 ${CMAKE_CURRENT_BINARY_DIR}/rp2040-boot2)
add_custom_command(
  OUTPUT ${boot2}.S
  COMMAND ${CMAKE_OBJCOPY} -O binary -j .text $<TARGET_FILE:rp2040-boot2> ${boot2}.bin
  COMMAND ${boards_dir}/rp2040/checksum_boot2 ${boot2}.bin ${boot2}.S
  DEPENDS rp2040-boot2 ${boards_dir}/rp2040/checksum_boot2
  VERBATIM)

#            name              layout script     sources
limpet_board(qemu-microbit     ""     board.ld   common/semihosting.cpp)
limpet_board(qemu-mps2-an385   ""     board.ld   common/semihosting.cpp)
limpet_board(rp2040            ""     flash.ld   common/serial.cpp rp2040/board.cpp ${boot2}.S)
limpet_board(rp2040            ram    ram.ld     common/serial.cpp rp2040/board.cpp rp2040/ram_entry.S)
limpet_board(stm32g0b1         ""     flash.ld   common/serial.cpp stm32g0b1/board.cpp)
limpet_board(stm32g0b1         ram    ram.ld     common/serial.cpp stm32g0b1/board.cpp)

# An image for a board: sources and libraries, the board, and the compiler's helpers.
function(limpet_add_board_image target board)
  set(sources ${ARGN})
  set(libraries ${ARGN})
  list(FILTER sources INCLUDE REGEX "\\.(cpp|S)$")
  list(FILTER libraries EXCLUDE REGEX "\\.(cpp|S)$")
  add_executable(${target} EXCLUDE_FROM_ALL ${sources} $<TARGET_OBJECTS:board-${board}>)
  target_include_directories(${target} PRIVATE ${LIMPET_ROOT}/interp)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${board_flags}>")
  target_link_libraries(${target} PRIVATE ${libraries} gcc)
  target_link_options(${target} PRIVATE -L ${boards_dir}/common -T ${LIMPET_BOARD_SCRIPT_${board}} -Wl,--fatal-warnings)
  file(GLOB scripts ${boards_dir}/common/*.ld)
  set_target_properties(${target} PROPERTIES SUFFIX .elf LINK_DEPENDS "${LIMPET_BOARD_SCRIPT_${board}};${scripts}")
endfunction()

# What is flashed: <image>.bin, and for an RP2040 <image>.uf2 beside <image>.elf.
function(limpet_add_flash_files image board)
  set(base ${CMAKE_CURRENT_BINARY_DIR}/${image})
  set(outputs ${base}.bin)
  set(pack "")
  if(board MATCHES "^rp2040")
    set(address 0x10000000)
    if(board MATCHES "-ram$")
      set(address 0x20000000)
    endif()
    list(APPEND outputs ${base}.uf2)
    set(pack COMMAND ${boards_dir}/rp2040/pack_uf2 ${base}.bin ${address} ${base}.uf2)
  endif()
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND ${CMAKE_OBJCOPY} -O binary ${base}.elf ${base}.bin
    ${pack}
    DEPENDS ${image} ${boards_dir}/rp2040/pack_uf2
    VERBATIM)
  add_custom_target(${image}-files DEPENDS ${outputs})
endfunction()
