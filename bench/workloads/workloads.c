#include "workloads.h"

const struct workload workloads[] = {
    {"max31865", max31865}, {"crc32", crc32}, {"sort", sort}, {"sos", sos},     {"accel", accel},
    {"angle", angle},       {"alu", alu},     {"fib", fib},   {"empty", empty}, {"one_host_call", one_host_call},
};

const uint32_t workload_count = sizeof(workloads) / sizeof(workloads[0]);
