/* LIS2DW12 and, with -DLIS3DH, LIS3DH accelerometers, on SPI or, with -DLIS_ON_I2C, on I2C.
 * Register addresses and bits: ST DS11811 (LIS2DW12), "Register mapping", "FIFO_SAMPLES", "Bus interfaces"; ST DS10054
 * (LIS3DH), "Register mapping", "FIFO_SRC_REG", "Digital interfaces". The PC sets the chip up: 14 or 12 bits in the
 * upper part of 16, FIFO in continuous mode. */
enum { kBlockCount = 8 }; /* the FIFO is counted in samples */

#include "fifo_blocks.h"

/* 2Fh is FIFO_SAMPLES of the one and FIFO_SRC_REG of the other. */
enum register_address { kOutXLow = 0x28, kFifoSamples = 0x2f, kReadOnSpi = 0x80 };

enum { kFifoOverrun = 0x40 };

#ifdef LIS3DH

/* Without one of these bits, the LIS3DH does not go on to the next register. */
enum { kMultipleOnSpi = 0x40, kMultipleOnI2c = 0x80 };

enum { kFifoEmpty = 0x20, kFifoEntries = 0x1f };

static uint32_t entries(uint32_t fifo_samples) {
    const uint32_t all_unless_empty = (fifo_samples & kFifoEmpty) / kFifoEmpty - 1;
    return fifo_samples & kFifoEntries & all_unless_empty;
}

#else

enum { kMultipleOnSpi = 0, kMultipleOnI2c = 0 };

enum { kFifoEntries = 0x3f };

static uint32_t entries(uint32_t fifo_samples) { return fifo_samples & kFifoEntries; }

#endif

#ifdef LIS_ON_I2C

static const limpet_i2c bus = {0};

static uint8_t block[kBlockBytes];

static inline __attribute__((always_inline)) uint32_t read_fifo_samples(void) {
    i2c_shutdown_on_err(i2c_read(bus, kFifoSamples, block, 1));
    return block[0];
}

static void report_block(void) {
    i2c_shutdown_on_err(i2c_read(bus, kOutXLow | kMultipleOnI2c, block, kBlockBytes));
    bulk_report(block, kBlockBytes);
}

#else

static const limpet_spi bus = {0};

static uint32_t read_fifo_samples(void) { return spi_exchange(bus, (kFifoSamples | kReadOnSpi) << 8, 2); }

static void report_block(void) {
    static uint8_t message[1 + kBlockBytes];
    message[0] = kOutXLow | kReadOnSpi | kMultipleOnSpi;
    spi_transfer(bus, message, sizeof(message));
    bulk_report(message + 1, kBlockBytes);
}

#endif

static inline __attribute__((always_inline)) void take_count(uint32_t fifo_samples) {
    bulk_overflow(fifo_samples & kFifoOverrun);
    fifo.count = entries(fifo_samples);
}

static void count_fifo(void) { take_count(read_fifo_samples()); }

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    const uint32_t fifo_samples = read_fifo_samples();
    const uint32_t query_ticks = timer_read_time() - clock;
    take_count(fifo_samples);
    bulk_status(clock, query_ticks, fifo.count * kSampleBytes);
}
