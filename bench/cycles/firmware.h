/// \file
/// Firmware images as files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct Elf; // libelf's

namespace limpet::cycles {

/// Bytes and the address that they are loaded at.
struct Piece {
    uint32_t address;
    std::vector<uint8_t> bytes;
};

/// An ELF file for Arm: what is loaded where, and addresses of symbols. All throw std::runtime_error.
class ElfFile {
public:
    explicit ElfFile(const std::string& path);
    ~ElfFile();
    ElfFile(const ElfFile&) = delete;
    ElfFile& operator=(const ElfFile&) = delete;

    /// Its segments, at the addresses where they are stored.
    [[nodiscard]] std::vector<Piece> pieces() const;

    /// The address of a symbol, bit 0 cleared.
    [[nodiscard]] uint32_t symbol(const std::string& name) const;

private:
    int descriptor_;
    Elf* elf_ = nullptr;
};

/// What is flashed: a .uf2 file, which tells its addresses, or a plain binary for `address`.
std::vector<Piece> read_flash_file(const std::string& path, uint32_t address);

} // namespace limpet::cycles
