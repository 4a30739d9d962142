/* ADXL345 accelerometer on SPI. Register addresses and bits: Analog Devices data sheet rev. G, "Register Map",
 * "FIFO_STATUS", "Theory of Operation: Serial Communications". The PC sets the chip up: 16 g at full resolution, which
 * is 13 bits, FIFO in stream mode; FIFO_CTL then tells whether what was read is from the chip at all. */
#include "limpet_guest.h"
#include "limpet_imports.h"

enum register_address { kDataX0 = 0x32, kFifoStatus = 0x39, kRead = 0x80, kMultiple = 0x40 };

enum {
    kFifoControl = 0x90,    /* what the PC writes into FIFO_CTL */
    kFifoEntriesMax = 32,   /* the last sample in the chip's output registers included */
    kFifoEntriesMask = 0x7f /* of FIFO_STATUS; the bit above tells of a trigger */
};

enum { kSampleBytes = 5 };

static const limpet_spi bus = {0};

static uint32_t rest;

/* Reads each rest_ticks until the FIFO is empty; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks) {
    rest = rest_ticks;
    timer_sleep(rest_ticks);
}

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    const uint32_t entries = spi_exchange(bus, (kFifoStatus | kRead) << 8, 2) & kFifoEntriesMask;
    const uint32_t query_ticks = timer_read_time() - clock;
    if (entries > kFifoEntriesMax) return; /* not from the chip: the PC asks again */
    bulk_status(clock, query_ticks, entries * kSampleBytes);
}

/* One sample from the FIFO: the lower bytes of X, Y, Z; X and three bits of Z; Y, two bits of Z and bit 7, which tells
 * the PC that the sample is not valid. */
uint32_t LIMPET_ENTRY(task)(void) {
    uint8_t burst[12] = {kDataX0 | kRead | kMultiple}; /* then DATAX0 .. DATAZ1, FIFO_CTL, FIFO_STATUS */
    spi_transfer(bus, burst, 9);

    const uint32_t x = burst[2], y = burst[4], z = burst[6];
    uint32_t entries = burst[8] & kFifoEntriesMask;
    uint32_t y_and_z = (y & 0x1f) | (z << 2 & 0x60);
    uint32_t invalid = ((x + 0x10) | (y + 0x10) | (z + 0x10)) & 0xe0; /* no sign extension of 13 bits */
    invalid |= burst[7] ^ kFifoControl;
    invalid |= entries > kFifoEntriesMax;
    if (invalid != 0) {
        y_and_z = ~0U;
        entries = 0;
    }
    /* The lower byte of X stays where it is. */
    burst[2] = burst[3];
    burst[3] = burst[5];
    burst[4] = (uint8_t)((x & 0x1f) | z << 5);
    burst[5] = (uint8_t)y_and_z;
    bulk_report(burst + 1, kSampleBytes);
    bulk_overflow((entries + 1) / kFifoEntriesMax); /* full, or may have been since */
    return entries > 1 ? 1 : rest;
}
