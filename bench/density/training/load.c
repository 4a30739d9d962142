/* Converters with data-ready, magnetometer, light, gyro: register reads in the manner of many parts. */
#include "limpet_guest.h"
#include "limpet_imports.h"
static const limpet_spi bus = {0};
static const limpet_i2c wire = {0};
static const limpet_gpio_in ready = {0};
static uint32_t rest;
static uint8_t gain, mode, errors;
static uint8_t get(uint32_t reg) { return (uint8_t)spi_exchange(bus, (reg | 0x80) << 8, 2); }
static void put(uint32_t reg, uint32_t value) { spi_exchange(bus, reg << 8 | value, 2); }
void LIMPET_ENTRY(query)(uint32_t rest_ticks, uint32_t g) {
    rest = rest_ticks;
    gain = (uint8_t)g;
    mode = 0;
    errors = 0;
    if (rest_ticks == 0) {
        put(0x2d, 0);
        timer_sleep(0);
        return;
    }
    put(0x2c, 0x0f);
    put(0x31, gain << 4);
    put(0x2d, 8);
    if (get(0) != 0xe5) {
        try_shutdown(1);
        return;
    }
    timer_sleep(rest_ticks);
}
void LIMPET_ENTRY(status)(void) {
    uint8_t n[2];
    const uint32_t clock = timer_read_time();
    i2c_shutdown_on_err(i2c_read(wire, 0x3a, n, 2));
    const uint32_t ticks = timer_read_time() - clock;
    const uint32_t bytes = ((uint32_t)n[0] << 8 | n[1]) & 0x1fff;
    bulk_status(clock, ticks, bytes);
}
static void sample(uint8_t* m, uint32_t n) {
    m[0] = 0xf2;
    spi_transfer(bus, m, (uint8_t)(n + 1));
    int16_t x = (int16_t)((uint32_t)m[2] << 8 | m[1]), y = (int16_t)((uint32_t)m[4] << 8 | m[3]);
    if (gain > 1) {
        x = (int16_t)(x >> gain);
        y = (int16_t)(y >> gain);
    }
    m[1] = (uint8_t)x;
    m[2] = (uint8_t)(x >> 8);
    m[3] = (uint8_t)y;
    m[4] = (uint8_t)(y >> 8);
    bulk_report(m + 1, 6);
}
uint32_t LIMPET_ENTRY(task)(void) {
    uint8_t m[8];
    if (gpio_in_read(ready)) return rest;
    uint32_t fifo = get(0x39) & 0x3f;
    if (fifo > 32) {
        if (++errors >= 10) i2c_shutdown_on_err(4);
        return rest;
    }
    errors = 0;
    while (fifo-- != 0) sample(m, 6);
    const uint32_t s = get(0x30);
    bulk_overflow(s & 1);
    return (s & 2) != 0 ? 1 : rest;
}
uint32_t LIMPET_ENTRY(light)(uint32_t scale) {
    uint8_t w[3] = {0x20, 0x10, (uint8_t)scale};
    i2c_shutdown_on_err(i2c_write(wire, w, sizeof w));
    if (i2c_read(wire, 0xac, w, 2) != 0) return 0xffff;
    uint32_t v = (uint32_t)w[1] << 8 | w[0];
    v = v * 25 >> 2;
    return v < 0xffff ? v : 0xfffe;
}
void LIMPET_ENTRY(dac)(uint32_t channel, uint32_t value) {
    if (channel > 7 || value > 0xfff) {
        try_shutdown(3);
        return;
    }
    spi_exchange(bus, 0x300000 | channel << 16 | value << 4, 3);
    mode |= (uint8_t)(1u << channel);
}
