/// \file
/// rv32-switch: the readable reference. Each turn of the loop fetches an instruction, finds in a switch what it is and
/// where its operands are, and carries it out: 16-bit forms end in the same few places as the instructions that they
/// abbreviate. One unit of fuel is charged per instruction, so the fuel that is left tells how many were executed.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/run.h"
#include "../../../interp/rv32/semantics.h"

namespace limpet::rv32_switch {

using namespace limpet::rv32;

[[gnu::always_inline]] inline uint32_t fetch(uintptr_t address) { return *reinterpret_cast<const uint16_t*>(address); }

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    constexpr uint32_t rd16 = 1U << 11; // the bit of each register field that RV32E reserves
    constexpr uint32_t rs1_16 = 1U << 19;
    constexpr uint32_t rs2_16 = 1U << 24;
    uint32_t* const x = vm.x;
    const uintptr_t code = reinterpret_cast<uintptr_t>(host.code) - vm.window.code_start;
    uint32_t next = vm.pc;
    uint32_t insn;
    uint32_t a; // first operand, address, target of a jump; then the result
    uint32_t b; // second operand, number to be stored
    uint32_t rd;
    uint32_t f3; // of the 32-bit form
    for (;;) {
        vm.pc = next;
        if (__builtin_expect(vm.fuel == 0, 0)) return LIMPET_FUEL;
        --vm.fuel;
        asm volatile("" ::: "memory");
        insn = fetch(code + next);
        next += 2;
        if (isa.compressed && (insn & 3) != 3) {
            f3 = c_funct3(insn);
            const uint32_t q = insn & 3;
            if (q == 0) {
                rd = c_low(insn);
                a = x[c_high(insn)] + c_imm_lw(insn);
                b = x[rd];
                if (f3 == 2) goto load_word;
                if (f3 == 6) goto store_word;
                b = c_imm_addi4spn(insn);
                if (f3 != 0 || b == 0) goto illegal;
                a = x[2];
                goto add;
            }
            if (q == 1) {
                rd = c_rd(insn);
                b = c_imm(insn);
                switch (f3) {
                case 0: // c.addi, c.nop
                    if (rd > 15) goto illegal;
                    goto add_rd;
                case 1: // c.jal
                case 5: // c.j
                    rd = f3 == 1;
                    a = vm.pc + c_imm_j(insn);
                    goto jump;
                case 3: // c.addi16sp, c.lui
                    if (b == 0) goto illegal;
                    if (rd == 2) {
                        b = c_imm_addi16sp(insn);
                        goto add_rd;
                    }
                    b <<= 12;
                    [[fallthrough]];
                case 2: // c.li
                    if (rd > 15) goto illegal;
                    goto move;
                case 4: // arithmetic
                    rd = c_high(insn);
                    a = x[rd];
                    f3 = kSr;
                    switch (field(insn, 11, 10)) {
                    case 1: // c.srai
                        f3 = kSr | kAlternate;
                        [[fallthrough]];
                    case 0: // c.srli
                        goto compute_immediate;
                    case 2: // c.andi
                        f3 = kAnd;
                        goto compute_immediate;
                    default: // c.sub, c.xor, c.or, c.and
                        if ((insn & 0x1000) != 0) goto illegal;
                        b = x[c_low(insn)];
                        f3 = field(insn, 6, 5) + 4;
                        if (f3 == 4) f3 = kAdd | kAlternate;
                        if (f3 == 5) f3 = kXor;
                        goto compute;
                    }
                default: // c.beqz, c.bnez
                    if ((x[c_high(insn)] == 0) == (f3 & 1)) continue;
                    a = vm.pc + c_imm_b(insn);
                    rd = 0;
                    goto jump;
                }
            }
            if (f3 == 6) { // c.swsp
                a = x[2] + c_imm_swsp(insn);
                b = c_rs2(insn);
                if (b > 15) goto illegal;
                b = x[b];
                goto store_word;
            }
            rd = c_rd(insn);
            if (rd > 15) goto illegal;
            a = x[rd];
            if (f3 == 0) { // c.slli
                b = c_imm(insn);
                f3 = kSll;
                goto compute_immediate;
            }
            if (f3 == 2) { // c.lwsp
                if (rd == 0) goto illegal;
                a = x[2] + c_imm_lwsp(insn);
                goto load_word;
            }
            if (f3 != 4) goto illegal;
            // c.jr, c.mv, c.ebreak, c.jalr, c.add
            b = c_rs2(insn);
            if (b > 15) goto illegal;
            if (b != 0) {
                b = x[b];
                if ((insn & 0x1000) == 0) goto move;
                goto add;
            }
            a &= ~1U;
            b = (insn & 0x1000) != 0;
            if (rd == 0) {
                if (b) goto breakpoint;
                goto illegal;
            }
            rd = b;
            goto jump;
        }
        insn |= fetch(code + next) << 16;
        next += 2;
        if (!isa.compressed && (insn & 3) != 3) goto illegal;
        rd = field(insn, 10, 7);
        f3 = funct3(insn);
        a = x[field(insn, 18, 15)];
        b = x[field(insn, 23, 20)];
        if ((insn & 0xc) == 0) {
            if ((insn & rs1_16) != 0) goto illegal;
            if ((insn & 0x20) != 0 && (insn & rs2_16) != 0) goto illegal;
            switch (field(insn, 6, 4)) {
            case 0: // LOAD
                if ((insn & rd16) != 0 || !is_load(f3)) goto illegal;
                a += imm_i(insn);
                goto load;
            case 1: // OP-IMM
                if ((insn & rd16) != 0) goto illegal;
                b = imm_i(insn);
                if (f3 == kSr && (insn & 0x40000000) != 0) {
                    f3 |= kAlternate;
                    b -= 0x400;
                }
            compute_immediate:
                if ((f3 & 3) == 1 && b > 31) goto illegal;
                goto compute;
            case 2: // STORE
                if (!is_store(f3)) goto illegal;
                a += imm_s(insn);
                goto store;
            case 3: // OP
                if ((insn & rd16) != 0) goto illegal;
                if (isa.multiply && (insn >> 25) == 1) {
                    a = multiply_divide(f3, a, b);
                    goto write;
                }
                if ((insn & 0x40000000) != 0) {
                    if (f3 != kAdd && f3 != kSr) goto illegal;
                    f3 |= kAlternate;
                }
                if ((insn & 0xbe000000) != 0) goto illegal;
                goto compute;
            case 6: // BRANCH
                if ((f3 & 6) == 2) goto illegal;
                if (!branch_taken(f3, a, b)) continue;
                rd = 0;
                a = vm.pc + imm_b(insn);
                goto jump;
            case 7: // SYSTEM
                f3 = LIMPET_ECALL;
                if (insn == 0x00000073) goto trap;
                if (insn == 0x00100073) goto breakpoint;
                [[fallthrough]];
            default: goto illegal;
            }
        }
        if (cut_off(vm, host, next)) goto illegal;
        switch (field(insn, 6, 2)) {
        case 0x02: // custom-0: host call
            if ((insn & 0x000fff80) != 0) goto illegal;
            f3 = LIMPET_HOST_CALL;
            if (host.call != nullptr) f3 = host.call(&vm, &host, insn >> 20, x + 10);
            if (f3 != LIMPET_RETURN) goto trap;
            continue;
        case 0x03: // MISC-MEM
            if (f3 != 0) goto illegal;
            continue;
        case 0x05: // AUIPC
        case 0x0d: // LUI
        case 0x1b: // JAL
            if ((insn & rd16) != 0) goto illegal;
            a = vm.pc;
            if ((insn & 0x40) != 0) {
                a += imm_j(insn);
                goto jump;
            }
            b = imm_u(insn);
            if ((insn & 0x20) != 0) goto move;
            goto add;
        case 0x19: // JALR
            if ((insn & (rd16 | rs1_16)) != 0 || f3 != 0) goto illegal;
            a += imm_i(insn);
            a &= ~1U;
            goto jump;
        default: goto illegal;
        }
    breakpoint:
        f3 = LIMPET_BREAKPOINT;
        goto trap;
    illegal:
        f3 = LIMPET_ILLEGAL;
        a = vm.pc;
        if (cut_off(vm, host, next)) {
            f3 = LIMPET_FETCH;
            goto trap_a;
        }
        goto trap;
    load_word:
        if (offset_of(host, a) % 4 == 0 && loadable(vm, offset_of(host, a), 4)) {
            a = *reinterpret_cast<const uint32_t*>(host.data + offset_of(host, a));
            goto write;
        }
        f3 = kWord;
    load:
        if (!load_bytes(vm, host, a, access_size(f3), b)) {
            f3 = LIMPET_LOAD;
            goto trap_a;
        }
        a = extend(f3, b);
        goto write;
    store_word:
        f3 = kWord;
    store:
        if (!store_bytes(vm, host, a, access_size(f3), b)) {
            f3 = LIMPET_STORE;
            goto trap_a;
        }
        continue;
    jump:
        if (!fetchable(vm, host, a) || !aligned<isa>(a)) {
            f3 = LIMPET_FETCH;
            if (a != LIMPET_RETURN_ADDRESS) goto trap_a;
            vm.pc = a;
            x[rd] = next;
            x[0] = 0;
            return LIMPET_RETURN;
        }
        b = next;
        next = a;
        a = b;
        goto write;
    compute:
        a = alu(f3, a, b);
        goto write;
    move:
        a = 0;
        goto add;
    add_rd:
        a = x[rd];
    add:
        a += b;
    write:
        x[rd] = a;
        x[0] = 0;
    }
trap_a:
    vm.trap_address = a;
trap:
    ++vm.fuel;
    return static_cast<limpet_status>(f3);
}

} // namespace limpet::rv32_switch
