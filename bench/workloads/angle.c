#include "workloads.h"

/* A magnetic angle sensor that answers with 16 bits: even parity in bit 15, an error flag in bit 14, the angle in the
 * rest, 2^14 steps a turn. The position counts on over turns; the velocity is a first-order filter of its steps. */
enum { kReadings = 256, kAngleBits = 14, kVelocityShift = 4 };

static struct {
    int32_t position;  /* steps since the first reading */
    int32_t velocity;  /* steps per reading, 8 bits behind the point */
    uint32_t previous; /* angle */
    uint32_t errors;
} tracker;

static uint32_t parity(uint32_t word) {
    word ^= word >> 8;
    word ^= word >> 4;
    word ^= word >> 2;
    word ^= word >> 1;
    return word & 1;
}

/* Takes one answer of the sensor. */
static void track(uint32_t word) {
    if (parity(word) != 0 || (word & 1U << kAngleBits) != 0) {
        ++tracker.errors;
        return;
    }
    const uint32_t now = word & ((1U << kAngleBits) - 1);
    const int32_t step = (int32_t)((now - tracker.previous) << (32 - kAngleBits)) >> (32 - kAngleBits);
    tracker.previous = now;
    tracker.position += step;
    tracker.velocity += (step * 256 - tracker.velocity) >> kVelocityShift;
}

uint32_t angle(uint32_t seed) {
    tracker.position = tracker.velocity = 0;
    tracker.previous = tracker.errors = 0;
    uint32_t state = seed + 5;
    uint32_t true_angle = 0;
    uint32_t checksum = 0;
    for (uint32_t i = 0; i < kReadings; ++i) {
        state = workload_random(state);
        true_angle += 900 + (state & 127); /* a turn in about 17 readings */
        uint32_t word = true_angle & ((1U << kAngleBits) - 1);
        if ((state >> 8 & 31) == 0) word |= 1U << kAngleBits;
        word |= parity(word) << 15;
        if ((state >> 16 & 31) == 0) word ^= 1U << (state >> 24 & 15);
        track(word);
        checksum = workload_checksum(checksum, (uint32_t)(tracker.position ^ tracker.velocity));
    }
    return checksum + tracker.errors;
}
