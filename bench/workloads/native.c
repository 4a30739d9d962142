/* Runs every workload on this machine and prints `NAME RESULT`: what every other run of them must compute. */
#include "workloads.h"

#include <stdio.h>

static const struct {
    const char* name;
    uint32_t (*run)(uint32_t seed);
} workloads[] = {
    {"max31865", max31865}, {"crc32", crc32}, {"sort", sort}, {"sos", sos},     {"accel", accel},
    {"angle", angle},       {"alu", alu},     {"fib", fib},   {"empty", empty},
};

int main(void) {
    for (unsigned i = 0; i < sizeof(workloads) / sizeof(workloads[0]); ++i)
        printf("%s %08x\n", workloads[i].name, workloads[i].run(WORKLOAD_SEED));
    return 0;
}
