/* AS5047D angle sensor. ams AS5047D data sheet, "SPI Interface", "Register map": frames of 16 bits with even parity in
 * bit 15; an answer comes with the next frame, with an error flag in bit 14 and the angle in 13:0. The chip latches the
 * angle as the request ends. */
#include "angle.h"

enum { kReadAngleUncompensated = 0x7ffe, kReadNop = 0xc000, kErrorFlag = 0x4000 };

static uint32_t sample(uint32_t start) {
    const uint32_t before = timer_read_time();
    spi_exchange(bus, kReadAngleUncompensated, 2);
    const uint32_t clock = timer_read_time();
    if (clock - before > settings.limit_ticks) return error_sample(kSpiTime);
    const uint32_t answer = spi_exchange(bus, kReadNop, 2);
    if (parity(answer) != 0) return error_sample(kCrc);
    if ((answer & kErrorFlag) != 0) return error_sample(kNoAngle);
    return timed_sample(start, clock, answer << 2);
}
