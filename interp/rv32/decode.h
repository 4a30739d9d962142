/// \file
/// Decodes an instruction by the table. Slow and complete: what disassembles, traces, generates and judges uses it;
/// the interpreters have decoders of their own that are held to it. Freestanding and constexpr, so that a backend can
/// compute tables from it while it is compiled.
#pragma once

#include "fields.h"
#include "isa.h"
#include "table.h"

namespace limpet::rv32 {

/// Which registers an instruction names, and its immediate, as its 32-bit form has them.
struct Operands {
    uint32_t rd = 0;
    uint32_t rs1 = 0;
    uint32_t rs2 = 0;
    uint32_t imm = 0; ///< sign-extended; lui, auipc: shifted into place; branch, jump: distance from pc

    constexpr bool operator==(const Operands&) const = default;
};

/// The operands of `insn` as an instance of `row`.
constexpr Operands operands(const Instruction& row, uint32_t insn) {
    switch (row.format) {
    case Format::kR: return {.rd = rd(insn), .rs1 = rs1(insn), .rs2 = rs2(insn)};
    case Format::kI:
    case Format::kLoad: return {.rd = rd(insn), .rs1 = rs1(insn), .imm = imm_i(insn)};
    case Format::kShift: return {.rd = rd(insn), .rs1 = rs1(insn), .imm = shamt(insn)};
    case Format::kStore: return {.rs1 = rs1(insn), .rs2 = rs2(insn), .imm = imm_s(insn)};
    case Format::kBranch: return {.rs1 = rs1(insn), .rs2 = rs2(insn), .imm = imm_b(insn)};
    case Format::kUpper: return {.rd = rd(insn), .imm = imm_u(insn)};
    case Format::kJump: return {.rd = rd(insn), .imm = imm_j(insn)};
    case Format::kHostCall: return {.imm = field(insn, 31, 20)};
    case Format::kFence:
    case Format::kNone:
    case Format::kCNone: return {};
    case Format::kCAddi4spn: return {.rd = c_low(insn), .rs1 = 2, .imm = c_imm_addi4spn(insn)};
    case Format::kCLw: return {.rd = c_low(insn), .rs1 = c_high(insn), .imm = c_imm_lw(insn)};
    case Format::kCSw: return {.rs1 = c_high(insn), .rs2 = c_low(insn), .imm = c_imm_lw(insn)};
    case Format::kCNop: return {.imm = c_imm(insn)};
    case Format::kCAddi: return {.rd = c_rd(insn), .rs1 = c_rd(insn), .imm = c_imm(insn)};
    case Format::kCJ: return {.imm = c_imm_j(insn)};
    case Format::kCJal: return {.rd = 1, .imm = c_imm_j(insn)};
    case Format::kCLi: return {.rd = c_rd(insn), .imm = c_imm(insn)};
    case Format::kCAddi16sp: return {.rd = 2, .rs1 = 2, .imm = c_imm_addi16sp(insn)};
    case Format::kCLui: return {.rd = c_rd(insn), .imm = c_imm_lui(insn)};
    case Format::kCShift: return {.rd = c_high(insn), .rs1 = c_high(insn), .imm = c_shamt(insn)};
    case Format::kCAndi: return {.rd = c_high(insn), .rs1 = c_high(insn), .imm = c_imm(insn)};
    case Format::kCArith: return {.rd = c_high(insn), .rs1 = c_high(insn), .rs2 = c_low(insn)};
    case Format::kCBranch: return {.rs1 = c_high(insn), .imm = c_imm_b(insn)};
    case Format::kCSlli: return {.rd = c_rd(insn), .rs1 = c_rd(insn), .imm = c_shamt(insn)};
    case Format::kCLwsp: return {.rd = c_rd(insn), .rs1 = 2, .imm = c_imm_lwsp(insn)};
    case Format::kCSwsp: return {.rs1 = 2, .rs2 = c_rs2(insn), .imm = c_imm_swsp(insn)};
    case Format::kCJr: return {.rs1 = c_rd(insn)};
    case Format::kCJalr: return {.rd = 1, .rs1 = c_rd(insn)};
    case Format::kCMv: return {.rd = c_rd(insn), .rs2 = c_rs2(insn)};
    case Format::kCAdd: return {.rd = c_rd(insn), .rs1 = c_rd(insn), .rs2 = c_rs2(insn)};
    case Format::kZcbLoad: return {.rd = c_low(insn), .rs1 = c_high(insn), .imm = zcb_imm_byte(insn)};
    case Format::kZcbStore: return {.rs1 = c_high(insn), .rs2 = c_low(insn), .imm = zcb_imm_byte(insn)};
    case Format::kCXShift: return {.rd = c_low(insn), .rs1 = c_high(insn), .imm = cx_shamt(insn)};
    case Format::kCXBranch: return {.rs1 = c_high(insn), .rs2 = c_low(insn), .imm = cx_imm_b(insn)};
    case Format::kCXLi: return {.rd = c_rd(insn), .imm = c_imm(insn) + kXLi};
    case Format::kCXLoadSp: return {.rd = cx_rd(insn), .rs1 = 2, .imm = cx_imm_sp(insn)};
    case Format::kCXStoreSp: return {.rs1 = 2, .rs2 = cx_rd(insn), .imm = cx_imm_sp(insn)};
    case Format::kCXCall: return {.imm = cx_id(insn)};
    }
    return {};
}

constexpr bool satisfies(uint8_t conditions, const Operands& o) {
    return ((conditions & kRdNonzero) == 0 || o.rd != 0) && ((conditions & kRdNotSp) == 0 || o.rd != 2) &&
           ((conditions & kRs1Nonzero) == 0 || o.rs1 != 0) && ((conditions & kRs2Nonzero) == 0 || o.rs2 != 0) &&
           ((conditions & kImmNonzero) == 0 || o.imm != 0);
}

constexpr bool has(Isa isa, Extension extension) {
    switch (extension) {
    case Extension::kCompressed: return isa.compressed;
    case Extension::kMultiply: return isa.multiply;
    case Extension::kXlimpet: return isa.xlimpet;
    default: return true;
    }
}

/// Is `insn` a legal instance of `row`? RV32E has x0..x15 only. A 16-bit row looks at the low 16 bits alone.
constexpr bool is_instance(const Instruction& row, Isa isa, uint32_t insn) {
    if ((insn & row.mask) != row.match || !has(isa, row.extension)) return false;
    const Operands o = operands(row, insn);
    return o.rd < 16 && o.rs1 < 16 && o.rs2 < 16 && satisfies(row.conditions, o);
}

/// The row of a legal instruction, or nullptr.
constexpr const Instruction* find_instruction(Isa isa, uint32_t insn) {
    for (const Instruction& row : kInstructions)
        if (is_instance(row, isa, insn)) return &row;
    return nullptr;
}

} // namespace limpet::rv32
