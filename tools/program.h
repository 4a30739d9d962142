/// \file
/// A guest read from a file, and the names in it.
#pragma once

#include "../interp/image/elf.h"
#include "options.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

/// The bytes of a file. Throws LoadError.
[[nodiscard]] std::vector<uint8_t> read_file(const std::string& path);

/// An ELF executable, or a raw binary: code and constants, to be loaded at the start of memory.
class Program {
public:
    /// Throws LoadError.
    Program(const std::string& path, uint32_t raw_base);

    /// What a file says about the profile that it is compiled for: ELF flags tell whether there are 16-bit
    /// instructions. "rv32ec" for a raw binary.
    [[nodiscard]] std::string isa_name() const;

    /// The address of a symbol, or a number; "": where the file says that it starts. Throws LoadError.
    [[nodiscard]] uint32_t entry(const std::string& name) const;

    [[nodiscard]] std::optional<uint32_t> find(std::string_view symbol) const;

    /// "<name+0x12>" for an address in the code, or "".
    [[nodiscard]] std::string describe(uint32_t address) const;

    /// The name of what starts at an address, or "".
    [[nodiscard]] std::string label(uint32_t address) const;

    [[nodiscard]] const std::vector<Segment>& segments() const { return elf_.segments; }
    [[nodiscard]] const std::vector<Segment>& code() const { return elf_.code; }

private:
    /// The last symbol at or before a code address, a function if there is one; nullptr: none.
    [[nodiscard]] const Symbol* enclosing(uint32_t address) const;

    std::vector<uint8_t> file_;
    ElfFile elf_; ///< of a raw binary: one segment, no symbols
};

} // namespace limpet
