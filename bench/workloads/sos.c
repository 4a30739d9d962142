#include "workloads.h"

/* A low-pass filter of two second-order sections (4th-order Butterworth at a tenth of the sampling rate), in direct
 * form II transposed. Coefficients and state are fixed point with 28 bits behind the point; a product has 64 bits and
 * is rounded back. */
enum { kSections = 2, kFractionBits = 28, kSamples = 16 };

struct section {
    int32_t b0, b1, b2, a1, a2; /* y = b0 x + b1 x[-1] + b2 x[-2] - a1 y[-1] - a2 y[-2] */
};

static const struct section filter[kSections] = {
    {1293334, 2586668, 1293334, -281788929, 75528066},
    {268435456, 536870912, 268435456, -354667456, 169706880},
};

static int32_t state_1[kSections];
static int32_t state_2[kSections];

static int32_t multiply(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << (kFractionBits - 1))) >> kFractionBits);
}

static int32_t filter_sample(int32_t sample) {
    for (uint32_t i = 0; i < kSections; ++i) {
        const struct section* section = &filter[i];
        const int32_t out = multiply(section->b0, sample) + state_1[i];
        state_1[i] = multiply(section->b1, sample) - multiply(section->a1, out) + state_2[i];
        state_2[i] = multiply(section->b2, sample) - multiply(section->a2, out);
        sample = out;
    }
    return sample;
}

uint32_t sos(uint32_t seed) {
    for (uint32_t i = 0; i < kSections; ++i) state_1[i] = state_2[i] = 0;
    uint32_t noise = seed + 3;
    uint32_t checksum = 0;
    for (uint32_t i = 0; i < kSamples; ++i) {
        noise = workload_random(noise);
        const int32_t level = i < kSamples / 2 ? 1 << 24 : -(1 << 23);
        checksum = workload_checksum(checksum, (uint32_t)filter_sample(level + ((int32_t)noise >> 12)));
    }
    return checksum;
}
