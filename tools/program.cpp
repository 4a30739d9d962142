#include "program.h"

#include "errors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>

namespace limpet {

namespace {

/// No guest is larger; an endless file (/dev/zero) is.
constexpr size_t kFileBytesMax = size_t{1} << 28;

} // namespace

std::vector<uint8_t> read_file(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw LoadError(fmt::format("cannot open it: {}", std::strerror(errno)));
    std::vector<uint8_t> bytes;
    std::vector<char> chunk(size_t{1} << 16);
    do {
        errno = 0;
        stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
        if (stream.bad() || (stream.gcount() == 0 && errno != 0))
            throw LoadError(fmt::format("cannot read it: {}", std::strerror(errno)));
        bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + stream.gcount());
        if (bytes.size() > kFileBytesMax) throw LoadError("larger than any guest");
    } while (stream);
    return bytes;
}

Program::Program(const std::string& path, uint32_t raw_base) : file_(read_file(path)) {
    if (is_elf(file_)) {
        elf_ = read_elf(file_);
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

std::string Program::isa_name() const { return elf_.compressed ? "rv32ec" : "rv32e"; }

uint32_t Program::entry(const std::string& name) const {
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

} // namespace limpet
