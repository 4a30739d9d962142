#include "bpf_object.h"

#include "../bpf/fault.h"
#include "../bpf/fields.h"

#include <algorithm>
#include <gelf.h>
#include <map>
#include <string_view>

namespace limpet {

namespace {

using ElfHandle = std::unique_ptr<Elf, decltype(&elf_end)>;

constexpr uint32_t kFrames = 9; ///< of local calls, which nest eight deep, and of the outermost function
constexpr uint32_t kFrameBytesMax = 512;
constexpr uint64_t kSizeMax = uint64_t{1} << 24; ///< of anything in the file

// Relocations ("BPF instruction set and relocations" of the Linux kernel, "Relocation Entries").
constexpr uint32_t kLddwAddress = 1;
constexpr uint32_t kAddress64 = 2;
constexpr uint32_t kAddress32 = 3;
constexpr uint32_t kAddress32ForLinkers = 4; ///< of debug information; clang's of addresses of variables, too
constexpr uint32_t kCallDistance = 10;
// What binutils 2.40 call kAddress32 and kAddress64 (include/elf/bpf.h, R_BPF_DATA_32 and R_BPF_DATA_64).
constexpr uint32_t kGnuAddress32 = 11;
constexpr uint32_t kGnuAddress64 = 12;

uint32_t type_of(const GElf_Rel& relocation) {
    const auto type = static_cast<uint32_t>(GELF_R_TYPE(relocation.r_info));
    if (type == kGnuAddress64) return kAddress64;
    return type == kGnuAddress32 || type == kAddress32ForLinkers ? kAddress32 : type;
}

[[noreturn]] void fail(const std::string& what) { throw LoadError("eBPF object: " + what); }

/// A section that is in memory or code.
struct Placed {
    GElf_Shdr header;
    std::string name;
    uint32_t address; ///< in its window

    [[nodiscard]] bool is_code() const { return (header.sh_flags & SHF_EXECINSTR) != 0; }
    [[nodiscard]] bool is_writable() const { return (header.sh_flags & SHF_WRITE) != 0; }
    [[nodiscard]] bool is_in_file() const { return header.sh_type != SHT_NOBITS; }
};

struct Target {
    const Placed* section;
    uint64_t value;    ///< offset in it
    bool is_in_addend; ///< gas has added the value to what stands there
};

/// Lays an object out and relocates it.
class Loader {
public:
    explicit Loader(std::span<const uint8_t> file) : file_(file), elf_(open(file)) {}

    BpfObject load(std::optional<uint32_t> stack_bytes) {
        read_sections();
        place_code();
        object_.frame_bytes = bpf_frame_bytes(object_.code);
        place_data(stack_bytes.value_or(kFrames * object_.frame_bytes));
        for (const auto& [index, placed] : placed_) copy(placed);
        Elf_Scn* section = nullptr;
        while ((section = elf_nextscn(elf_.get(), section)) != nullptr) {
            const GElf_Shdr header = header_of(section);
            if (header.sh_type == SHT_SYMTAB) read_symbols(section, header);
            if (header.sh_type == SHT_REL) relocate(section, header);
            if (header.sh_type == SHT_RELA && placed_.contains(header.sh_info)) fail("relocations with addends");
        }
        std::ranges::stable_sort(object_.functions, {}, &Symbol::address);
        return std::move(object_);
    }

    std::vector<uint8_t> with_debug_relocated() {
        read_sections();
        place_code();
        std::vector<uint8_t> result(file_.begin(), file_.end());
        Elf_Scn* section = nullptr;
        while ((section = elf_nextscn(elf_.get(), section)) != nullptr) {
            const GElf_Shdr header = header_of(section);
            if (header.sh_type != SHT_REL) continue;
            const GElf_Shdr place = header_of(elf_getscn(elf_.get(), header.sh_info));
            if ((place.sh_flags & SHF_ALLOC) == 0) relocate_debug(section, header, place, result);
        }
        return result;
    }

private:
    /// Values in debug information are offsets in sections, to which that of a symbol is added.
    void relocate_debug(Elf_Scn* section, const GElf_Shdr& header, const GElf_Shdr& place,
                        std::vector<uint8_t>& result) {
        Elf_Data* data = elf_getdata(section, nullptr);
        Elf_Data* symbols = elf_getdata(elf_getscn(elf_.get(), header.sh_link), nullptr);
        if (data == nullptr || symbols == nullptr) fail("damaged relocations");
        GElf_Rel relocation;
        for (int i = 0; gelf_getrel(data, i, &relocation) != nullptr; ++i) {
            const uint32_t size = type_of(relocation) == kAddress64 ? 8 : 4;
            const uint64_t at = place.sh_offset + relocation.r_offset;
            GElf_Sym symbol;
            if (gelf_getsym(symbols, static_cast<int>(GELF_R_SYM(relocation.r_info)), &symbol) == nullptr ||
                at > result.size() || result.size() - at < size)
                fail("damaged relocations");
            const auto code = placed_.find(symbol.st_shndx);
            const uint32_t start = code != placed_.end() && code->second.is_code() ? code->second.address : 0;
            put_bytes(&result[at], 4, get_bytes(&result[at], 4) + start + static_cast<uint32_t>(symbol.st_value));
        }
    }

