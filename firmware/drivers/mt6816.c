/* MT6816 angle sensor. MagnTek MT6816 data sheet, "SPI Interface", registers 0x03 and 0x04: the angle in bits 15:2, a
 * flag of a weak magnet in bit 1, and even parity of the whole in bit 0. */
#include "angle.h"

enum { kReadAngle = 0x83, kNoMagnet = 0x2, kAngleMask = 0xfffc };

static uint32_t sample(uint32_t start) {
    const uint32_t before = timer_read_time();
    const uint32_t answer = spi_exchange(bus, kReadAngle << 16, 3) & 0xffff;
    const uint32_t clock = timer_read_time();
    if (clock - before > settings.limit_ticks) return error_sample(kSpiTime);
    if (parity(answer) != 0) return error_sample(kCrc);
    if ((answer & kNoMagnet) != 0) return error_sample(kNoAngle);
    return timed_sample(start, clock, answer & kAngleMask);
}
