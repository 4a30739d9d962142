/// \file
/// eBPF objects as compilers write them (clang -target bpf -c, bpf-unknown-none-gcc -c): 64-bit little-endian
/// relocatable ELF files, laid out as a guest.
#pragma once

#include "elf.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace limpet {

/// At address 0 of the memory: no object is at NULL.
inline constexpr uint32_t kBpfUnusedBytes = 8;

struct BpfObject {
    std::vector<uint8_t> code;    ///< all functions, relocated; it starts at address 0 of the code window
    std::vector<uint8_t> data;    ///< the memory: kBpfUnusedBytes, constants, stack, variables
    size_t initialised_bytes = 0; ///< of data: what is behind them is 0
    uint32_t writable_start = 0;
    uint32_t stack_top = 0;        ///< r10 of the outermost function, a multiple of 16
    uint32_t frame_bytes = 0;      ///< of the function that needs most
    std::vector<Symbol> functions; ///< by address
    std::vector<Section> notes;    ///< what is not in memory, in the bytes that the object was read from

    [[nodiscard]] std::unique_ptr<Guest> make_guest() const;
};

/// Is it an ELF file for eBPF?
[[nodiscard]] bool is_bpf_object(std::span<const uint8_t> file);

/// Throws LoadError unless everything in the file makes sense and all that it refers to is in it. Whether its
/// instructions may be run is for bpf::find_fault to say. stack_bytes: at least; by default room for calls that nest
/// eight deep.
[[nodiscard]] BpfObject read_bpf_object(std::span<const uint8_t> file,
                                        std::optional<uint32_t> stack_bytes = std::nullopt);

/// The file with its debug information relocated, for what reads DWARF. Throws LoadError.
[[nodiscard]] std::vector<uint8_t> with_bpf_debug_relocated(std::span<const uint8_t> file);

/// How far below r10 the functions in `code` reach, a multiple of 8: all accesses through r10, and all addresses made
/// from it. 512, which is what RFC 9669's implementations give, where that cannot be told.
[[nodiscard]] uint32_t bpf_frame_bytes(std::span<const uint8_t> code);

} // namespace limpet
