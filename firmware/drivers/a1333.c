/* A1333 angle sensor. Allegro A1333 data sheet, "SPI Interface", "Angle register (0x32)": 15 bits of angle below a bit
 * that is 0. The chip latches the angle at the first clock of the answer. */
#include "angle.h"

enum { kReadAngle = 0x3200, kErrorBit = 0x8000 };

static uint32_t sample(uint32_t start) {
    const uint32_t clock = timer_read_time();
    const uint32_t answer = spi_exchange(bus, kReadAngle, 2);
    if (timer_read_time() - clock > settings.limit_ticks) return error_sample(kSpiTime);
    if ((answer & kErrorBit) != 0) return error_sample(kCrc);
    return timed_sample(start, clock, answer << 1);
}
