/* Filters and small mathematics over samples. */
#include "limpet_guest.h"
#include "limpet_imports.h"
static const limpet_spi bus = {0};
static uint16_t ring[8];
static uint8_t at, count;
static uint32_t sum;
static int32_t kp, ki, kd, last_error, integral;
static uint8_t crc8(const uint8_t* data, uint32_t length) {
    uint8_t crc = 0xff;
    for (uint32_t i = 0; i < length; ++i) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; ++bit) crc = (uint8_t)((crc & 0x80) != 0 ? crc << 1 ^ 0x31 : crc << 1);
    }
    return crc;
}
static uint32_t average(uint32_t sample) {
    sum += sample - ring[at];
    ring[at] = (uint16_t)sample;
    at = (at + 1) & 7;
    if (count < 8) ++count;
    return sum >> 3;
}
static uint32_t median(uint32_t a, uint32_t b, uint32_t c) {
    if (a > b) {
        const uint32_t t = a;
        a = b;
        b = t;
    }
    if (b > c) b = c;
    return a > b ? a : b;
}
static int32_t pid(int32_t error) {
    integral += error;
    if (integral > 10000) integral = 10000;
    if (integral < -10000) integral = -10000;
    const int32_t out = error * kp + integral * ki + (error - last_error) * kd;
    last_error = error;
    return out >> 8;
}
static uint32_t root(uint32_t n) {
    uint32_t r = 0, bit = 1u << 30;
    while (bit > n) bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        if (n >= r + bit) {
            n -= r + bit;
            r = r / 2 + bit;
        } else
            r /= 2;
    }
    return r;
}
void LIMPET_ENTRY(setup)(int32_t p, int32_t i, int32_t d) {
    kp = p;
    ki = i;
    kd = d;
    last_error = integral = 0;
    count = 0;
}
uint32_t LIMPET_ENTRY(task)(uint32_t next_clock, uint32_t missed) {
    uint8_t buffer[4] = {0x24, 0x0b, 0, 0};
    spi_transfer(bus, buffer, 4);
    if (crc8(buffer, 3) != buffer[3]) {
        bulk_overflow(1);
        return 0;
    }
    const uint32_t raw = (uint32_t)buffer[1] << 8 | buffer[2];
    uint32_t v = average(median(raw, ring[0], ring[1]));
    const int32_t out = pid((int32_t)(v - 2048));
    v = root((uint32_t)(out < 0 ? -out : out));
    bulk_sample(v | missed << 24, 3);
    bulk_status(next_clock, timer_read_time() - next_clock, count);
    return v > 100 ? 10 : 20;
}
