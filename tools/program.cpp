#include "program.h"

#include "../interp/image/bpf_encoding.h"
#include "../interp/image/lines.h"
#include "errors.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace limpet {

namespace {

uint32_t entry_of_image(const Container& image, const std::string& name) {
    if (name.empty() && image.entries.size() == 1) return image.entries[0].address;
    if (const Entry* entry = image.find_entry(name)) return entry->address;
    std::vector<std::string> names;
    for (const Entry& entry : image.entries) names.push_back(entry.name);
    throw LoadError(fmt::format("{}; there is: {}", name.empty() ? "--entry is needed" : "no entry '" + name + "'",
                                fmt::join(names, ", ")));
}

} // namespace

Program::Program(const std::string& path, uint32_t raw_base) : file_(read_file(path)) {
    if (is_bpf_object(file_)) {
        read_bpf_file();
        return;
    }
    if (is_elf(file_)) {
        elf_ = read_elf(file_);
        return;
    }
    if (is_container(file_) || path.ends_with(".limpet")) {
        read_image_file();
        return;
    }
    if (file_.empty()) throw LoadError("the file is empty");
    elf_.entry = raw_base;
    elf_.compressed = true;
    elf_.segments.push_back({.address = raw_base,
                             .data = file_,
                             .size = static_cast<uint32_t>(file_.size()),
                             .writable = false,
                             .executable = true});
    elf_.code = elf_.segments;
}

void Program::read_bpf_file() {
    bpf_ = read_bpf_object(file_);
    elf_.segments.push_back({.address = 0,
                             .data = bpf_->code,
                             .size = static_cast<uint32_t>(bpf_->code.size()),
                             .writable = false,
                             .executable = true});
    elf_.code = elf_.segments;
    elf_.symbols = bpf_->functions;
}

void Program::read_image_file() {
    image_ = read_container(file_);
    if (image_->is_packed()) image_ = unpack_image(*image_);
    lines_ = image_->lines;
    elf_.segments.push_back({.address = image_->windows.code_start,
                             .data = image_->code,
                             .size = image_->windows.code_size,
                             .writable = false,
                             .executable = true});
    elf_.code = elf_.segments;
    for (const Entry& entry : image_->entries)
        elf_.symbols.push_back({.name = entry.name, .address = entry.address, .size = 0, .function = true});
    std::ranges::stable_sort(elf_.symbols, {}, &Symbol::address);
}

void Program::bind(std::span<const calls::Declaration> declarations) {
    if (!image_) throw LoadError("not an image: it has no imports");
    std::ranges::copy(bind_imports(*image_, declarations), image_->code.begin());
}

void Program::take_symbols(const std::string& path) {
    if (!image_) throw LoadError("not an image: it has its own symbols");
    try {
        const std::vector<uint8_t> file = read_file(path);
        // An object's code starts at 0.
        const uint32_t start = image_->is_bpf() ? image_->windows.code_start : 0;
        std::vector<Symbol> symbols = image_->is_bpf() ? read_bpf_object(file).functions : read_elf(file).symbols;
        for (Symbol& symbol : symbols) symbol.address += start;
        for (const Entry& entry : image_->entries) {
            const auto symbol = std::ranges::find(symbols, "limpet_entry_" + entry.name, &Symbol::name);
            if (symbol == symbols.end() || symbol->address != entry.address)
                throw LoadError(fmt::format("is another program: its entry {} differs", entry.name));
        }
        elf_.symbols = std::move(symbols);
        for (auto& [address, line] : source_lines(file)) lines_[address + start] = std::move(line);
    } catch (const LoadError& error) { // which of the two files it is about
        throw LoadError(fmt::format("--symbols {}: {}", path, error.what()));
    }
}

std::unique_ptr<Guest> Program::make_guest(const MemoryOption& memory, bool bpf) const {
    const bool is_bpf = bpf_.has_value() || (image_ && image_->is_bpf());
    const bool is_rv32 = !is_bpf && (is_elf(file_) || image_);
    if (bpf ? is_rv32 : is_bpf) throw LoadError(bpf ? "not an eBPF program" : "an eBPF program");
    if (image_) return image_->make_guest(image_->code);
    if (bpf_) return bpf_->make_guest();
    if (!bpf) return std::make_unique<Guest>(memory.base, memory.size, elf_.segments);
    auto guest = std::make_unique<Guest>(memory.base, memory.size, std::span<const Segment>());
    guest->set_bpf_program(file_);
    return guest;
}

std::string Program::isa_name() const {
    if (image_) return image_->isa;
    if (bpf_) return "ebpf";
    return elf_.compressed ? "rv32ec" : "rv32e";
}

uint32_t Program::entry(const std::string& name) const {
    if (image_) return entry_of_image(*image_, name);
    if (name.empty() && bpf_ && elf_.symbols.size() > 1) throw LoadError("--entry is needed: it has several functions");
    if (name.empty()) return elf_.entry;
    if (const auto address = find(name)) return *address;
    try {
        return parse_number("--entry", name);
    } catch (const UsageError&) {
        throw LoadError(fmt::format("no symbol '{}'", name));
    }
}

std::optional<uint32_t> Program::find(std::string_view symbol) const {
    const Symbol* found = elf_.find(symbol);
    return found == nullptr ? std::nullopt : std::optional(found->address);
}

const Symbol* Program::enclosing(uint32_t address) const {
    const auto same_code = [&](const Symbol& symbol) {
        return std::ranges::any_of(elf_.code, [&](const Segment& code) {
            return address - code.address < code.size && symbol.address - code.address < code.size;
        });
    };
    const auto end = std::ranges::upper_bound(elf_.symbols, address, {}, &Symbol::address);
    const Symbol* best = nullptr;
    for (auto at = end; at != elf_.symbols.begin();) {
        --at;
        if (best != nullptr && at->address != best->address) break;
        if (same_code(*at) && (best == nullptr || at->function)) best = &*at;
    }
    return best;
}

std::string Program::describe(uint32_t address) const {
    const Symbol* symbol = enclosing(address);
    if (symbol == nullptr) return "";
    if (symbol->address == address) return fmt::format("<{}>", symbol->name);
    return fmt::format("<{}+{:#x}>", symbol->name, address - symbol->address);
}

std::string Program::label(uint32_t address) const {
    const Symbol* symbol = enclosing(address);
    return symbol != nullptr && symbol->address == address ? symbol->name : "";
}

void Program::take_lines() {
    if (is_elf(file_)) lines_ = source_lines(bpf_ ? with_bpf_debug_relocated(file_) : file_);
}

std::string Program::import_name(uint32_t address) const {
    if (!image_) return "";
    for (const Import& import : image_->imports)
        if (std::ranges::find(import.fixups, address - image_->windows.code_start) != import.fixups.end())
            return import.name;
    return "";
}

std::string Program::source_line(uint32_t address) const {
    const auto found = lines_.find(address);
    return found == lines_.end() ? "" : found->second;
}

} // namespace limpet
