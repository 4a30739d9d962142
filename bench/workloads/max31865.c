/* A driver for the MAX31865 RTD-to-digital converter on SPI.
 * Register addresses and bits: Maxim data sheet 19-6478, "Register Map" and "Configuration Register (00h)". */
#include "max31865_calls.h"
#include "workloads.h"

enum { kReadings = 48 };

enum register_address { kConfiguration = 0x00, kRtdHigh = 0x01, kFaultStatus = 0x07, kWrite = 0x80 };

enum configuration_bits {
    kBiasOn = 0x80,
    kAutomatic = 0x40,
    kThreeWire = 0x10,
    kClearFault = 0x02,
    kFilter50Hz = 0x01,
};

/* Fault bits of the driver itself, beside the eight of the fault status register. */
enum driver_fault { kOutOfRange = 0x100, kNotConfigured = 0x200, kGaveUp = 0x400 };

enum { kFaultsInARowMax = 3 };

static struct {
    uint8_t configuration;
    uint16_t minimum, maximum; /* of the 15-bit resistance ratio */
    uint32_t faults_in_a_row;
    uint32_t checksum;
} sensor;

static uint32_t read_register(uint32_t address) {
    uint8_t message[2] = {(uint8_t)address, 0};
    host_spi_transfer(message, sizeof(message));
    return message[1];
}

static void write_register(uint32_t address, uint32_t value) {
    uint8_t message[2] = {(uint8_t)(kWrite | address), (uint8_t)value};
    host_spi_transfer(message, sizeof(message));
}

static void report(uint32_t clock, uint32_t value, uint32_t fault) {
    host_report(clock, value, fault);
    sensor.checksum = workload_checksum(sensor.checksum, value ^ fault << 16);
}

static uint32_t configure(void) {
    sensor.configuration = kBiasOn | kAutomatic | kThreeWire | kFilter50Hz;
    sensor.minimum = 7000;
    sensor.maximum = 16000;
    sensor.faults_in_a_row = 0;
    sensor.checksum = 0;
    write_register(kConfiguration, sensor.configuration);
    return read_register(kConfiguration) == sensor.configuration ? 0 : kNotConfigured;
}

/* One reading; the fault bits tell whether it can be trusted. */
static uint32_t read_once(void) {
    const uint32_t clock = host_read_clock();
    uint8_t message[3] = {kRtdHigh, 0, 0};
    host_spi_transfer(message, sizeof(message));
    const uint32_t rtd = (uint32_t)message[1] << 8 | message[2];
    const uint32_t ratio = rtd >> 1;
    uint32_t fault = 0;
    if ((rtd & 1) != 0) {
        fault = read_register(kFaultStatus);
        write_register(kConfiguration, sensor.configuration | kClearFault);
    }
    if (ratio < sensor.minimum || ratio > sensor.maximum) fault |= kOutOfRange;
    sensor.faults_in_a_row = fault != 0 ? sensor.faults_in_a_row + 1 : 0;
    if (sensor.faults_in_a_row > kFaultsInARowMax) fault |= kGaveUp;
    report(clock, ratio, fault);
    return fault;
}

uint32_t max31865(uint32_t seed) {
    uint32_t fault = configure();
    for (uint32_t i = 0; i < kReadings && (fault & (kNotConfigured | kGaveUp)) == 0; ++i) fault = read_once();
    return sensor.checksum + seed;
}
