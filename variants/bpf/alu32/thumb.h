/// \file
/// Encoders of the Thumb instructions that bpf-alu32 emits (ARMv6-M Architecture Reference Manual, DDI0419,
/// chapter A6). Constexpr and free of anything of the machine that they run on: the test suite holds each to an
/// assembler.
///
/// Names are the mnemonics of unified syntax; where one mnemonic has several encodings, what distinguishes the operands
/// is appended. Registers are numbers: r0..r7 in three bits where an encoding has no more, r0..r14 in `_high` ones.
#pragma once

#include <stdint.h>

namespace limpet::bpf_alu32::thumb {

constexpr uint32_t three(uint32_t opcode, uint32_t c, uint32_t b, uint32_t a) { return opcode | c << 6 | b << 3 | a; }
constexpr uint32_t byte(uint32_t opcode, uint32_t r, uint32_t imm8) { return opcode | r << 8 | imm8; }
constexpr uint32_t high(uint32_t opcode, uint32_t d, uint32_t m) { return opcode | (d & 8) << 4 | m << 3 | (d & 7); }

// rd = rm shifted; imm 1..31, for lsls 0..31
constexpr uint32_t lsls(uint32_t d, uint32_t m, uint32_t imm) { return three(0x0000, imm, m, d); }
constexpr uint32_t lsrs(uint32_t d, uint32_t m, uint32_t imm) { return three(0x0800, imm, m, d); }
constexpr uint32_t asrs(uint32_t d, uint32_t m, uint32_t imm) { return three(0x1000, imm, m, d); }

constexpr uint32_t adds(uint32_t d, uint32_t n, uint32_t m) { return three(0x1800, m, n, d); }
constexpr uint32_t subs(uint32_t d, uint32_t n, uint32_t m) { return three(0x1a00, m, n, d); }
constexpr uint32_t adds_imm3(uint32_t d, uint32_t n, uint32_t imm) { return three(0x1c00, imm, n, d); }
constexpr uint32_t subs_imm3(uint32_t d, uint32_t n, uint32_t imm) { return three(0x1e00, imm, n, d); }
constexpr uint32_t movs(uint32_t d, uint32_t m) { return lsls(d, m, 0); }

constexpr uint32_t movs_imm8(uint32_t d, uint32_t imm) { return byte(0x2000, d, imm); }
constexpr uint32_t cmp_imm8(uint32_t n, uint32_t imm) { return byte(0x2800, n, imm); }
constexpr uint32_t adds_imm8(uint32_t d, uint32_t imm) { return byte(0x3000, d, imm); }
constexpr uint32_t subs_imm8(uint32_t d, uint32_t imm) { return byte(0x3800, d, imm); }

// rd = rd <op> rm, unless said otherwise
constexpr uint32_t ands(uint32_t d, uint32_t m) { return three(0x4000, 0, m, d); }
constexpr uint32_t eors(uint32_t d, uint32_t m) { return three(0x4040, 0, m, d); }
constexpr uint32_t lsls_by(uint32_t d, uint32_t m) { return three(0x4080, 0, m, d); }
constexpr uint32_t lsrs_by(uint32_t d, uint32_t m) { return three(0x40c0, 0, m, d); }
constexpr uint32_t asrs_by(uint32_t d, uint32_t m) { return three(0x4100, 0, m, d); }
constexpr uint32_t sbcs(uint32_t d, uint32_t m) { return three(0x4180, 0, m, d); }
constexpr uint32_t negs(uint32_t d, uint32_t m) { return three(0x4240, 0, m, d); } ///< rd = 0 - rm
constexpr uint32_t tst(uint32_t n, uint32_t m) { return three(0x4200, 0, m, n); }
constexpr uint32_t cmp(uint32_t n, uint32_t m) { return three(0x4280, 0, m, n); }
constexpr uint32_t orrs(uint32_t d, uint32_t m) { return three(0x4300, 0, m, d); }
constexpr uint32_t muls(uint32_t d, uint32_t m) { return three(0x4340, 0, m, d); }
constexpr uint32_t bics(uint32_t d, uint32_t m) { return three(0x4380, 0, m, d); }
constexpr uint32_t mvns(uint32_t d, uint32_t m) { return three(0x43c0, 0, m, d); } ///< rd = ~rm
constexpr uint32_t sxth(uint32_t d, uint32_t m) { return three(0xb200, 0, m, d); }
constexpr uint32_t sxtb(uint32_t d, uint32_t m) { return three(0xb240, 0, m, d); }
constexpr uint32_t uxth(uint32_t d, uint32_t m) { return three(0xb280, 0, m, d); }
constexpr uint32_t uxtb(uint32_t d, uint32_t m) { return three(0xb2c0, 0, m, d); }

constexpr uint32_t rev(uint32_t d, uint32_t m) { return three(0xba00, 0, m, d); }
constexpr uint32_t rev16(uint32_t d, uint32_t m) { return three(0xba40, 0, m, d); }

// any registers, no flags but cmp's; cmp_high: not two low ones
constexpr uint32_t add_high(uint32_t d, uint32_t m) { return high(0x4400, d, m); }
constexpr uint32_t cmp_high(uint32_t n, uint32_t m) { return high(0x4500, n, m); }
constexpr uint32_t mov_high(uint32_t d, uint32_t m) { return high(0x4600, d, m); }
constexpr uint32_t blx(uint32_t m) { return 0x4780 | m << 3; }

// rt, [rn, rm]
constexpr uint32_t str_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5000, m, n, t); }
constexpr uint32_t strh_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5200, m, n, t); }
constexpr uint32_t strb_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5400, m, n, t); }
constexpr uint32_t ldrsb_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5600, m, n, t); }
constexpr uint32_t ldr_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5800, m, n, t); }
constexpr uint32_t ldrh_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5a00, m, n, t); }
constexpr uint32_t ldrb_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5c00, m, n, t); }
constexpr uint32_t ldrsh_at(uint32_t t, uint32_t n, uint32_t m) { return three(0x5e00, m, n, t); }

