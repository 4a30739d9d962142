/// \file
/// eBPF objects as compilers write them (clang -target bpf -c, bpf-unknown-none-gcc -c): 64-bit little-endian
/// relocatable ELF files, laid out as a guest.
#pragma once

#include "elf.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace limpet {

struct BpfObject {
    std::vector<uint8_t> code; ///< all functions, relocated; it starts at address 0 of the code window
    std::vector<uint8_t> data; ///< the memory: 8 bytes unused, constants, stack, variables
    uint32_t writable_start = 0;
    uint32_t stack_top = 0;        ///< r10 of the outermost function
    uint32_t frame_bytes = 0;      ///< of the function that needs most
    std::vector<Symbol> functions; ///< by address

    [[nodiscard]] std::unique_ptr<Guest> make_guest() const;
};

/// Is it an ELF file for eBPF?
[[nodiscard]] bool is_bpf_object(std::span<const uint8_t> file);

/// Throws LoadError unless everything in the file makes sense and all that it refers to is in it. Whether its
/// instructions may be run is for bpf::find_fault to say.
[[nodiscard]] BpfObject read_bpf_object(std::span<const uint8_t> file);

/// How far below r10 the functions in `code` reach, a multiple of 8: all accesses through r10, and all addresses made
/// from it. 512, which is what RFC 9669's implementations give, where that cannot be told.
[[nodiscard]] uint32_t bpf_frame_bytes(std::span<const uint8_t> code);

} // namespace limpet
