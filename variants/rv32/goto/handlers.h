/// \file
/// The handlers of rv32-goto: one function per instruction format, compiled for each handler of the dispatch tables.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/semantics.h"
#include "keys.h"
#include "machine.h"

namespace limpet::rv32_goto {

constexpr uint32_t kRd16 = 1U << 11; ///< the bit of each register field of a 32-bit instruction that RV32E reserves
constexpr uint32_t kRs1_16 = 1U << 19;
constexpr uint32_t kRs2_16 = 1U << 24;

constexpr uint32_t kFunct7 = 0xfe000000;
constexpr uint32_t kBit30 = 1U << 30; ///< of funct7: sub, sra, srai
constexpr uint32_t kBit25 = 1U << 25; ///< of funct7: M

// The register fields, known to be below 16.
constexpr uint32_t rd_low(uint32_t insn) { return field(insn, 10, 7); }
constexpr uint32_t rs1_low(uint32_t insn) { return field(insn, 18, 15); }
constexpr uint32_t rs2_low(uint32_t insn) { return field(insn, 23, 20); }
constexpr uint32_t c_rs2_low(uint32_t insn) { return field(insn, 5, 2); }

/// Index of the three-bit register fields, from x8.
constexpr uint32_t low(uint32_t insn) { return field(insn, 4, 2); }
constexpr uint32_t high(uint32_t insn) { return field(insn, 9, 7); }

/// Is any of these bits of a 32-bit instruction set? Without 16-bit instructions, nothing has made sure yet that it is
/// one, bits 1:0 being 3.
template <Isa isa> constexpr bool any(uint32_t insn, uint32_t bits) {
    return isa.compressed ? (insn & bits) != 0 : (insn & (bits | 3)) != 3;
}

/// What a 16-bit form does, as alu() counts it.
constexpr uint32_t operation(Op op) {
    switch (op) {
    case Op::kSrli: return kSr;
    case Op::kSrai: return kSr | kAlternate;
    default: return kAdd;
    }
}

template <class Host> [[gnu::always_inline]] inline Then set(Machine<Host>& m, uint32_t rd, uint32_t value) {
    if (rd != 0) m.vm.x[rd] = value;
    return Then::kNext;
}

template <uint32_t funct3, class Host>
[[gnu::always_inline]] inline bool load(Machine<Host>& m, uint32_t address, uint32_t& value) {
    const uint32_t offset = offset_of(m.host, address);
    m.address = address;
    if (!m.data.template loadable<access_size(funct3)>(offset)) return false;
    value = load_aligned<funct3>(m.data, offset);
    return true;
}

/// `value` is a function, so that what it gives is fetched as late as possible.
template <uint32_t funct3, class Host>
[[gnu::always_inline]] inline Then store(Machine<Host>& m, uint32_t address, auto value) {
    const uint32_t offset = offset_of(m.host, address);
    m.address = address;
    if (!m.data.template storable<access_size(funct3)>(offset)) return Then::kAccess;
    store_aligned<funct3>(m.data, offset, value());
    return Then::kNext;
}

template <class Host> [[gnu::always_inline]] inline Then jump(Machine<Host>& m, Place target) {
    m.target = target;
    return Then::kJump;
}

template <class Host> [[gnu::always_inline]] inline Then link(Machine<Host>& m, uint32_t rd, Place target) {
    m.target = target;
    m.rd = rd;
    return Then::kLink;
}

template <Isa isa, Handler handler, class Host> [[gnu::always_inline]] inline Then execute_16(Machine<Host>& m) {
    uint32_t* const x = m.vm.x;
    const uint32_t insn = m.insn;
    constexpr uint32_t sign = handler.sign ? 0xffffffff : 0;
    uint32_t value = 0;
    if constexpr (!handler.legal) return Then::kRare;
    switch (handler.format) {
    case Format::kCAddi4spn:
        value = c_imm_addi4spn(insn);
        if (value == 0) return Then::kRare;
        opaque(x + low(insn))[8] = x[2] + value;
        return Then::kNext;
    case Format::kCLw:
        if (!load<kWord>(m, opaque(x + high(insn))[8] + c_imm_lw(insn), value)) return Then::kAccess;
        opaque(x + low(insn))[8] = value;
        return Then::kNext;
    case Format::kCSw:
        return store<kWord>(m, opaque(x + high(insn))[8] + c_imm_lw(insn), [=] { return opaque(x + low(insn))[8]; });
    case Format::kCAddi: { // c.nop too
        const uint32_t rd = rd_low(insn);
        if (rd != 0) x[rd] += c_imm(insn, sign);
        return Then::kNext;
    }
    case Format::kCJ: return jump(m, m.behind_pc(c_imm_j(insn) - 2));
    case Format::kCJal: return link(m, 1, m.behind_pc(c_imm_j(insn) - 2));
    case Format::kCLi: value = c_imm(insn, sign); return set(m, rd_low(insn), value);
    case Format::kCLui: // c.addi16sp too
        value = c_imm_lui(insn);
        if (value == 0) return Then::kRare;
        if (rd_low(insn) == 2) value = x[2] + c_imm_addi16sp(insn);
        return set(m, rd_low(insn), value);
    case Format::kCShift: {
        uint32_t& d = opaque(x + high(insn))[8];
        d = alu(operation(handler.op), d, c_shamt(insn));
        return Then::kNext;
    }
    case Format::kCAndi: opaque(x + high(insn))[8] &= c_imm(insn, sign); return Then::kNext;
    case Format::kCArith: {
        uint32_t& d = x[rd_low(insn)]; // bit 10 is set
        const uint32_t b = opaque(x + low(insn))[8];
        if ((insn & 0x40) == 0) {
            if ((insn & 0x20) == 0)
                d = alu(kAdd | kAlternate, d, b);
            else
                d = alu(kXor, d, b);
        } else {
            if ((insn & 0x20) == 0)
                d = alu(kOr, d, b);
            else
                d = alu(kAnd, d, b);
        }
        return Then::kNext;
    }
    case Format::kCBranch:
        if (!branch_taken(handler.op == Op::kBeq ? kBeq : kBne, opaque(x + high(insn))[8], 0)) return Then::kNext;
        return Then::kBranch;
    case Format::kCSlli: {
        uint32_t& d = x[rd_low(insn)];
        d = alu(kSll, d, c_shamt(insn)); // 0 << n is 0
        return Then::kNext;
    }
    case Format::kCLwsp: {
        if (rd_low(insn) == 0) return Then::kRare;
        if (!load<kWord>(m, x[2] + c_imm_lwsp(insn), value)) return Then::kAccess;
        x[rd_low(insn)] = value;
        return Then::kNext;
    }
    case Format::kCSwsp:
        if (c_rs2(insn) > 15) return Then::kRare;
        return store<kWord>(m, x[2] + c_imm_swsp(insn), [=] { return x[c_rs2_low(insn)]; });
    case Format::kCMv:
    case Format::kCAdd: { // c.jr, c.ebreak, c.jalr too
        constexpr bool add = handler.format == Format::kCAdd;
        if ((insn & 0x40) != 0) return Then::kRare;
        const uint32_t rs2 = c_rs2_low(insn);
        const uint32_t rd = rd_low(insn);
        if (rs2 != 0) return set(m, rd, add ? x[rd] + x[rs2] : x[rs2]);
        if (rd == 0) return Then::kRare;
        const Place target = m.place(x[rd] & ~1U);
        return add ? link(m, 1, target) : jump(m, target);
    }
    default: return Then::kRare;
    }
}

template <Isa isa, Handler handler, class Host> [[gnu::always_inline]] inline Then execute_32(Machine<Host>& m) {
    uint32_t* const x = m.vm.x;
    const uint32_t insn = m.insn;
    constexpr uint32_t funct3 = handler.funct3;
    constexpr bool has_alternate = funct3 == kAdd || funct3 == kSr;
    uint32_t value = 0;
    if constexpr (!handler.legal) return Then::kRare;
    switch (handler.format) {
    case Format::kR: {
        if (any<isa>(insn, (kFunct7 | kRd16 | kRs1_16 | kRs2_16) & ~(has_alternate ? kBit30 : 0))) {
            if (!isa.multiply || (insn & (kFunct7 | kRd16 | kRs1_16 | kRs2_16)) != kBit25) return Then::kRare;
            value = multiply_divide(funct3, x[rs1_low(insn)], x[rs2_low(insn)]);
            return set(m, rd_low(insn), value);
        }
        const uint32_t a = x[rs1_low(insn)];
        const uint32_t b = x[rs2_low(insn)];
        value = alu(funct3, a, b);
        if (has_alternate && (insn & kBit30) != 0) value = alu(funct3 | kAlternate, a, b);
        return set(m, rd_low(insn), value);
    }
    case Format::kI:
        if (any<isa>(insn, kRd16 | kRs1_16)) return Then::kRare;
        value = alu(funct3, x[rs1_low(insn)], imm_i(insn));
        return set(m, rd_low(insn), value);
    case Format::kShift: {
        if (any<isa>(insn, (kFunct7 | kRd16 | kRs1_16) & ~(funct3 == kSr ? kBit30 : 0))) return Then::kRare;
        const uint32_t a = x[rs1_low(insn)];
        value = alu(funct3, a, shamt(insn));
        if (funct3 == kSr && (insn & kBit30) != 0) value = alu(funct3 | kAlternate, a, shamt(insn));
        return set(m, rd_low(insn), value);
    }
    case Format::kLoad:
        if (any<isa>(insn, kRd16 | kRs1_16)) return Then::kRare;
        value = x[rs1_low(insn)] + imm_i(insn);
        if (handler.op == Op::kJalr) return link(m, rd_low(insn), m.place(value & ~1U));
        if (!load<funct3>(m, value, value)) return Then::kAccess;
        return set(m, rd_low(insn), value);
    case Format::kStore:
        if (any<isa>(insn, kRs1_16 | kRs2_16)) return Then::kRare;
        return store<funct3>(m, x[rs1_low(insn)] + imm_s(insn), [=] { return x[rs2_low(insn)]; });
    case Format::kBranch:
        if (any<isa>(insn, kRs1_16 | kRs2_16)) return Then::kRare;
        if (!branch_taken(funct3, x[rs1_low(insn)], x[rs2_low(insn)])) return Then::kNext;
        return Then::kBranch;
    case Format::kUpper:
        if (any<isa>(insn, kRd16) || is_cut(m)) return Then::kRare;
        value = imm_u(insn) + (handler.op == Op::kLui ? 0 : m.guest_address(m.pc - 4));
        return set(m, rd_low(insn), value);
    case Format::kJump:
        if (any<isa>(insn, kRd16) || is_cut(m)) return Then::kRare;
        return link(m, rd_low(insn), m.behind_pc(imm_j(insn) - 4));
    case Format::kFence: return any<isa>(insn, 0) || is_cut(m) ? Then::kRare : Then::kNext;
    default: return Then::kRare; // kNone, kHostCall
    }
}

} // namespace limpet::rv32_goto
