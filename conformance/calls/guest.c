/* Calls everything in the test's table through the generated prototypes. Returns 0, or the line of what was wrong. The
 * firmware returns 0x8182f3f4, cut to the type of the result. */
#include "limpet_imports.h"

#define EXPECT(condition)                                                                                              \
    if (!(condition)) return __LINE__

uint32_t guest(uint32_t two);
uint32_t guest(uint32_t two) {
    const limpet_bus bus = {two};
    const limpet_pin pin = {two + 2};
    nothing();
    EXPECT(!take_bool(true));
    EXPECT(take_u8((uint8_t)(two + 253)) == 0xf4);
    EXPECT(take_i8((int8_t)-two) == -12);
    EXPECT(take_u16(0xffff) == 0xf3f4);
    EXPECT(take_i16(-32768) == -3084);
    EXPECT(take_u32(0xffffffff) == 0x8182f3f4);
    EXPECT(take_i32(-2147483647 - 1) == -2122124300);
    numbers(two == 2, 255, -128, 65535, (int16_t)-two);
    handles(bus, pin, pin, bus, -1);

    uint8_t bytes[4] = {1, 2, 3, (uint8_t)two};
    in_bytes(bytes, 4);
    const uint32_t words[2] = {two, 4};
    in_words(words, 2);
    int16_t halves[3] = {7, 7, 7};
    EXPECT(out_halves((uint16_t)two, halves) == 0xf3f4);
    EXPECT(halves[0] == 0x5a5a && halves[1] == 0x5a5a && halves[2] == 7);
    int32_t longs[3] = {1, 2, 3};
    EXPECT(inout_words(longs) == -12);
    EXPECT(longs[0] == 0x5a5a5a5a && longs[2] == 0x5a5a5a5a);
    const uint16_t shorts[2] = {8, 9};
    uint32_t out[2] = {5, 5};
    EXPECT(everything(bus, shorts, 2, out, 1) == -2122124300);
    EXPECT(out[0] == 0x5a5a5a5a && out[1] == 5);
    static int8_t many[255];
    uint16_t one = 0;
    int8_t pair[2] = {0, 0};
    constants(many, &one, longs, bytes, pair);
    EXPECT(one == 0x5a5a && pair[0] == 0x5a && pair[1] == 0x5a);
    EXPECT(!copy(bytes, bytes, bytes, 2));
    EXPECT(bytes[0] == 0x5a && bytes[1] == 0x5a && bytes[2] == 3 && bytes[3] == 2);
    EXPECT(!copy(0, 0, 0, 0));
    return 0;
}
