#include "max31865_calls.h"
#include "workloads.h"

uint32_t one_host_call(uint32_t seed) {
    host_read_clock();
    return seed;
}
