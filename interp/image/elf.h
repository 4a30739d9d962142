/// \file
/// ELF files as compilers link them: 32-bit little-endian RISC-V executables, at their link address.
#pragma once

#include "guest.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limpet {

struct Symbol {
    std::string name;
    uint32_t address;
    uint32_t size; ///< bytes; 0: not known
    bool function; ///< typed as one
};

/// A part of the file that is not in memory: what a build writes down beside the program.
struct Section {
    std::string name;
    std::span<const uint8_t> data;
};

/// What a guest is loaded from. Its spans point into the bytes that it was read from.
struct ElfFile {
    uint32_t entry = 0;
    bool embedded = false;         ///< EF_RISCV_RVE: compiled for x0..x15
    bool compressed = false;       ///< EF_RISCV_RVC: contains 16-bit instructions
    std::vector<Segment> segments; ///< PT_LOAD, at p_vaddr
    std::vector<Segment> code;     ///< what is instructions: the executable sections; of a stripped file the segments
    std::vector<Symbol> symbols;   ///< those with a name and an address, by address
    std::vector<Section> notes;    ///< sections that are not in memory

    [[nodiscard]] const Symbol* find(std::string_view name) const; ///< nullptr: there is none
};

[[nodiscard]] bool is_elf(std::span<const uint8_t> file);

/// Throws LoadError unless everything that ElfFile holds is inside the file and makes sense. Whether it fits into a
/// memory is for Guest to say.
[[nodiscard]] ElfFile read_elf(std::span<const uint8_t> file);

} // namespace limpet
