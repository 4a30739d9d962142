/// \file
/// An instruction taken apart, and what it does: how rv32-threaded prepares an instruction, and how it carries out one
/// that has no handler of its own.
#pragma once

#include "../../../interp/rv32/run.h"
#include "tables.h"

namespace limpet::rv32_threaded {

struct Decoded {
    uint32_t packed; ///< from bit 0: rd 5 bits, rs1 5, rs2 5, kind 4, f 4, and whether it is long; bits 31:24 format
    uint32_t imm;

    [[nodiscard]] constexpr uint32_t rd() const { return packed & 31; }
    [[nodiscard]] constexpr uint32_t rs1() const { return packed >> 5 & 31; }
    [[nodiscard]] constexpr uint32_t rs2() const { return packed >> 10 & 31; }
    [[nodiscard]] constexpr Kind kind() const { return static_cast<Kind>(field(packed, kKindAt + 3, kKindAt)); }
    [[nodiscard]] constexpr uint32_t f() const { return packed >> 19 & 15; }
    [[nodiscard]] constexpr bool is_long() const { return (packed & kLong) != 0; }
    [[nodiscard]] constexpr uint32_t length() const { return is_long() ? 4 : 2; }

    static constexpr uint32_t kKindAt = 15; ///< its lowest bit
    static constexpr uint32_t kLong = 1U << 23;
    static constexpr uint32_t kUpperRegisters = 16 | 16U << 5 | 16U << 10; ///< x16 to x31 somewhere
    static constexpr uint32_t pack(Kind kind, uint32_t f) { return (static_cast<uint32_t>(kind) | f << 4) << kKindAt; }
};

/// What is packed of a legal instruction but for its registers, with its format in bits 31:24; of another one the end
/// of the run, with kNoFormat.
inline constexpr uint32_t kFormatAt = 24;
inline constexpr uint32_t kNoFormat = 0xffU << kFormatAt;

template <Isa isa> uint32_t find_short(uint32_t insn) {
    for (const ShortRow& row : kRows<isa>.short_row)
        if ((insn & row.mask) == row.match && (insn & row.nonzero) != 0)
            return uint32_t{row.kind_and_f} << Decoded::kKindAt | static_cast<uint32_t>(row.format) << kFormatAt;
    return Decoded::pack(Kind::kEnd, LIMPET_ILLEGAL) | kNoFormat;
}

template <Isa isa> uint32_t find_long(uint32_t insn) {
    uint32_t f = funct3(insn);
    const uint32_t f7 = funct7(insn);
    for (const LongRow& row : kRows<isa>.long_row) {
        if (row.opcode != (insn & 0x7f) || (row.functs >> f & 1) == 0) continue;
        if (isa.multiply && row.kind == Kind::kMultiply && f7 != 1) continue;
        if (row.kind == Kind::kHostCall && (insn & 0x000fff80) != 0) break;
        if ((row.kind == Kind::kRegister || row.format == Format::kShift) && f7 != 0) {
            if (f7 != 0x20 || (f != kSr && (f != kAdd || row.format == Format::kShift))) break;
            f |= kAlternate;
        }
        return Decoded::pack(row.kind, f) | Decoded::kLong | static_cast<uint32_t>(row.format) << kFormatAt;
    }
    uint32_t end = LIMPET_ILLEGAL;
    if (insn == 0x00000073) end = LIMPET_ECALL;
    if (insn == 0x00100073) end = LIMPET_BREAKPOINT;
    return Decoded::pack(Kind::kEnd, end) | Decoded::kLong | kNoFormat;
}

/// The bits at guest address pc, which is inside the code or the guard behind it.
template <Isa isa, class Host> inline uint32_t fetch(const limpet_vm& vm, const Host& host, uint32_t pc) {
    const auto* const place = reinterpret_cast<const uint16_t*>(host.code + (pc - vm.window.code_start));
    const uint32_t low = place[0];
    return length<isa>(low) == 2 ? low : low | static_cast<uint32_t>(place[1]) << 16;
}

template <Isa isa, class Host> uint32_t find(const limpet_vm& vm, const Host& host, uint32_t pc) {
    // Of an instruction that is cut off, both halves can be read: the guard is behind it.
    const uint32_t insn = fetch<isa>(vm, host, pc);
    const bool is_short = length<isa>(insn) == 2;
    if (cut_off(vm, host, pc + length<isa>(insn)))
        return Decoded::pack(Kind::kEnd, LIMPET_FETCH) | kNoFormat | (is_short ? 0 : Decoded::kLong);
    return is_short ? find_short<isa>(insn) : find_long<isa>(insn);
}

/// What find() found, with registers.
template <Isa isa, class Host>
uint32_t with_registers(const limpet_vm& vm, const Host& host, uint32_t pc, uint32_t packed) {
    if (packed >= kNoFormat) return packed;
    const uint32_t insn = fetch<isa>(vm, host, pc);
    const FormatRow& format = kFormatTable.row[packed >> kFormatAt];
    packed |= register_at(insn, format.rd) | register_at(insn, format.rs1) << 5 | register_at(insn, format.rs2) << 10;
    if ((packed & Decoded::kUpperRegisters) != 0)
        packed = Decoded::pack(Kind::kEnd, LIMPET_ILLEGAL) | kNoFormat | (packed & Decoded::kLong);
    return packed;
}

/// Its immediate; of branches and jumps the target.
template <Isa isa, class Host> uint32_t immediate(const limpet_vm& vm, const Host& host, uint32_t pc, uint32_t packed) {
    if (packed >= kNoFormat) return 0;
    const uint32_t insn = fetch<isa>(vm, host, pc);
    const uint32_t pieces = kFormatTable.row[packed >> kFormatAt].pieces;
    const uint16_t* piece = kFormatTable.piece + (pieces & ~kSigned);
    const auto kind = static_cast<Kind>(packed >> Decoded::kKindAt & 15);
    const bool by_pc = kind == Kind::kBranch || kind == Kind::kJump || (insn & 0x7f) == 0x17; // 0x17: auipc
    uint32_t value = by_pc ? pc : 0;
    if (packed >> kFormatAt == static_cast<uint32_t>(Format::kCXLi)) value = kXLi;
    bool is_signed = (pieces & kSigned) != 0;
    for (;; ++piece) {
        const uint32_t high = *piece & 31;
        const uint32_t low = *piece >> 5 & 31;
        const uint32_t at = *piece >> 10 & 31;
        value += is_signed ? signed_field(insn, high, low, at) : field(insn, high, low, at);
        if ((*piece & kLast) != 0) return value;
        is_signed = false;
    }
}

template <Isa isa, class Host> inline Decoded decode(const limpet_vm& vm, const Host& host, uint32_t pc) {
    const uint32_t packed = with_registers<isa>(vm, host, pc, find<isa>(vm, host, pc));
    return {.packed = packed, .imm = immediate<isa>(vm, host, pc, packed)};
}

inline limpet_status multiply(limpet_vm& vm, const Decoded& d) {
    if (d.rd() != 0) vm.x[d.rd()] = multiply_divide(d.f(), vm.x[d.rs1()], vm.x[d.rs2()]);
    vm.pc += d.length();
    return LIMPET_RUNNING;
}

/// Carries out d, which is at vm.pc. Returns LIMPET_RUNNING when the run goes on at vm.pc.
template <Isa isa, class Host> limpet_status step(limpet_vm& vm, const Host& host, const Decoded& d) {
    uint32_t next = vm.pc + d.length();
    const uint32_t a = vm.x[d.rs1()];
    const uint32_t b = vm.x[d.rs2()];
    uint32_t value = d.imm;
    uint32_t target = d.imm;
    const uint32_t address = a + d.imm;
    switch (d.kind()) {
    case Kind::kRegister: value = alu(d.f(), a, b); break;
    case Kind::kImmediate: value = alu(d.f(), a, d.imm); break;
    case Kind::kMultiply: // multiply()
    case Kind::kConstant:
    case Kind::kNothing: break;
    case Kind::kLoad:
        if (!load_bytes(vm, host, address, access_size(d.f()), value)) {
            vm.trap_address = address;
            return LIMPET_LOAD;
        }
        value = extend(d.f(), value);
        break;
    case Kind::kStore:
        if (!store_bytes(vm, host, address, access_size(d.f()), b)) {
            vm.trap_address = address;
            return LIMPET_STORE;
        }
        break;
    case Kind::kHostCall: {
        if (host.call == nullptr) return LIMPET_HOST_CALL;
        const limpet_status status = host.call(&vm, &host, d.imm, vm.x + 10);
        if (status != LIMPET_RETURN) return status;
        break;
    }
    case Kind::kBranch:
        if (branch_taken(d.f(), a, b)) goto jump;
        break;
    case Kind::kIndirect: target = address & ~1U; [[fallthrough]];
    case Kind::kJump:
    jump:
        value = next;
        if (!fetchable(vm, host, target) || !aligned<isa>(target)) {
            if (target != LIMPET_RETURN_ADDRESS) {
                vm.trap_address = target;
                return LIMPET_FETCH;
            }
            if (d.rd() != 0) vm.x[d.rd()] = value;
            vm.pc = target;
            return LIMPET_RETURN;
        }
        next = target;
        break;
    case Kind::kEnd: return static_cast<limpet_status>(d.f());
    }
    if (d.rd() != 0) vm.x[d.rd()] = value;
    vm.pc = next;
    return LIMPET_RUNNING;
}

} // namespace limpet::rv32_threaded
