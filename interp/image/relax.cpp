#include "relax.h"

#include "dense.h"
#include "relax_code.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace limpet {

namespace {

// Relocations that linkers leave in a file or make (RISC-V ELF psABI, "Relocations"; those that <elf.h> has not are of
// binutils alone: lui + addi that became one instruction with x0 as its base).
constexpr uint32_t kGprelI = 47;
constexpr uint32_t kGprelS = 48;

struct Relocation {
    uint32_t offset; ///< in an executable: the address, or the offset in a section that is not in memory
    uint32_t type;
    uint32_t symbol; ///< index
    uint32_t value;  ///< the symbol's address plus the addend
};

/// One file, changed in place. Structures are copied in and out, because nothing in a file has to be aligned.
class Relaxer {
public:
    Relaxer(std::span<const uint8_t> file, rv32::Isa isa) : file_(file.begin(), file.end()), isa_(isa) {}
    std::vector<uint8_t> run();

private:
    template <class T> [[nodiscard]] T get(uint64_t offset) const {
        check(offset, sizeof(T));
        T value;
        std::memcpy(&value, &file_[offset], sizeof value);
        return value;
    }
    template <class T> void put(uint64_t offset, const T& value) {
        check(offset, sizeof(T));
        std::memcpy(&file_[offset], &value, sizeof value);
    }
    void check(uint64_t offset, uint64_t size) const {
        if (offset + size > file_.size()) throw LoadError("truncated ELF file");
    }

    void find_code();
    [[nodiscard]] std::vector<Relocation> relocations(const Elf32_Shdr& section) const;
    [[nodiscard]] std::string_view name(const Elf32_Shdr& section) const;
    [[nodiscard]] bool in_code(const Relocation& relocation) const;

    void relocate_code(RelaxedCode& code) const;
    [[nodiscard]] std::set<uint32_t> named_addresses() const;
    [[nodiscard]] std::unique_ptr<MovedCode> rewritten() const;
    void relocate_data(const MovedCode& code, const Elf32_Shdr& section);
    void adjust(const Relocation& relocation, uint64_t at, uint32_t difference);
    void move_symbols(const MovedCode& code);
    void write_code(const MovedCode& code);
    void write_note(const MovedCode& code);

    std::vector<uint8_t> file_;
    const rv32::Isa isa_;
    Elf32_Ehdr header_{};
    std::vector<Elf32_Shdr> sections_;
    uint32_t code_index_ = 0;
    Elf32_Shdr code_{};
    Elf32_Shdr symbols_{};
};

/// The one section that is code; nothing may lie behind it, for that would have to move.
void Relaxer::find_code() {
    header_ = get<Elf32_Ehdr>(0);
    if (header_.e_shentsize != sizeof(Elf32_Shdr)) throw LoadError("ELF file with section headers of a wrong size");
    for (uint32_t i = 0; i < header_.e_shnum; ++i)
        sections_.push_back(get<Elf32_Shdr>(uint64_t{header_.e_shoff} + i * sizeof(Elf32_Shdr)));
    for (uint32_t i = 0; i < sections_.size(); ++i) {
        const Elf32_Shdr& section = sections_[i];
        if (section.sh_type == SHT_SYMTAB) symbols_ = section;
        if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_EXECINSTR) == 0) continue;
        if (code_index_ != 0) throw LoadError("ELF file with two sections of code: link it with guest.ld");
        code_index_ = i;
        code_ = section;
    }
    if (code_index_ == 0) throw LoadError("ELF file without code");
    check(code_.sh_offset, code_.sh_size);
    for (const Elf32_Shdr& section : sections_)
        if ((section.sh_flags & SHF_ALLOC) != 0 && section.sh_size != 0 && section.sh_addr > code_.sh_addr)
            throw LoadError("ELF file with data behind its code: link it with guest.ld");
}

std::vector<Relocation> Relaxer::relocations(const Elf32_Shdr& section) const {
    std::vector<Relocation> result;
    for (uint32_t at = 0; at + sizeof(Elf32_Rela) <= section.sh_size; at += sizeof(Elf32_Rela)) {
        const auto entry = get<Elf32_Rela>(uint64_t{section.sh_offset} + at);
        Relocation relocation{.offset = entry.r_offset,
                              .type = ELF32_R_TYPE(entry.r_info),
                              .symbol = ELF32_R_SYM(entry.r_info),
                              .value = static_cast<uint32_t>(entry.r_addend)};
        if (relocation.symbol != 0) {
            const uint64_t symbol = uint64_t{symbols_.sh_offset} + uint64_t{relocation.symbol} * sizeof(Elf32_Sym);
            relocation.value += get<Elf32_Sym>(symbol).st_value;
        }
        result.push_back(relocation);
    }
    return result;
}

std::string_view Relaxer::name(const Elf32_Shdr& section) const {
    if (header_.e_shstrndx >= sections_.size()) throw LoadError("ELF file without names of sections");
    const uint64_t at = uint64_t{sections_[header_.e_shstrndx].sh_offset} + section.sh_name;
    check(at, 1);
    const auto* text = reinterpret_cast<const char*>(&file_[at]);
    return {text, strnlen(text, file_.size() - at)};
}

