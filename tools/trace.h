/// \file
/// Every instruction that a guest executes, as text.
#pragma once

#include "execution.h"
#include "program.h"

#include <cstdio>

namespace limpet {

/// As execution.resume(), one instruction at a time on the reference backend. Prints a line for each that was
/// executed.
limpet_status trace(Execution& execution, const Program& program, std::FILE* out);

/// Prints the line of the instruction that was executed when the guest was in the state `before`: address,
/// instruction, text, and the registers that it changed.
void trace_line(const Execution& execution, const Program& program, const limpet_vm& before, std::FILE* out);

} // namespace limpet
