/// \file
/// Instructions as lines of text: `limpet disasm`, and what --trace shows.
#pragma once

#include "program.h"

#include <cstdio>
#include <string>

namespace limpet {

/// "address: instruction  name operands <target>".
[[nodiscard]] std::string listing_line(const Program& program, rv32::Isa isa, uint32_t pc, uint32_t insn);

/// All code of a program, with a line for each symbol.
void print_listing(const Program& program, rv32::Isa isa, std::FILE* out);

} // namespace limpet
