/// \file
/// The text of declarations: what is read, what is refused and how, and what is printed.
#include "../../interp/calls/limpet_calls.h"
#include "../../interp/calls/signature.h"
#include "world.h"

namespace limpet::conformance {
namespace {

using namespace calls;

std::string read(std::string_view text) { return canonical(parse_declaration(text)); }

/// What parsing says is wrong; "" when nothing is.
template <class Parse> std::string error_of(const Parse& parse, std::string_view text) {
    try {
        parse(text);
        return "";
    } catch (const DeclarationError& error) {
        return error.what();
    }
}
std::string error_of(std::string_view text) { return error_of(parse_declaration, text); }

TEST(Declaration, CanonicalFormIsReadAndPrinted) {
    for (const char* text : {"void f()", "u32 timer_read_time()", "bool f1(bool,u8,i8,u16,i16)", "i32 _f(u32,i32)",
                             "i8 f(handle<spi>)", "u16 f(handle<gpio_in>,in u8[1],out i16[255])",
                             "i16 f(inout u32[#1],u8)", "u8 f(u16,in i8[#0],inout i32[#0])"})
        EXPECT_EQ(read(text), text);
}

TEST(Declaration, SpacesAndNamesOfArgumentsDoNotMatter) {
    EXPECT_EQ(read("  void\tspi_transfer ( handle < spi > bus , inout  u8 [ # 2 ] data,u8 length )  \r"),
              "void spi_transfer(handle<spi>,inout u8[#2],u8)");
    const Declaration declaration = parse_declaration("u8 f(handle<spi> bus,u8 length, in u16[#1]data)");
    ASSERT_EQ(declaration.arguments.size(), 3U);
    EXPECT_EQ(declaration.arguments[0].name, "bus");
    EXPECT_EQ(declaration.arguments[1].name, "length");
    EXPECT_EQ(declaration.arguments[2].name, "data");
}

TEST(Declaration, WhatIsWrongIsSaidInOneLine) {
    const struct {
        const char* text;
        const char* error;
    } rows[] = {
        {"", "expected a result type at the end"},
        {"void", "expected the name of the function at the end"},
        {"u64 f()", "unknown result type 'u64'"},
        {"handle f()", "unknown result type 'handle'"},
        {"void f", "expected '(' at the end"},
        {"void f(", "expected the type of an argument at the end"},
        {"void f(u8", "expected ')' at the end"},
        {"void f(u8,)", "expected the type of an argument at ')'"},
        {"void f(u8 u16 x)", "expected ')' at 'x)'"},
        {"void f()x", "unexpected 'x' at the end"},
        {"void f();", "unexpected ';' at the end"},
        {"void f(void)", "unknown type 'void'"},
        {"void f(int)", "unknown type 'int'"},
        {"void f(U8)", "expected the type of an argument at 'U8)'"},
        {"void F()", "expected the name of the function at 'F()'"},
        {"void 1f()", "expected the name of the function at '1f()'"},
        {"void f(u8,u8,u8,u8,u8,u8)", "more than 5 arguments"},
        {"void f(handle)", "expected '<' at ')'"},
        {"void f(handle<>)", "expected a kind of handle at '>)'"},
        {"void f(handle<spi)", "expected '>' at ')'"},
        {"void f(in u8)", "expected '[' at ')'"},
        {"void f(in u8[])", "expected a number at '])'"},
        {"void f(in u8[4)", "expected ']' at ')'"},
        {"void f(in u8[0])", "a buffer of no elements"},
        {"void f(in u8[256])", "number '256' is larger than 255"},
        {"void f(in u8[99999999999999999999999999999999999999999999])",
         "number '9999999999999999999999999999999999999999...' is larger than 255"},
        {"void f(in u8[04])", "number '04' starts with 0"},
        {"void f(in u8[-1])", "expected a number at '-1])'"},
        {"void f(in bool[4])", "'bool' cannot be in a buffer"},
        {"void f(in handle<spi>[4])", "'handle' cannot be in a buffer"},
        {"void f(in u8[#1])", "#1 is no u8, u16 or u32"},
        {"void f(in u8[#0])", "#0 is no u8, u16 or u32"},
        {"void f(in u8[#1],i8)", "#1 is no u8, u16 or u32"},
        {"void f(in u8[#1],bool)", "#1 is no u8, u16 or u32"},
        {"void f(in u8[#1],handle<n>)", "#1 is no u8, u16 or u32"},
        {"void f(in u8[#5],u8,u8,u8,u8)", "#5 is no u8, u16 or u32"},
        {"void f(u8 a,u8 a)", "two arguments are named 'a'"},
        {"void while()", "name 'while' is reserved"},
        {"void f(u8 register)", "name 'register' is reserved"},
        {"void uint8_t()", "name 'uint8_t' is reserved"},
        {"void limpet_a0()", "name 'limpet_a0' is reserved"},
        {"void __f()", "name '__f' is reserved"},
        {"void abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl()",
         "name 'abcdefghijklmnopqrstuvwxyzabcdefghijklmn...' is too long"},
        {"void f(\x1b[2J\n)", "expected the type of an argument at '?[2J?)'"},
    };
    for (const auto& row : rows) EXPECT_EQ(error_of(row.text), row.error) << row.text;
}

TEST(Imports, LinesCommentsAndPositions) {
    const auto all = parse_imports("// of the file\n"
                                   "\n"
                                   "// Now,\n"
                                   "//   in ticks.\n"
                                   "u32 timer_read_time()\r\n"
                                   "   \t\n"
                                   "void f(u8 a) // behind it\n"
                                   "// forgotten\n"
                                   "\n"
                                   "void g()");
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0].comment, "Now,\nin ticks.\n");
    EXPECT_EQ(all[1].comment, "");
    EXPECT_EQ(all[2].comment, "");
    EXPECT_EQ(dictionary(all), "u32 timer_read_time();void f(u8);void g()");
    EXPECT_EQ(find(all, "void f(u8)"), 1U);
    EXPECT_EQ(find(all, "void f(u8 a)"), std::nullopt);
    EXPECT_EQ(find(all, "void f(u16)"), std::nullopt);
    EXPECT_TRUE(parse_imports("").empty());
    EXPECT_TRUE(parse_imports("// nothing\n\n").empty());
}

