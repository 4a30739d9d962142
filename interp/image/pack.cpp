#include "pack.h"

#include "../rv32/decode.h"
#include "../rv32/dense_1.h"
#include "dense.h"
#include "image.h"

#include <algorithm>
#include <map>

namespace limpet {

namespace {

constexpr std::string_view kEntryPrefix = "limpet_entry_";

/// Where an address is, for a message: "in task", "in read_chip".
std::string place(const ElfFile& file, uint32_t address) {
    const Symbol* best = nullptr;
    for (const Symbol& symbol : file.symbols)
        if (symbol.function && symbol.address <= address) best = &symbol;
    return best == nullptr ? "" : " in function " + best->name;
}

uint32_t word(const std::vector<uint8_t>& bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = 0; i < sizeof value && at + i < bytes.size(); ++i) value |= uint32_t{bytes[at + i]} << 8 * i;
    return value;
}

/// Finds the host calls of code without a gap: one instruction after the other. Throws unless all are legal, or the
/// zeros that fill it up and mark what is never reached.
std::map<uint32_t, std::vector<uint32_t>> find_host_calls(const ElfFile& file, const Container& image, rv32::Isa isa) {
    std::map<uint32_t, std::vector<uint32_t>> calls; // id: offsets
    for (uint32_t at = 0; at < image.code.size();) {
        const uint32_t insn = word(image.code, at);
        const bool is_short = isa.compressed && (insn & 3) != 3;
        const rv32::Instruction* row = rv32::find_instruction(isa, insn);
        const bool unreached = (is_short ? insn & 0xffff : insn) == 0 || insn == 0xc0001073; // unimp, of both lengths
        if (row == nullptr && !unreached)
            throw LoadError("code that " + image.isa + " does not have" + place(file, image.windows.code_start + at));
        if (row != nullptr && row->op == rv32::Op::kHostCall) calls[operands(*row, insn).imm].push_back(at);
        at += is_short ? 2 : 4;
    }
    return calls;
}

/// The same in rv32dense: where the ids are.
std::map<uint32_t, std::vector<uint32_t>> find_dense_host_calls(const ElfFile& file, const Container& image) {
    std::map<uint32_t, std::vector<uint32_t>> calls;
    const std::span<const uint8_t> code = image.code;
    for (uint32_t at = 0; at < code.size();) {
        const DenseInstruction found = read_dense(code.subspan(at));
        if (found.size == 0 && code.size() - at > 1) // one byte fills code up
            throw LoadError("code that is cut off" + place(file, image.windows.code_start + at));
        for (uint32_t i = 0; i < found.length; ++i)
            if (found.op[i] == rv32::Op::kHostCall) calls[found.operands[i].imm].push_back(at + found.id_at[i]);
        at += std::max(found.size, 1U);
    }
    return calls;
}

} // namespace

std::vector<Entry> named_entries(std::span<const Symbol> symbols) {
    std::vector<Entry> entries;
    for (const Symbol& symbol : symbols)
        if (symbol.function && symbol.name.starts_with(kEntryPrefix))
            entries.push_back({.name = symbol.name.substr(kEntryPrefix.size()), .address = symbol.address});
    if (entries.empty()) throw LoadError("no function is an entry: name one with LIMPET_ENTRY");
    return entries;
}

Container pack(const ElfFile& file, const std::string& isa, std::span<const calls::Declaration> declarations,
               uint32_t stack_bytes) {
    Container image;
    image.entries = named_entries(file.symbols); // without one there is no code either
    const Image linked = read_image(file);
    image.isa = isa;
    image.windows = linked.windows;
    image.stack_top = linked.stack_top;
    image.stack_bytes = stack_bytes;
    image.data = linked.data;
    image.code = linked.code;
    const rv32::Isa profile = find_isa(isa).value();
    if (profile.dense) {
        image.encoding = "dense";
        image.table_version = rv32::dense::kTableVersion;
    }
    for (auto& [id, offsets] :
         profile.dense ? find_dense_host_calls(file, image) : find_host_calls(file, image, profile)) {
        if (id >= declarations.size())
            throw LoadError("host call " + std::to_string(id) + " is not declared" +
                            place(file, image.windows.code_start + offsets[0]));
        for (const uint32_t offset : offsets) bind_host_call(image, offset, kUnboundId, image.code);
        image.imports.push_back(
            {.name = declarations[id].name, .signature = canonical(declarations[id]), .fixups = offsets});
    }
    std::ranges::sort(image.imports, {}, &Import::name); // whatever the order of the declarations
    return image;
}

} // namespace limpet
