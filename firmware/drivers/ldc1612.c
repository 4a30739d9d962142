/* LDC1612 inductance converter on I2C, channel 0 (TI SNOSCY9, "Register Maps": DATA0_MSB, DATA0_LSB, STATUS). The PC
 * sets the chip up. With -DLDC1612_INTB the pin INTB tells when a sample is ready; it rises as the status is read. */
#include "limpet_guest.h"
#include "limpet_imports.h"

enum register_address { kData0High = 0x00, kData0Low = 0x01, kStatus = 0x18 };

enum {
    kUnreadConversion0 = 0x08,           /* STATUS, lower byte */
    kConversionErrors = (int)0xe0000000, /* DATA0_MSB: all but that of the amplitude, which is in bit 28 */
    kConversion = 0x0fffffff,
};

enum { kSampleBytes = 4 };

/* What is wrong with a sample; in bulk data it is the last byte of a sample that starts with ff ff, which no reading
 * does. */
enum sensor_error { kSensorError, kStatusFailed, kDataFailed, kInvalidData };

static const limpet_i2c bus = {0};

/* Returns how it failed, 0: it did not. */
static inline __attribute__((always_inline)) uint32_t read_register(uint8_t address, uint8_t* value) {
    return i2c_read(bus, address, value, 2);
}

#ifdef LDC1612_INTB

static const limpet_gpio_in intb = {0};

/* Measures, looking for a sample each rest_ticks; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks) { timer_poll(intb, false, rest_ticks, rest_ticks); }

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    bulk_status(clock, 0, gpio_in_read(intb) ? 0 : kSampleBytes);
}

#else

/* Measures, looking for a sample each rest_ticks; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks) { timer_start(timer_read_time() + rest_ticks, rest_ticks); }

void LIMPET_ENTRY(status)(void) {
    uint8_t value[2];
    const uint32_t clock = timer_read_time();
    const uint32_t failure = read_register(kStatus, value);
    const uint32_t query_ticks = timer_read_time() - clock;
    if (failure != 0) return; /* the PC asks again */
    bulk_status(clock, query_ticks, (value[1] & kUnreadConversion0) != 0 ? kSampleBytes : 0);
}

#endif

void LIMPET_ENTRY(task)(void) {
    uint8_t sample[kSampleBytes];
    uint32_t error = kStatusFailed;
    if (read_register(kStatus, sample) != 0) goto failed;
    if ((sample[1] & kUnreadConversion0) == 0) return;

    error = kDataFailed;
    const uint32_t failure = read_register(kData0High, sample);
    if ((failure | read_register(kData0Low, sample + 2)) != 0) goto failed;
    uint32_t value = 0;
    for (const uint8_t* byte = sample; byte != sample + kSampleBytes; ++byte) value = value << 8 | *byte;
    error = kInvalidData;
    if (value >= 0xffff0000) goto failed;
    if ((value & kConversionErrors) != 0)
        trigger_error(kSensorError);
    else
        trigger_update((int32_t)(value & kConversion));
    bulk_report(sample, kSampleBytes);
    return;

failed:
    trigger_error((uint8_t)error);
    bulk_sample(0xffff | error << 24, kSampleBytes);
}
