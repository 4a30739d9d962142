/* The other end of the SPI bus: what the host calls of the max31865 workload do, wherever it runs. A chip whose
 * temperature rises with each reading, that reports an over-voltage every 16th reading until it is cleared, and whose
 * cable is torn off after 40. */
#include "max31865_calls.h"

static struct {
    uint8_t configuration;
    uint8_t fault_status;
    uint32_t readings;
    uint32_t ratio;
} chip;

static uint32_t clock_ticks;
static uint32_t reported;

static void write_configuration(uint8_t value) {
    if ((value & 0x02) != 0) {
        chip.fault_status = 0;
    } else {
        chip.readings = 0;
        chip.ratio = 8000;
    }
    chip.configuration = value & 0xfd; /* the clear bit reads as 0 */
}

static uint32_t convert(void) {
    ++chip.readings;
    chip.ratio += 37;
    if (chip.readings % 16 == 0) chip.fault_status = 0x04;
    const uint32_t ratio = chip.readings > 40 ? 0x7fff : chip.ratio;
    return ratio << 1 | (chip.fault_status != 0);
}

void host_spi_transfer(uint8_t* buffer, uint32_t length) {
    switch (buffer[0]) {
    case 0x00: buffer[1] = chip.configuration; break;
    case 0x80: write_configuration(buffer[1]); break;
    case 0x07: buffer[1] = chip.fault_status; break;
    case 0x01:
        if (length == 3) {
            const uint32_t rtd = convert();
            buffer[1] = (uint8_t)(rtd >> 8);
            buffer[2] = (uint8_t)rtd;
        }
        break;
    default: break;
    }
}

uint32_t host_read_clock(void) { return clock_ticks += 1000; }

void host_report(uint32_t clock, uint32_t value, uint32_t fault) { reported += clock ^ value ^ fault; }
