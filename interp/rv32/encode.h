/// \file
/// From operands to encodings: the inverse of decode.h, found by asking the decoder what each bit stands for. For a PC.
#pragma once

#include "decode.h"

#include <optional>

namespace limpet::rv32 {

/// Bytes of a row's instances.
[[nodiscard]] constexpr uint32_t size_of(const Instruction& row) { return (row.match & 3) == 3 ? 4 : 2; }

/// The instance of `row` that has these operands; nothing when they do not fit into its fields. Operands that the row
/// does not have must be 0; one that is fixed (sp, ra) must be given or 0.
[[nodiscard]] std::optional<uint32_t> try_encode(const Instruction& row, Operands operands);

/// The instruction of `bytes` (2, 4) that does what `op` does with exactly these operands; nothing when `isa` has none.
[[nodiscard]] std::optional<uint32_t> encode(Isa isa, Op op, const Operands& operands, uint32_t bytes);

} // namespace limpet::rv32
