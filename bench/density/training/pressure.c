/* A pressure sensor with calibration words, in the manner of many I2C barometers. */
#include "limpet_guest.h"
#include "limpet_imports.h"
static const limpet_i2c bus = {0};
static struct {
    uint16_t t1;
    int16_t t2, t3;
    uint16_t p1;
    int16_t p2, p3, p4;
} calibration;
static uint32_t rest, failures;
static int32_t fine;
static uint32_t be24(const uint8_t* b) { return (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2]; }
static uint32_t le16(const uint8_t* b) { return b[0] | (uint32_t)b[1] << 8; }
void LIMPET_ENTRY(query)(uint32_t clock, uint32_t rest_ticks) {
    uint8_t raw[14];
    rest = rest_ticks;
    failures = 0;
    i2c_shutdown_on_err(i2c_read(bus, 0x88, raw, sizeof raw));
    calibration.t1 = (uint16_t)le16(raw);
    calibration.t2 = (int16_t)le16(raw + 2);
    calibration.t3 = (int16_t)le16(raw + 4);
    calibration.p1 = (uint16_t)le16(raw + 6);
    calibration.p2 = (int16_t)le16(raw + 8);
    calibration.p3 = (int16_t)le16(raw + 10);
    calibration.p4 = (int16_t)le16(raw + 12);
    uint8_t set[2] = {0xf4, 0x27};
    i2c_shutdown_on_err(i2c_write(bus, set, sizeof set));
    timer_start(clock, rest_ticks);
}
struct result {
    uint32_t clock, pressure;
    int32_t temperature;
};
void LIMPET_ENTRY(task)(uint32_t next_clock) {
    uint8_t raw[6];
    if (i2c_read(bus, 0xf7, raw, sizeof raw) != 0) {
        if (++failures > 3) try_shutdown(2);
        return;
    }
    failures = 0;
    const int32_t t = (int32_t)(be24(raw + 3) >> 4), p = (int32_t)(be24(raw) >> 4);
    fine = ((t >> 3) - calibration.t1 * 2) * calibration.t2 >> 11;
    const int32_t d = (t >> 4) - calibration.t1;
    fine += (d * d >> 12) * calibration.t3 >> 14;
    struct result r = {next_clock, (uint32_t)(p - calibration.p4) * 3125 / (calibration.p1 | 1), (fine * 5 + 128) >> 8};
    if (r.temperature < -4000 || r.temperature > 8500) r.pressure = 0;
    respond(0, (const uint8_t*)&r, sizeof r);
}
