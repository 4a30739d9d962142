/* ADS1220 converter on SPI (TI SBAS501, "Data Format", "Reading Data"): while it converts continuously, DRDY falls when
 * a sample of 24 bits is ready, which is read by 24 clocks without a command. The PC sets the chip up. */
#include "limpet_guest.h"
#include "limpet_imports.h"

enum { kSampleBytes = 4 };

static const limpet_spi bus = {0};
static const limpet_gpio_in data_ready = {0};

/* Measures, looking for a sample each rest_ticks, a tenth of the time between two; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks) { timer_poll(data_ready, false, rest_ticks, rest_ticks * 8); }

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    bulk_status(clock, 0, gpio_in_read(data_ready) ? 0 : kSampleBytes);
}

void LIMPET_ENTRY(task)(void) {
    const int32_t sample = (int32_t)(spi_exchange(bus, 0, 3) << 8) >> 8;
    trigger_update(sample);
    bulk_sample((uint32_t)sample, kSampleBytes);
}
