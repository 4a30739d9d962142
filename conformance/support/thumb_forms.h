/// \file
/// The Thumb instructions that rv32-jit emits, as a table: to take translated code apart. A row is made from an encoder
/// of thumb.h; which operand is where is written here once more, and llvm judges both.
#pragma once

#include "../../variants/bpf/alu32/thumb.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace limpet::conformance::thumb {

namespace t = bpf_alu32::thumb;

/// Where operands are.
enum class Shape : uint8_t {
    kThree,     ///< d 2:0, n 5:3, m 8:6
    kImm3,      ///< d 2:0, n 5:3, imm 8:6
    kImm5,      ///< d 2:0, n 5:3, imm 10:6, in units
    kTwo,       ///< d 2:0, m 5:3
    kByte,      ///< d 10:8, imm 7:0
    kHigh,      ///< d 7 and 2:0, m 6:3; neither sp nor pc
    kOne,       ///< m 6:3
    kCondition, ///< condition 11:8, distance 7:0
    kDistance,  ///< distance 10:0
    kLong       ///< two halfwords: distance 10:0 of each
};

/// What is done, as far as an audit has to know.
enum class Does : uint8_t {
    kMove,     ///< d = m
    kConstant, ///< d = imm
    kAdd,      ///< d = n + m or imm; of two operands, d + them
    kSubtract,
    kShiftLeft, ///< d = n << imm
    kInvert,    ///< d = ~m
    kBorrow,    ///< d -= m and what is borrowed: the carry alone if these are the same
    kConvert,   ///< d = something made of m
    kCompute,   ///< d = something made of d or n, and m or imm
    kCompare,   ///< d with m or imm
    kLoad,      ///< d = so many bytes at n + m or imm
    kStore,
    kBranch, ///< to a distance
    kCall    ///< of what m holds
};

struct Form {
    const char* mnemonic;
    Shape shape;
    Does does;
    uint32_t bits;
    uint32_t mask;
    uint32_t bytes = 0; ///< that are accessed; 0: none
    const char* rest = "";
};

using Encoder1 = uint32_t(uint32_t);
using Encoder2 = uint32_t(uint32_t, uint32_t);
using Encoder3 = uint32_t(uint32_t, uint32_t, uint32_t);

/// What no operand changes.
constexpr uint32_t fixed(uint32_t zeros, uint32_t ones) { return ~(zeros ^ ones) & 0xffff; }

constexpr Form three(const char* mnemonic, Does does, Encoder3* encode, uint32_t bytes = 0) {
    return {mnemonic, Shape::kThree, does, encode(0, 0, 0), fixed(encode(0, 0, 0), encode(7, 7, 7)), bytes};
}
constexpr Form imm3(const char* mnemonic, Does does, Encoder3* encode) {
    return {mnemonic, Shape::kImm3, does, encode(0, 0, 0), fixed(encode(0, 0, 0), encode(7, 7, 7))};
}
constexpr Form imm5(const char* mnemonic, Does does, Encoder3* encode, uint32_t bytes = 0) {
    const uint32_t ones = encode(7, 7, 31 * std::max(bytes, 1U));
    return {mnemonic, Shape::kImm5, does, encode(0, 0, 0), fixed(encode(0, 0, 0), ones), bytes};
}
constexpr Form two(const char* mnemonic, Does does, Encoder2* encode, const char* rest = "") {
    return {mnemonic, Shape::kTwo, does, encode(0, 0), fixed(encode(0, 0), encode(7, 7)), 0, rest};
}
constexpr Form byte(const char* mnemonic, Does does, Encoder2* encode) {
    return {mnemonic, Shape::kByte, does, encode(0, 0), fixed(encode(0, 0), encode(7, 255))};
}
constexpr Form high(const char* mnemonic, Does does, Encoder2* encode) {
    return {mnemonic, Shape::kHigh, does, encode(0, 0), fixed(encode(0, 0), encode(15, 15))};
}

