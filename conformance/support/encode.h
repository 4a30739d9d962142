/// \file
/// Instructions by name, and machine code made of them.
#pragma once

#include "../../interp/rv32/encode.h"
#include "random.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace limpet::conformance {

/// The row called `name`; throws std::out_of_range when there is none.
[[nodiscard]] const rv32::Instruction& row_named(std::string_view name);

using rv32::size_of;
using rv32::try_encode;

/// More than any profile: every row is legal in it.
inline constexpr rv32::Isa kEveryInstruction{.compressed = true, .multiply = true, .xlimpet = true};

/// As try_encode, for tests written by hand; throws std::invalid_argument when the operands do not fit.
[[nodiscard]] uint32_t encode(std::string_view name, rv32::Operands operands = {});

/// A random legal instance.
[[nodiscard]] uint32_t random_instance(const rv32::Instruction& row, Random& random);

/// Machine code, instruction by instruction.
class Code {
public:
    Code& add(std::string_view name, rv32::Operands operands = {}) { return add_raw(encode(name, operands)); }
    /// 2 or 4 bytes, as the low bits say.
    Code& add_raw(uint32_t insn);
    Code& add_halfword(uint32_t halfword);
    [[nodiscard]] std::span<const uint8_t> bytes() const { return bytes_; }
    [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }

private:
    std::vector<uint8_t> bytes_;
};

} // namespace limpet::conformance
