#include "firmware.h"

#include <fmt/core.h>
#include <gelf.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace limpet::cycles {
namespace {

/// github.com/microsoft/uf2: blocks of 512 bytes, each with its address.
struct Uf2Block {
    uint32_t magic_first;
    uint32_t magic_second;
    uint32_t flags;
    uint32_t address;
    uint32_t bytes;
    uint32_t number;
    uint32_t count;
    uint32_t family;
    uint8_t data[476];
    uint32_t magic_last;
};
static_assert(sizeof(Uf2Block) == 512);
constexpr uint32_t kMagicFirst = 0x0a324655;
constexpr uint32_t kMagicSecond = 0x9e5d5157;
constexpr uint32_t kMagicLast = 0x0ab16f30;
constexpr uint32_t kFamilyRp2040 = 0xe48bff56;

std::vector<Piece> unpack_uf2(const std::vector<uint8_t>& file) {
    std::vector<Piece> pieces;
    for (size_t at = 0; at + sizeof(Uf2Block) <= file.size(); at += sizeof(Uf2Block)) {
        Uf2Block block;
        std::memcpy(&block, file.data() + at, sizeof block);
        if (block.magic_first != kMagicFirst || block.magic_second != kMagicSecond || block.magic_last != kMagicLast ||
            block.family != kFamilyRp2040 || block.bytes != 256 || block.address % 256 != 0 ||
            block.number != pieces.size() || block.count != file.size() / sizeof(Uf2Block))
            throw std::runtime_error(fmt::format("block {} is not one that an RP2040 takes", pieces.size()));
        pieces.push_back({block.address, {block.data, block.data + block.bytes}});
    }
    return pieces;
}

} // namespace

ElfFile::ElfFile(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY)) {
    if (descriptor_ < 0) throw std::runtime_error(path + ": cannot be read");
    elf_version(EV_CURRENT);
    elf_ = elf_begin(descriptor_, ELF_C_READ, nullptr);
    GElf_Ehdr header;
    if (elf_ == nullptr || gelf_getehdr(elf_, &header) == nullptr || header.e_machine != EM_ARM)
        throw std::runtime_error(path + ": not an ELF file for Arm");
}

ElfFile::~ElfFile() {
    elf_end(elf_);
    close(descriptor_);
}

std::vector<Piece> ElfFile::pieces() const {
    std::vector<Piece> pieces;
    size_t count = 0;
    elf_getphdrnum(elf_, &count);
    for (size_t i = 0; i < count; ++i) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf_, static_cast<int>(i), &segment) == nullptr || segment.p_type != PT_LOAD ||
            segment.p_filesz == 0)
            continue;
        std::vector<uint8_t> bytes(segment.p_filesz);
        const ssize_t got = pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(segment.p_offset));
        if (got != static_cast<ssize_t>(bytes.size())) throw std::runtime_error("the image is cut off");
        pieces.push_back({static_cast<uint32_t>(segment.p_paddr), std::move(bytes)});
    }
    return pieces;
}

uint32_t ElfFile::symbol(const std::string& name) const {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf_, section)) != nullptr) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB) continue;
        Elf_Data* data = elf_getdata(section, nullptr);
        for (size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
            GElf_Sym symbol;
            gelf_getsym(data, static_cast<int>(i), &symbol);
            if (name == elf_strptr(elf_, header.sh_link, symbol.st_name))
                return static_cast<uint32_t>(symbol.st_value) & ~1U;
        }
    }
    throw std::runtime_error("no symbol " + name);
}

std::vector<Piece> read_flash_file(const std::string& path, uint32_t address) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw std::runtime_error(path + ": cannot be read");
    std::vector<uint8_t> file((std::istreambuf_iterator<char>(stream)), {});
    if (!path.ends_with(".uf2")) return {{address, std::move(file)}};
    if (file.empty() || file.size() % sizeof(Uf2Block) != 0) throw std::runtime_error(path + ": not a .uf2 file");
    return unpack_uf2(file);
}

} // namespace limpet::cycles