/// An encoding belongs to the first row that it is an instance of.
inline constexpr std::array kForms = {
    two("movs", Does::kMove, t::movs),
    imm5("lsls", Does::kShiftLeft, t::lsls),
    imm5("lsrs", Does::kCompute, t::lsrs),
    imm5("asrs", Does::kCompute, t::asrs),
    three("adds", Does::kAdd, t::adds),
    three("subs", Does::kSubtract, t::subs),
    imm3("adds", Does::kAdd, t::adds_imm3),
    imm3("subs", Does::kSubtract, t::subs_imm3),
    byte("movs", Does::kConstant, t::movs_imm8),
    byte("cmp", Does::kCompare, t::cmp_imm8),
    byte("adds", Does::kAdd, t::adds_imm8),
    byte("subs", Does::kSubtract, t::subs_imm8),
    two("ands", Does::kCompute, t::ands),
    two("eors", Does::kCompute, t::eors),
    two("lsls", Does::kCompute, t::lsls_by),
    two("lsrs", Does::kCompute, t::lsrs_by),
    two("asrs", Does::kCompute, t::asrs_by),
    two("sbcs", Does::kBorrow, t::sbcs),
    two("rsbs", Does::kConvert, t::negs, ", #0"),
    two("cmp", Does::kCompare, t::cmp),
    two("orrs", Does::kCompute, t::orrs),
    two("muls", Does::kCompute, t::muls, ", d"),
    two("mvns", Does::kInvert, t::mvns),
    two("sxth", Does::kConvert, t::sxth),
    two("sxtb", Does::kConvert, t::sxtb),
    two("uxtb", Does::kConvert, t::uxtb),
    high("add", Does::kAdd, t::add_high),
    high("cmp", Does::kCompare, t::cmp_high),
    high("mov", Does::kMove, t::mov_high),
    Form{"blx", Shape::kOne, Does::kCall, t::blx(0), fixed(t::blx(0), t::blx(15))},
    imm5("str", Does::kStore, t::str, 4),
    imm5("ldr", Does::kLoad, t::ldr, 4),
    imm5("strb", Does::kStore, t::strb, 1),
    imm5("ldrb", Does::kLoad, t::ldrb, 1),
    imm5("strh", Does::kStore, t::strh, 2),
    imm5("ldrh", Does::kLoad, t::ldrh, 2),
    three("str", Does::kStore, t::str_at, 4),
    three("ldr", Does::kLoad, t::ldr_at, 4),
    three("strb", Does::kStore, t::strb_at, 1),
    three("ldrb", Does::kLoad, t::ldrb_at, 1),
    three("ldrsb", Does::kLoad, t::ldrsb_at, 1),
    three("strh", Does::kStore, t::strh_at, 2),
    three("ldrh", Does::kLoad, t::ldrh_at, 2),
    three("ldrsh", Does::kLoad, t::ldrsh_at, 2),
    Form{"b", Shape::kCondition, Does::kBranch, t::b_if(0, 2), 0xf000},
    Form{"b", Shape::kDistance, Does::kBranch, t::b(2), fixed(t::b(2), t::b(1))},
    Form{"bl", Shape::kLong, Does::kBranch, t::bl_first(2), fixed(t::bl_first(2), t::bl_first(1))},
};

/// An instruction taken apart. What it has no operand for is 0.
struct Instruction {
    const Form* form;
    uint32_t d = 0, n = 0, m = 0;
    uint32_t imm = 0;      ///< of accesses in bytes
    uint32_t distance = 0; ///< in halfwords, from the instruction itself
    uint32_t halfwords = 1;

    [[nodiscard]] bool has_immediate() const {
        return form->shape == Shape::kImm3 || form->shape == Shape::kImm5 || form->shape == Shape::kByte;
    }
};

constexpr uint32_t sign_extended(uint32_t value, uint32_t bits) {
    return (value ^ 1U << (bits - 1)) - (1U << (bits - 1));
}

