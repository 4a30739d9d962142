/* MAX31855 thermocouple converter. Reading it is all that its SPI can do (Maxim data sheet 19-5793, "Serial-Bus
 * Interface"): 32 bits, of which 31:18 are the temperature and 2:0 the faults. The PC takes the word apart. */
#include "thermocouple.h"

enum { kFaultBits = 0x7 };

static void read_chip(struct thermocouple_result* result) {
    result->value = spi_exchange(THERMOCOUPLE_BUS, 0, 4);
    result->fault = result->value & kFaultBits;
}
