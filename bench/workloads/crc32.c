#include "workloads.h"

enum { kBytes = 256 };

static uint8_t message[kBytes];

uint32_t crc32(uint32_t seed) {
    uint32_t state = seed + 1;
    for (uint32_t i = 0; i < kBytes; ++i) {
        state = workload_random(state);
        message[i] = (uint8_t)state;
    }

    /* The reflected polynomial of IEEE 802.3. */
    uint32_t crc = 0xffffffff;
    for (uint32_t i = 0; i < kBytes; ++i) {
        crc ^= message[i];
        for (uint32_t bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320 & -(crc & 1));
    }
    return ~crc;
}