// rt, [rn, #offset]: a multiple of the size, up to 31 times it
constexpr uint32_t str(uint32_t t, uint32_t n, uint32_t offset) { return three(0x6000, offset / 4, n, t); }
constexpr uint32_t ldr(uint32_t t, uint32_t n, uint32_t offset) { return three(0x6800, offset / 4, n, t); }
constexpr uint32_t strb(uint32_t t, uint32_t n, uint32_t offset) { return three(0x7000, offset, n, t); }
constexpr uint32_t ldrb(uint32_t t, uint32_t n, uint32_t offset) { return three(0x7800, offset, n, t); }
constexpr uint32_t strh(uint32_t t, uint32_t n, uint32_t offset) { return three(0x8000, offset / 2, n, t); }
constexpr uint32_t ldrh(uint32_t t, uint32_t n, uint32_t offset) { return three(0x8800, offset / 2, n, t); }

/// rt, [pc, #offset]: pc is the address of the instruction + 4, rounded down to a multiple of 4
constexpr uint32_t ldr_literal(uint32_t t, uint32_t offset) { return byte(0x4800, t, offset / 4); }

/// Condition codes; the lowest bit turns one into its opposite.
enum Condition : uint32_t {
    kEqual = 0,
    kNotEqual = 1,
    kNotBelow = 2,
    kBelow = 3,
    kAbove = 8,
    kNotAbove = 9,
    kNotLess = 10,
    kLess = 11,
    kGreater = 12,
    kNotGreater = 13
};

// Branches: the distance in halfwords from the branch to its target.
constexpr uint32_t b_if(uint32_t condition, uint32_t distance) {
    return byte(0xd000, condition, (distance - 2) & 0xff);
}
constexpr uint32_t b(uint32_t distance) { return 0xe000 | ((distance - 2) & 0x7ff); }
/// bl within 2^21 halfwords, where the bits J1 and J2 are 1: two halfwords.
constexpr uint32_t bl_first(uint32_t distance) { return 0xf000 | ((distance - 2) >> 11 & 0x7ff); }
constexpr uint32_t bl_second(uint32_t distance) { return 0xf800 | ((distance - 2) & 0x7ff); }
/// Is a halfword before a known instruction boundary the second of a bl?
constexpr bool is_bl_second(uint32_t halfword) { return halfword >> 11 == 31; }

} // namespace limpet::bpf_alu32::thumb
