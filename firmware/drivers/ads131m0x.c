/* ADS131M02 and ADS131M04 converters on SPI (TI SBAS853 and SBAS890, "SPI Communication Frames", "STATUS Register",
 * "Cyclic Redundancy Check (CRC)"): DRDY falls when samples are ready. A frame without a command brings, in words of 24
 * bits, the status, a sample of each channel, and in the upper part of the last word a CRC of all before it
 * (CRC-16/CCITT). The PC sets the chip up; a chip that has been reset is not set up any more. */
#include "limpet_guest.h"
#include "limpet_imports.h"

enum { kSampleBytes = 4, kWordBytes = 3, kChannelsMax = 4, kFrameBytesMax = (1 + kChannelsMax + 1) * kWordBytes };

enum { kWasReset = 0x04 }; /* of the upper byte of the status */

/* In place of a sample, in its upper byte. After a reset, until measuring starts again. */
enum sample_error { kNoError, kCrc, kReset };

static const limpet_spi bus = {0};
static const limpet_gpio_in data_ready = {0};

static struct {
    uint8_t channel_at; /* where in a frame */
    uint8_t frame_bytes;
    uint8_t error;
} sensor;

/* Measures one of the chip's channels, looking for a sample each rest_ticks, a tenth of the time between two; 0 ends
 * it. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks, uint32_t channel, uint32_t channels) {
    sensor.channel_at = (uint8_t)((1 + channel) * kWordBytes);
    sensor.frame_bytes = (uint8_t)((1 + channels + 1) * kWordBytes);
    sensor.error = kNoError;
    timer_poll(data_ready, false, rest_ticks, rest_ticks * 8);
}

void LIMPET_ENTRY(status)(void) {
    const uint32_t clock = timer_read_time();
    bulk_status(clock, 0, gpio_in_read(data_ready) ? 0 : kSampleBytes);
}

/* The CRC, in bits 31:16, goes on to the next byte. The polynomial is x^16 + x^12 + x^5 + 1: what is shifted out is
 * folded back. */
static inline uint32_t next_crc(uint32_t crc, uint32_t byte) {
    uint32_t above = crc >> 24 ^ byte;
    above ^= above >> 4;
    return crc << 8 ^ above << 28 ^ above << 21 ^ above << 16;
}

void LIMPET_ENTRY(task)(void) {
    uint8_t frame[kFrameBytesMax] = {0};
    spi_transfer(bus, frame, sensor.frame_bytes);
    uint32_t crc = 0xffff0000; /* 0 behind a CRC that is right */
    const uint8_t* end = frame + sensor.frame_bytes - 1;
    for (const uint8_t* byte = frame; byte < end; ++byte) crc = next_crc(crc, *byte);
    uint8_t error = kCrc;
    if (crc != 0) goto failed;
    if ((frame[0] & kWasReset) != 0) sensor.error = kReset;
    error = sensor.error;
    if (error != kNoError) goto failed;
    const uint8_t* channel = frame + sensor.channel_at;
    const int32_t sample = (int32_t)((uint32_t)channel[0] << 24 | (uint32_t)channel[1] << 16 | channel[2] << 8) >> 8;
    trigger_update(sample);
    bulk_sample((uint32_t)sample, kSampleBytes);
    return;

failed:
    trigger_error(error);
    bulk_sample((uint32_t)error << 24, kSampleBytes);
}
