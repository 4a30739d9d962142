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

// The register fields, known to be below 16.
constexpr uint32_t rd_low(uint32_t insn) { return field(insn, 10, 7); }
constexpr uint32_t rs1_low(uint32_t insn) { return field(insn, 18, 15); }
constexpr uint32_t rs2_low(uint32_t insn) { return field(insn, 23, 20); }
constexpr uint32_t c_rs2_low(uint32_t insn) { return field(insn, 5, 2); }

/// Is any of these bits of a 32-bit instruction set? Without 16-bit instructions, nothing has made sure yet that it is
/// one, bits 1:0 being 3.
template <Isa isa> constexpr bool any(uint32_t insn, uint32_t bits) {
    return isa.compressed ? (insn & bits) != 0 : (insn & (bits | 3)) != 3;
}

template <class Host> [[gnu::always_inline]] inline void set(Machine<Host>& m, uint32_t rd, uint32_t value) {
    if (rd != 0) m.vm.x[rd] = value;
}

// Where a result goes to. The number of the register is taken from the instruction as late as possible.

/// The register in bits 11:7, known to be below 16.
struct InRd {
    uint32_t insn;
    [[nodiscard]] uint32_t number() const { return rd_low(insn); }
    template <class Host> void set(Machine<Host>& m, uint32_t value) const { rv32_goto::set(m, number(), value); }
};
/// A register that is not x0, or that the result is 0 for then.
struct In {
    uint32_t register_number;
    [[nodiscard]] uint32_t number() const { return register_number; }
    template <class Host> void set(Machine<Host>& m, uint32_t value) const { m.vm.x[register_number] = value; }
};
/// One of x8..x15, by the three bits from `low` on. It can be read, too.
template <unsigned low> struct InPrime {
    uint32_t insn;
    uint32_t* x;
    [[nodiscard]] uint32_t index() const { return field(insn, low + 2, low); }
    [[nodiscard]] uint32_t number() const { return 8 + index(); }
    [[nodiscard]] uint32_t operator()() const { return opaque(x + index())[8]; }
    template <class Host> void set(Machine<Host>&, uint32_t value) const { opaque(x + index())[8] = value; }
};

// The ends of handlers.

template <class Host> [[gnu::always_inline]] inline Then compute(Machine<Host>& m, uint32_t operation, uint32_t a,
                                                                 uint32_t b, auto rd, bool alternate = false) {
    uint32_t value = alu(operation, a, b);
    if (alternate) value = alu(operation | kAlternate, a, b);
    rd.set(m, value);
    return Then::kNext;
}

/// OP or OP-IMM of m.a and m.b, as `funct3` demands: the shared end of lean handlers. False: a shift with a wrong
/// funct7.
template <uint32_t funct3, class Host> [[gnu::always_inline]] inline bool compute_shared(Machine<Host>& m) {
    constexpr uint32_t alternate_allowed = funct3 == kSr ? kBit30 : 0;
    if ((funct3 & 3) == kSll && (m.insn & kFunct7 & ~alternate_allowed) != 0) return false;
    const uint32_t a = m.a;
    m.a = alu(funct3, a, m.b);
    if ((m.insn & alternate_allowed) != 0) m.a = alu(funct3 | kAlternate, a, m.b);
    return true;
}

template <bool shared, class Host> [[gnu::always_inline]] inline Then write(Machine<Host>& m, uint32_t value, auto rd) {
    if constexpr (shared) {
        m.a = value;
        return Then::kWrite;
    }
    rd.set(m, value);
    return Then::kNext;
}

template <bool shared, class Host>
[[gnu::always_inline]] inline Then load(Machine<Host>& m, uint32_t funct3, uint32_t address, auto rd) {
    m.address = address;
    if constexpr (shared) {
        m.operation = funct3;
        return Then::kLoad;
    }
    const uint32_t offset = offset_of(m.host, address);
    if (!m.data.loadable(offset, access_size(funct3))) return Then::kAccess;
    const uint32_t value = load_aligned(funct3, m.data, offset);
    rd.set(m, value);
    return Then::kNext;
}

