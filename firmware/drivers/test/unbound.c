/* max31865.c as it would be if it did not know which of the firmware's devices is its own, nor what its results are
 * called: the PC tells it at run time. For the table of sizes, which says what it saves that drivers do know. */
#include "limpet_guest.h"
#include "limpet_imports.h"

static struct {
    limpet_spi bus;
    uint8_t message;
} instance;

#define THERMOCOUPLE_BUS instance.bus
#define THERMOCOUPLE_MESSAGE instance.message

#include "../max31865.c"

void LIMPET_ENTRY(config)(uint32_t bus, uint32_t message) {
    instance.bus.index = bus;
    instance.message = (uint8_t)message;
}
