/// \file
/// Running other programs.
#pragma once

#include <string>
#include <vector>

namespace limpet {

/// Runs a program, found by PATH, and waits for it. What it prints, on both of its outputs, goes to standard error.
/// Returns its exit status; 128 and more: the signal that ended it. Throws UsageError when there is no such program.
int run_program(const std::vector<std::string>& arguments);

/// What a program prints on standard output. Throws UsageError when there is no such program or it fails.
[[nodiscard]] std::string output_of(const std::vector<std::string>& arguments);

} // namespace limpet
