#include "listing.h"

#include "../interp/bpf/decode.h"
#include "../interp/bpf/disasm.h"
#include "../interp/bpf/fault.h"
#include "../interp/image/dense.h"
#include "../interp/rv32/decode.h"
#include "../interp/rv32/disasm.h"

#include <algorithm>
#include <fmt/format.h>

namespace limpet {

namespace {

/// Where a branch or jump goes, as "<name+0x12>", or "".
std::string target(const Program& program, rv32::Isa isa, uint32_t pc, uint32_t insn) {
    const rv32::Instruction* row = rv32::find_instruction(isa, insn);
    if (row == nullptr) return "";
    const bool relative = row->op == rv32::Op::kJal || (row->op >= rv32::Op::kBeq && row->op <= rv32::Op::kBgeu);
    return relative ? program.describe(pc + rv32::operands(*row, insn).imm) : "";
}

} // namespace

std::string listing_line(const Program& program, rv32::Isa isa, uint32_t pc, uint32_t insn) {
    const bool is_short = isa.compressed && (insn & 3) != 3;
    std::string text = rv32::disassemble(isa, pc, insn);
    const size_t tab = text.find('\t');
    const std::string operands = tab == std::string::npos ? "" : text.substr(tab + 1);
    std::string line = fmt::format("{:08x}: {:8}  {:10} {}", pc, fmt::format("{:0{}x}", insn, is_short ? 4 : 8),
                                   text.substr(0, tab), operands);
    if (const std::string import = program.import_name(pc); !import.empty()) line += " <" + import + ">";
    if (const std::string where = target(program, isa, pc, insn); !where.empty()) line += " " + where;
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string bpf_listing_line(const Program& program, std::span<const uint8_t> code, uint32_t start, size_t slot) {
    const size_t count = code.size() / bpf::kSlotBytes;
    const uint64_t insn = bpf::slot_at(code, slot);
    const uint64_t second = slot + 1 < count ? bpf::slot_at(code, slot + 1) : 0;
    std::string line = fmt::format("{:8}: {:016x}  {}", slot, insn, bpf::disassemble(insn, second));
    const auto address = [&](size_t of_slot) { return start + static_cast<uint32_t>(of_slot * bpf::kSlotBytes); };
    if (const std::string import = program.import_name(address(slot)); !import.empty()) line += " <" + import + ">";
    const bpf::Instruction* row = bpf::find_instruction(insn);
    if (row != nullptr && bpf::branches(*row)) {
        const auto target = static_cast<size_t>(static_cast<int64_t>(slot) + bpf::distance(*row, insn));
        if (const std::string where = program.describe(address(target)); !where.empty()) line += " " + where;
    }
    return line;
}

void print_bpf_listing(const Program& program, std::FILE* out) {
    for (const Segment& segment : program.code()) {
        const std::span<const uint8_t> code = segment.data;
        const size_t count = code.size() / bpf::kSlotBytes;
        for (size_t slot = 0; slot < count; ++slot) {
            const uint32_t address = segment.address + static_cast<uint32_t>(slot * bpf::kSlotBytes);
            if (const std::string name = program.label(address); !name.empty()) fmt::print(out, "\n{}:\n", name);
            if (const std::string source = program.source_line(address); !source.empty())
                fmt::print(out, "; {}\n", source);
            fmt::print(out, "{}\n", bpf_listing_line(program, code, segment.address, slot));
            const bool two_slots = bpf::opcode(bpf::head(bpf::slot_at(code, slot))) == bpf::kLddw;
            if (two_slots) ++slot;
        }
        if (const size_t left = code.size() % bpf::kSlotBytes; left != 0)
            fmt::print(out, "{:8}: {} bytes <cut off>\n", count, left);
    }
}

/// A line for each instruction; those of one code have its address and, the first, its bytes.
static void print_dense_listing(const Program& program, std::FILE* out) {
    for (const Segment& code : program.code()) {
        for (size_t at = 0; at < code.data.size();) {
            const uint32_t pc = code.address + static_cast<uint32_t>(at);
            if (const std::string name = program.label(pc); !name.empty()) fmt::print(out, "\n{}:\n", name);
            if (const std::string source = program.source_line(pc); !source.empty()) fmt::print(out, "; {}\n", source);
            const DenseInstruction found = read_dense(code.data.subspan(at));
            const size_t size = found.size == 0 ? code.data.size() - at : found.size;
            std::string bytes;
            for (const uint8_t byte : code.data.subspan(at, size)) bytes += fmt::format("{:02x}", byte);
            if (found.length == 0)
                fmt::print(out, "{:08x}: {:14}  {}\n", pc, bytes, found.size == 0 ? "<cut off>" : "<unknown>");
            for (uint32_t i = 0; i < found.length; ++i) {
                const std::string text = rv32::disassemble(found.op[i], found.operands[i], pc);
                const size_t tab = text.find('\t');
                std::string line = fmt::format("{:08x}: {:14}  {:10} {}", pc, i == 0 ? bytes : "", text.substr(0, tab),
                                               tab == std::string::npos ? "" : text.substr(tab + 1));
                if (found.op[i] == rv32::Op::kHostCall) {
                    const std::string import = program.import_name(pc + found.id_at[i]);
                    if (!import.empty()) line += " <" + import + ">";
                }
                if (rv32::dense::is_relative(found.op[i]))
                    if (const std::string where = program.describe(pc + found.operands[i].imm); !where.empty())
                        line += " " + where;
                line.erase(line.find_last_not_of(' ') + 1);
                fmt::print(out, "{}\n", line);
            }
            at += size;
        }
    }
}

void print_listing(const Program& program, rv32::Isa isa, std::FILE* out) {
    if (isa.dense) {
        print_dense_listing(program, out);
        return;
    }
    for (const Segment& code : program.code()) {
        const auto halfword = [&](size_t at) { return code.data[at] | static_cast<uint32_t>(code.data[at + 1]) << 8; };
        for (size_t at = 0; at < code.data.size();) {
            const uint32_t pc = code.address + static_cast<uint32_t>(at);
            if (const std::string name = program.label(pc); !name.empty()) fmt::print(out, "\n{}:\n", name);
            if (const std::string source = program.source_line(pc); !source.empty()) fmt::print(out, "; {}\n", source);
            const size_t left = code.data.size() - at;
            const bool is_short = left >= 2 && isa.compressed && (halfword(at) & 3) != 3;
            if (const size_t size = is_short ? 2 : 4; left >= size) {
                const uint32_t insn = is_short ? halfword(at) : halfword(at) | halfword(at + 2) << 16;
                fmt::print(out, "{}\n", listing_line(program, isa, pc, insn));
                at += size;
                continue;
            }
            // Too little for an instruction.
            std::string bytes;
            for (; at < code.data.size(); ++at) bytes += fmt::format("{:02x} ", code.data[at]);
            fmt::print(out, "{:08x}: {} <cut off>\n", pc, bytes);
        }
    }
}

} // namespace limpet
