#include "workloads.h"

enum { kRounds = 1500 };

uint32_t alu(uint32_t seed) {
    uint32_t state = seed + 6;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < kRounds; ++i) {
        state = workload_random(state);
        sum += state;
    }
    return sum;
}
