/// \file
/// The text of an instruction, for people and for tests. For PCs: it uses std::string.
#pragma once

#include <cstdint>
#include <string>

namespace limpet::bpf {

/// The text as `llvm-mc-19 --disassemble -triple=bpfel -mcpu=v4` prints it: "r1 += 5", "if w2 s> w3 goto +7". The upper
/// half of an lddw is the immediate of `second`, the slot behind it. What is not an instruction is "<unknown>".
[[nodiscard]] std::string disassemble(uint64_t insn, uint64_t second = 0);

} // namespace limpet::bpf
