/// \file
/// The text of an instruction, for people and for tests. For PCs: it uses std::string.
#pragma once

#include "decode.h"

#include <cstdint>
#include <string>

namespace limpet::rv32 {

/// The text of `insn` at guest address `pc` as `llvm-objdump-19 -d -M no-aliases` prints it: name, tab, operands.
/// A branch or jump shows the guest address that it goes to (pc + distance, modulo 2^32), not the distance, and no
/// symbol. `insn` is 16 bits wide when its low bits say so; then the upper half is ignored.
///
/// Illegal instructions, also those that this profile lacks, are "<unknown>". Where llvm differs, because it accepts
/// less: a host call is `limpet.call<tab>id`, and a fence with reserved fields set is printed without them.
[[nodiscard]] std::string disassemble(Isa isa, uint32_t pc, uint32_t insn);

/// The same of an instruction without an encoding of rv32: as if it had 32 bits.
[[nodiscard]] std::string disassemble(Op op, const Operands& operands, uint32_t pc);

} // namespace limpet::rv32
