/* BMI160 on SPI or, with -DBMI160_ON_I2C, on I2C. Register addresses and bits: Bosch BST-BMI160-DS000, "Register
 * (0x22-0x23) FIFO_LENGTH", "Register (0x24) FIFO_DATA", "Digital Interfaces". The PC sets the chip up: only the
 * accelerometer fills the FIFO, without headers. */
enum { kBlockCount = 48 }; /* the FIFO is counted in bytes */

#include "fifo_blocks.h"

enum register_address { kFifoLength = 0x22, kFifoData = 0x24, kReadOnSpi = 0x80 };

enum { kFifoBytesMax = 1024 };

#ifdef BMI160_ON_I2C

static const limpet_i2c bus = {0};

static uint8_t block[kBlockBytes];

static inline __attribute__((always_inline)) uint32_t read_length(void) {
    i2c_shutdown_on_err(i2c_read(bus, kFifoLength, block, 2));
    return block[0] | (uint32_t)block[1] << 8;
}

static void report_block(void) {
    i2c_shutdown_on_err(i2c_read(bus, kFifoData, block, kBlockBytes));
    bulk_report(block, kBlockBytes);
}

#else

static const limpet_spi bus = {0};

static inline __attribute__((always_inline)) uint32_t read_length(void) {
    const uint32_t answer = spi_exchange(bus, (kFifoLength | kReadOnSpi) << 16, 3);
    return (answer >> 8 & 0xff) | (answer & 0xff) << 8;
}

static void report_block(void) {
    static uint8_t message[1 + kBlockBytes];
    message[0] = kFifoData | kReadOnSpi;
    spi_transfer(bus, message, sizeof(message));
    bulk_report(message + 1, kBlockBytes);
}

#endif

static inline __attribute__((always_inline)) void take_length(uint32_t length) {
    fifo.count = length;
    bulk_overflow(length > kFifoBytesMax);
}

static void count_fifo(void) { take_length(read_length()); }

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    const uint32_t length = read_length();
    const uint32_t query_ticks = timer_read_time() - clock;
    take_length(length);
    bulk_status(clock, query_ticks, length);
}
