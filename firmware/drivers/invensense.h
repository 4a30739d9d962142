/* What the InvenSense accelerometers on I2C have in common: a FIFO that is counted in bytes and read through one
 * register. A chip's source brings the addresses. */
#ifndef INVENSENSE_H
#define INVENSENSE_H

enum { kBlockCount = 48 }; /* the FIFO is counted in bytes */

#include "fifo_blocks.h"

enum { kFifoCountMask = 0x1fff };

static const limpet_i2c bus = {0};

static uint8_t block[kBlockBytes];

static inline __attribute__((always_inline)) void read_registers(uint8_t address, uint8_t length) {
    i2c_shutdown_on_err(i2c_read(bus, address, block, length));
}

static inline __attribute__((always_inline)) uint32_t read_count(void) {
    read_registers(kFifoCountHigh, 2);
    return ((uint32_t)block[0] << 8 | block[1]) & kFifoCountMask;
}

static void count_fifo(void) { fifo.count = read_count(); }

static void report_block(void) {
    read_registers(kFifoData, kBlockBytes);
    bulk_report(block, kBlockBytes);
}

void LIMPET_ENTRY(status)(void) {
    read_registers(kOverflowStatus, 1);
    bulk_overflow(block[0] & kFifoOverflow);
    const uint32_t clock = timer_read_time();
    const uint32_t count = read_count();
    bulk_status(clock, timer_read_time() - clock, count);
}

#endif
