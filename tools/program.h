/// \file
/// A guest read from a file, and the names in it.
#pragma once

#include "../interp/image/bpf_object.h"
#include "../interp/image/container.h"
#include "../interp/image/elf.h"
#include "builder/files.h"
#include "options.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

/// An image, an ELF executable, an eBPF object, or a raw binary: code and constants, to be loaded at the start of
/// memory.
class Program {
public:
    /// Throws LoadError.
    Program(const std::string& path, uint32_t raw_base);

    /// Not copyable, because segments point into it.
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// nullptr: the file is not an image. Packed code has been unpacked.
    [[nodiscard]] const Container* image() const { return image_ ? &*image_ : nullptr; }

    /// Gives the host calls of an image the ids of a firmware. Throws LoadError when it lacks one.
    void bind(std::span<const calls::Declaration> declarations);

    /// Takes the names of functions and the source lines from the ELF file that an image was made from. Throws
    /// LoadError when it is another one.
    void take_symbols(const std::string& path);

    /// Takes the source lines of an ELF file from its DWARF, which costs time and is not always wanted.
    void take_lines();

    /// The guest, before its first call. Images and eBPF objects have their own memory; all others get `memory`. bpf:
    /// is it to be run as eBPF? Throws LoadError, also when it is the other kind of program.
    [[nodiscard]] std::unique_ptr<Guest> make_guest(const MemoryOption& memory, bool bpf) const;

    /// What a file says about the profile that it is compiled for: ELF flags tell whether there are 16-bit
    /// instructions. "rv32ec" for a raw binary.
    [[nodiscard]] std::string isa_name() const;

    /// The address of a symbol, or a number; "": where the file says that it starts. Of an image: of an entry; "": of
    /// the only one. Throws LoadError.
    [[nodiscard]] uint32_t entry(const std::string& name) const;

    [[nodiscard]] std::optional<uint32_t> find(std::string_view symbol) const;

    /// "<name+0x12>" for an address in the code, or "".
    [[nodiscard]] std::string describe(uint32_t address) const;

    /// The name of what starts at an address, or "".
    [[nodiscard]] std::string label(uint32_t address) const;

    /// The function of the firmware that a host call at an address calls, or "".
    [[nodiscard]] std::string import_name(uint32_t address) const;

    /// "driver.c:12" where the code of a source line begins, or "".
    [[nodiscard]] std::string source_line(uint32_t address) const;

    [[nodiscard]] const std::vector<Segment>& segments() const { return elf_.segments; }
    [[nodiscard]] const std::vector<Segment>& code() const { return elf_.code; }

private:
    /// The last symbol at or before a code address, a function if there is one; nullptr: none.
    [[nodiscard]] const Symbol* enclosing(uint32_t address) const;

    void read_image_file();
    void read_bpf_file();

    std::vector<uint8_t> file_;
    std::optional<Container> image_;
    std::optional<BpfObject> bpf_;
    std::map<uint32_t, std::string> lines_; ///< by the address where their code begins
    ElfFile elf_; ///< of a raw binary: one segment, no symbols; of an image: its code, and its entries as symbols
};

} // namespace limpet