/// Is its symbol one of the code's? (Sections that are not in memory count from 0, as does the code of a guest without
/// data.)
bool Relaxer::in_code(const Relocation& relocation) const {
    const uint64_t at = uint64_t{symbols_.sh_offset} + uint64_t{relocation.symbol} * sizeof(Elf32_Sym);
    return relocation.symbol != 0 && get<Elf32_Sym>(at).st_shndx == code_index_;
}

/// Tells the code which of its instructions hold addresses. Branches and jumps tell that by themselves.
void Relaxer::relocate_code(RelaxedCode& code) const {
    for (const Elf32_Shdr& section : sections_) {
        if (section.sh_type != SHT_RELA || section.sh_info != code_index_) continue;
        for (const Relocation& r : relocations(section)) {
            switch (r.type) {
            case R_RISCV_NONE:
            case R_RISCV_RELAX:
            case R_RISCV_ALIGN:
            case R_RISCV_BRANCH:
            case R_RISCV_JAL:
            case R_RISCV_RVC_BRANCH:
            case R_RISCV_RVC_JUMP: break;
            case R_RISCV_CALL:
            case R_RISCV_CALL_PLT: code.make_call(r.offset, r.value); break;
            case R_RISCV_HI20:
            case R_RISCV_RVC_LUI:
                if (in_code(r)) code.hold(r.offset, Holds::kHigh, r.value);
                break;
            case R_RISCV_LO12_I:
            case R_RISCV_LO12_S:
            case kGprelI:
            case kGprelS:
                if (in_code(r)) code.hold(r.offset, Holds::kLow, r.value);
                break;
            case R_RISCV_PCREL_HI20:
                code.hold(r.offset, in_code(r) ? Holds::kHighFromPc : Holds::kHighFromPcData, r.value);
                break;
            case R_RISCV_PCREL_LO12_I:
            case R_RISCV_PCREL_LO12_S: code.hold(r.offset, Holds::kLowOfAuipc, r.value); break;
            default: throw LoadError("code with a relocation of the unknown type " + std::to_string(r.type));
            }
        }
    }
}

/// Adds to the field that a relocation is about.
void Relaxer::adjust(const Relocation& relocation, uint64_t at, uint32_t difference) {
    switch (relocation.type) {
    case R_RISCV_32:
    case R_RISCV_ADD32:
    case R_RISCV_SET32: put<uint32_t>(at, get<uint32_t>(at) + difference); break;
    case R_RISCV_SUB32: put<uint32_t>(at, get<uint32_t>(at) - difference); break;
    case R_RISCV_ADD16:
    case R_RISCV_SET16: put<uint16_t>(at, static_cast<uint16_t>(get<uint16_t>(at) + difference)); break;
    case R_RISCV_SUB16: put<uint16_t>(at, static_cast<uint16_t>(get<uint16_t>(at) - difference)); break;
    case R_RISCV_ADD8:
    case R_RISCV_SET8: put<uint8_t>(at, static_cast<uint8_t>(get<uint8_t>(at) + difference)); break;
    case R_RISCV_SUB8: put<uint8_t>(at, static_cast<uint8_t>(get<uint8_t>(at) - difference)); break;
    case R_RISCV_SET6:
    case R_RISCV_SUB6: { // of a byte whose upper two bits are something else
        const auto byte = get<uint8_t>(at);
        const uint32_t sum = relocation.type == R_RISCV_SET6 ? byte + difference : byte - difference;
        put<uint8_t>(at, static_cast<uint8_t>((byte & 0xc0) | (sum & 0x3f)));
        break;
    }
    default: throw LoadError("data with a relocation of the unknown type " + std::to_string(relocation.type));
    }
}

/// What of a section's contents depends on addresses of code. Each field becomes what it was, plus what the address has
/// moved by.
void Relaxer::relocate_data(const MovedCode& code, const Elf32_Shdr& section) {
    if (section.sh_info >= sections_.size()) throw LoadError("ELF file with relocations of no section");
    const Elf32_Shdr& target = sections_[section.sh_info];
    if (target.sh_type == SHT_NOBITS) return;
    for (const Relocation& relocation : relocations(section)) {
        if (!in_code(relocation)) continue;
        const uint32_t offset = relocation.offset - target.sh_addr;
        if (offset >= target.sh_size) throw LoadError("ELF file with a relocation outside its section");
        adjust(relocation, uint64_t{target.sh_offset} + offset, code.moved(relocation.value) - relocation.value);
    }
}

void Relaxer::move_symbols(const MovedCode& code) {
    for (uint32_t at = 0; at + sizeof(Elf32_Sym) <= symbols_.sh_size; at += sizeof(Elf32_Sym)) {
        auto symbol = get<Elf32_Sym>(uint64_t{symbols_.sh_offset} + at);
        if (symbol.st_shndx != code_index_) continue;
        const uint32_t end = code.moved(symbol.st_value + symbol.st_size);
        symbol.st_value = code.moved(symbol.st_value);
        symbol.st_size = end - symbol.st_value;
        put(uint64_t{symbols_.sh_offset} + at, symbol);
    }
}

