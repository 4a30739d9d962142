/// \file
/// What a guest sent, read by name.
#include "../image/guest.h"
#include "../image/message.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace {

using namespace limpet;

Message example() {
    return {.id = 3,
            .name = "reading",
            .size = 24,
            .fields = {{.name = "clock", .offset = 0, .type = "u32"},
                       {.name = "celsius", .offset = 4, .type = "i16"},
                       {.name = "valid", .offset = 6, .type = "bool"},
                       {.name = "unit", .offset = 7, .type = "char"},
                       {.name = "axis", .offset = 8, .type = "i16", .count = 2},
                       {.name = "energy", .offset = 12, .type = "i64"},
                       {.name = "name", .offset = 20, .type = "char", .count = 4}}};
}

constexpr uint8_t kBytes[] = {0x78, 0x56, 0x34, 0xf2, 0xfe, 0xff, 1,    67,   0xff, 0x7f, 0,   0x80,
                              0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a',  'b',  'c', 'd'};

TEST(Decode, GivesEveryFieldItsValueInOrder) {
    EXPECT_EQ(decode(example(), kBytes).dump(),
              R"({"clock":4063516280,"celsius":-2,"valid":true,"unit":67,"axis":[32767,-32768],"energy":-5,)"
              R"("name":"abcd"})");
}

TEST(Decode, WhatWasNotSentIsLeftOut) {
    const auto sent = [](size_t size) { return decode(example(), std::span(kBytes).first(size)); };
    EXPECT_EQ(sent(22)["name"], "ab");
    EXPECT_EQ(sent(20)["name"], "");
    EXPECT_FALSE(sent(19).contains("energy"));
    EXPECT_EQ(sent(11)["axis"].dump(), "[32767]");
    EXPECT_EQ(sent(6)["axis"].dump(), "[]");
    EXPECT_FALSE(sent(5).contains("celsius"));
    EXPECT_EQ(sent(0).dump(), R"({"axis":[],"name":""})");
}

TEST(Decode, MoreThanTheLayoutIsRefused) {
    std::vector<uint8_t> bytes(25);
    EXPECT_THROW((void)decode(example(), bytes), LoadError);
    bytes.pop_back();
    EXPECT_NO_THROW((void)decode(example(), bytes));
}

TEST(Decode, TextEndsAtItsZeroAndIsAlwaysUtf8) {
    std::vector<uint8_t> bytes(std::begin(kBytes), std::end(kBytes));
    bytes[21] = 0;
    EXPECT_EQ(decode(example(), bytes)["name"], "a");
    bytes[20] = 0xff;
    EXPECT_EQ(decode(example(), bytes)["name"], "\xef\xbf\xbd");
    EXPECT_NO_THROW((void)decode(example(), bytes).dump());
}

TEST(Decode, EveryTypeHasItsSizeAndSign) {
    const std::vector<uint8_t> ones(8, 0xff);
    for (const auto& [type, bytes, value] : {std::tuple{"u8", 1U, "255"},
                                             {"i8", 1U, "-1"},
                                             {"u16", 2U, "65535"},
                                             {"i16", 2U, "-1"},
                                             {"u32", 4U, "4294967295"},
                                             {"i32", 4U, "-1"},
                                             {"u64", 8U, "18446744073709551615"},
                                             {"i64", 8U, "-1"},
                                             {"bool", 1U, "true"},
                                             {"char", 1U, "255"}}) {
        EXPECT_EQ(field_type_bytes(type), bytes);
        const Message message{
            .id = 0, .name = "m", .size = 8, .fields = {{.name = "x", .offset = 0, .type = type, .count = 0}}};
        EXPECT_EQ(decode(message, ones)["x"].dump(), value) << type;
    }
    EXPECT_EQ(field_type_bytes("f32"), 0U);
    EXPECT_EQ(field_type_bytes(""), 0U);
}

} // namespace
