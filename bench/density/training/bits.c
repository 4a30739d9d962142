/* Bit-banged display and encoder, tables, text. */
#include "limpet_guest.h"
#include "limpet_imports.h"
static const limpet_gpio_out clock_pin = {0}, data_pin = {1};
static const limpet_gpio_in a_pin = {0}, b_pin = {1};
static uint8_t frame[16];
static int32_t position;
static uint8_t state, dirty;
static const int8_t steps[16] = {0, -1, 1, 0, 1, 0, 0, -1, -1, 0, 0, 1, 0, 1, -1, 0};
static const uint8_t digits[10] = {0x3f, 6, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 7, 0x7f, 0x6f};
static void send(uint32_t byte) {
    for (uint32_t mask = 0x80; mask != 0; mask >>= 1) {
        gpio_out_write(data_pin, (byte & mask) != 0);
        gpio_out_write(clock_pin, 1);
        gpio_out_write(clock_pin, 0);
    }
}
static void number(uint8_t* out, uint32_t value, uint32_t width) {
    while (width-- != 0) {
        out[width] = digits[value % 10];
        value /= 10;
    }
}
static void fill(uint8_t* to, uint32_t value, uint32_t n) {
    while (n-- != 0) *to++ = (uint8_t)value;
}
static uint32_t find(const uint8_t* in, uint32_t n, uint8_t what) {
    for (uint32_t i = 0; i < n; ++i)
        if (in[i] == what) return i;
    return ~0u;
}
void LIMPET_ENTRY(start)(uint32_t clock, uint32_t period) {
    position = 0;
    state = 0;
    fill(frame, 0, sizeof frame);
    timer_start(clock, period);
}
void LIMPET_ENTRY(task)(void) {
    const uint32_t now = (uint32_t)gpio_in_read(a_pin) << 1 | gpio_in_read(b_pin);
    const int step = steps[state << 2 | now];
    state = (uint8_t)now;
    if (step != 0) {
        position += step;
        dirty = 1;
    }
    if (!dirty) return;
    dirty = 0;
    frame[0] = position < 0 ? 0x40 : 0;
    number(frame + 1, (uint32_t)(position < 0 ? -position : position), 5);
    if (find(frame, 6, 0x7f) < 6) frame[6] |= 1;
    for (uint32_t i = 0; i < 8; ++i) send(frame[i]);
}
uint32_t LIMPET_ENTRY(read)(uint32_t reset) {
    const uint32_t p = (uint32_t)position;
    if (reset) position = 0;
    return p;
}
void LIMPET_ENTRY(text)(void) {
    uint8_t got[12];
    uint32_t n = receive(got, sizeof got);
    if (n > 10) n = 10;
    for (uint32_t i = 0; i < n; ++i) {
        uint8_t c = got[i];
        if (c >= 'a' && c <= 'z') c = (uint8_t)(c - 'a' + 'A');
        frame[i] = c;
    }
    respond(1, frame, (uint8_t)n);
}
