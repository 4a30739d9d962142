/// \file
/// DWARF of an ELF file in memory, opened and closed.
#pragma once

#include <cstdint>
#include <elfutils/libdw.h>
#include <memory>
#include <span>

namespace limpet {

class DwarfFile {
public:
    explicit DwarfFile(std::span<const uint8_t> elf_file)
        // libelf does not write to an image that it reads.
        : elf_(elf_memory(reinterpret_cast<char*>(const_cast<uint8_t*>(elf_file.data())), elf_file.size()), &elf_end),
          dwarf_(dwarf_begin_elf(elf_.get(), DWARF_C_READ, nullptr), &dwarf_end) {}

    /// Calls `visit` with the top DIE of each unit; with none when there is no DWARF.
    template <class Visit> void each_unit(Visit visit) const {
        Dwarf_CU* unit = nullptr;
        Dwarf_Die top;
        while (dwarf_ != nullptr && dwarf_get_units(dwarf_.get(), unit, &unit, nullptr, nullptr, &top, nullptr) == 0)
            visit(top);
    }

private:
    std::unique_ptr<Elf, decltype(&elf_end)> elf_;
    std::unique_ptr<Dwarf, decltype(&dwarf_end)> dwarf_;
};

} // namespace limpet
