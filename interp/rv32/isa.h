/// \file
/// The profiles of RV32 that a guest may be compiled for.
#pragma once

namespace limpet::rv32 {

/// What of RV32E (unprivileged specification, chapter "RV32E and RV64E Base Integer Instruction Sets") a machine
/// runs. The ABI is ilp32e.
struct Isa {
    bool compressed;      ///< C: 16-bit instructions; without it, code addresses are multiples of 4
    bool multiply;        ///< M: mul, mulh, mulhsu, mulhu, div, divu, rem, remu
    bool xlimpet = false; ///< more 16-bit instructions: part of Zcb, and Limpet's own (xlimpet.md)
    bool dense = false;   ///< RV32E in bytes, by a table (dense.h); code may start at any address

    constexpr bool operator==(const Isa&) const = default;

    /// Instructions start at multiples of this.
    [[nodiscard]] constexpr unsigned alignment() const { return dense ? 1 : compressed ? 2 : 4; }
};

/// The profiles, by the names that commands and build settings use.
namespace isa {
inline constexpr Isa rv32e{.compressed = false, .multiply = false};
inline constexpr Isa rv32ec{.compressed = true, .multiply = false};
inline constexpr Isa rv32emc{.compressed = true, .multiply = true};
inline constexpr Isa rv32ecx{.compressed = true, .multiply = false, .xlimpet = true};
inline constexpr Isa rv32dense{.compressed = true, .multiply = false, .dense = true};
} // namespace isa

} // namespace limpet::rv32
