# limpet_add_suite(target shards): the tests of a GoogleTest program, as so many tests of CTest. Each of a program's
# tests by itself would start thousands of processes, which make the same emulators again and again.
function(limpet_add_suite target shards)
  math(EXPR last "${shards} - 1")
  foreach(shard RANGE ${last})
    math(EXPR number "${shard} + 1")
    set(name ${target}.${number}_of_${shards})
    add_test(NAME ${name} COMMAND ${target} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 ENVIRONMENT "GTEST_TOTAL_SHARDS=${shards};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()