    static ElfHandle open(std::span<const uint8_t> file) {
        elf_version(EV_CURRENT);
        // libelf reads a memory image in place and, since it is opened for reading, does not write to it.
        auto* image = reinterpret_cast<char*>(const_cast<uint8_t*>(file.data()));
        ElfHandle elf(elf_memory(image, file.size()), &elf_end);
        if (elf == nullptr) fail("damaged ELF file");
        return elf;
    }

    static GElf_Shdr header_of(Elf_Scn* section) {
        GElf_Shdr header;
        if (section == nullptr || gelf_getshdr(section, &header) == nullptr) fail("damaged section headers");
        return header;
    }

    void read_sections() {
        GElf_Ehdr header;
        if (gelf_getehdr(elf_.get(), &header) == nullptr) fail("damaged ELF header");
        if (header.e_type != ET_REL) fail("not relocatable: e_type is " + std::to_string(header.e_type));
        size_t names = 0;
        if (elf_getshdrstrndx(elf_.get(), &names) != 0) fail("damaged section headers");
        Elf_Scn* section = nullptr;
        while ((section = elf_nextscn(elf_.get(), section)) != nullptr) {
            const GElf_Shdr its = header_of(section);
            const char* name = elf_strptr(elf_.get(), names, its.sh_name);
            if (name == nullptr) fail("damaged section names");
            // Sections of the SDK's macros are for those who build, wherever the compiler thinks that they are.
            const bool in_memory = (its.sh_flags & SHF_ALLOC) != 0 && !std::string_view(name).starts_with(".limpet.");
            if (its.sh_size == 0 || (!in_memory && its.sh_type != SHT_PROGBITS)) continue;
            if (its.sh_size > kSizeMax || its.sh_addralign > kSizeMax) fail(std::string(name) + " is too large");
            const bool in_file = its.sh_type != SHT_NOBITS;
            if (in_file && (its.sh_offset > file_.size() || its.sh_size > file_.size() - its.sh_offset))
                fail(std::string(name) + " ends behind the end of the file");
            if (in_memory)
                placed_[elf_ndxscn(section)] = {.header = its, .name = name, .address = 0};
            else
                object_.notes.push_back({.name = name, .data = file_.subspan(its.sh_offset, its.sh_size)});
            constexpr std::string_view gcc = "GCC: ";
            const auto comment = file_.subspan(in_file ? its.sh_offset : 0, in_file ? its.sh_size : 0);
            if (name == std::string_view(".comment")) by_gas_ = !std::ranges::search(comment, gcc).empty();
        }
    }

    void place_code() {
        uint64_t size = 0;
        for (auto& [index, placed] : placed_) {
            if (!placed.is_code()) continue;
            if (placed.is_writable()) fail(placed.name + " is both writable and executable");
            if (placed.header.sh_type == SHT_NOBITS || placed.header.sh_size % bpf::kSlotBytes != 0)
                fail(placed.name + " is not whole instructions");
            placed.address = static_cast<uint32_t>(size);
            size += placed.header.sh_size;
        }
        if (size == 0) fail("no instructions");
        if (size > kSizeMax) fail("too many instructions");
        object_.code.resize(size);
        for (const auto& [index, placed] : placed_)
            if (placed.is_code()) copy(placed);
    }

    /// Places constants, or variables with or without a value, from `end` on, and returns where they end.
    uint64_t place(bool writable, bool in_file, uint64_t end) {
        for (auto& [index, placed] : placed_) {
            if (placed.is_code() || placed.is_writable() != writable || placed.is_in_file() != in_file) continue;
            const uint64_t alignment = std::max<uint64_t>(placed.header.sh_addralign, 1);
            if ((alignment & (alignment - 1)) != 0) fail(placed.name + " has a damaged alignment");
            end = (end + alignment - 1) & ~(alignment - 1);
            placed.address = static_cast<uint32_t>(end);
            end += placed.header.sh_size;
            if (end > kSizeMax) fail("too much data");
            if (in_file) object_.initialised_bytes = end;
        }
        return end;
    }

