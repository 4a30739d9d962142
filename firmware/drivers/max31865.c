/* MAX31865 RTD converter. Register addresses and bits: Maxim data sheet 19-6478, "Register Map", "RTD Resistance
 * Registers", "Fault Status Register". */
#include "thermocouple.h"

enum register_address { kRtdHigh = 0x01, kFaultStatus = 0x07 };

enum { kRtdFault = 0x1, kStatusFaults = 0xfc };

static void read_chip(struct thermocouple_result* result) {
    result->value = spi_exchange(THERMOCOUPLE_BUS, kRtdHigh << 16, 3) & 0xffff;
    const uint32_t status = spi_exchange(THERMOCOUPLE_BUS, kFaultStatus << 8, 2);
    result->fault = (status & kStatusFaults) | (result->value & kRtdFault);
}
