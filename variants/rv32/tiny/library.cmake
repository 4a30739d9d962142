# What rv32-tiny's library needs beside tiny.S: the tables, made by a program of the machine that builds.
# Included by limpet_add_library, with target and isa set.
find_program(LIMPET_BUILD_CXX NAMES c++ g++ clang++ DOC "C++ compiler of the machine that builds" REQUIRED)
set(tiny ${CMAKE_BINARY_DIR}/rv32-tiny)
if(NOT TARGET limpet_tiny_tables)
  set(here ${LIMPET_ROOT}/variants/rv32/tiny)
  file(GLOB table ${LIMPET_ROOT}/interp/rv32/*.h)
  add_custom_command(
    OUTPUT ${tiny}/tiny_tables.inc
    COMMAND ${CMAKE_COMMAND} -E make_directory ${tiny}
    COMMAND ${LIMPET_BUILD_CXX} -std=c++20 -Wall -Wextra -Wshadow -Werror ${here}/tables.cpp -o ${tiny}/tables
    COMMAND ${tiny}/tables > ${tiny}/tiny_tables.inc
    DEPENDS ${here}/tables.cpp ${table}
    COMMENT "Tables of rv32-tiny"
    VERBATIM)
  add_custom_target(limpet_tiny_tables DEPENDS ${tiny}/tiny_tables.inc)
endif()
add_dependencies(${target} limpet_tiny_tables)
target_sources(${target} PRIVATE ${tiny}/tiny_tables.inc)
set(compressed 0)
set(multiply 0)
set(xlimpet 0)
if(isa MATCHES "^rv32[a-z]*c")
  set(compressed 1)
endif()
if(isa MATCHES "^rv32[a-z]*m")
  set(multiply 1)
endif()
if(isa MATCHES "^rv32[a-z]*x")
  set(xlimpet 1)
endif()
target_compile_definitions(${target} PRIVATE LIMPET_COMPRESSED=${compressed} LIMPET_MULTIPLY=${multiply}
                           LIMPET_XLIMPET=${xlimpet})
target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:ASM>:-Wa,-I${tiny}>")
