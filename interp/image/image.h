/// \file
/// Guest images: ELF files linked with firmware/sdk/guest.ld, with a data window and a code window of their own.
#pragma once

#include "elf.h"

#include "../limpet.h"

#include <cstdint>
#include <span>
#include <vector>

namespace limpet {

/// What of a guest is uploaded, and what a loader has to know besides.
struct Image {
    limpet_windows windows{};
    uint32_t stack_top = 0; ///< sp at entry, a multiple of 16
    uint32_t entry = 0;
    std::vector<uint8_t> data;   ///< the data window from address 0; bytes behind the last initialised one are left out
    std::vector<uint8_t> code;   ///< the code window without its guard
    std::vector<Symbol> symbols; ///< by address; functions are what may be called by name
};

/// Takes an image out of a file that read_elf has read.
/// Throws LoadError when the file was not linked with guest.ld, or when what it says of its windows does not hold.
[[nodiscard]] Image read_image(const ElfFile& file);

} // namespace limpet
