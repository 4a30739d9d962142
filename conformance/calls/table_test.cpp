/// \file
/// Declared functions, called as a guest's VM calls them: what they get, what they return, what a refusal leaves.
#include "world.h"

namespace limpet::conformance {
namespace {

struct Firmware {
    const char* name;
    limpet_host_call* call;
    const char* (*dictionary)();
};

class Table : public testing::TestWithParam<Firmware> {};
INSTANTIATE_TEST_SUITE_P(All, Table,
                         testing::Values(Firmware{"C", test_calls_c, test_dictionary_c},
                                         Firmware{"Cpp", test_calls_cpp, test_dictionary_cpp}),
                         [](const auto& test) { return test.param.name; });

/// A result of this type, as a register holds it.
uint32_t in_register(calls::Scalar type, uint32_t value) {
    switch (type) {
    case calls::Scalar::kBool: return value & 1;
    case calls::Scalar::kU8: return static_cast<uint8_t>(value);
    case calls::Scalar::kI8: return static_cast<uint32_t>(static_cast<int8_t>(value));
    case calls::Scalar::kU16: return static_cast<uint16_t>(value);
    case calls::Scalar::kI16: return static_cast<uint32_t>(static_cast<int16_t>(value));
    default: return value;
    }
}

/// Did the function get what the judge says, and did the memory change only where it may?
void expect_called(const Judge& judge, const Arguments& args, const World& world, const World& untouched) {
    const auto data = reinterpret_cast<uintptr_t>(world.data.get());
    std::set<uint32_t> written;
    ASSERT_EQ(test_last.count, judge.arguments().size());
    for (size_t i = 0; i < judge.arguments().size(); ++i) {
        const Passed passed = judge.passed(i, args);
        if (passed.any_pointer)
            EXPECT_LE(test_last.arguments[i] - data, world.size);
        else
            EXPECT_EQ(test_last.arguments[i] - (judge.arguments()[i].is_buffer() ? data : 0), passed.value);
        if (judge.arguments()[i].is_written())
            for (uint32_t k = 0; k < passed.bytes; ++k) written.insert(passed.value + k);
    }
    for (uint32_t i = 0; i < world.size; ++i)
        ASSERT_EQ(world.data[i], written.contains(i) ? TEST_FILL : untouched.data[i]) << "at " << i;
}

void try_call(const Firmware& firmware, const Judge& judge, uint32_t id, const Arguments& args, World& world,
              const World& untouched) {
    SCOPED_TRACE(text_of(judge.declaration(), args));
    test_last = {};
    test_last.result = 0x8182f3f4 ^ args[0] << 3;
    Arguments registers = args;
    const limpet_vm before = world.vm;
    const limpet_status status = firmware.call(&world.vm, &world.host, id, registers.data());
    ASSERT_EQ(std::memcmp(&before, &world.vm, sizeof before), 0);
    if (!judge.passes(args)) {
        ASSERT_EQ(status, LIMPET_HOST_CALL);
        ASSERT_EQ(registers, args);
        ASSERT_EQ(test_last.calls, 0U);
        ASSERT_EQ(std::memcmp(world.data.get(), untouched.data.get(), world.size), 0);
        return;
    }
    ASSERT_EQ(status, LIMPET_RETURN);
    ASSERT_EQ(test_last.calls, 1U);
    expect_called(judge, args, world, untouched);
    Arguments expected = args;
    if (judge.declaration().result) expected[0] = in_register(*judge.declaration().result, test_last.result);
    ASSERT_EQ(registers, expected);
    world.reset();
}

TEST_P(Table, EveryEdgeOfEveryArgument) {
    for (const limpet_windows& window : kWindows) {
        World world(window);
        const World untouched(window);
        uint32_t id = 0;
        for (const Judge& judge : judges(test_declarations(), window)) {
            for (const Arguments& args : judge.cases()) try_call(GetParam(), judge, id, args, world, untouched);
            ++id;
        }
    }
}

TEST_P(Table, UnknownIds) {
    World world(kWindows[0]);
    const auto known = static_cast<uint32_t>(test_declarations().size());
    for (const uint32_t id : {known, known + 1, 255U, 256U, 256U + 1, 2047U, 4095U, 0x80000000U, 0xffffffffU}) {
        test_last = {};
        Arguments args = {1, 2, 3, 4, 5};
        EXPECT_EQ(GetParam().call(&world.vm, &world.host, id, args.data()), LIMPET_HOST_CALL) << id;
        EXPECT_EQ(args, (Arguments{1, 2, 3, 4, 5}));
        EXPECT_EQ(test_last.calls, 0U);
    }
}

TEST_P(Table, DictionaryIsWhatThePcReads) {
    const auto declarations = calls::parse_dictionary(GetParam().dictionary());
    EXPECT_EQ(calls::dictionary(declarations),
              "void nothing();bool take_bool(bool);u8 take_u8(u8);i8 take_i8(i8);u16 take_u16(u16);i16 take_i16(i16);"
              "u32 take_u32(u32);i32 take_i32(i32);void numbers(bool,u8,i8,u16,i16);"
              "void handles(handle<bus>,handle<pin>,handle<pin>,handle<bus>,i8);void in_bytes(in u8[#1],u8);"
              "void in_words(in u32[#1],u32);u16 out_halves(u16,out i16[#0]);i8 inout_words(inout i32[3]);"
              "i32 everything(handle<bus>,in u16[#2],u16,out u32[#4],u32);"
              "void constants(in i8[255],out u16[1],inout i32[2],in u8[1],out i8[2]);"
              "bool copy(in u8[#3],inout u8[#3],out u8[#3],u8)");
}

TEST(ManyCalls, PlacesOfTypesThatNoByteCounts) {
    World world(kWindows[0]);
    for (limpet_host_call* call : {test_many_c, test_many_cpp}) {
        for (uint32_t id = 0; id < 26; ++id) {
            Arguments args = {1, 2, 4, 6, 8};
            EXPECT_EQ(call(&world.vm, &world.host, id, args.data()), LIMPET_RETURN) << id;
            EXPECT_EQ(args[0], id);
            args = {1, 2, 4, 6, 2048 - 16};
            EXPECT_EQ(call(&world.vm, &world.host, id, args.data()), LIMPET_HOST_CALL) << id;
        }
        Arguments args = {1, 2, 4, 6, 8};
        EXPECT_EQ(call(&world.vm, &world.host, 26, args.data()), LIMPET_HOST_CALL);
    }
}

/// Returns more than its declared type holds, as x86-64 lets a function do with the upper bits of a register.
uint32_t too_much() { return test_last.result; }

TEST(DeclaredCall, ResultsAreCutToTheirTypes) {
    World world(kWindows[0]);
    const struct {
        const char* declaration;
        uint32_t returned;
        uint32_t result;
    } rows[] = {
        {"bool f()", 0x12345600, 0},         {"bool f()", 0x12345680, 1},         {"u8 f()", 0x12345680, 0x80},
        {"i8 f()", 0x12345680, 0xffffff80},  {"i8 f()", 0x1234567f, 0x7f},        {"u16 f()", 0x12348001, 0x8001},
        {"i16 f()", 0x12348001, 0xffff8001}, {"i16 f()", 0x12347fff, 0x7fff},     {"u32 f()", 0x92345678, 0x92345678},
        {"i32 f()", 0x92345678, 0x92345678}, {"void f()", 0x92345678, 0xabababab}};
    for (const auto& row : rows) {
        auto* const function = reinterpret_cast<limpet_function*>(too_much);
        const auto types = calls::encode(calls::parse_declaration(row.declaration), {});
        test_last.result = row.returned;
        Arguments args = {0xabababab};
        EXPECT_EQ(limpet_call_declared(&world.vm, &world.host, function, types.data(), args.data()), LIMPET_RETURN);
        EXPECT_EQ(args[0], row.result) << row.declaration;
    }
}

TEST(CheckArguments, IsTheSameCheck) {
    World world(kWindows[0]);
    const auto types = calls::encode(calls::parse_declaration("void f(handle<bus>,i8,in u16[#3],u8)"),
                                     std::vector<std::string>{"bus", "pin"});
    uintptr_t out[5] = {};
    const Arguments good = {2, 0xffffff80, 100, 3};
    ASSERT_EQ(limpet_check_arguments(&world.vm, &world.host, types.data(), good.data(), out), LIMPET_RETURN);
    EXPECT_EQ(out[0], reinterpret_cast<uintptr_t>(&test_buses[2]));
    EXPECT_EQ(out[1], 0xffffff80U);
    EXPECT_EQ(out[2], reinterpret_cast<uintptr_t>(&world.data[100]));
    EXPECT_EQ(out[3], 3U);
    const Arguments bad = {2, 0xffffff80, 101, 3};
    EXPECT_EQ(limpet_check_arguments(&world.vm, &world.host, types.data(), bad.data(), out), LIMPET_HOST_CALL);
}

} // namespace
} // namespace limpet::conformance
