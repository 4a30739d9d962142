/* What the thermocouple and RTD converters on SPI have in common: a reading each so many ticks, sent to the PC with the
 * clock of the next one, and a stop of the firmware after too many readings in a row that are faulty or out of range.
 *
 * A chip's source defines `read_chip`. With THERMOCOUPLE_REPORT_ONLY readings are only sent, not judged. */
#ifndef THERMOCOUPLE_H
#define THERMOCOUPLE_H

#include "limpet_guest.h"
#include "limpet_imports.h"

struct thermocouple_result {
    uint32_t next_clock; /* of the next reading: the PC must hear of it in time */
    uint32_t value;      /* as the chip has it */
    uint32_t fault;      /* bits as the chip has them; 0: none */
};
LIMPET_MESSAGE(0, struct thermocouple_result);

enum thermocouple_reason { THERMOCOUPLE_READER_FAULT = 0 };

/* By which device and message number; a driver of several converters, or one that is told at run time, has others. */
#ifndef THERMOCOUPLE_BUS
#define THERMOCOUPLE_BUS ((limpet_spi){0})
#define THERMOCOUPLE_MESSAGE 0
#endif

/* Takes a reading: sets value and fault. */
static void read_chip(struct thermocouple_result* result);

#ifdef THERMOCOUPLE_REPORT_ONLY

/* Reads at `clock` and then each rest_ticks; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t clock, uint32_t rest_ticks) { timer_start(clock, rest_ticks); }

static void judge(const struct thermocouple_result* result) { (void)result; }

#else

static struct {
    uint32_t minimum, maximum; /* of value */
    uint32_t invalid_max;      /* readings in a row that stop the firmware */
    uint32_t invalid;          /* readings in a row so far */
} limits;

/* Reads at `clock` and then each rest_ticks; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t clock, uint32_t rest_ticks, uint32_t minimum, uint32_t maximum,
                         uint32_t invalid_max) {
    limits.minimum = minimum;
    limits.maximum = maximum;
    limits.invalid_max = invalid_max;
    limits.invalid = 0;
    timer_start(clock, rest_ticks);
}

static void judge(const struct thermocouple_result* result) {
    uint32_t invalid = 0;
    if (result->fault != 0 || result->value < limits.minimum || result->value > limits.maximum) {
        invalid = limits.invalid + 1;
        if (invalid >= limits.invalid_max) {
            try_shutdown(THERMOCOUPLE_READER_FAULT);
            invalid = 0;
        }
    }
    limits.invalid = invalid;
}

#endif

void LIMPET_ENTRY(task)(uint32_t next_clock) {
    struct thermocouple_result result;
    result.next_clock = next_clock;
    read_chip(&result);
    respond(THERMOCOUPLE_MESSAGE, (const uint8_t*)&result, sizeof(result));
    judge(&result);
}

#endif
