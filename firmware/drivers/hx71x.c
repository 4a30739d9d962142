/* HX711 and HX717 converters for load cells (Avia Semiconductor, HX711 data sheet, "Serial Interface"): a sample is
 * ready when DOUT is low; 24 clock pulses bring its bits, and 1 to 4 more select gain and channel of the next one, with
 * DOUT high. A clock that stays high powers the chip down. */
#include "limpet_guest.h"
#include "limpet_imports.h"

enum { kSampleBits = 24, kSampleBytes = 4 };

/* In place of samples, from the first error on until measuring starts again: the PC restarts the chip. */
enum sample_error { kTooLong = 0x40000000, kOutOfStep = (int)0x80000000 };

static const limpet_gpio_in data = {0};
static const limpet_gpio_out clock_pin = {0};

static struct {
    uint32_t error;  /* 0: none */
    uint32_t unused; /* 8 less the extra pulses */
} sensor;

/* Measures, looking for a sample each rest_ticks, a tenth of the time between two; 0 ends it. The gain is that of the
 * data sheet's table: the number of extra pulses, 1 to 4. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks, uint32_t gain) {
    sensor.error = 0;
    sensor.unused = 8 - gain;
    gpio_out_write(clock_pin, rest_ticks == 0);
    timer_poll(data, false, rest_ticks, rest_ticks * 8);
}

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    bulk_status(clock, 0, gpio_in_read(data) ? 0 : kSampleBytes);
}

void LIMPET_ENTRY(task)(uint32_t next_clock, uint32_t missed) {
    const uint32_t unused = sensor.unused;
    const uint32_t bits = shift_in(data, clock_pin, 32 - unused);
    /* The next sample may have come while this one was read. */
    const uint32_t late = missed | ~(timer_read_time() - next_clock) >> 31;
    uint32_t error = sensor.error;
    if (late != 0) error = kTooLong;
    if ((bits + 1) << unused << 24 != 0) error = (uint32_t)kOutOfStep; /* the extra bits are not all 1 */
    sensor.error = error;
    if (error == 0) {
        error = (uint32_t)((int32_t)(bits << unused) >> 8);
        trigger_update((int32_t)error);
    }
    bulk_sample(error, kSampleBytes);
}