/// `value` is a function: what it gives is fetched as late as possible.
template <Setting setting, class Host>
[[gnu::always_inline]] inline Then store(Machine<Host>& m, uint32_t funct3, uint32_t address, auto value) {
    m.address = address;
    if constexpr (setting.lean) {
        m.operation = funct3;
        m.b = value();
        return Then::kStore;
    }
    const uint32_t offset = offset_of(m.host, address);
    if (!m.data.storable(offset, access_size(funct3))) return Then::kAccess;
    store_aligned(funct3, m.data, offset, value());
    return Then::kNext;
}

template <class Host> [[gnu::always_inline]] inline Then jump(Machine<Host>& m, Place target) {
    m.target = target;
    return Then::kJump;
}

/// One comparison for each kind of branch: smaller and faster than one for all.
[[gnu::always_inline]] inline Then branch(uint32_t funct3, uint32_t a, uint32_t b) {
    switch (funct3) {
    case kBeq: return branch_taken(kBeq, a, b) ? Then::kBranch : Then::kNext;
    case kBne: return branch_taken(kBne, a, b) ? Then::kBranch : Then::kNext;
    case kBlt: return branch_taken(kBlt, a, b) ? Then::kBranch : Then::kNext;
    case kBge: return branch_taken(kBge, a, b) ? Then::kBranch : Then::kNext;
    case kBltu: return branch_taken(kBltu, a, b) ? Then::kBranch : Then::kNext;
    case kBgeu: return branch_taken(kBgeu, a, b) ? Then::kBranch : Then::kNext;
    default: return Then::kRare;
    }
}

template <class Host> [[gnu::always_inline]] inline Then link(Machine<Host>& m, uint32_t rd, Place target) {
    m.target = target;
    m.rd = rd;
    return Then::kLink;
}

/// The same, where the target is a number in a register. rd may be x0.
template <class Host> [[gnu::always_inline]] inline Then link_to(Machine<Host>& m, uint32_t rd, uint32_t address) {
    m.address = address;
    m.rd = rd;
    return Then::kLinkTo;
}

