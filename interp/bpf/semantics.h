/// \file
/// What eBPF instructions compute (RFC 9669, sections 4 and 5), once for all backends that are C++.
///
/// An instruction is named by pieces of its opcode, which are constants in backends that have a handler for each: then
/// a switch here folds away.
#pragma once

#include "../memory.h"
#include "fields.h"

namespace limpet::bpf {

/// Divides `number`, which becomes the quotient, by `divisor`, which is not 0, and returns the remainder; all unsigned.
/// Bit by bit: no MCU that Limpet runs on is assumed to divide, and Klipper's build forbids libgcc's software division.
/// A function of its own, because so many numbers are alive in it.
template <class Unsigned> [[gnu::noinline]] constexpr Unsigned divide(Unsigned& number, Unsigned divisor) {
    constexpr uint32_t bits = sizeof(Unsigned) * 8;
    Unsigned remainder = 0;
    for (uint32_t i = bits; i != 0; --i) {
        remainder += remainder; // it was the upper bits - i bits: nothing is lost
        if (number >> (bits - 1) != 0) ++remainder;
        number += number;
        if (remainder >= divisor) {
            remainder -= divisor;
            ++number;
        }
    }
    return remainder;
}

/// Quotient or remainder of numbers of 32 or 64 bits. By zero: 0, and the dividend. Signed overflow (the least number
/// / -1) gives the dividend, and remainder 0; the sign of a remainder is that of the dividend.
template <class Unsigned>
[[gnu::always_inline]] constexpr Unsigned divided(bool want_remainder, bool is_signed, Unsigned a, Unsigned b) {
    if (b == 0) return want_remainder ? a : 0;
    bool negate = false;
    if (is_signed) {
        constexpr uint32_t sign = sizeof(Unsigned) * 8 - 1;
        if (b >> sign != 0) {
            b = 0 - b;
            negate = !want_remainder;
        }
        if (a >> sign != 0) {
            a = 0 - a;
            negate = !negate;
        }
    }
    const Unsigned remainder = divide<Unsigned>(a, b);
    if (want_remainder) a = remainder;
    return negate ? 0 - a : a;
}

constexpr uint64_t sign_extended(uint32_t value) { return static_cast<uint64_t>(static_cast<int32_t>(value)); }

/// What instructions on 32 bits take a register for.
[[gnu::always_inline]] constexpr uint64_t low_half(uint64_t value, bool as_signed) {
    return as_signed ? sign_extended(static_cast<uint32_t>(value)) : static_cast<uint32_t>(value);
}

/// `value` as a number of `bits` (8, 16, 32, 64), sign-extended.
[[gnu::always_inline]] constexpr uint64_t sign_extended_from(uint32_t bits, uint64_t value) {
    const uint32_t unused = 64 - bits;
    return static_cast<uint64_t>(static_cast<int64_t>(value << unused) >> unused);
}

/// Arithmetic but the byte orders: `op` on the destination a and the operand b. wide: ALU64, else ALU, whose result is
/// zero-extended. offset: of the instruction, makes div and mod signed, and mov sign-extend.
[[gnu::always_inline]] constexpr uint64_t alu(uint32_t op, bool wide, uint32_t offset, uint64_t a, uint64_t b) {
    if (!wide) {
        const bool as_signed = op == kArsh || offset == 1;
        a = low_half(a, as_signed);
        b = low_half(b, as_signed);
    }
    const uint32_t amount = static_cast<uint32_t>(b) & (wide ? 63 : 31);
    switch (op) {
    case kAdd: a += b; break;
    case kSub: a -= b; break;
    case kMul: a *= b; break;
    case kDiv: a = divided<uint64_t>(false, offset != 0, a, b); break;
    case kOr: a |= b; break;
    case kAnd: a &= b; break;
    case kLsh: a <<= amount; break;
    case kRsh: a >>= amount; break;
    case kNeg: a = 0 - a; break;
    case kMod: a = divided<uint64_t>(true, offset != 0, a, b); break;
    case kXor: a ^= b; break;
    case kMov: a = offset == 0 ? b : sign_extended_from(offset, b); break;
    default: a = static_cast<uint64_t>(static_cast<int64_t>(a) >> amount); break;
    }
    return wide ? a : static_cast<uint32_t>(a);
}

/// The low `bits` (16, 32, 64) of value, in their order or reversed byte by byte. Machines are little-endian.
[[gnu::always_inline]] constexpr uint64_t byte_order(bool reversed, uint32_t bits, uint64_t value) {
    const uint32_t unused = 64 - bits;
    return (reversed ? __builtin_bswap64(value) : value << unused) >> unused;
}

/// Does an END of this opcode reverse bytes? Of its three, to-little-endian does not.
constexpr bool reverses(uint32_t opcode) { return opcode != alu_opcode(kAlu32, kEnd); }

/// How two numbers compare: the bits of a set of relations.
enum Relation : uint32_t { kLess = 1, kEqual = 2, kGreater = 4 };

/// For which relations a conditional jump is taken; jset apart.
constexpr uint32_t relations(uint32_t op) {
    switch (op) {
    case kJeq: return kEqual;
    case kJne: return kLess | kGreater;
    case kJgt:
    case kJsgt: return kGreater;
    case kJge:
    case kJsge: return kGreater | kEqual;
    case kJlt:
    case kJslt: return kLess;
    default: return kLess | kEqual;
    }
}

/// Of all of them, 4 bits each: bits 4 * op + 2 .. 4 * op. And which of them compare signed numbers: bit op.
inline constexpr uint64_t kRelations = [] {
    uint64_t all = 0;
    for (uint32_t op = kJeq; op <= kJsle; ++op) all |= static_cast<uint64_t>(relations(op)) << 4 * op;
    return all;
}();
inline constexpr uint32_t kSignedJumps = 1U << kJsgt | 1U << kJsge | 1U << kJslt | 1U << kJsle;

/// Is the condition `op` of a jump true of two numbers of 32 or 64 bits?
template <class Unsigned> [[gnu::always_inline]] constexpr bool holds(uint32_t op, Unsigned a, Unsigned b) {
    if (op == kJset) return (a & b) != 0;
    if ((kSignedJumps >> op & 1) != 0) {
        constexpr Unsigned sign = Unsigned{1} << (sizeof(Unsigned) * 8 - 1);
        a ^= sign;
        b ^= sign;
    }
    uint32_t relation = kEqual;
    if (a < b) relation = kLess;
    if (a > b) relation = kGreater;
    const uint32_t half = op < 8 ? static_cast<uint32_t>(kRelations) : static_cast<uint32_t>(kRelations >> 32);
    return (half >> 4 * (op & 7) & relation) != 0;
}

/// The same of two registers. wide: JMP, else JMP32.
[[gnu::always_inline]] constexpr bool condition(uint32_t op, bool wide, uint64_t a, uint64_t b) {
    if (!wide) { // what was in the upper half does not matter, and nothing is lost
        a <<= 32;
        b <<= 32;
    }
    return holds<uint64_t>(op, a, b);
}

/// What an atomic operation `op` (its immediate) makes of the number `old` in memory. expected: r0, of which a 32-bit
/// operation looks at the lower half; old is zero-extended.
[[gnu::always_inline]] constexpr uint64_t atomic(uint32_t op, bool wide, uint64_t old, uint64_t operand,
                                                 uint64_t expected) {
    switch (op >> 4) {
    case kAdd: return old + operand;
    case kOr: return old | operand;
    case kAnd: return old & operand;
    case kXor: return old ^ operand;
    case kExchange >> 4: return operand;
    default: return old == (wide ? expected : static_cast<uint32_t>(expected)) ? operand : old;
    }
}

/// Copies `size` bytes (1, 2, 4, 8) of memory into a register, which is little-endian too, and extends them.
inline void load_register(uint8_t* to, const uint8_t* from, uint32_t size, bool is_signed) {
    uint8_t byte = 0;
    uint32_t i = 0;
    do to[i] = byte = from[i];
    while (++i != size);
    byte = is_signed && (byte & 0x80) != 0 ? 0xff : 0;
    while (i != 8) to[i++] = byte;
}
inline void store_register(uint8_t* to, const uint8_t* from, uint32_t size) {
    uint32_t i = 0;
    do to[i] = from[i];
    while (++i != size);
}

/// The bytes that an access may reach: nullptr is a trap. Addresses from 2^32 on are outside every window.
template <class Host>
inline uint8_t* reach(const limpet_vm& vm, const Host& host, uint64_t address, uint32_t size, bool store) {
    const uint32_t offset = offset_of(host, static_cast<uint32_t>(address));
    if (address >> 32 != 0 || !loadable(vm, offset, size)) return nullptr;
    if (store && !writable(vm, host, offset, size)) return nullptr;
    return host.data + offset;
}

} // namespace limpet::bpf
