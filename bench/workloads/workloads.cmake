# The workloads: <name>.c with the function <name>. The C list of them is workloads.c.
set(LIMPET_WORKLOADS max31865 crc32 sort sos accel angle alu fib empty one_host_call)

# What they are made of where they run natively.
set(LIMPET_WORKLOAD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/workloads.c ${CMAKE_CURRENT_LIST_DIR}/max31865_chip.c)
foreach(workload ${LIMPET_WORKLOADS})
  list(APPEND LIMPET_WORKLOAD_SOURCES ${CMAKE_CURRENT_LIST_DIR}/${workload}.c)
endforeach()
