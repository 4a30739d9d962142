/// \file
/// llvm-mc and llvm-objdump, as judges of what instructions are called.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace limpet::conformance {

/// What llvm-objdump prints for each encoding, at address 0, one after another; symbols of targets removed.
/// All are 16 bits wide, or all 32. extensions: ",+NAME" for each beside E, C and M. Throws std::runtime_error when the
/// programs fail.
[[nodiscard]] std::vector<std::string> llvm_text(std::span<const uint32_t> encodings, uint32_t bytes,
                                                 const std::string& extensions = "");

/// What llvm-mc prints for the eBPF instructions in `code`, one after another. Throws std::runtime_error when it fails.
[[nodiscard]] std::vector<std::string> llvm_bpf_text(std::span<const uint8_t> code);

/// What llvm-mc prints for the Thumb instructions of ARMv6-M in `code`, one after another; a branch shows its distance
/// in bytes from 4 bytes behind it. Throws std::runtime_error when it fails.
[[nodiscard]] std::vector<std::string> llvm_thumb_text(std::span<const uint16_t> code);

} // namespace limpet::conformance
