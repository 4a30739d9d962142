# limpet_add_tables(target name): tables that the assembly of rv32-NAME includes, printed by a program of the machine that
# builds, variants/rv32/NAME/tables.cpp, into rv32-NAME/NAME_tables.inc of the build. Called within limpet_add_library.
function(limpet_add_tables target name)
  find_program(LIMPET_BUILD_CXX NAMES c++ g++ clang++ DOC "C++ compiler of the machine that builds" REQUIRED)
  set(folder ${CMAKE_BINARY_DIR}/rv32-${name})
  set(tables ${folder}/${name}_tables.inc)
  if(NOT TARGET limpet_${name}_tables)
    set(source ${LIMPET_ROOT}/variants/rv32/${name}/tables.cpp)
    file(GLOB table ${LIMPET_ROOT}/interp/rv32/*.h)
    add_custom_command(
      OUTPUT ${tables}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
      COMMAND ${LIMPET_BUILD_CXX} -std=c++20 -Wall -Wextra -Wshadow -Werror ${source} -o ${folder}/tables
      COMMAND ${folder}/tables > ${tables}
      DEPENDS ${source} ${table}
      COMMENT "Tables of rv32-${name}"
      VERBATIM)
    add_custom_target(limpet_${name}_tables DEPENDS ${tables})
  endif()
  add_dependencies(${target} limpet_${name}_tables)
  target_sources(${target} PRIVATE ${tables})
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:ASM>:-Wa,-I${folder}>")
endfunction()
