/// \file
/// rv32-switch: the readable reference. Each turn of the loop fetches an instruction, decodes it into what it does and
/// its operands (16-bit forms become what they abbreviate), and executes that. One unit of fuel is charged per
/// instruction, so the fuel that is left tells exactly how many were executed.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/run.h"
#include "../../../interp/rv32/semantics.h"

namespace limpet::rv32_switch {

using namespace limpet::rv32;

/// What an instruction does, after the 16-bit forms have been expanded.
enum class What : uint8_t {
    kIllegal,
    kAlu,
    kMultiply,
    kLoad,
    kStore,
    kBranch,
    kJump,
    kNothing,
    kBreakpoint,
    kEcall,
    kHostCall
};

/// A decoded instruction with its operands read from the registers.
struct Operation {
    What what = What::kIllegal;
    uint32_t rd = 0;        ///< 0: none
    uint32_t funct3 = 0;    ///< of the 32-bit form; host call: the id
    bool alternate = false; ///< sub, sra
    uint32_t a = 0;         ///< first operand; load, store: address; jump: target
    uint32_t b = 0;         ///< second operand; store: the value
    uint32_t target = 0;    ///< branch
};

[[gnu::always_inline]] inline Operation alu_row(uint32_t rd, uint32_t funct3, bool alternate, uint32_t a, uint32_t b) {
    return {.what = What::kAlu, .rd = rd, .funct3 = funct3, .alternate = alternate, .a = a, .b = b};
}
[[gnu::always_inline]] inline Operation load_row(uint32_t rd, uint32_t funct3, uint32_t address) {
    return {.what = What::kLoad, .rd = rd, .funct3 = funct3, .a = address};
}
[[gnu::always_inline]] inline Operation store_row(uint32_t funct3, uint32_t address, uint32_t value) {
    return {.what = What::kStore, .funct3 = funct3, .a = address, .b = value};
}
[[gnu::always_inline]] inline Operation branch_row(uint32_t funct3, uint32_t a, uint32_t b, uint32_t target) {
    return {.what = What::kBranch, .funct3 = funct3, .a = a, .b = b, .target = target};
}
[[gnu::always_inline]] inline Operation jump_row(uint32_t rd, uint32_t target) {
    return {.what = What::kJump, .rd = rd, .a = target};
}

/// The 32-bit instructions ("RV32/64G Instruction Set Listings"), by major opcode (bits 6:2).
template <Isa isa> [[gnu::always_inline]] inline Operation decode32(uint32_t insn, const uint32_t* x, uint32_t pc) {
    constexpr uint32_t rd16 = 1U << 11; // the bit of each register field that RV32E reserves
    constexpr uint32_t rs1_16 = 1U << 19;
    constexpr uint32_t rs2_16 = 1U << 24;
    const uint32_t f3 = funct3(insn);
    const uint32_t d = field(insn, 10, 7);
    const uint32_t a = x[field(insn, 18, 15)];
    const uint32_t b = x[field(insn, 23, 20)];
    const uint32_t f7 = funct7(insn);
    switch (field(insn, 6, 2)) {
    case 0x00: // LOAD
        if ((insn & (rd16 | rs1_16)) != 0 || !is_load(f3)) return {};
        return load_row(d, f3, a + imm_i(insn));
    case 0x02: // custom-0: host call
        if ((insn & 0x000fff80) != 0) return {};
        return {.what = What::kHostCall, .funct3 = insn >> 20};
    case 0x03: // MISC-MEM
        if (f3 != 0) return {};
        return {.what = What::kNothing};
    case 0x04: // OP-IMM
        if ((insn & (rd16 | rs1_16)) != 0) return {};
        if (f3 == kSll && f7 != 0) return {};
        if (f3 == kSr && (f7 & ~0x20U) != 0) return {};
        return alu_row(d, f3, f3 == kSr && f7 != 0, a, imm_i(insn));
    case 0x05: // AUIPC
        if ((insn & rd16) != 0) return {};
        return alu_row(d, kAdd, false, pc, imm_u(insn));
    case 0x08: // STORE
        if ((insn & (rs1_16 | rs2_16)) != 0 || !is_store(f3)) return {};
        return store_row(f3, a + imm_s(insn), b);
    case 0x0c: // OP
        if ((insn & (rd16 | rs1_16 | rs2_16)) != 0) return {};
        if (isa.multiply && f7 == 1) return {.what = What::kMultiply, .rd = d, .funct3 = f3, .a = a, .b = b};
        if (f7 != 0 && (f7 != 0x20 || (f3 != kAdd && f3 != kSr))) return {};
        return alu_row(d, f3, f7 != 0, a, b);
    case 0x0d: // LUI
        if ((insn & rd16) != 0) return {};
        return alu_row(d, kAdd, false, 0, imm_u(insn));
    case 0x18: // BRANCH
        if ((insn & (rs1_16 | rs2_16)) != 0 || (f3 & 6) == 2) return {};
        return branch_row(f3, a, b, pc + imm_b(insn));
    case 0x19: // JALR
        if ((insn & (rd16 | rs1_16)) != 0 || f3 != 0) return {};
        return jump_row(d, (a + imm_i(insn)) & ~1U);
    case 0x1b: // JAL
        if ((insn & rd16) != 0) return {};
        return jump_row(d, pc + imm_j(insn));
    case 0x1c: // SYSTEM
        if (insn == 0x00000073) return {.what = What::kEcall};
        if (insn == 0x00100073) return {.what = What::kBreakpoint};
        return {};
    default: return {};
    }
}

/// The 16-bit instructions (chapter "C"), by quadrant (bits 1:0) and funct3 (bits 15:13).
[[gnu::always_inline]] inline Operation decode16(uint32_t insn, const uint32_t* x, uint32_t pc) {
    const uint32_t d = c_rd(insn) & 15;
    const bool d16 = (insn & 0x800) != 0;
    const uint32_t low = c_low(insn);
    const uint32_t high = c_high(insn);
    const uint32_t imm = c_imm(insn);
    switch ((insn & 3) << 3 | c_funct3(insn)) {
    case 000: // c.addi4spn
        if (c_imm_addi4spn(insn) == 0) return {};
        return alu_row(low, kAdd, false, x[2], c_imm_addi4spn(insn));
    case 002: // c.lw
        return load_row(low, kWord, x[high] + c_imm_lw(insn));
    case 006: // c.sw
        return store_row(kWord, x[high] + c_imm_lw(insn), x[low]);
    case 010: // c.addi, c.nop
        if (d16) return {};
        return alu_row(d, kAdd, false, x[d], imm);
    case 011: // c.jal
        return jump_row(1, pc + c_imm_j(insn));
    case 012: // c.li
        if (d16) return {};
        return alu_row(d, kAdd, false, 0, imm);
    case 013: // c.addi16sp, c.lui
        if (imm == 0 || d16) return {};
        return d == 2 ? alu_row(2, kAdd, false, x[2], c_imm_addi16sp(insn))
                      : alu_row(d, kAdd, false, 0, c_imm_lui(insn));
    case 014: // arithmetic
        switch (field(insn, 11, 10)) {
        case 0: // c.srli
        case 1: // c.srai
            if (c_shamt(insn) > 31) return {};
            return alu_row(high, kSr, (insn & 0x400) != 0, x[high], imm);
        case 2: // c.andi
            return alu_row(high, kAnd, false, x[high], imm);
        default: { // c.sub, c.xor, c.or, c.and
            if ((insn & 0x1000) != 0) return {};
            const uint32_t which = field(insn, 6, 5);
            return alu_row(high, which == 0 ? kAdd : which == 1 ? kXor : which + 4, which == 0, x[high], x[low]);
        }
        }
    case 015: // c.j
        return jump_row(0, pc + c_imm_j(insn));
    case 016: // c.beqz
    case 017: // c.bnez
        return branch_row(c_funct3(insn) & 1, x[high], 0, pc + c_imm_b(insn));
    case 020: // c.slli
        if (c_shamt(insn) > 31 || d16) return {};
        return alu_row(d, kSll, false, x[d], imm);
    case 022: // c.lwsp
        if (d == 0 || d16) return {};
        return load_row(d, kWord, x[2] + c_imm_lwsp(insn));
    case 024: { // c.jr, c.mv, c.ebreak, c.jalr, c.add
        const uint32_t s = c_rs2(insn);
        const bool second = (insn & 0x1000) != 0;
        if (d16 || s > 15) return {};
        if (s != 0) return alu_row(d, kAdd, false, second ? x[d] : 0, x[s]);
        if (d != 0) return jump_row(second ? 1 : 0, x[d] & ~1U);
        if (second) return {.what = What::kBreakpoint};
        return {};
    }
    case 026: // c.swsp
        if (c_rs2(insn) > 15) return {};
        return store_row(kWord, x[2] + c_imm_swsp(insn), x[c_rs2(insn)]);
    default: return {};
    }
}

template <Isa isa, class Host> limpet_status run(limpet_vm& vm, const Host& host) {
    uint32_t* const x = vm.x;
    uint32_t fuel = vm.fuel;
    limpet_status status;
    for (;;) {
        const uint32_t pc = vm.pc;
        x[0] = 0;
        if (fuel == 0) {
            status = LIMPET_FUEL;
            break;
        }
        const uint32_t at = pc - vm.window.code_start;
        uint32_t insn = *reinterpret_cast<const uint16_t*>(host.code + at);
        const uint32_t size = length<isa>(insn);
        if (at + size > vm.window.code_size) {
            status = LIMPET_FETCH;
            break;
        }
        if (size == 4) insn |= static_cast<uint32_t>(*reinterpret_cast<const uint16_t*>(host.code + at + 2)) << 16;
        const Operation o = size == 2 ? decode16(insn, x, pc) : decode32<isa>(insn, x, pc);
        uint32_t next = pc + size;
        uint32_t value = 0;
        switch (o.what) {
        case What::kAlu: value = alu(o.funct3, o.alternate, o.a, o.b); break;
        case What::kMultiply: value = multiply_divide(o.funct3, o.a, o.b); break;
        case What::kLoad:
            vm.trap_address = o.a;
            if (!load_bytes(vm, host, o.a, access_size(o.funct3), value)) {
                status = LIMPET_LOAD;
                goto out;
            }
            value = extend(o.funct3, value);
            break;
        case What::kStore:
            vm.trap_address = o.a;
            if (!store_bytes(vm, host, o.a, access_size(o.funct3), o.b)) {
                status = LIMPET_STORE;
                goto out;
            }
            break;
        case What::kBranch:
            if (!branch_taken(o.funct3, o.a, o.b)) break;
            value = o.target;
            [[fallthrough]];
        case What::kJump: {
            uint32_t target = o.what == What::kJump ? o.a : value;
            value = next;
            if (!fetchable(vm, host, target) || !aligned<isa>(target)) {
                if (target != LIMPET_RETURN_ADDRESS) {
                    vm.trap_address = target;
                    status = LIMPET_FETCH;
                    goto out;
                }
                x[o.rd] = value;
                vm.pc = target;
                status = LIMPET_RETURN;
                --fuel;
                goto out;
            }
            next = target;
            break;
        }
        case What::kNothing: break;
        case What::kHostCall:
            vm.fuel = fuel;
            status = host.call == nullptr ? LIMPET_HOST_CALL : host.call(&vm, &host, o.funct3, x + 10);
            if (status != LIMPET_RETURN) goto out;
            break;
        case What::kBreakpoint: status = LIMPET_BREAKPOINT; goto out;
        case What::kEcall: status = LIMPET_ECALL; goto out;
        default: status = LIMPET_ILLEGAL; goto out;
        }
        x[o.rd] = value;
        vm.pc = next;
        --fuel;
    }
out:
    vm.fuel = fuel;
    return status;
}

} // namespace limpet::rv32_switch