/// The instruction of which `first` is the first halfword and `second` the next, or nothing: it is not of the table.
inline std::optional<Instruction> taken_apart(uint32_t first, uint32_t second) {
    const auto* const form =
        std::find_if(kForms.begin(), kForms.end(), [&](const Form& f) { return (first & f.mask) == f.bits; });
    if (form == kForms.end()) return {};
    Instruction i{.form = form};
    const auto field = [&](uint32_t high_bit, uint32_t low_bit) {
        return first >> low_bit & ((2U << (high_bit - low_bit)) - 1);
    };
    i.d = field(2, 0);
    i.n = field(5, 3);
    switch (form->shape) {
    case Shape::kThree: i.m = field(8, 6); break;
    case Shape::kImm3: i.imm = field(8, 6); break;
    case Shape::kImm5: i.imm = field(10, 6) * std::max(form->bytes, 1U); break;
    case Shape::kTwo:
        i.m = i.n;
        i.n = i.d;
        break;
    case Shape::kByte:
        i.d = i.n = field(10, 8);
        i.imm = field(7, 0);
        break;
    case Shape::kHigh:
        i.d = i.n = field(7, 7) << 3 | field(2, 0);
        i.m = field(6, 3);
        if (i.d == 13 || i.d == 15 || i.m == 13 || i.m == 15) return {};
        if (form->does == Does::kCompare && i.d < 8 && i.m < 8) return {}; // unpredictable
        break;
    case Shape::kOne: i.m = field(6, 3); return i.m == 13 || i.m == 15 ? std::nullopt : std::optional(i);
    case Shape::kCondition:
        i.imm = field(11, 8);
        i.distance = sign_extended(field(7, 0), 8) + 2;
        if (i.imm >= 14) return {}; // no branches
        break;
    case Shape::kDistance: i.distance = sign_extended(field(10, 0), 11) + 2; break;
    case Shape::kLong:
        if (!t::is_bl_second(second)) return {};
        i.distance = sign_extended(field(10, 0) << 11 | (second & 0x7ff), 22) + 2;
        i.halfwords = 2;
        break;
    }
    return i;
}

/// As llvm writes it.
inline std::string text(const Instruction& i) {
    const auto name = [](uint32_t r) { return r == 14 ? "lr" : "r" + std::to_string(r); };
    const auto number = [](uint32_t value) { return "#" + std::to_string(static_cast<int32_t>(value)); };
    static constexpr std::array kConditions = {"eq", "ne", "hs", "lo", "mi", "pl", "vs",
                                               "vc", "hi", "ls", "ge", "lt", "gt", "le"};
    const std::string mnemonic = i.form->mnemonic;
    const std::string d = mnemonic + "\t" + name(i.d) + ", ";
    const bool memory = i.form->bytes != 0;
    const uint32_t shift = i.imm == 0 && i.form->does == Does::kCompute ? 32 : i.imm; // of lsrs and asrs
    switch (i.form->shape) {
    case Shape::kThree: return memory ? d + "[" + name(i.n) + ", " + name(i.m) + "]" : d + name(i.n) + ", " + name(i.m);
    case Shape::kImm3: return d + name(i.n) + ", " + number(i.imm);
    case Shape::kImm5:
        if (memory) return d + "[" + name(i.n) + (i.imm != 0 ? ", " + number(i.imm) : "") + "]";
        return d + name(i.n) + ", " + number(shift);
    case Shape::kTwo: return d + name(i.m) + (i.form->rest == std::string(", d") ? ", " + name(i.d) : i.form->rest);
    case Shape::kByte: return d + number(i.imm);
    case Shape::kHigh: return d + name(i.m);
    case Shape::kOne: return mnemonic + "\t" + name(i.m);
    case Shape::kCondition: return mnemonic + kConditions[i.imm] + "\t" + number(2 * i.distance - 4);
    case Shape::kDistance:
    case Shape::kLong: return mnemonic + "\t" + number(2 * i.distance - 4);
    }
    return {};
}

} // namespace limpet::conformance::thumb
