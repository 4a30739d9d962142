/* The programs that every backend is measured with. The same C is compiled for the guest and, as the yardstick, for
 * the machine below it.
 *
 * Each is one function. It brings its own state into shape, so that a call repeated gives the same result, and returns
 * a checksum of all that it computed. `seed` keeps a compiler from computing the result itself. */
#ifndef LIMPET_WORKLOADS_H
#define LIMPET_WORKLOADS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint32_t max31865(uint32_t seed); /* temperature sensor on SPI: configuration, readings, faults; host calls */
uint32_t crc32(uint32_t seed);    /* CRC-32 of a buffer, bit by bit */
uint32_t sort(uint32_t seed);     /* insertion sort of words */
uint32_t sos(uint32_t seed);      /* second-order sections, fixed point with 64-bit products */
uint32_t accel(uint32_t seed);    /* samples of a 3-axis accelerometer: unpack, sign-extend, scale, statistics */
uint32_t angle(uint32_t seed);    /* magnetic angle sensor: parity, error bit, unwrapping over turns, velocity */
uint32_t alu(uint32_t seed);      /* xorshift: registers only */
uint32_t fib(uint32_t seed);      /* recursion: calls, returns and stack */

uint32_t empty(uint32_t seed);         /* returns at once: what a call costs */
uint32_t one_host_call(uint32_t seed); /* calls the host once: what a sensor that is polled pays each time */

/* All of them, for who runs them one after the other. */
struct workload {
    const char* name;
    uint32_t (*run)(uint32_t seed);
};
extern const struct workload workloads[];
extern const uint32_t workload_count;

enum { WORKLOAD_SEED = 1 }; /* the seed that everyone measures with */

/* A step of the xorshift generator that makes test data (Marsaglia, "Xorshift RNGs", 2003). */
static inline uint32_t workload_random(uint32_t state) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Takes `value` into a checksum. */
static inline uint32_t workload_checksum(uint32_t checksum, uint32_t value) {
    return (checksum << 5 | checksum >> 27) ^ value;
}

#ifdef __cplusplus
}
#endif
#endif