template <Isa isa, Setting setting, Handler handler, class Host>
[[gnu::always_inline]] inline Then execute_16(Machine<Host>& m) {
    uint32_t* const x = m.vm.x;
    const uint32_t insn = m.insn;
    const uint32_t sign = !has_sign(setting, handler.format) ? c_sign(insn) : handler.sign ? 0xffffffff : 0;
    const bool rd_16 = setting.lean && (insn & kRd16) != 0; // unless lean, the key tells that it is not
    const InRd rd{insn};
    const InPrime<7> high{insn, x};
    const InPrime<2> low{insn, x};
    switch (handler.format) {
    case Format::kCAddi4spn:
        if (c_imm_addi4spn(insn) == 0) return Then::kRare;
        return compute(m, kAdd, x[2], c_imm_addi4spn(insn), low);
    case Format::kCLw: return load<false>(m, kWord, high() + c_imm_lw(insn), low);
    case Format::kCSw: return store<setting>(m, kWord, high() + c_imm_lw(insn), low);
    case Format::kCAddi: // c.nop too
        if (rd_16) return Then::kRare;
        return compute(m, kAdd, x[rd_low(insn)], c_imm(insn, sign), rd);
    case Format::kCJ: // lean: c.jal too
        if (setting.lean && (insn & 0x8000) == 0) return link(m, 1, m.behind_pc(c_imm_j(insn) - 2));
        return jump(m, m.behind_pc(c_imm_j(insn) - 2));
    case Format::kCJal: return link(m, 1, m.behind_pc(c_imm_j(insn) - 2));
    case Format::kCLi:
        if (rd_16) return Then::kRare;
        return write<setting.lean>(m, c_imm(insn, sign), rd);
    case Format::kCLui: // c.addi16sp too
        if (rd_16 || c_imm_lui(insn) == 0) return Then::kRare;
        if (rd_low(insn) == 2) return compute(m, kAdd, x[2], c_imm_addi16sp(insn), In{2});
        return write<setting.lean>(m, c_imm_lui(insn), rd);
    case Format::kCShift: return compute(m, kSr, high(), c_shamt(insn), high, handler.op == Op::kSrai);
    case Format::kCAndi: // lean: its immediate is negative
        if (setting.lean && (insn & 0xc00) != 0x800) return Then::kRare;
        return compute(m, kAnd, high(), c_imm(insn, setting.lean ? 0xffffffff : sign), high);
    case Format::kCArith: { // lean: bit 12 is clear, and it may be c.srli, c.srai or c.andi
        if (setting.lean && (insn & 0x800) == 0)
            return compute(m, kSr, high(), c_shamt(insn), high, (insn & 0x400) != 0);
        if (setting.lean && (insn & 0x400) == 0) return compute(m, kAnd, high(), c_imm(insn, 0), high);
        const In d{rd_low(insn)};
        const uint32_t a = x[d.number()];
        const uint32_t b = low();
        if ((insn & 0x40) == 0) {
            if ((insn & 0x20) == 0) return compute(m, kAdd | kAlternate, a, b, d);
            return compute(m, kXor, a, b, d);
        }
        if ((insn & 0x20) == 0) return compute(m, kOr, a, b, d);
        return compute(m, kAnd, a, b, d);
    }
    case Format::kCBranch:
        return branch_taken(handler.op == Op::kBeq ? kBeq : kBne, high(), 0) ? Then::kBranch : Then::kNext;
    case Format::kCSlli: {
        if (rd_16) return Then::kRare;
        const In d{rd_low(insn)};
        return compute(m, kSll, x[d.number()], c_shamt(insn), d);
    }
    case Format::kCLwsp:
        if (rd_16 || rd_low(insn) == 0) return Then::kRare;
        return load<setting.lean>(m, kWord, x[2] + c_imm_lwsp(insn), In{rd_low(insn)});
    case Format::kCSwsp:
        if (c_rs2(insn) > 15) return Then::kRare;
        return store<setting>(m, kWord, x[2] + c_imm_swsp(insn), [=] { return x[c_rs2_low(insn)]; });
    case Format::kCMv: // c.jr too
        if (rd_16 || c_rs2(insn) > 15) return Then::kRare;
        if (c_rs2_low(insn) != 0) return write<setting.lean>(m, x[c_rs2_low(insn)], rd);
        if (rd_low(insn) == 0) return Then::kRare;
        if (setting.lean) return link_to(m, 0, x[rd_low(insn)]);
        return jump(m, m.place(x[rd_low(insn)] & ~1U));
    case Format::kCAdd: // c.ebreak, c.jalr too
        if (rd_16 || c_rs2(insn) > 15) return Then::kRare;
        if (c_rs2_low(insn) != 0) return compute(m, kAdd, x[rd_low(insn)], x[c_rs2_low(insn)], rd);
        if (rd_low(insn) == 0) return Then::kRare;
        return link_to(m, 1, x[rd_low(insn)]);
    case Format::kZcbLoad: return load<false>(m, kByteUnsigned, high() + zcb_imm_byte(insn), low);
    case Format::kZcbStore: // lean: it may be c.lbu, or reserved
        if (setting.lean && (insn & 0x400) != 0) return Then::kRare;
        if (setting.lean && (insn & 0x800) == 0) return load<false>(m, kByteUnsigned, high() + zcb_imm_byte(insn), low);
        return store<setting>(m, kByte, high() + zcb_imm_byte(insn), low);
    case Format::kCXShift: return compute(m, handler.op == Op::kSlli ? kSll : kSr, high(), cx_shamt(insn), low);
    case Format::kCXBranch:
        if (!branch_taken(handler.op == Op::kBltu ? kBltu : kBgeu, high(), low())) return Then::kNext;
        return jump(m, m.behind_pc(cx_imm_b(insn) - 2));
    case Format::kCXLi:
        if (rd_16) return Then::kRare;
        return write<setting.lean>(m, c_imm(insn, sign) + kXLi, rd);
    case Format::kCXLoadSp: return load<false>(m, kByteUnsigned, x[2] + cx_imm_sp(insn), InRd{insn << 5}); // from 5:2
    case Format::kCXStoreSp: return store<setting>(m, kByte, x[2] + cx_imm_sp(insn), [=] { return x[cx_rd(insn)]; });
    default: return Then::kRare;
    }
}

