/// \file
/// Why a program may not run, in words: what verify.h finds, for people.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace limpet::bpf {

struct Fault {
    uint32_t slot; ///< number of the instruction, as its address / 8
    std::string reason;
};

/// The first fault of a program; none: it may run. Made from the instruction table.
[[nodiscard]] std::optional<Fault> find_fault(std::span<const uint8_t> code);

/// The number of a slot, little-endian. `slot` is inside `code`.
[[nodiscard]] uint64_t slot_at(std::span<const uint8_t> code, size_t slot);

/// One line for a user: "instruction 3: r10 += 8: r10 is read-only".
[[nodiscard]] std::string describe(const Fault& fault, std::span<const uint8_t> code);

} // namespace limpet::bpf
