#include "elf.h"

#include <algorithm>
#include <gelf.h>
#include <memory>

namespace limpet {

namespace {

// libelf is used through its class-independent functions, which hand out copies: nothing is read in place, where a
// hostile file would have it misaligned.
using ElfHandle = std::unique_ptr<Elf, decltype(&elf_end)>;

/// libelf's word for what it just found wrong, behind ours.
[[noreturn]] void fail(const std::string& what) { throw LoadError(what + ": " + elf_errmsg(-1)); }

/// Throws unless the file is what this library handles. Looks at the first bytes by itself, because they decide how
/// libelf reads the rest.
void check_identification(std::span<const uint8_t> file) {
    if (file.size() < sizeof(Elf32_Ehdr)) throw LoadError("truncated ELF file: its header is cut off");
    if (file[EI_CLASS] != ELFCLASS32) throw LoadError("not a 32-bit ELF file");
    if (file[EI_DATA] != ELFDATA2LSB) throw LoadError("not a little-endian ELF file");
}

/// Throws unless the table of `count` entries at `offset` has the right size of entry and is inside the file.
void check_table(const char* what, uint64_t offset, uint64_t count, uint64_t entry_size, uint64_t right_size,
                 std::span<const uint8_t> file) {
    if (count == 0) return;
    if (entry_size != right_size) throw LoadError(std::string("ELF file with ") + what + " of a wrong size");
    if (offset + count * right_size > file.size())
        throw LoadError(std::string("truncated ELF file: its ") + what + " are cut off");
}

void check_header(const GElf_Ehdr& header, std::span<const uint8_t> file) {
    if (header.e_machine != EM_RISCV)
        throw LoadError("ELF file of another machine: e_machine is " + std::to_string(header.e_machine) +
                        ", RISC-V is " + std::to_string(EM_RISCV));
    if (header.e_type == ET_REL) throw LoadError("ELF object file: link it first");
    if (header.e_type != ET_EXEC)
        throw LoadError("not an ELF executable with a fixed address: e_type is " + std::to_string(header.e_type));
    check_table("program headers", header.e_phoff, header.e_phnum, header.e_phentsize, sizeof(Elf32_Phdr), file);
    check_table("section headers", header.e_shoff, header.e_shnum, header.e_shentsize, sizeof(Elf32_Shdr), file);
}

/// The `size` bytes at `offset` of the file. (What has none, such as .bss, may have any offset.)
std::span<const uint8_t> contents(const char* what, uint64_t offset, uint64_t size, std::span<const uint8_t> file) {
    if (size == 0) return {};
    if (offset + size > file.size())
        throw LoadError(std::string("truncated ELF file: a ") + what + " ends behind the end of the file");
    return file.subspan(offset, size);
}

Segment read_segment(const GElf_Phdr& header, std::span<const uint8_t> file) {
    if (header.p_filesz > header.p_memsz) throw LoadError("ELF segment with more bytes in the file than in memory");
    if (header.p_vaddr + header.p_memsz > uint64_t{1} << 32)
        throw LoadError("ELF segment that ends behind the end of the address space");
    return {.address = static_cast<uint32_t>(header.p_vaddr),
            .data = contents("segment", header.p_offset, header.p_filesz, file),
            .size = static_cast<uint32_t>(header.p_memsz),
            .writable = (header.p_flags & PF_W) != 0,
            .executable = (header.p_flags & PF_X) != 0};
}

std::vector<Segment> read_segments(Elf* elf, std::span<const uint8_t> file) {
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0) fail("damaged ELF program headers");
    std::vector<Segment> segments;
    for (size_t i = 0; i < count; ++i) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) fail("damaged ELF program headers");
        if (header.p_type == PT_INTERP || header.p_type == PT_DYNAMIC)
            throw LoadError("dynamically linked ELF file: link it statically");
        if (header.p_type == PT_LOAD && header.p_memsz != 0) segments.push_back(read_segment(header, file));
    }
    if (segments.empty()) throw LoadError("ELF file with nothing to load");
    return segments;
}

void read_symbols(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, std::vector<Symbol>& symbols) {
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr) fail("damaged ELF symbol table");
    for (int i = 0;; ++i) {
        GElf_Sym symbol;
        if (gelf_getsym(data, i, &symbol) == nullptr) break; // behind the last one
        const unsigned type = GELF_ST_TYPE(symbol.st_info);
        if (symbol.st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE) continue;
        const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
        if (name == nullptr) fail("damaged ELF symbol table");
        // $x and $d mark where code and data begin ("RISC-V ELF Specification", "Mapping Symbol"), .L is how compilers
        // begin labels of their own: no names.
        if (*name == '\0' || *name == '$' || std::string_view(name).starts_with(".L")) continue;
        symbols.push_back(
            {name, static_cast<uint32_t>(symbol.st_value), static_cast<uint32_t>(symbol.st_size), type == STT_FUNC});
    }
}