    void place_data(uint32_t stack_bytes) {
        const auto aligned = [](uint64_t address, uint64_t to) { return (address + to - 1) & ~(to - 1); };
        const uint64_t constants = place(false, false, place(false, true, kBpfUnusedBytes));
        object_.writable_start = static_cast<uint32_t>(aligned(constants, 8));
        object_.stack_top = static_cast<uint32_t>(aligned(uint64_t{object_.writable_start} + stack_bytes, 16));
        object_.data.resize(aligned(place(true, false, place(true, true, object_.stack_top)), 8));
    }

    void copy(const Placed& placed) {
        if (!placed.is_in_file()) return;
        std::vector<uint8_t>& to = placed.is_code() ? object_.code : object_.data;
        std::ranges::copy(file_.subspan(placed.header.sh_offset, placed.header.sh_size), to.begin() + placed.address);
    }

    void read_symbols(Elf_Scn* section, const GElf_Shdr& header) {
        Elf_Data* data = elf_getdata(section, nullptr);
        if (data == nullptr) fail("damaged symbol table");
        GElf_Sym symbol;
        for (int i = 0; gelf_getsym(data, i, &symbol) != nullptr; ++i) {
            const unsigned type = GELF_ST_TYPE(symbol.st_info);
            const auto placed = placed_.find(symbol.st_shndx);
            if (placed == placed_.end() || !placed->second.is_code()) continue;
            if (type != STT_FUNC && type != STT_NOTYPE) continue; // assembly's labels have no type
            const char* name = elf_strptr(elf_.get(), header.sh_link, symbol.st_name);
            if (name == nullptr || symbol.st_value > placed->second.header.sh_size) fail("damaged symbol table");
            if (*name == '\0' || *name == '.') continue;
            object_.functions.push_back({name, placed->second.address + static_cast<uint32_t>(symbol.st_value),
                                         static_cast<uint32_t>(symbol.st_size), type == STT_FUNC});
        }
    }

    /// What relocation number `index` of a table refers to.
    Target target_of(const GElf_Shdr& header, uint64_t index) {
        Elf_Scn* section = elf_getscn(elf_.get(), header.sh_link);
        Elf_Data* data = section == nullptr ? nullptr : elf_getdata(section, nullptr);
        GElf_Sym symbol;
        if (data == nullptr || index > kSizeMax || gelf_getsym(data, static_cast<int>(index), &symbol) == nullptr)
            fail("a relocation to no symbol");
        const char* name = elf_strptr(elf_.get(), header_of(section).sh_link, symbol.st_name);
        const std::string what = name == nullptr ? "" : name;
        if (symbol.st_shndx == SHN_UNDEF) fail("undefined symbol '" + what + "'");
        const auto placed = placed_.find(symbol.st_shndx);
        if (placed == placed_.end()) fail("a relocation to '" + what + "', which is not in memory");
        const bool is_section = GELF_ST_TYPE(symbol.st_info) == STT_SECTION;
        return {.section = &placed->second, .value = symbol.st_value, .is_in_addend = by_gas_ && !is_section};
    }

    void relocate(Elf_Scn* section, const GElf_Shdr& header) {
        const auto where = placed_.find(header.sh_info);
        if (where == placed_.end()) return; // of debug information
        Elf_Data* data = elf_getdata(section, nullptr);
        if (data == nullptr) fail("damaged relocations");
        GElf_Rel relocation;
        for (int i = 0; gelf_getrel(data, i, &relocation) != nullptr; ++i) {
            const uint32_t type = type_of(relocation);
            const bool is_call = type == kCallDistance;
            const uint32_t size = type == kLddwAddress ? 16 : type == kAddress32 ? 4 : 8;
            const Placed& place = where->second;
            if (type == 0) continue;
            if (relocation.r_offset > place.header.sh_size || place.header.sh_size - relocation.r_offset < size ||
                place.header.sh_type == SHT_NOBITS)
                fail("a relocation outside " + place.name);
            if ((is_call || type == kLddwAddress) != place.is_code() ||
                (place.is_code() && relocation.r_offset % 8 != 0))
                fail("relocation type " + std::to_string(type) + " in " + place.name);
            const Target target = target_of(header, GELF_R_SYM(relocation.r_info));
            const uint32_t at = place.address + static_cast<uint32_t>(relocation.r_offset);
            if (is_call)
                relocate_call(at, target);
            else
                relocate_address(type, at, target);
        }
    }

