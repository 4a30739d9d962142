/// \file
/// What the words of a command line mean. Each function throws UsageError, naming what would have been right.
#pragma once

#include "../variants/registry.h"

#include <array>
#include <cstdint>
#include <string>

namespace limpet {

struct MemoryOption {
    uint32_t base = 0;
    uint32_t size = 65536;
};

/// Decimal, or hexadecimal behind 0x, up to 32 bits. `what` names the option.
[[nodiscard]] uint32_t parse_number(const std::string& what, const std::string& text);

/// As parse_number, up to 64 bits.
[[nodiscard]] uint64_t parse_large_number(const std::string& what, const std::string& text);

/// A TCP port; 0 is any that is free.
[[nodiscard]] uint16_t parse_port(const std::string& text);

/// "BASE:SIZE".
[[nodiscard]] MemoryOption parse_memory(const std::string& text);

/// "w0,w1,..": at most six numbers, which may be negative; the rest is 0.
[[nodiscard]] std::array<uint32_t, 6> parse_arguments(const std::string& text);

/// A backend by name; "" is the reference of that profile.
[[nodiscard]] const Backend& choose_backend(const std::string& isa_name, const std::string& name);

} // namespace limpet
