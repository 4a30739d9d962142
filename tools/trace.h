/// \file
/// Every instruction that a guest executes, as text.
#pragma once

#include "../interp/calls/signature.h"
#include "execution.h"
#include "program.h"

#include <cstdio>
#include <span>

namespace limpet {

/// A host call with its arguments: "spi_transfer(bus=0, data=0x120, length=3)".
[[nodiscard]] std::string call_text(const calls::Declaration& declaration, const uint32_t* args);

/// Prints the line of the instruction that was executed when the guest was in the state `before`: address,
/// instruction, text, the registers that it changed, and where in the program it is. A host call has its arguments,
/// when `declarations` (by id) has its function.
void trace_line(const Execution& execution, const Program& program, std::span<const calls::Declaration> declarations,
                const limpet_bpf_vm& before, std::FILE* out);

} // namespace limpet
