/// \file
/// rv32dense: RV32E in bytes. How its code is written; dense_1.h holds the codes of its table.
///
/// The first byte of a code is its number in the table. It tells which one or two instructions follow each other, and
/// some of their operands; the others follow as a string of bits, each field with its lowest bit first, filled up to
/// whole bytes: the registers of an instruction, then its immediate. What has no code of its own is an escape:
///
///     number of the escape (0..3 from kDense1Size on)   operation   first register | second register << 4   immediate
///
/// with an immediate of 0, 1, 2 or 4 bytes, signed; operations on three registers have the third there, in the low
/// four bits of one byte.
///
/// Distances of branches and jumps count bytes, from the end of the code that they are in. Code may start at any
/// address; jalr leaves bit 0 as it is. Immediates of halfwords, words and lui are in these units, except in escapes of
/// loads and stores. The lower five bits of a shift amount count. pc in the second instruction of a code is the address
/// of the code + kDenseSecond.
#pragma once

#include "decode.h"

#include <stddef.h>

namespace limpet::rv32::dense {

inline constexpr uint32_t kDenseSecond = 1U << 31;

/// How a code tells a register: 0..15 fixed, or
enum Mode : uint8_t {
    kFour = 16,  ///< four bits
    kSame = 17,  ///< the one before in the same instruction
    kThree = 18, ///< three bits: x8..x15
    kLast = 19   ///< the first register of the instruction before
};

struct Immediate {
    enum class Kind : uint8_t { kNone, kFixed, kUnsigned, kSigned };
    Kind kind = Kind::kNone;
    int16_t value = 0; ///< fixed; of the others: how many bits

    constexpr bool operator==(const Immediate&) const = default;
    [[nodiscard]] constexpr bool in_operands() const { return kind == Kind::kUnsigned || kind == Kind::kSigned; }
    /// Can it be this number?
    [[nodiscard]] constexpr bool fits(int32_t number) const {
        switch (kind) {
        case Kind::kFixed: return number == value;
        case Kind::kUnsigned: return number >= 0 && number < 1 << value;
        case Kind::kSigned: return number >= -(1 << (value - 1)) && number < 1 << (value - 1);
        default: return number == 0;
        }
    }
};
constexpr Immediate none() { return {}; }
constexpr Immediate fixed(int16_t value) { return {Immediate::Kind::kFixed, value}; }
constexpr Immediate bits(int16_t count) { return {Immediate::Kind::kUnsigned, count}; }
constexpr Immediate sbits(int16_t count) { return {Immediate::Kind::kSigned, count}; }

/// What a code says of one instruction.
struct Component {
    Op op;
    uint8_t registers[3]; ///< Mode, in the order of registers_of
    Immediate immediate;

    constexpr bool operator==(const Component&) const = default;
    [[nodiscard]] constexpr uint32_t operand_bits() const {
        uint32_t count = immediate.in_operands() ? static_cast<uint32_t>(immediate.value) : 0;
        for (const uint8_t mode : registers) count += mode == kFour ? 4 : mode == kThree ? 3 : 0;
        return count;
    }
};

struct Code {
    Component first;
    Component second = {Op::kEcall, {}, {}}; ///< which no code has: there is none

    /// How many instructions.
    [[nodiscard]] constexpr uint32_t length() const { return second.op == Op::kEcall ? 1 : 2; }
    [[nodiscard]] constexpr const Component& component(uint32_t i) const { return i == 0 ? first : second; }
    /// Bytes of the whole code.
    [[nodiscard]] constexpr uint32_t size() const {
        return 1 + (first.operand_bits() + (length() == 2 ? second.operand_bits() : 0) + 7) / 8;
    }
};

/// How the byte of an escape numbers operations.
inline constexpr Op kEscaped[] = {Op::kAdd, Op::kSub,  Op::kSll,      Op::kSlt,   Op::kSltu,  Op::kXor,   Op::kSrl,
                                  Op::kSra, Op::kOr,   Op::kAnd,      Op::kAddi,  Op::kSlti,  Op::kSltiu, Op::kXori,
                                  Op::kOri, Op::kAndi, Op::kSlli,     Op::kSrli,  Op::kSrai,  Op::kLb,    Op::kLh,
                                  Op::kLw,  Op::kLbu,  Op::kLhu,      Op::kSb,    Op::kSh,    Op::kSw,    Op::kBeq,
                                  Op::kBne, Op::kBlt,  Op::kBge,      Op::kBltu,  Op::kBgeu,  Op::kLui,   Op::kAuipc,
                                  Op::kJal, Op::kJalr, Op::kHostCall, Op::kEcall, Op::kEbreak};
inline constexpr size_t kEscapedCount = sizeof kEscaped / sizeof *kEscaped;
inline constexpr uint32_t kEscapes = 4;
inline constexpr uint32_t kEscapeHead = 3; ///< bytes before the immediate
inline constexpr uint32_t kEscapeImmediate[kEscapes] = {0, 1, 2, 4};

constexpr bool is_relative(Op op) { return op == Op::kJal || (op >= Op::kBeq && op <= Op::kBgeu); }
constexpr bool is_load_or_store(Op op) { return op >= Op::kLb && op <= Op::kSw; }
constexpr bool is_register_alu(Op op) { return op >= Op::kAdd && op <= Op::kAnd; }
constexpr bool has_immediate(Op op) { return !is_register_alu(op) && op != Op::kEcall && op != Op::kEbreak; }

/// How many registers an operation names in a code.
constexpr uint32_t register_count(Op op) {
    if (is_register_alu(op)) return 3;
    if (op == Op::kLui || op == Op::kAuipc || op == Op::kJal) return 1;
    return op == Op::kHostCall || op == Op::kEcall || op == Op::kEbreak ? 0 : 2;
}

struct Registers {
    uint32_t r[3];
};
/// rd, rs1, rs2; of a store rs2 and rs1, of a branch rs1 and rs2.
constexpr Registers registers_of(Op op, const Operands& o) {
    if (op >= Op::kSb && op <= Op::kSw) return {{o.rs2, o.rs1, 0}};
    if (op >= Op::kBeq && op <= Op::kBgeu) return {{o.rs1, o.rs2, 0}};
    return {{o.rd, o.rs1, o.rs2}};
}
constexpr Operands operands_of(Op op, const Registers& registers, uint32_t imm) {
    const auto& r = registers.r;
    const uint32_t count = register_count(op);
    if (op >= Op::kSb && op <= Op::kSw) return {.rs1 = r[1], .rs2 = r[0], .imm = imm};
    if (op >= Op::kBeq && op <= Op::kBgeu) return {.rs1 = r[0], .rs2 = r[1], .imm = imm};
    return {.rd = count > 0 ? r[0] : 0, .rs1 = count > 1 ? r[1] : 0, .rs2 = count > 2 ? r[2] : 0, .imm = imm};
}

/// log2 of the unit that a code's immediate counts in.
constexpr uint32_t scale_of(Op op) {
    switch (op) {
    case Op::kLh:
    case Op::kLhu:
    case Op::kSh: return 1;
    case Op::kLw:
    case Op::kSw: return 2;
    case Op::kLui:
    case Op::kAuipc: return 12;
    default: return 0;
    }
}
/// The same in an escape.
constexpr uint32_t escaped_scale_of(Op op) { return is_load_or_store(op) ? 0 : scale_of(op); }

} // namespace limpet::rv32::dense
