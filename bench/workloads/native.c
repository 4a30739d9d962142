/* Runs every workload on this machine and prints `NAME RESULT`: what every other run of them must compute. */
#include "workloads.h"

#include <stdio.h>

int main(void) {
    for (uint32_t i = 0; i < workload_count; ++i)
        printf("%s %08x\n", workloads[i].name, workloads[i].run(WORKLOAD_SEED));
    return 0;
}
