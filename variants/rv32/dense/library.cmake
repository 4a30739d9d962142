# What rv32-dense's library needs beside dense.S: the tables, made by a program of the machine that builds.
# Included by limpet_add_library, with target and isa set.
find_program(LIMPET_BUILD_CXX NAMES c++ g++ clang++ DOC "C++ compiler of the machine that builds" REQUIRED)
set(dense ${CMAKE_BINARY_DIR}/rv32-dense)
if(NOT TARGET limpet_dense_tables)
  set(here ${LIMPET_ROOT}/variants/rv32/dense)
  file(GLOB table ${LIMPET_ROOT}/interp/rv32/*.h)
  add_custom_command(
    OUTPUT ${dense}/dense_tables.inc
    COMMAND ${CMAKE_COMMAND} -E make_directory ${dense}
    COMMAND ${LIMPET_BUILD_CXX} -std=c++20 -Wall -Wextra -Wshadow -Werror ${here}/tables.cpp -o ${dense}/tables
    COMMAND ${dense}/tables > ${dense}/dense_tables.inc
    DEPENDS ${here}/tables.cpp ${table}
    COMMENT "Tables of rv32-dense"
    VERBATIM)
  add_custom_target(limpet_dense_tables DEPENDS ${dense}/dense_tables.inc)
endif()
add_dependencies(${target} limpet_dense_tables)
target_sources(${target} PRIVATE ${dense}/dense_tables.inc)
target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:ASM>:-Wa,-I${dense}>")
