/// \file
/// Instructions as lines of text: `limpet disasm`, and what --trace shows.
#pragma once

#include "program.h"

#include <cstdio>
#include <string>

namespace limpet {

/// "address: instruction  name operands <target>".
[[nodiscard]] std::string listing_line(const Program& program, rv32::Isa isa, uint32_t pc, uint32_t insn);

/// The same for slot number `slot` of eBPF code, which starts at `start`: "number: bytes  text <target>".
[[nodiscard]] std::string bpf_listing_line(const Program& program, std::span<const uint8_t> code, uint32_t start,
                                           size_t slot);

/// All code of an eBPF program.
void print_bpf_listing(const Program& program, std::FILE* out);

/// All code of a program, with a line for each symbol.
void print_listing(const Program& program, rv32::Isa isa, std::FILE* out);

} // namespace limpet
