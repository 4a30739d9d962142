/// \file
/// Packed eBPF (packed.h) as PCs make and read it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace limpet::bpf {

struct PackedProgram {
    std::vector<uint8_t> code;
    std::vector<uint32_t> starts; ///< by slot of the plain program: where its instruction begins in code. The second
                                  ///< slot of lddw has that of the next instruction. One more: the end of code
    /// The slot of the instruction that begins there; none: there is none.
    [[nodiscard]] std::optional<uint32_t> slot_of(uint32_t start) const;
};

/// Packs a program in which find_fault() finds none.
[[nodiscard]] PackedProgram pack(std::span<const uint8_t> code);

struct UnpackedProgram {
    std::vector<uint8_t> code;
    std::map<uint32_t, uint32_t> slots; ///< of instructions, by where they begin in packed code
};

/// The same program in slots; none: it is not packed code, or the program may not run (find_fault).
[[nodiscard]] std::optional<UnpackedProgram> unpack(std::span<const uint8_t> packed_code);

} // namespace limpet::bpf
