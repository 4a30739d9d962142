/// \file
/// rv32-switch: the readable reference. Each turn of the loop fetches an instruction, finds in switches what it is and
/// what it works on, and goes to one of the tails at the end of the loop, where instructions of a kind meet:
///
///     access         loads x[rd] from address a, or stores it there; f3 is the width
///     jump_relative  jumps to pc + b; x[rd] becomes the return address
///     jump           jumps to a; x[rd] becomes the return address
///     compute        x[rd] = a <what f3 names> b
///     add            x[rd] = a + b
///     write          x[rd] = a
///
/// A 16-bit form ends in the tail of the instruction that it abbreviates. The ends of a run stand in the midst of the
/// instructions that need them, because the conditional branches of Thumb reach 256 bytes.
///
/// One unit of fuel is charged per instruction, so the fuel that is left tells how many were executed.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/run.h"
#include "../../../interp/rv32/semantics.h"

namespace limpet::rv32_switch {

using namespace limpet::rv32;

/// The bit of each register field that RV32E reserves: with it, the field would name one of x16..x31.
inline constexpr uint32_t kRd16 = 1U << 11; // of 16-bit forms too
inline constexpr uint32_t kRs1_16 = 1U << 19;
inline constexpr uint32_t kRs2_16 = 1U << 24;
inline constexpr uint32_t kCRs2_16 = 1U << 6;

/// The highest bit of c_imm; 0 in shifts, whose amounts are below 32.
inline constexpr uint32_t kCImmSign = 1U << 12;

/// The bits of Zcb's loads and stores that are set in those that Xlimpet has not: of a half, of no meaning yet.
inline constexpr uint32_t kZcbOther = 1U << 12 | 1U << 10;
/// Of c.lbu and c.sb: it is a store.
inline constexpr uint32_t kXStore = 1U << 11;

/// Added to funct3 of LOAD and STORE: it is a store.
inline constexpr uint32_t kStore = 8;
static_assert(LIMPET_STORE == LIMPET_LOAD + 1);

[[gnu::always_inline]] inline uint32_t fetch(uintptr_t address) { return *reinterpret_cast<const uint16_t*>(address); }

/// The bytes at guest address `address`, if all that an access of f3 needs may be reached, else nullptr.
template <class Host>
[[gnu::always_inline]] inline uint8_t* reach(const limpet_vm& vm, const Host& host, uint32_t address, uint32_t f3) {
    const uint32_t size = access_size(f3);
    const uint32_t offset = offset_of(host, address);
    if (!loadable(vm, offset, size)) return nullptr;
    if ((f3 & kStore) != 0 && !writable(vm, host, offset, size)) return nullptr;
    return host.data + offset;
}

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    uint32_t* const x = vm.x;
    const uintptr_t code = reinterpret_cast<uintptr_t>(host.code) - vm.window.code_start;
    uint32_t next = vm.pc; // guest address of the next instruction; vm.pc is that of this one
    uint32_t insn;
    uint32_t a;     // first operand, address, target; then the result
    uint32_t b;     // second operand
    uint8_t* bytes; // what an access reaches
    uint32_t rd;    // if above 15, found out at the latest when it is written
    uint32_t f3;    // funct3 as 32-bit instructions have it; at the end of a run its status
    // One unit more than the caller gave: so fuel is, while an instruction is being carried out, what would be left if
    // that one did not count, as when it traps.
    ++vm.fuel;
    for (;;) {
        vm.pc = next;
        if (--vm.fuel == 0) goto out_of_fuel;
        // Here and below: vm.pc and next are two things. (gcc would keep both in registers, or one and the distance.)
        asm volatile("" : : : "memory");
        insn = fetch(code + next);
        next += 2;
        asm volatile("" : "+r"(next));

        f3 = c_funct3(insn);
        switch (isa.compressed ? insn & 3 : 3) {
        case 0:
            rd = c_low(insn);
            a = x[c_high(insn)];
            switch (f3) {
            case 0: // c.addi4spn
                a = x[2];
                b = c_imm_addi4spn(insn);
                if (b == 0) goto illegal; // reserved; also what stands behind the end of the code
                goto add;
            case 6: // c.sw
                f3 = kStore | kWord;
                [[fallthrough]];
            case 2: // c.lw; f3 is kWord
                a += c_imm_lw(insn);
                goto access;
            default:
                if (!isa.xlimpet) goto reserved;
                if (f3 == 4) { // c.lbu, c.sb; f3 is kByteUnsigned
                    if ((insn & kZcbOther) != 0) goto reserved;
                    a += zcb_imm_byte(insn);
                    b = insn;
                byte:
                    if ((b & kXStore) != 0) f3 = kStore | kByte;
                    goto access;
                }
                b = cx_shamt(insn);
                asm volatile("" : "+r"(f3));     // gcc would prepare f3 >> 2 for all instructions
                if ((f3 & 2) == 0) goto compute; // c.x.slli (1), c.x.srli (5): f3 is that of slli, srli
                // c.x.bltu (3), c.x.bgeu (7)
                if (alu(kSltu, a, x[rd]) == f3 >> 2) continue;
                rd = 0;
                b <<= 1; // cx_imm_b
                goto jump_relative;
            }
        case 2:
            rd = c_rd(insn);
            switch (f3) {
            case 0: // c.slli
                if ((insn & (kRd16 | kCImmSign)) != 0) goto reserved;
                a = x[rd];
                f3 = kSll;
            compute_c_immediate:
                b = c_imm(insn);
                goto compute;
            case 2: // c.lwsp; f3 is kWord
                if (rd == 0) goto reserved;
                a = x[2] + c_imm_lwsp(insn);
                goto access;
            case 4: {
                if ((insn & (kRd16 | kCRs2_16)) != 0) goto reserved;
                a = x[rd];
                b = c_rs2(insn);
                const uint32_t bit12 = field(insn, 12, 12);
                if (b != 0) { // c.add, c.mv
                    b = x[b];
                    if (bit12 == 0) a = 0;
                    goto add;
                }
                if (rd != 0) { // c.jalr, c.jr
                    rd = bit12;
                    goto jump;
                }
                if (bit12 != 0) goto breakpoint; // c.ebreak
                goto reserved;
            }
            case 6: // c.swsp
                if ((insn & kCRs2_16) != 0) goto reserved;
                rd = c_rs2(insn);
                a = x[2] + c_imm_swsp(insn);
                f3 = kStore | kWord;
                goto access;
            default:
                if (!isa.xlimpet) goto reserved;
                if (f3 == 5) { // c.x.call
                    insn = cx_id(insn) << 20;
                    goto host_call;
                }
                if (f3 == 1) { // c.x.li
                    a = kXLi;
                    f3 = kAdd;
                    goto compute_c_immediate;
                }
                if (f3 == 7) goto reserved;
                rd = cx_rd(insn); // c.x.lbusp, c.x.sbsp
                a = x[2] + cx_imm_sp(insn);
                f3 = kByteUnsigned;
                b = insn >> 1; // moves bit 12 to kXStore
                goto byte;
            }

        out_of_fuel:
            f3 = LIMPET_FUEL;
            goto stop;
        reserved: // a 16-bit encoding without a meaning
            f3 = LIMPET_ILLEGAL;
        stop:
            return static_cast<limpet_status>(f3);

        case 1:
            rd = c_rd(insn);
            switch (f3) {
            case 4:
                rd = c_high(insn);
                a = x[rd];
                b = field(insn, 11, 10);
                if (b == 2) { // c.andi
                    f3 = kAnd;
                    goto compute_c_immediate;
                }
                if ((insn & kCImmSign) != 0) goto reserved;
                if (b == 3) {
                    b = x[c_low(insn)];
                    switch (field(insn, 6, 5)) {
                    case 0: a = alu(kAdd | kAlternate, a, b); goto write; // c.sub
                    case 1: a = alu(kXor, a, b); goto write;              // c.xor
                    case 2: a = alu(kOr, a, b); goto write;               // c.or
                    default: a = alu(kAnd, a, b); goto write;             // c.and
                    }
                }
                f3 = kSr + b * kAlternate; // c.srli, c.srai
                goto compute_c_immediate;
            case 0: // c.addi, c.nop; f3 is kAdd
                if ((insn & kRd16) != 0) goto reserved;
                a = x[rd];
                goto compute_c_immediate;
            case 2: // c.li
                a = 0;
                f3 = kAdd;
                goto compute_c_immediate;
            case 6: // c.beqz
            case 7: // c.bnez
                if (!branch_taken(f3 & 1, x[c_high(insn)], 0)) continue;
                rd = 0;
                b = c_imm_b(insn);
                goto jump_relative;
            case 3:
                if (rd == 2) { // c.addi16sp
                    a = x[2];
                    b = c_imm_addi16sp(insn);
                } else { // c.lui
                    a = 0;
                    b = c_imm_lui(insn);
                }
                if (b == 0) goto reserved;
                goto add;
            default: // c.jal (1), c.j (5)
                rd = f3 == 1;
                b = c_imm_j(insn);
                goto jump_relative;
            }
        default: break;
        }

        insn |= fetch(code + next) << 16;
        next += 2;
        if (!isa.compressed && (insn & 3) != 3) goto illegal;
        if ((insn & 4) == 0) { // opcodes with rs1, in which the guard behind the code would show
            if ((insn & kRs1_16) != 0) goto illegal;
            a = x[field(insn, 18, 15)];
            if ((insn & 0x20) == 0) {
                b = imm_i(insn);
            } else {
                if ((insn & kRs2_16) != 0) goto illegal;
                b = x[field(insn, 23, 20)];
            }
        } else {
            if (cut_off(vm, host, next)) goto illegal;
            a = vm.pc;
            b = imm_u(insn);
        }
        rd = field(insn, 11, 7);
        f3 = funct3(insn);
        switch (field(insn, 6, 2)) {
        case 0x00: // LOAD
            if (!is_load(f3)) goto illegal;
            a += b;
            goto access;
        case 0x02: // custom-0: host call
            if ((insn & 0x000fff80) != 0) goto illegal;
        host_call:
            f3 = LIMPET_HOST_CALL;
            if (host.call != nullptr) f3 = host.call(&vm, &host, insn >> 20, x + 10);
            if (f3 != LIMPET_RETURN) goto stop;
            continue;
        case 0x03: // MISC-MEM
            if (f3 != 0) goto illegal;
            continue;
        case 0x04: // OP-IMM
            if ((f3 & 3) == 1) goto check_funct7;
            goto compute;
        case 0x05: // AUIPC
            goto add;
        case 0x08: // STORE
            if (!is_store(f3)) goto illegal;
            a += imm_s(insn);
            rd = field(insn, 23, 20);
            f3 += kStore;
            goto access;
        case 0x0c: // OP
            if (isa.multiply && funct7(insn) == 1) {
                a = multiply_divide(f3, a, b);
                goto write;
            }
        check_funct7: // also of shifts by an immediate
            if (funct7(insn) != 0) {
                if (funct7(insn) != 0x20 || (f3 != kAdd && f3 != kSr)) goto illegal;
                f3 += kAlternate;
            }
            goto compute;

        illegal: // without a meaning, or cut off by the end of the code
            if (!cut_off(vm, host, next)) goto reserved;
            f3 = LIMPET_FETCH;
            a = vm.pc;
            rd = 0;
        fault: // at address a, unless the instruction is not legal anyway
            if (rd > 15) goto illegal;
            vm.trap_address = a;
            goto stop;
        breakpoint:
            f3 = LIMPET_BREAKPOINT;
            goto stop;

        case 0x0d: // LUI
            a = b;
            goto write;
        case 0x18: // BRANCH
            if ((f3 & 6) == 2) goto illegal;
            if (!branch_taken(f3, a, b)) continue;
            rd = 0;
            b = imm_b(insn);
            goto jump_relative;
        case 0x19: // JALR
            if ((insn & kRs1_16) != 0 || f3 != 0) goto illegal;
            a = x[field(insn, 18, 15)] + imm_i(insn);
            goto jump;
        case 0x1b: // JAL
            b = imm_j(insn);
            goto jump_relative;
        case 0x1c: // SYSTEM
            f3 = LIMPET_ECALL;
            if (insn == 0x00000073) goto stop;
            if (insn == 0x00100073) goto breakpoint;
            goto illegal;
        default: goto illegal;
        }

    access:
        bytes = reach(vm, host, a, f3);
        if (bytes == nullptr) {
            f3 = LIMPET_LOAD + f3 / kStore;
            goto fault;
        }
        if ((f3 & kStore) != 0) {
            put_number(bytes, access_size(f3), x[rd]);
            continue;
        }
        a = extend(f3, get_number(bytes, access_size(f3)));
        goto write;

    jump_relative:
        a = vm.pc + b;
    jump:
        a &= ~1U;
        if (!fetchable(vm, host, a) || !aligned<isa>(a)) {
            f3 = LIMPET_FETCH;
            if (a != LIMPET_RETURN_ADDRESS) goto fault;
            if (rd > 15) goto illegal;
            vm.pc = a;
            x[rd] = next;
            x[0] = 0;
            --vm.fuel;
            return LIMPET_RETURN;
        }
        b = next;
        next = a;
        a = b;
        goto write;

    compute:
        a = alu(f3, a, b);
        goto write;

    add:
        a += b;
    write: // x0 stays 0, and there is no x16
        if (rd - 1 < 15) {
            x[rd] = a;
            continue;
        }
        if (rd != 0) goto reserved; // not cut off, or it would not have come here; after a jump, next is elsewhere
    }
}

} // namespace limpet::rv32_switch
