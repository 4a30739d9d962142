#include "workloads.h"

enum { kItems = 100 };

static int32_t items[kItems];

static void insertion_sort(int32_t* values, uint32_t count) {
    for (uint32_t i = 1; i < count; ++i) {
        const int32_t value = values[i];
        uint32_t at = i;
        for (; at > 0 && values[at - 1] > value; --at) values[at] = values[at - 1];
        values[at] = value;
    }
}

uint32_t sort(uint32_t seed) {
    uint32_t state = seed + 2;
    for (uint32_t i = 0; i < kItems; ++i) {
        state = workload_random(state);
        items[i] = (int32_t)state;
    }
    insertion_sort(items, kItems);
    uint32_t checksum = 0;
    for (uint32_t i = 0; i < kItems; ++i) checksum = workload_checksum(checksum, (uint32_t)items[i]);
    return checksum;
}