/// A section that is in memory, with rights of its own.
Segment read_section(const GElf_Shdr& header, std::span<const uint8_t> file) {
    if (header.sh_addr + header.sh_size > uint64_t{1} << 32)
        throw LoadError("ELF section that ends behind the end of the address space");
    const bool in_file = header.sh_type != SHT_NOBITS; // what is not has an offset, too, which may be anything
    const uint64_t offset = in_file ? header.sh_offset : 0;
    const uint64_t bytes = in_file ? header.sh_size : 0;
    return {.address = static_cast<uint32_t>(header.sh_addr),
            .data = contents("section", offset, bytes, file),
            .size = static_cast<uint32_t>(header.sh_size),
            .writable = (header.sh_flags & SHF_WRITE) != 0,
            .executable = (header.sh_flags & SHF_EXECINSTR) != 0};
}

/// A section that is not in memory.
Section read_note(Elf* elf, size_t names, const GElf_Shdr& header, std::span<const uint8_t> file) {
    const char* name = elf_strptr(elf, names, header.sh_name);
    if (name == nullptr) fail("damaged ELF section names");
    return {.name = name, .data = contents("section", header.sh_offset, header.sh_size, file)};
}

/// The symbols and the sections that are not in memory go into `result`. Returns by address the sections that are.
std::vector<Segment> read_sections(Elf* elf, std::span<const uint8_t> file, ElfFile& result) {
    size_t names = 0;
    if (elf_getshdrstrndx(elf, &names) != 0) fail("damaged ELF section headers");
    std::vector<Segment> sections;
    for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr; section = elf_nextscn(elf, section)) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) == nullptr) fail("damaged ELF section headers");
        if (header.sh_type == SHT_SYMTAB) read_symbols(elf, section, header, result.symbols);
        if (header.sh_type == SHT_PROGBITS && (header.sh_flags & SHF_ALLOC) == 0)
            result.notes.push_back(read_note(elf, names, header, file));
        if ((header.sh_flags & SHF_ALLOC) != 0 && header.sh_size != 0) sections.push_back(read_section(header, file));
    }
    std::ranges::stable_sort(sections, {}, &Segment::address);
    return sections;
}

/// Bytes first..last-1 of a segment, as a segment with its rights.
Segment part(const Segment& whole, uint64_t first, uint64_t last) {
    Segment result = whole;
    const size_t from = std::min<size_t>(first, whole.data.size());
    result.address += static_cast<uint32_t>(first);
    result.size = static_cast<uint32_t>(last - first);
    result.data = whole.data.subspan(from, std::min<size_t>(last, whole.data.size()) - from);
    return result;
}

/// Linkers put code and data that lie close together into one segment that is writable and executable. Then the
/// sections tell what is what: those that are code or constants get rights of their own, all else is data.
/// A segment without such sections is kept as it is, for Guest to refuse.
void split(const Segment& segment, const std::vector<Segment>& sections, std::vector<Segment>& result) {
    uint64_t done = 0;
    Segment data = segment;
    data.executable = std::ranges::none_of(sections, &Segment::executable);
    for (const Segment& section : sections) {
        const uint64_t first = uint64_t{section.address} - segment.address;
        if (section.address < segment.address || first + section.size > segment.size) continue;
        if (section.writable && !section.executable) continue;
        if (first < done) throw LoadError("ELF file with overlapping sections");
        result.push_back(part(data, done, first));
        result.push_back(part(segment, first, first + section.size));
        result.back().writable = section.writable;
        result.back().executable = section.executable;
        done = first + section.size;
    }
    result.push_back(part(data, done, segment.size));
}

} // namespace

const Symbol* ElfFile::find(std::string_view name) const {
    const auto found = std::ranges::find(symbols, name, &Symbol::name);
    return found == symbols.end() ? nullptr : &*found;
}

bool is_elf(std::span<const uint8_t> file) {
    return file.size() >= SELFMAG && std::equal(file.begin(), file.begin() + SELFMAG, ELFMAG);
}

ElfFile read_elf(std::span<const uint8_t> file) {
    check_identification(file);
    elf_version(EV_CURRENT);
    // libelf reads a memory image in place and, since it is opened for reading, does not write to it.
    auto* image = reinterpret_cast<char*>(const_cast<uint8_t*>(file.data()));
    const ElfHandle elf(elf_memory(image, file.size()), &elf_end);
    if (elf == nullptr) fail("damaged ELF file");
    GElf_Ehdr header;
    if (gelf_getehdr(elf.get(), &header) == nullptr) fail("damaged ELF header");
    check_header(header, file);

    ElfFile result;
    result.entry = static_cast<uint32_t>(header.e_entry);
    result.embedded = (header.e_flags & EF_RISCV_RVE) != 0;
    result.compressed = (header.e_flags & EF_RISCV_RVC) != 0;
    const std::vector<Segment> sections = read_sections(elf.get(), file, result);
    for (const Segment& segment : read_segments(elf.get(), file)) {
        if (segment.writable && segment.executable)
            split(segment, sections, result.segments);
        else
            result.segments.push_back(segment);
    }
    std::ranges::copy_if(sections, std::back_inserter(result.code), &Segment::executable);
    if (result.code.empty())
        std::ranges::copy_if(result.segments, std::back_inserter(result.code), &Segment::executable);
    std::ranges::stable_sort(result.symbols, {}, &Symbol::address);
    return result;
}

} // namespace limpet
