#include "workloads.h"

/* A burst of samples as an accelerometer's FIFO holds them: X, Y, Z, each 13 bits, little-endian in 2 bytes, whose
 * upper bits are not used. 3.9 mg per step. */
enum { kSamples = 32, kBlocks = 6, kAxes = 3, kBits = 13 };

static uint8_t fifo[kSamples * kAxes * 2];

struct statistics {
    int32_t sum, minimum, maximum; /* in mg / 32 */
};

static int32_t unpack(const uint8_t* bytes) {
    const uint32_t raw = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    const int32_t steps = (int32_t)(raw << (32 - kBits)) >> (32 - kBits);
    return steps * 125; /* 3.9 mg * 32 */
}

static void take(struct statistics* axis, int32_t value) {
    axis->sum += value;
    if (value < axis->minimum) axis->minimum = value;
    if (value > axis->maximum) axis->maximum = value;
}

uint32_t accel(uint32_t seed) {
    uint32_t state = seed + 4;
    for (uint32_t i = 0; i < sizeof(fifo); ++i) {
        state = workload_random(state);
        fifo[i] = (uint8_t)(state >> 8);
    }
    uint32_t checksum = 0;
    for (uint32_t block = 0; block < kBlocks; ++block) {
        struct statistics axes[kAxes];
        for (uint32_t i = 0; i < kAxes; ++i) {
            axes[i].sum = 0;
            axes[i].minimum = INT32_MAX;
            axes[i].maximum = INT32_MIN;
        }
        const uint8_t* at = fifo;
        for (uint32_t i = 0; i < kSamples; ++i)
            for (uint32_t axis = 0; axis < kAxes; ++axis, at += 2) take(&axes[axis], unpack(at));
        for (uint32_t i = 0; i < kAxes; ++i) {
            checksum = workload_checksum(checksum, (uint32_t)axes[i].sum);
            checksum = workload_checksum(checksum, (uint32_t)axes[i].minimum);
            checksum = workload_checksum(checksum, (uint32_t)axes[i].maximum);
        }
        fifo[block] ^= (uint8_t)checksum;
    }
    return checksum;
}
