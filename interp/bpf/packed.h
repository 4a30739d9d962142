/// \file
/// Packed eBPF: the same instructions in fewer bytes. What an instruction does not have, and offsets and immediates
/// that are 0, take none. One instruction after the other, without a gap, each
///
///     [0xf7 offset]   of arithmetic with an offset (signed division, moves that extend the sign): 1 byte
///     opcode          1 byte: that of eBPF, but for the following
///     registers       dst in bits 3:0, src in bits 7:4. Not of jumps without a condition, calls and exit
///     offset          of jumps (not exit), loads and stores: a short number. Of jumps in bytes, from the end of the
///                     instruction on
///     immediate       of instructions with one, as src says: 0..12 is the immediate, 13, 14 and 15 that 1, 2 or 4
///     bytes
///                     follow, which are extended by their sign. Of atomics 1 byte
///
/// A short number has 1, 2 or 4 bytes, little-endian, with the sign at the top; the lowest bits tell how many: 0,
/// 01, 11.
///
///     opcode                     is
///     0x21 0x29 .. 0x3b          loads and stores (0x61 0x69 .. 0x7b) with the offset 0, which is left out
///     0x18                       lddw whose upper half is 0
///     0x38                       lddw; 4 bytes more are the upper half
///     0x85                       a host call, then 1 byte of id
///     0x8d                       a local call, as a jump
///     0xe5                       a host call, then 4 bytes of id
///
/// Bytes that microcontrollers decode: they must have been verified. On a PC packed_program.h makes them.
#pragma once

#include "fields.h"

#include "../memory.h"

namespace limpet::bpf::packed {

inline constexpr uint32_t kWithOffset = 0xf7;
inline constexpr uint32_t kWideLddw = 0x38;
inline constexpr uint32_t kLocalCall = 0x8d;
inline constexpr uint32_t kFarHostCall = 0xe5;
inline constexpr uint32_t kHostCallOpcode = jump_opcode(kJmp, kCall);
inline constexpr uint32_t kModeWithoutOffset = 1;
inline constexpr uint32_t kBytesMax = 12;     ///< of an instruction, whatever its bytes are
inline constexpr uint32_t kImmediateMax = 12; ///< in the place of src
inline constexpr uint32_t kLengthCode = 13;   ///< of 1 byte there

/// An instruction as eBPF has it. Where it goes to is not in its head.
struct Insn {
    uint32_t head;
    uint32_t imm;
    uint32_t upper;   ///< half of what lddw loads
    int32_t distance; ///< of a jump or a local call, in bytes from its end on
};

/// Does an opcode jump without a condition, call or exit?
constexpr bool has_no_registers(uint32_t op) {
    constexpr uint32_t codes = 1U << kJa | 1U << kCall | 1U << kExit | 1U << (kFarHostCall >> 4);
    return ((op & 7) == kJmp || (op & 7) == kJmp32) && (codes >> code(op) & 1) != 0;
}

/// Takes `size` bytes (1, 2, 4) off the front, as a number with a sign.
inline int32_t take(const uint8_t*& p, uint32_t size) {
    uint32_t value = 0;
    uint32_t shift = 0;
    do {
        value |= static_cast<uint32_t>(*p++) << shift;
        shift += 8;
    } while (--size != 0);
    const uint32_t unused = 32 - shift;
    return static_cast<int32_t>(value << unused) >> unused;
}

inline int32_t take_short(const uint8_t*& p) {
    if ((*p & 1) == 0) return take(p, 1) >> 1;
    return take(p, (*p & 2) == 0 ? 2 : 4) >> 2;
}

/// Decodes the instruction at p, and returns where the next one begins. Reads kBytesMax bytes at most.
[[gnu::noinline]] inline const uint8_t* decode(const uint8_t* p, Insn& insn) {
    uint32_t op = *p++;
    uint32_t field = 0;
    if (op == kWithOffset) {
        field = *p++;
        op = *p++;
    }
    insn.imm = insn.upper = 0;
    insn.distance = 0;
    const uint32_t cls = op & 7;
    const bool jumps = cls == kJmp || cls == kJmp32;
    const bool accesses = cls == kLdx || cls == kSt || cls == kStx;
    const bool has_registers = !has_no_registers(op);
    uint32_t registers = 0;
    if (has_registers) registers = *p++;
    if (accesses && mode(op) == kModeWithoutOffset) {
        op += (kMemory - kModeWithoutOffset) << 5;
    } else if (accesses || (jumps && (has_registers || code(op) == kJa || op == kLocalCall))) {
        insn.distance = take_short(p);
    }
    if (accesses) field = static_cast<uint32_t>(insn.distance);
    if (op == kHostCallOpcode) {
        insn.imm = *p++;
    } else if (op == kFarHostCall) {
        op = kHostCallOpcode;
        insn.imm = static_cast<uint32_t>(take(p, 4));
    } else if (op == kLocalCall) {
        op = kHostCallOpcode;
        registers = 1 << 4;
    } else if (cls == kStx) {
        if (mode(op) == kAtomic) insn.imm = *p++;
    } else if (has_registers && cls != kLdx &&
               (cls == kLd || cls == kSt || (op & kSource) == 0 || (code(op) == kEnd && !jumps))) {
        insn.imm = registers >> 4;
        registers &= 15;
        if (insn.imm > kImmediateMax) insn.imm = static_cast<uint32_t>(take(p, 1U << (insn.imm - kLengthCode)));
    }
    if (op == kWideLddw) {
        op = kLddw;
        insn.upper = static_cast<uint32_t>(take(p, 4));
    }
    insn.head = op | registers << 8 | field << 16;
    return p;
}

} // namespace limpet::bpf::packed