void Relaxer::write_code(const MovedCode& code) {
    const std::vector<uint8_t> bytes = code.bytes();
    if (bytes.size() > code_.sh_size) throw LoadError("code that would become larger");
    const auto saved = static_cast<uint32_t>(code_.sh_size - bytes.size());
    std::ranges::copy(bytes, file_.begin() + code_.sh_offset);
    std::fill_n(file_.begin() + static_cast<ptrdiff_t>(code_.sh_offset + bytes.size()), saved, 0);
    for (uint32_t i = 0; i < header_.e_phnum; ++i) {
        const uint64_t at = uint64_t{header_.e_phoff} + i * sizeof(Elf32_Phdr);
        auto segment = get<Elf32_Phdr>(at);
        if (segment.p_type != PT_LOAD || code_.sh_addr - segment.p_vaddr >= segment.p_memsz) continue;
        if (segment.p_filesz < saved || segment.p_memsz < saved) throw LoadError("damaged ELF program headers");
        segment.p_filesz -= saved;
        segment.p_memsz -= saved;
        put(at, segment);
    }
    for (uint32_t i = 0; i < sections_.size(); ++i) {
        Elf32_Shdr section = sections_[i];
        if (i == code_index_) section.sh_size -= saved;
        if (section.sh_type == SHT_RELA) section.sh_size = 0; // they have been applied, and are right no longer
        put(uint64_t{header_.e_shoff} + i * sizeof section, section);
    }
    header_.e_entry = code.moved(header_.e_entry);
    put(0, header_);
}

/// guest.ld writes .limpet without relocations: the fourth word is the size of the code, the ninth an entry.
void Relaxer::write_note(const MovedCode& code) {
    for (const Elf32_Shdr& section : sections_) {
        if (section.sh_type != SHT_PROGBITS || name(section) != ".limpet" || section.sh_size < 9 * sizeof(uint32_t))
            continue;
        const uint64_t size_at = uint64_t{section.sh_offset} + 3 * sizeof(uint32_t);
        const uint64_t entry_at = uint64_t{section.sh_offset} + 8 * sizeof(uint32_t);
        const uint32_t end = code_.sh_addr + code_.sh_size;
        put<uint32_t>(size_at, get<uint32_t>(size_at) + code.moved(end) - end);
        if (const auto entry = get<uint32_t>(entry_at); entry != 0) put<uint32_t>(entry_at, code.moved(entry));
    }
}

/// Where in the code something may jump to that no instruction tells: functions, and what memory holds addresses of.
/// (DWARF has addresses of each line, to which nothing jumps.)
std::set<uint32_t> Relaxer::named_addresses() const {
    std::set<uint32_t> result;
    for (uint32_t at = 0; at + sizeof(Elf32_Sym) <= symbols_.sh_size; at += sizeof(Elf32_Sym)) {
        const auto symbol = get<Elf32_Sym>(uint64_t{symbols_.sh_offset} + at);
        if (symbol.st_shndx == code_index_ && ELF32_ST_TYPE(symbol.st_info) == STT_FUNC) result.insert(symbol.st_value);
    }
    for (const Elf32_Shdr& section : sections_) {
        if (section.sh_type != SHT_RELA || section.sh_info >= sections_.size()) continue;
        if ((sections_[section.sh_info].sh_flags & SHF_ALLOC) == 0) continue;
        for (const Relocation& relocation : relocations(section))
            if (in_code(relocation) && section.sh_info != code_index_) result.insert(relocation.value);
    }
    return result;
}

/// The code as it will be.
std::unique_ptr<MovedCode> Relaxer::rewritten() const {
    const auto code_bytes = std::span<const uint8_t>(file_).subspan(code_.sh_offset, code_.sh_size);
    // What rv32dense is made from is rv32ec.
    RelaxedCode code(code_bytes, code_.sh_addr, isa_.dense ? rv32::isa::rv32ec : isa_);
    relocate_code(code);
    if (isa_.dense) return std::make_unique<DenseCode>(code, named_addresses());
    code.shrink();
    return std::make_unique<RelaxedCode>(std::move(code));
}

std::vector<uint8_t> Relaxer::run() {
    find_code();
    const std::unique_ptr<MovedCode> code = rewritten();
    for (const Elf32_Shdr& section : sections_)
        if (section.sh_type == SHT_RELA && section.sh_info != code_index_) relocate_data(*code, section);
    move_symbols(*code); // last of those that look at symbols
    write_code(*code);
    write_note(*code);
    return std::move(file_);
}

} // namespace

std::vector<uint8_t> relax(std::span<const uint8_t> elf_file, rv32::Isa isa) { return Relaxer(elf_file, isa).run(); }

} // namespace limpet