TEST(Imports, WhatIsWrongNamesTheLine) {
    EXPECT_EQ(error_of(parse_imports, "// comment\n\nvoid f()\nvoid g(\n"),
              "line 4: expected the type of an argument at the end");
    EXPECT_EQ(error_of(parse_imports, "void f()\nvoid f(u8)\n"), "line 2: 'f' is declared twice");
    std::string many;
    for (int i = 0; i < 256; ++i) many += "void f" + std::to_string(i) + "()\n";
    EXPECT_EQ(parse_imports(many).size(), 256U);
    EXPECT_EQ(error_of(parse_imports, many + "void g()"), "line 257: more than 256 declarations");
}

TEST(Dictionary, RoundTrip) {
    for (const auto& declarations : {test_declarations(), sdk_declarations()}) {
        const std::string text = dictionary(declarations);
        EXPECT_EQ(dictionary(parse_dictionary(text)), text);
        EXPECT_EQ(dictionary(parse_dictionary(text + ";")), text);
    }
    EXPECT_TRUE(parse_dictionary("").empty());
}

TEST(Dictionary, WhatIsWrongNamesTheCall) {
    EXPECT_EQ(error_of(parse_dictionary, "void f();void g(u8 a)"),
              "host call 1: 'void g(u8 a)' is not in canonical form");
    EXPECT_EQ(error_of(parse_dictionary, "void f(); void g()"), "host call 1: ' void g()' is not in canonical form");
    EXPECT_EQ(error_of(parse_dictionary, "void f();;void g()"), "host call 1: expected a result type at the end");
    EXPECT_EQ(error_of(parse_dictionary, "void f();void f()"), "host call 1: 'f' is declared twice");
    EXPECT_EQ(error_of(parse_dictionary, "void f()\nvoid g()"), "host call 0: unexpected '?void g()' at the end");
}

TEST(Scalars, Values) {
    EXPECT_EQ(name_of(Scalar::kI16), "i16");
    EXPECT_EQ(bytes_of(Scalar::kBool), 1U);
    EXPECT_EQ(bytes_of(Scalar::kI16), 2U);
    EXPECT_EQ(bytes_of(Scalar::kU32), 4U);
    EXPECT_TRUE(is_value_of(Scalar::kI16, 0xffff8000));
    EXPECT_FALSE(is_value_of(Scalar::kI16, 0xffff7fff));
    EXPECT_FALSE(is_value_of(Scalar::kI16, 0x8000));
    EXPECT_TRUE(is_value_of(Scalar::kU32, 0xffffffff));
    EXPECT_FALSE(is_value_of(Scalar::kBool, 2));
}

TEST(Encoding, AsDocumented) {
    using Bytes = std::vector<uint8_t>;
    const auto encoded = [](std::string_view text) {
        return encode(parse_declaration(text), std::vector<std::string>{"bus", "pin"});
    };
    EXPECT_EQ(encoded("void f()"), (Bytes{0xc0}));
    EXPECT_EQ(encoded("i32 f(bool,u8,i8,u16,i16)"), (Bytes{0, 14, 15, 30, 31, 0xce}));
    EXPECT_EQ(encoded("bool f(u32,i32,handle<bus>,handle<pin>,u8)"), (Bytes{62, 63, 0x80, 0x81, 14, 0xc8}));
    EXPECT_EQ(encoded("u8 f(in u8[7],out u16[255],inout i32[#4],in i8[#4],u16)"),
              (Bytes{0x40, 7, 0x46, 255, 0x4b, 4, 0x41, 4, 30, 0xc9}));
    EXPECT_EQ(handle_kinds(test_declarations()), (std::vector<std::string>{"bus", "pin"}));
}

TEST(Encoding, AByteHas64KindsOfHandles) {
    std::vector<std::string> kinds;
    for (int i = 0; i < 64; ++i) kinds.push_back("k" + std::to_string(i));
    EXPECT_EQ(encode(parse_declaration("void f(handle<k63>)"), kinds), (std::vector<uint8_t>{0xbf, 0xc0}));
    kinds.insert(kinds.begin(), "other");
    const auto encode_last = [&](std::string_view text) { return encode(parse_declaration(text), kinds); };
    EXPECT_EQ(error_of(encode_last, "void f(handle<k63>)"), "more than 64 kinds of handles");
}

} // namespace
} // namespace limpet::conformance
