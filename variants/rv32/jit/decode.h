/// \file
/// What rv32-jit makes of an instruction before it translates it, or carries it out by itself: one form for the 16-bit
/// and the 32-bit encodings.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/run.h"
#include "../../../interp/rv32/semantics.h"

namespace limpet::rv32_jit {

using namespace limpet::rv32;

/// Bits 6:2 of a 32-bit instruction (unprivileged specification, "RISC-V base opcode map").
enum Kind : uint8_t {
    kLoad = 0x00,
    kHostCall = 0x02, // custom-0
    kFence = 0x03,
    kOpImm = 0x04,
    kAuipc = 0x05,
    kStore = 0x08,
    kOp = 0x0c,
    kLui = 0x0d,
    kBranch = 0x18,
    kJalr = 0x19,
    kJal = 0x1b,
    kSystem = 0x1c, // imm: 0 ecall, 1 ebreak
    kCut = 0x1e,    // behind the end of the code, or cut off by it
    kIllegal = 0x1f // bits 4:2 = 7: longer formats, which are reserved
};

/// Added to the funct3 of OP: multiply or divide.
inline constexpr uint32_t kMultiplyDivide = 16;

struct Decoded {
    uint8_t kind;
    uint8_t f3; ///< funct3; of OP and OP-IMM with kAlternate or kMultiplyDivide
    uint8_t rd; ///< 0 where an instruction has no such register
    uint8_t rs1;
    uint8_t rs2;
    uint8_t length; ///< bytes
    uint32_t imm;   ///< of shifts the amount; of host calls the id
};

/// The same in two registers, which a call returns without memory. High: the immediate. Low: the 32-bit instruction
/// without immediate, and with fields 0 that it has not: funct7's bits 30 and 25 are those of kAlternate and
/// kMultiplyDivide. Bit 1 is 0 for a 16-bit form.
using Packed = uint64_t;

inline constexpr uint32_t kAlternateBit = 1U << 30;
inline constexpr uint32_t kMultiplyDivideBit = 1U << 25;

[[gnu::always_inline]] inline Decoded unpack(Packed packed) {
    const auto low = static_cast<uint32_t>(packed);
    return {.kind = static_cast<uint8_t>(field(low, 6, 2)),
            .f3 = static_cast<uint8_t>(field(low, 14, 12) | field(low, 30, 30, 3) | field(low, 25, 25, 4)),
            .rd = static_cast<uint8_t>(field(low, 10, 7)),
            .rs1 = static_cast<uint8_t>(field(low, 18, 15)),
            .rs2 = static_cast<uint8_t>(field(low, 23, 20)),
            .length = static_cast<uint8_t>(2 + (low & 2)),
            .imm = static_cast<uint32_t>(packed >> 32)};
}

/// The low word of a kind with a funct3.
constexpr uint32_t low_word(Kind kind, uint32_t f3 = 0) { return static_cast<uint32_t>(kind) << 2 | f3 << 12; }

constexpr Packed packed(uint32_t imm, uint32_t low) { return Packed{imm} << 32 | low; }

/// The low word of sb, or of lbu.
constexpr uint32_t byte_access(bool stores, uint32_t reg) {
    return stores ? low_word(kStore, kByte) | reg << 20 : low_word(kLoad, kByteUnsigned) | reg << 7;
}

[[gnu::always_inline]] inline uint32_t halfword_at(uintptr_t address) {
    return *reinterpret_cast<const uint16_t*>(address);
}

/// The 16-bit forms of Xlimpet.
[[gnu::always_inline]] inline Packed decode_x(uint32_t insn) {
    const uint32_t f3 = c_funct3(insn);
    const uint32_t rs1 = c_high(insn) << 15;
    const uint32_t low = c_low(insn);
    switch ((insn & 3) << 3 | f3) {
    case 0x01: // c.x.slli
    case 0x05: // c.x.srli; f3 is that of slli, srli
        return packed(cx_shamt(insn), low_word(kOpImm, f3) | low << 7 | rs1);
    case 0x03: // c.x.bltu
    case 0x07: // c.x.bgeu
        return packed(cx_imm_b(insn), low_word(kBranch, kBltu + (f3 >> 2)) | rs1 | low << 20);
    case 0x04: // c.lbu, c.sb; bits 12 and 10 are of other instructions
        if ((insn & 0x1400) != 0) break;
        return packed(zcb_imm_byte(insn), byte_access((insn & 0x800) != 0, low) | rs1);
    case 0x11: // c.x.li
        return packed(c_imm(insn) + kXLi, low_word(kOpImm) | (insn & 0xf80));
    case 0x13: // c.x.lbusp, c.x.sbsp
        return packed(cx_imm_sp(insn), byte_access((insn & 0x1000) != 0, cx_rd(insn)) | 2 << 15);
    case 0x15: // c.x.call
        return packed(cx_id(insn), low_word(kHostCall));
    default: break;
    }
    return low_word(kIllegal);
}

/// The 16-bit forms, except those with opcode bits 3.
template <Isa isa> [[gnu::always_inline]] inline Packed decode_16(uint32_t insn) {
    const uint32_t rd = insn & 0xf80; // at the place of rd
    const uint32_t rs1 = rd << 8;     // and of rs1
    const uint32_t rs2 = (insn & 0x7c) << 18;
    const uint32_t low = c_low(insn);
    const uint32_t high = c_high(insn);
    const uint32_t f3 = c_funct3(insn);
    switch ((insn & 3) << 3 | f3) {
    case 0x00: { // c.addi4spn
        const uint32_t imm = c_imm_addi4spn(insn);
        if (imm == 0) break;
        return packed(imm, low_word(kOpImm) | low << 7 | 2 << 15);
    }
    case 0x02: // c.lw
        return packed(c_imm_lw(insn), low_word(kLoad, kWord) | low << 7 | high << 15);
    case 0x06: // c.sw
        return packed(c_imm_lw(insn), low_word(kStore, kWord) | low << 20 | high << 15);
    case 0x08: // c.addi, c.nop
        return packed(c_imm(insn), low_word(kOpImm) | rd | rs1);
    case 0x0a: // c.li
        return packed(c_imm(insn), low_word(kOpImm) | rd);
    case 0x09: // c.jal
        return packed(c_imm_j(insn), low_word(kJal) | 1 << 7);
    case 0x0d: // c.j
        return packed(c_imm_j(insn), low_word(kJal));
    case 0x0b: { // c.addi16sp, c.lui
        const bool is_add = rd == 2 << 7;
        const uint32_t imm = is_add ? c_imm_addi16sp(insn) : c_imm_lui(insn);
        if (imm == 0) break;
        return packed(imm, is_add ? low_word(kOpImm) | rd | rs1 : low_word(kLui) | rd);
    }
    case 0x0c: { // c.srli, c.srai, c.andi, c.sub, c.xor, c.or, c.and
        const uint32_t which = field(insn, 11, 10);
        const uint32_t both = high << 7 | high << 15;
        if (which == 2) return packed(c_imm(insn), low_word(kOpImm, kAnd) | both);
        if ((insn & 0x1000) != 0) break;
        if (which != 3) return packed(field(insn, 6, 2), low_word(kOpImm, kSr) | both | which << 30);
        const uint32_t operation = field(insn, 6, 5);
        if (operation == 0) return packed(0, low_word(kOp, kAdd) | kAlternateBit | both | low << 20);
        // c.xor, c.or, c.and: 4, 6, 7
        return packed(0, low_word(kOp, operation + 4 - (operation == 1)) | both | low << 20);
    }
    case 0x0e: // c.beqz
    case 0x0f: // c.bnez
        return packed(c_imm_b(insn), low_word(kBranch, f3 & 1) | high << 15);
    case 0x10: // c.slli
        if ((insn & 0x1000) != 0) break;
        return packed(field(insn, 6, 2), low_word(kOpImm, kSll) | rd | rs1);
    case 0x12: // c.lwsp
        if (rd == 0) break;
        return packed(c_imm_lwsp(insn), low_word(kLoad, kWord) | rd | 2 << 15);
    case 0x14: { // c.jr, c.mv, c.ebreak, c.jalr, c.add
        const uint32_t bit_12 = field(insn, 12, 12);
        if (rs2 != 0) { // c.mv as addi
            const uint32_t sources = bit_12 != 0 ? low_word(kOp) | rs1 | rs2 : low_word(kOpImm) | rs2 >> 5;
            return packed(0, sources | rd);
        }
        if (rd != 0) return packed(0, low_word(kJalr) | rs1 | bit_12 << 7);
        if (bit_12 != 0) return packed(1, low_word(kSystem));
        break;
    }
    case 0x16: // c.swsp
        return packed(c_imm_swsp(insn), low_word(kStore, kWord) | rs2 | 2 << 15);
    default:
        if constexpr (isa.xlimpet) return decode_x(insn);
    }
    return low_word(kIllegal);
}

template <Isa isa> [[gnu::always_inline]] inline Packed decode_32(uint32_t insn) {
    const uint32_t f3 = funct3(insn);
    uint32_t imm = imm_i(insn);
    uint32_t fields = 0x000fffff;
    bool legal = true;
    switch (field(insn, 6, 2)) {
    case kLui:
    case kAuipc:
        imm = imm_u(insn);
        fields = 0xfff;
        break;
    case kJal:
        imm = imm_j(insn);
        fields = 0xfff;
        break;
    case kJalr: legal = f3 == 0; break;
    case kLoad: legal = is_load(f3); break;
    case kStore:
        imm = imm_s(insn);
        legal = is_store(f3);
        fields = 0x01fff07f;
        break;
    case kBranch:
        imm = imm_b(insn);
        legal = (f3 & 6) != 2;
        fields = 0x01fff07f;
        break;
    case kFence:
        legal = f3 == 0;
        fields = 0x7f;
        break;
    case kHostCall:
        imm = insn >> 20;
        legal = (insn & 0x000fff80) == 0;
        break;
    case kSystem:
        imm = insn >> 20;
        legal = (insn & ~(1U << 20)) == 0x73;
        break;
    case kOp:
        fields = 0x01ffffff | kAlternateBit | kMultiplyDivideBit;
        if (isa.multiply && funct7(insn) == 1) break;
        legal = funct7(insn) == 0 || (funct7(insn) == 0x20 && (f3 == kAdd || f3 == kSr));
        break;
    case kOpImm:
        if ((f3 & 3) != 1) break;
        imm = field(insn, 24, 20);
        fields |= kAlternateBit;
        legal = funct7(insn) == 0 || (funct7(insn) == 0x20 && f3 == kSr);
        break;
    default: legal = false;
    }
    return packed(imm, legal ? insn & fields : low_word(kIllegal) | 2);
}

/// What was decoded, or an illegal instruction when it names one of x16 to x31: the highest bits of rd, rs1 and rs2.
[[gnu::always_inline]] inline Packed with_x0_to_x15(Packed decoded) {
    const auto low = static_cast<uint32_t>(decoded);
    return (low & 0x01080800) == 0 ? decoded : low_word(kIllegal) | (low & 2);
}

/// Decodes what is `offset` bytes into the code.
template <Isa isa> [[gnu::noinline]] Packed decode(const limpet_windows& window, const uint8_t* code, uint32_t offset) {
    if (offset >= window.code_size) return low_word(kCut);
    const auto address = reinterpret_cast<uintptr_t>(code) + offset;
    uint32_t insn = halfword_at(address);
    const uint32_t size = length<isa>(insn);
    if (size > window.code_size - offset) return low_word(kCut) | 2;
    if (isa.compressed && size == 2) return with_x0_to_x15(decode_16<isa>(insn));
    insn |= halfword_at(address + 2) << 16;
    if (!isa.compressed && (insn & 3) != 3) return low_word(kIllegal) | 2;
    return with_x0_to_x15(decode_32<isa>(insn));
}

} // namespace limpet::rv32_jit