template <Isa isa, Setting setting, Handler handler, class Host>
[[gnu::always_inline]] inline Then execute_32(Machine<Host>& m) {
    uint32_t* const x = m.vm.x;
    const uint32_t insn = m.insn;
    const uint32_t f3 = handler.funct3 == kAnyFunct3 ? funct3(insn) : handler.funct3;
    const uint32_t alternate_allowed = f3 == kAdd || f3 == kSr ? kBit30 : 0;
    const auto rs1 = [=] { return x[rs1_low(insn)]; };
    const auto rs2 = [=] { return x[rs2_low(insn)]; };
    const InRd rd{insn};
    switch (handler.format) {
    case Format::kR: {
        constexpr uint32_t registers = kRd16 | kRs1_16 | kRs2_16;
        const uint32_t alternate = setting.lean ? kBit30 : alternate_allowed;
        if (any<isa>(insn, (kFunct7 | registers) & ~alternate)) {
            if (!isa.multiply || f3 != kMul || any<isa>(insn, registers) || funct7(insn) != 1) return Then::kRare;
            return write<setting.lean>(m, rs1() * rs2(), rd);
        }
        if constexpr (setting.lean) {
            m.a = rs1();
            m.b = rs2();
            if ((insn & kBit30) != 0) {
                if (f3 == kAdd)
                    m.b = 0 - m.b; // sub: so that kAdd needs no question
                else if (f3 != kSr)
                    return Then::kRare;
            }
            return Then::kAlu;
        }
        return compute(m, f3, rs1(), rs2(), rd, (insn & alternate_allowed) != 0);
    }
    case Format::kI:
    case Format::kShift: {
        if constexpr (setting.lean) {
            if (any<isa>(insn, kRd16 | kRs1_16)) return Then::kRare;
            m.a = rs1();
            m.b = imm_i(insn);
            return Then::kAlu;
        }
        const bool shifts = (f3 & 3) == kSll; // kSr, too
        const uint32_t other_funct7 = shifts ? kFunct7 & ~alternate_allowed : 0;
        if (any<isa>(insn, kRd16 | kRs1_16 | other_funct7)) return Then::kRare;
        const bool is_alternate = shifts && (insn & alternate_allowed) != 0;
        return compute(m, f3, rs1(), shifts ? shamt(insn) : imm_i(insn), rd, is_alternate);
    }
    case Format::kLoad: // jalr too
        if (any<isa>(insn, kRd16 | kRs1_16)) return Then::kRare;
        if (handler.op == Op::kJalr) {
            if (f3 != 0) return Then::kRare;
            return link(m, rd_low(insn), m.place((rs1() + imm_i(insn)) & ~1U));
        }
        if (!is_load(f3)) return Then::kRare;
        return load<setting.lean>(m, f3, rs1() + imm_i(insn), rd);
    case Format::kStore:
        if (any<isa>(insn, kRs1_16 | kRs2_16) || !is_store(f3)) return Then::kRare;
        return store<setting>(m, f3, rs1() + imm_s(insn), rs2);
    case Format::kBranch:
        if (any<isa>(insn, kRs1_16 | kRs2_16)) return Then::kRare;
        return branch(f3, rs1(), rs2());
    case Format::kUpper: {
        if (any<isa>(insn, kRd16) || is_cut(m)) return Then::kRare;
        uint32_t upper = imm_u(insn);
        if (setting.lean ? (insn & 0x20) == 0 : handler.op == Op::kAuipc) upper += m.guest_address(m.pc - 4);
        return write<setting.lean>(m, upper, rd);
    }
    case Format::kJump:
        if (any<isa>(insn, kRd16) || is_cut(m)) return Then::kRare;
        return link(m, rd_low(insn), m.behind_pc(imm_j(insn) - 4));
    default: return Then::kRare;
    }
}

} // namespace limpet::rv32_goto
