/* MT6826S angle sensor. MagnTek MT6826S data sheet, "SPI Interface", registers 0x003 to 0x006: the angle in 15 bits and
 * a 0, then the status, then a CRC of the three (polynomial x^8 + x^2 + x + 1). */
#include "angle.h"

enum { kBurstRead = 0x30, kAngleHigh = 0x03, kWeakMagnet = 0x200 };

/* The remainder of a division by the polynomial: x^8 is the same as x^2 + x + 1, so what is above the lower 8 bits can
 * be folded back into them. */
static inline uint32_t crc_remainder(uint32_t word) {
    uint32_t above;
    while ((above = word >> 8) != 0) word = (word & 0xff) ^ above ^ above << 1 ^ above << 2;
    return word;
}

static uint32_t sample(uint32_t start) {
    uint8_t message[8] = {kBurstRead, kAngleHigh};
    const uint32_t before = timer_read_time();
    spi_transfer(bus, message, 6);
    const uint32_t clock = timer_read_time();
    if (clock - before > settings.limit_ticks) return error_sample(kSpiTime);
    uint32_t answer = 0; /* angle, status, CRC */
    for (const uint8_t* byte = message + 2; byte != message + 6; ++byte) answer = answer << 8 | *byte;
    if (crc_remainder(answer) != 0) return error_sample(kCrc);
    if ((answer & kWeakMagnet) != 0) return error_sample(kNoAngle);
    return timed_sample(start, clock, answer >> 16);
}
