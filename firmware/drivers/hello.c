/* Receives a text and sends it back with the time. */
#include "limpet_guest.h"
#include "limpet_imports.h"

struct hello {
    uint32_t clock;
    char text[32];
};
LIMPET_MESSAGE(0, struct hello);

void LIMPET_ENTRY(command)(void) {
    struct hello answer;
    answer.clock = timer_read_time();
    const uint32_t length = receive((uint8_t*)answer.text, sizeof(answer.text));
    respond(0, (const uint8_t*)&answer, (uint8_t)(sizeof(answer.clock) + length));
}
