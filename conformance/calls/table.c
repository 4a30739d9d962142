#include "table.h"

LIMPET_KIND(bus, TEST_KIND_BUS, struct test_bus*)
LIMPET_KIND(pin, TEST_KIND_PIN, uint32_t)

static void begin(void) {
    ++test_last.calls;
    test_last.count = test_last.sum = 0;
}

static void nothing(void) { begin(); }
static bool take_bool(bool a) {
    begin();
    test_note(a);
    return (test_last.result & 1) != 0;
}
static uint8_t take_u8(uint8_t a) {
    begin();
    test_note(a);
    return (uint8_t)test_last.result;
}
static int8_t take_i8(int8_t a) {
    begin();
    test_note((uint32_t)a);
    return (int8_t)test_last.result;
}
static uint16_t take_u16(uint16_t a) {
    begin();
    test_note(a);
    return (uint16_t)test_last.result;
}
static int16_t take_i16(int16_t a) {
    begin();
    test_note((uint32_t)a);
    return (int16_t)test_last.result;
}
static uint32_t take_u32(uint32_t a) {
    begin();
    test_note(a);
    return test_last.result;
}
static int32_t take_i32(int32_t a) {
    begin();
    test_note((uint32_t)a);
    return (int32_t)test_last.result;
}
static void numbers(bool a, uint8_t b, int8_t c, uint16_t d, int16_t e) {
    begin();
    test_note(a);
    test_note(b);
    test_note((uint32_t)c);
    test_note(d);
    test_note((uint32_t)e);
}
static void handles(struct test_bus* a, uint32_t b, uint32_t c, struct test_bus* d, int8_t e) {
    begin();
    test_note(a->number);
    test_note(b);
    test_note(c);
    test_note(d->number);
    test_note((uint32_t)e);
}
static void in_bytes(const uint8_t* a, uint8_t b) {
    begin();
    test_read(a, b);
    test_note(b);
}
static void in_words(const uint32_t* a, uint32_t b) {
    begin();
    test_read(a, b * 4);
    test_note(b);
}
static uint16_t out_halves(uint16_t a, int16_t* b) {
    begin();
    test_note(a);
    test_note((uintptr_t)b);
    test_write(b, a * 2U);
    return (uint16_t)test_last.result;
}
static int8_t inout_words(int32_t* a) {
    begin();
    test_read(a, 12);
    test_write(a, 12);
    return (int8_t)test_last.result;
}
static int32_t everything(struct test_bus* a, const uint16_t* b, uint16_t c, uint32_t* d, uint32_t e) {
    begin();
    test_note(a->number);
    test_read(b, c * 2U);
    test_note(c);
    test_note((uintptr_t)d);
    test_note(e);
    test_write(d, e * 4);
    return (int32_t)test_last.result;
}
static void constants(const int8_t* a, uint16_t* b, int32_t* c, const uint8_t* d, int8_t* e) {
    begin();
    test_read(a, 255);
    test_note((uintptr_t)b);
    test_read(c, 8);
    test_read(d, 1);
    test_note((uintptr_t)e);
    test_write(b, 2);
    test_write(c, 8);
    test_write(e, 2);
}
static bool copy(const uint8_t* a, uint8_t* b, uint8_t* c, uint8_t d) {
    begin();
    test_read(a, d);
    test_read(b, d);
    test_note((uintptr_t)c);
    test_note(d);
    test_write(b, d);
    test_write(c, d);
    return (test_last.result & 1) != 0;
}

#define TEST_LIST(CALL)                                                                                                \
    CALL(void, nothing)                                                                                                \
    CALL(bool, take_bool, bool)                                                                                        \
    CALL(u8, take_u8, u8)                                                                                              \
    CALL(i8, take_i8, i8)                                                                                              \
    CALL(u16, take_u16, u16)                                                                                           \
    CALL(i16, take_i16, i16)                                                                                           \
    CALL(u32, take_u32, u32)                                                                                           \
    CALL(i32, take_i32, i32)                                                                                           \
    CALL(void, numbers, bool, u8, i8, u16, i16)                                                                        \
    CALL(void, handles, handle(bus), handle(pin), handle(pin), handle(bus), i8)                                        \
    CALL(void, in_bytes, in(u8, arg(1)), u8)                                                                           \
    CALL(void, in_words, in(u32, arg(1)), u32)                                                                         \
    CALL(u16, out_halves, u16, out(i16, arg(0)))                                                                       \
    CALL(i8, inout_words, inout(i32, 3))                                                                               \
    CALL(i32, everything, handle(bus), in(u16, arg(2)), u16, out(u32, arg(4)), u32)                                    \
    CALL(void, constants, in(i8, 255), out(u16, 1), inout(i32, 2), in(u8, 1), out(i8, 2))                              \
    CALL(bool, copy, in(u8, arg(3)), inout(u8, arg(3)), out(u8, arg(3)), u8)

LIMPET_CALLS(test_calls_c, TEST_LIST)

const char* test_dictionary_c(void) { return LIMPET_DICTIONARY(TEST_LIST); }

#define MANY_FUNCTION(name, id)                                                                                        \
    static uint32_t name(const uint8_t* a, const uint16_t* b, const uint32_t* c, const int16_t* d, const int32_t* e) { \
        return (a != 0 && b != 0 && c != 0 && d != 0 && e != 0) ? (id) : ~0u;                                          \
    }
TEST_MANY(MANY_FUNCTION)

#define FIVE in(u8, 1), in(u16, 2), in(u32, 3), in(i16, 4), in(i32, 5)
#define MANY_LIST(CALL)                                                                                                \
    CALL(u32, m0, FIVE)                                                                                                \
    CALL(u32, m1, FIVE)                                                                                                \
    CALL(u32, m2, FIVE)                                                                                                \
    CALL(u32, m3, FIVE)                                                                                                \
    CALL(u32, m4, FIVE)                                                                                                \
    CALL(u32, m5, FIVE)                                                                                                \
    CALL(u32, m6, FIVE)                                                                                                \
    CALL(u32, m7, FIVE)                                                                                                \
    CALL(u32, m8, FIVE)                                                                                                \
    CALL(u32, m9, FIVE)                                                                                                \
    CALL(u32, m10, FIVE)                                                                                               \
    CALL(u32, m11, FIVE)                                                                                               \
    CALL(u32, m12, FIVE)                                                                                               \
    CALL(u32, m13, FIVE)                                                                                               \
    CALL(u32, m14, FIVE)                                                                                               \
    CALL(u32, m15, FIVE)                                                                                               \
    CALL(u32, m16, FIVE)                                                                                               \
    CALL(u32, m17, FIVE)                                                                                               \
    CALL(u32, m18, FIVE)                                                                                               \
    CALL(u32, m19, FIVE)                                                                                               \
    CALL(u32, m20, FIVE)                                                                                               \
    CALL(u32, m21, FIVE) CALL(u32, m22, FIVE) CALL(u32, m23, FIVE) CALL(u32, m24, FIVE) CALL(u32, m25, FIVE)

LIMPET_CALLS(test_many_c, MANY_LIST)
