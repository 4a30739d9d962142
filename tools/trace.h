/// \file
/// Every instruction that a guest executes, as text.
#pragma once

#include "execution.h"
#include "program.h"

#include <cstdio>

namespace limpet {

/// Prints the line of the instruction that was executed when the guest was in the state `before`: address,
/// instruction, text, and the registers that it changed.
void trace_line(const Execution& execution, const Program& program, const limpet_vm& before, std::FILE* out);

} // namespace limpet
