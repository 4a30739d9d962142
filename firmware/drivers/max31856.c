/* MAX31856 thermocouple converter. Register addresses: Maxim data sheet 19-7534, "Register Memory Map". */
#include "thermocouple.h"

enum register_address { kTemperatureHigh = 0x0c, kFaultStatus = 0x0f };

static void read_chip(struct thermocouple_result* result) {
    result->value = spi_exchange(THERMOCOUPLE_BUS, (uint32_t)kTemperatureHigh << 24, 4) & 0xffffff;
    result->fault = spi_exchange(THERMOCOUPLE_BUS, kFaultStatus << 8, 2) & 0xff;
}
