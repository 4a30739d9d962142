# limpet_add_test_program(target sources): an executable of GoogleTest. Most of what compiling a test takes is
# GoogleTest's header, which is compiled once for all.
find_package(GTest REQUIRED)
file(CONFIGURE OUTPUT test_headers.cpp CONTENT "")
add_library(limpet_test_headers OBJECT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp)
target_link_libraries(limpet_test_headers PRIVATE GTest::gtest)
target_precompile_headers(limpet_test_headers PRIVATE <gtest/gtest.h> <algorithm> <array> <map> <memory> <span> <string>
                          <vector>)
function(limpet_add_test_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE GTest::gtest_main)
  target_precompile_headers(${target} REUSE_FROM limpet_test_headers)
endfunction()

# limpet_add_suite(target shards): the tests of a GoogleTest program, as so many tests of CTest. Each of a program's
# tests by itself would start thousands of processes, which make the same emulators again and again.
function(limpet_add_suite target shards)
  math(EXPR last "${shards} - 1")
  foreach(shard RANGE ${last})
    math(EXPR number "${shard} + 1")
    set(name ${target}.${number}_of_${shards})
    add_test(NAME ${name} COMMAND ${target} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 COST 100 ENVIRONMENT
                         "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()