    /// The immediate of a call was the distance to the target from the start of its section or function.
    void relocate_call(uint32_t at, const Target& target) {
        if (!target.section->is_code()) fail("a call of " + target.section->name);
        uint8_t* imm = object_.code.data() + at + 4;
        // Where gas adds the value of the symbol to it, in bytes, there is nothing else in it.
        const int32_t addend = target.is_in_addend ? -1 : static_cast<int32_t>(get_bytes(imm, 4));
        const int64_t to = static_cast<int64_t>(target.section->address + target.value) + (int64_t{addend} + 1) * 8;
        put_bytes(imm, 4, static_cast<uint32_t>((to - at) / 8 - 1)); // the verifier judges what that is
    }

    void relocate_address(uint32_t type, uint32_t at, const Target& target) {
        if (target.section->is_code())
            fail("the address of a function is taken; calls through pointers are not supported");
        const bool in_code = type == kLddwAddress;
        if (!in_code && type != kAddress64 && type != kAddress32) fail("relocation type " + std::to_string(type));
        uint8_t* low = (in_code ? object_.code.data() + 4 : object_.data.data()) + at;
        const uint32_t value = target.is_in_addend ? 0 : static_cast<uint32_t>(target.value);
        const uint32_t address = get_bytes(low, 4) + target.section->address + value;
        put_bytes(low, 4, address);
        if (type != kAddress32) put_bytes(low + (in_code ? 8 : 4), 4, 0);
    }

    std::span<const uint8_t> file_;
    ElfHandle elf_;
    std::map<size_t, Placed> placed_; ///< by section number
    BpfObject object_;
    bool by_gas_ = false; ///< its relocations are those of binutils 2.40, which no document describes
};

} // namespace

bool is_bpf_object(std::span<const uint8_t> file) {
    return file.size() >= sizeof(Elf64_Ehdr) && is_elf(file) && file[EI_CLASS] == ELFCLASS64 &&
           file[EI_DATA] == ELFDATA2LSB && get_bytes(&file[offsetof(Elf64_Ehdr, e_machine)], 2) == EM_BPF;
}

/// Does an instruction look at a register, write it, or go elsewhere?
static bool uses(uint64_t insn, uint32_t number) {
    using namespace bpf;
    const uint32_t h = head(insn);
    const uint32_t cls = h & 7;
    const bool has_source = (h & kSource) != 0 || cls == kLdx || cls == kStx;
    return cls == kJmp || cls == kJmp32 || dst(h) == number || (has_source && src(h) == number);
}

BpfObject read_bpf_object(std::span<const uint8_t> file, std::optional<uint32_t> stack_bytes) {
    return Loader(file).load(stack_bytes);
}

std::vector<uint8_t> with_bpf_debug_relocated(std::span<const uint8_t> file) {
    return Loader(file).with_debug_relocated();
}

std::unique_ptr<Guest> BpfObject::make_guest() const {
    const limpet_windows windows{.data_size = static_cast<uint32_t>(data.size()),
                                 .writable_start = writable_start,
                                 .code_start = 0,
                                 .code_size = 0};
    auto guest = std::make_unique<Guest>(windows, stack_top, data, std::span<const uint8_t>());
    guest->set_bpf_program(code);
    guest->bpf_host.frame_bytes = frame_bytes;
    return guest;
}

uint32_t bpf_frame_bytes(std::span<const uint8_t> code) {
    using namespace bpf;
    const size_t count = code.size() / kSlotBytes;
    uint32_t deepest = 0;
    for (size_t i = 0; i < count; ++i) {
        const uint64_t insn = slot_at(code, i);
        const uint32_t h = head(insn);
        const uint32_t cls = h & 7;
        const bool access =
            (cls == kLdx && src(h) == kFramePointer) || ((cls == kSt || cls == kStx) && dst(h) == kFramePointer);
        int64_t lowest = 0;
        if (access) {
            lowest = offset(h);
        } else if ((h & kSource) != 0 && (cls == kAlu64 || cls == kAlu32) && src(h) == kFramePointer) {
            // A copy, to which a constant is added before it is used; else where it points is anyone's guess.
            lowest = -int64_t{kFrameBytesMax};
            const bool copied = opcode(h) == alu_opcode(kAlu64, kMov, kSource);
            for (size_t next = i + 1; copied && next < count; ++next) {
                const uint64_t user = slot_at(code, next);
                if (!uses(user, dst(h))) continue;
                if (opcode(head(user)) == alu_opcode(kAlu64, kAdd) && dst(head(user)) == dst(h)) lowest = imm(user);
                break;
            }
        }
        if (lowest < 0) deepest = std::max(deepest, static_cast<uint32_t>(std::min<int64_t>(-lowest, kFrameBytesMax)));
        if (opcode(h) == kLddw) ++i;
    }
    return (deepest + 7) & ~7U;
}

} // namespace limpet
