/// \file
/// Post-link relaxation: a linked program in which each instruction has the shortest form that a profile offers. So the
/// 16-bit instructions of Xlimpet come from any compiler for RV32EC, and those that the linker's own relaxation made
/// possible (an address that fits into c.li) are used too. Of rv32dense, the same code in bytes (dense.h).
#pragma once

#include "../rv32/isa.h"

#include <cstdint>
#include <span>
#include <vector>

namespace limpet {

/// The ELF file, linked for rv32ec, with its code written for `isa`. Branches, calls, symbols, code addresses in data
/// and in instructions, and DWARF follow. It has to be linked with guest.ld and --emit-relocs; the relocations are gone
/// from the result. Throws LoadError when the file is damaged, has relocations or code that nothing is known of here,
/// or when its code would become larger.
[[nodiscard]] std::vector<uint8_t> relax(std::span<const uint8_t> elf_file, rv32::Isa isa);

} // namespace limpet
