/* What magnetic angle sensors on SPI have in common: an angle at exact times, reported in 3 bytes: a time code, and the
 * angle in 16 bits. The time code is how long after its time the sample was taken, shifted so that it fits; 0xff tells
 * of an error, whose number is in place of the angle. A chip's source defines `sample`. */
#ifndef ANGLE_H
#define ANGLE_H

#include "limpet_guest.h"
#include "limpet_imports.h"

enum { kSampleBytes = 3, kErrorCode = 0xff };

enum angle_error { kMissed, kSchedule, kSpiTime, kCrc, kDuplicate, kNoAngle };

static const limpet_spi bus = {0};

static struct {
    uint32_t rest_ticks;
    uint32_t time_shift;
    uint32_t limit_ticks; /* what reading may take, so that the angle is known to be of its time */
} settings;

/* Samples at `clock` and then each rest_ticks; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t clock, uint32_t rest_ticks, uint32_t time_shift, uint32_t limit_ticks) {
    settings.rest_ticks = rest_ticks;
    settings.time_shift = time_shift;
    settings.limit_ticks = limit_ticks;
    timer_start(clock, rest_ticks);
}

/* The sample that was due at `start`, in bits 23:0; what is above does not count. */
static uint32_t sample(uint32_t start);

static uint32_t error_sample(enum angle_error error) { return kErrorCode | (uint32_t)error << 8; }

void LIMPET_ENTRY(task)(uint32_t next_clock, uint32_t missed) {
    for (; missed != 0; --missed) bulk_sample(error_sample(kMissed), kSampleBytes);
    bulk_sample(sample(next_clock - settings.rest_ticks), kSampleBytes);
}

/* A sample that was taken at `clock`. */
static inline __attribute__((always_inline)) uint32_t timed_sample(uint32_t start, uint32_t clock, uint32_t angle) {
    const uint32_t code = (((clock - start) << 1 >> settings.time_shift) + 1) >> 1; /* rounded */
    return code < kErrorCode ? code | angle << 8 : error_sample(kSchedule);
}

static inline uint32_t parity(uint32_t word) {
    word ^= word >> 8;
    word ^= word >> 4;
    word ^= word >> 2;
    return (word ^ word >> 1) & 1;
}

#endif
