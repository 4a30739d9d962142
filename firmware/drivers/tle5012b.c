/* TLE5012B angle sensor. Infineon TLE5012B register manual, "SSC interface", "Safety word", registers AVAL, ASPD, AREV:
 * a command word asks for three registers and the safety word, which has a CRC of the command and the registers
 * (J1850). The chip updates its registers as CS rises after a pulse without a clock; a frame counter in AREV, which the
 * PC compares with its own clock, stands in for the time code. */
#include "angle.h"

enum {
    kRead = 0x80,
    kUpdated = 0x04, /* read what was latched */
    kAngleValueAddress = 0x02,
    kRegisters = 3,
    kNewAngle = 0x80,     /* AVAL, upper byte */
    kFrameCounter = 0x3f, /* AREV, upper byte, shifted by 1 */
    kAngleIsValid = 0x10, /* safety word, upper byte */
    kCrcOfCommand = 0x05, /* CRC so far, after the two bytes of the command that `sample` sends */
};

/* What the PC asked the chip by `transfer`, and when it had latched its registers. */
struct angle_transfer {
    uint32_t clock;
    uint8_t answer[12];
};
LIMPET_MESSAGE(0, struct angle_transfer);

/* Sends the bytes of the command to the chip, once it has latched its registers. */
void LIMPET_ENTRY(transfer)(void) {
    struct angle_transfer result;
    const uint8_t length = receive(result.answer, sizeof(result.answer));
    result.clock = cs_pulse_latch(bus);
    spi_transfer(bus, result.answer, length);
    respond(0, (const uint8_t*)&result, (uint8_t)(sizeof(result.clock) + length));
}

/* The CRC goes on to the next byte. x^8 is the same as x^4 + x^3 + x^2 + 1, so what is shifted out of the lower 8 bits
 * is folded back into them. */
static inline uint32_t next_crc(uint32_t crc, uint32_t byte) {
    uint32_t word = (crc ^ byte) << 8;
    uint32_t above;
    while ((above = word >> 8) != 0) word = (word & 0xff) ^ above ^ above << 2 ^ above << 3 ^ above << 4;
    return word;
}

static uint32_t sample(uint32_t start) {
    uint8_t message[12] = {kRead | kUpdated, kAngleValueAddress << 4 | kRegisters};
    const uint32_t clock = cs_pulse_latch(bus);
    spi_transfer(bus, message, 10);
    uint32_t crc = kCrcOfCommand;
    for (const uint8_t* byte = message + 2; byte != message + 8; ++byte) crc = next_crc(crc, *byte);
    if ((crc ^ 0xff) != message[9]) return error_sample(kCrc);
    if ((message[8] & kAngleIsValid) == 0) return error_sample(kNoAngle);
    if ((message[2] & kNewAngle) == 0) return error_sample(kDuplicate);
    if (clock - start > settings.limit_ticks) return error_sample(kSchedule);
    const uint32_t angle = (uint32_t)message[2] << 9 | (uint32_t)message[3] << 1;
    return (message[6] >> 1 & kFrameCounter) | angle << 8;
}
