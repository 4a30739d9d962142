/* What firmware_test.py runs. */
#include "limpet_guest.h"
#include "limpet_imports.h"

static uint32_t runs = 40;
static uint32_t ticks;

uint32_t LIMPET_ENTRY(add)(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) { return a + b + c + d + e; }
uint32_t LIMPET_ENTRY(count)(void) { return ++runs; }
void LIMPET_ENTRY(spin)(void) {
    for (;;) __asm__ volatile("");
}
uint32_t LIMPET_ENTRY(wild)(uint32_t address) { return *(volatile uint32_t*)address; }
void LIMPET_ENTRY(chatter)(void) {
    for (;;) timer_read_time();
}
void LIMPET_ENTRY(bad_handle)(void) { spi_exchange((limpet_spi){0}, 0, 1); }
void LIMPET_ENTRY(periodic)(uint32_t clock, uint32_t period_ticks) { timer_start(clock, period_ticks); }
void LIMPET_ENTRY(stop)(void) { timer_start(0, 0); }
void LIMPET_ENTRY(once)(uint32_t rest_ticks) {
    ticks = rest_ticks;
    timer_sleep(rest_ticks);
}
void LIMPET_ENTRY(fatal)(uint32_t reason) { try_shutdown((uint8_t)reason); }
void LIMPET_ENTRY(echo)(void) {
    uint8_t data[16];
    const uint8_t length = receive(data, sizeof(data));
    respond(3, data, length);
}
void LIMPET_ENTRY(status)(void) { bulk_status(5, 6, 7); }

uint32_t LIMPET_ENTRY(task)(uint32_t next_clock, uint32_t missed) {
    const uint32_t sample[2] = {next_clock, missed};
    respond(1, (const uint8_t*)sample, sizeof(sample));
    bulk_report((const uint8_t*)sample, sizeof(sample));
    return ticks;
}
