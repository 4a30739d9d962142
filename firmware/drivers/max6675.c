/* MAX6675 thermocouple converter: 16 bits, of which 14:3 are the temperature, 2 tells of an open thermocouple and 1
 * (the device id) is 0 (Maxim data sheet 19-2235, "Serial Interface" and figure 1b). */
#include "thermocouple.h"

enum { kFaultBits = 0x6 };

static void read_chip(struct thermocouple_result* result) {
    result->value = spi_exchange(THERMOCOUPLE_BUS, 0, 2);
    result->fault = result->value & kFaultBits;
}
