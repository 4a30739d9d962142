# Guest programs: RISC-V code that is compiled with the cross compiler and laid into a firmware image as data.

find_program(LIMPET_GUEST_CC riscv64-unknown-elf-gcc REQUIRED)
find_program(LIMPET_GUEST_OBJCOPY riscv64-unknown-elf-objcopy REQUIRED)

# -march by isa. Debian's libgcc for RV32E with C exists as rv32eac and rv32emac only; A brings no instruction in here,
# because nothing uses atomics.
set(LIMPET_MARCH_rv32e rv32e)
set(LIMPET_MARCH_rv32ec rv32eac)
set(LIMPET_MARCH_rv32emc rv32emac)
set(LIMPET_MARCH_rv32ecx rv32eac) # and then relaxed
set(LIMPET_MARCH_rv32dense rv32eac) # likewise

# What relaxes guests for rv32ecx and rv32dense: a program of the machine that builds, which a cross compiler does not make.
set(LIMPET_RELAX ${CMAKE_BINARY_DIR}/limpet-relax)
if(NOT TARGET limpet_relax)
  find_program(LIMPET_HOST_CXX c++ REQUIRED)
  set(relax_sources ${LIMPET_ROOT}/firmware/relax.cpp)
  foreach(source image/dense image/relax image/relax_code rv32/encode)
    list(APPEND relax_sources ${LIMPET_ROOT}/interp/${source}.cpp)
  endforeach()
  file(GLOB relax_headers CONFIGURE_DEPENDS ${LIMPET_ROOT}/interp/rv32/*.h ${LIMPET_ROOT}/interp/image/*.h)
  add_custom_command(
    OUTPUT ${LIMPET_RELAX}
    COMMAND ${LIMPET_HOST_CXX} -std=c++20 -O1 ${relax_sources} -o ${LIMPET_RELAX}
    DEPENDS ${relax_sources} ${relax_headers}
    COMMENT "limpet-relax"
    VERBATIM)
  add_custom_target(limpet_relax DEPENDS ${LIMPET_RELAX})
endif()

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
    OUTPUT ${base}.elf
    BYPRODUCTS ${base}.limpet ${base}.rodata ${base}.data ${base}.text
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

# Object library `target`: guests `entries` of isa and opt (struct GuestImage), and guest_table..guest_table_end with
# their names (struct NamedGuest).
function(limpet_add_guest_images target isa opt entries)
  set(text ".section .rodata.guests, \"a\"\n")
  set(table ".balign 4\n.global guest_table, guest_table_end\nguest_table:\n")
  set(names "")
  set(elves "")
  foreach(entry ${entries})
    set(base ${CMAKE_CURRENT_BINARY_DIR}/guests/${isa}${opt}/${entry})
    list(APPEND elves ${base}.elf)
    string(APPEND text ".balign 4\nguest_${entry}:\n")
    string(APPEND table ".dc.a name_${entry}, guest_${entry}\n")
    string(APPEND names "name_${entry}: .asciz \"${entry}\"\n")
    foreach(piece limpet rodata data text)
      string(APPEND text ".incbin \"${base}.${piece}\"\n")
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT ${target}.S CONTENT "${text}${table}guest_table_end:\n${names}" @ONLY)
  add_library(${target} OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/${target}.S)
  set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/${target}.S PROPERTIES OBJECT_DEPENDS "${elves}")
endfunction()
