/// \file
/// What RV32 instructions compute, once for all backends that are C++.
///
/// An instruction is named by its major opcode and funct3, which are constants in backends that have a handler for
/// each: then a switch here folds away.
#pragma once

#include "../memory.h"

namespace limpet::rv32 {

/// funct3 of OP and OP-IMM (unprivileged specification, "Integer Computational Instructions").
enum Alu : uint32_t { kAdd = 0, kSll = 1, kSlt = 2, kSltu = 3, kXor = 4, kSr = 5, kOr = 6, kAnd = 7 };

/// Added to kAdd and kSr (bit 30 of the instruction): subtract, arithmetic shift.
inline constexpr uint32_t kAlternate = 8;

/// OP and OP-IMM.
[[gnu::always_inline]] inline uint32_t alu(uint32_t operation, uint32_t a, uint32_t b) {
    const auto signed_a = static_cast<int32_t>(a);
    const auto signed_b = static_cast<int32_t>(b);
    switch (operation) {
    case kAdd: return a + b;
    case kAdd | kAlternate: return a - b;
    case kSll: return a << (b & 31);
    case kSlt: return signed_a < signed_b ? 1 : 0;
    case kSltu: return a < b ? 1 : 0;
    case kXor: return a ^ b;
    case kSr: return a >> (b & 31);
    case kSr | kAlternate: return static_cast<uint32_t>(signed_a >> (b & 31));
    case kOr: return a | b;
    default: return a & b;
    }
}

/// funct3 of BRANCH; 2 and 3 are reserved.
enum Branch : uint32_t { kBeq = 0, kBne = 1, kBlt = 4, kBge = 5, kBltu = 6, kBgeu = 7 };

[[gnu::always_inline]] inline bool branch_taken(uint32_t funct3, uint32_t a, uint32_t b) {
    uint32_t taken = funct3; // in bit 0, which is set when the opposite condition is asked for
    switch (funct3 & 6) {
    case kBeq:
        if (a == b) ++taken;
        break;
    case kBlt:
        if (static_cast<int32_t>(a) < static_cast<int32_t>(b)) ++taken;
        break;
    default:
        if (a < b) ++taken;
        break;
    }
    return (taken & 1) != 0;
}

/// funct3 of LOAD and STORE: the two low bits are the logarithm of the width, bit 2 means zero-extended.
enum Access : uint32_t { kByte = 0, kHalf = 1, kWord = 2, kByteUnsigned = 4, kHalfUnsigned = 5 };

constexpr bool is_load(uint32_t funct3) { return funct3 <= kHalfUnsigned && funct3 != 3; }
constexpr bool is_store(uint32_t funct3) { return funct3 <= kWord; }
constexpr uint32_t access_size(uint32_t funct3) { return 1U << (funct3 & 3); }

/// What a load makes of the number in memory.
[[gnu::always_inline]] inline uint32_t extend(uint32_t funct3, uint32_t value) {
    switch (funct3) {
    case kByte: return static_cast<uint32_t>(static_cast<int8_t>(value));
    case kHalf: return static_cast<uint32_t>(static_cast<int16_t>(value));
    default: return value;
    }
}

/// A load or store of `funct3` that AlignedWindow allows.
[[gnu::always_inline]] inline uint32_t load_aligned(uint32_t funct3, const AlignedWindow& w, uint32_t offset) {
    switch (funct3) {
    case kByte: return w.load<int8_t>(offset);
    case kHalf: return w.load<int16_t>(offset);
    case kByteUnsigned: return w.load<uint8_t>(offset);
    case kHalfUnsigned: return w.load<uint16_t>(offset);
    default: return w.load<uint32_t>(offset);
    }
}
[[gnu::always_inline]] inline void store_aligned(uint32_t funct3, const AlignedWindow& w, uint32_t offset,
                                                 uint32_t value) {
    switch (funct3) {
    case kByte: w.store<uint8_t>(offset, value); break;
    case kHalf: w.store<uint16_t>(offset, value); break;
    default: w.store<uint32_t>(offset, value); break;
    }
}

/// funct3 of M (OP with funct7 = 1).
enum Multiply : uint32_t { kMul = 0, kMulh = 1, kMulhsu = 2, kMulhu = 3, kDiv = 4, kDivu = 5, kRem = 6, kRemu = 7 };

/// The upper half of the 64-bit product, from 16-bit halves: ARMv6-M multiplies 32 by 32 bits to 32 only.
constexpr uint32_t multiply_high(uint32_t a, uint32_t b) {
    const uint32_t low = (a & 0xffff) * (b & 0xffff);
    const uint32_t middle = (a >> 16) * (b & 0xffff) + (low >> 16);
    const uint32_t other = (a & 0xffff) * (b >> 16) + (middle & 0xffff);
    return (a >> 16) * (b >> 16) + (middle >> 16) + (other >> 16);
}

/// Unsigned quotient and remainder; not by zero. By shifting and subtracting: no MCU that Limpet runs on is assumed to
/// divide, and Klipper's build forbids libgcc's software division.
struct Division {
    uint32_t quotient;
    uint32_t remainder;
};
constexpr Division divide(uint32_t dividend, uint32_t divisor) {
    uint32_t bit = 1; // of the quotient: what divisor stands for
    while (divisor < dividend && (divisor >> 31) == 0) {
        divisor <<= 1;
        bit <<= 1;
    }
    uint32_t quotient = 0;
    do {
        if (dividend >= divisor) {
            dividend -= divisor;
            quotient |= bit;
        }
        divisor >>= 1;
        bit >>= 1;
    } while (bit != 0);
    return {.quotient = quotient, .remainder = dividend};
}

/// The eight instructions of M. Divided by zero: all ones, and the dividend as remainder. Signed overflow (INT32_MIN /
/// -1) gives the dividend, and remainder 0.
constexpr uint32_t multiply_divide(uint32_t funct3, uint32_t a, uint32_t b) {
    if (funct3 == kMul) return a * b;
    const uint32_t a_sign = a >> 31;
    const uint32_t b_sign = b >> 31;
    if (funct3 <= kMulhu) {
        // What a factor's sign bit counts for less than the unsigned product has it.
        uint32_t excess = 0;
        if (funct3 != kMulhu && a_sign != 0) excess = b;
        if (funct3 == kMulh && b_sign != 0) excess += a;
        return multiply_high(a, b) - excess;
    }
    if (b == 0) return (funct3 & 2) != 0 ? a : ~0U;
    bool negate = false;
    if ((funct3 & 1) == 0) { // div, rem
        negate = funct3 == kRem ? a_sign != 0 : a_sign != b_sign;
        if (a_sign != 0) a = 0 - a;
        if (b_sign != 0) b = 0 - b;
    }
    const Division result = divide(a, b);
    const uint32_t value = (funct3 & 2) != 0 ? result.remainder : result.quotient;
    return negate ? 0 - value : value;
}

} // namespace limpet::rv32
