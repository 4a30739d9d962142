#include "trace.h"

#include "../interp/bpf/fault.h"
#include "../interp/bpf/fields.h"
#include "../interp/rv32/decode.h"
#include "listing.h"

#include <fmt/format.h>

namespace limpet {

namespace {

std::string argument_text(const calls::Argument& argument, uint32_t value) {
    if (argument.is_buffer()) return fmt::format("{:#x}", value);
    switch (argument.type) {
    case calls::Scalar::kI8:
    case calls::Scalar::kI16:
    case calls::Scalar::kI32: return fmt::format("{}", static_cast<int32_t>(value));
    default: return fmt::format("{}", value);
    }
}

/// The host call that an instruction is, when its function is declared.
std::string host_call_text(rv32::Isa isa, uint32_t insn, std::span<const calls::Declaration> declarations,
                           const limpet_vm& before) {
    const rv32::Instruction* row = rv32::find_instruction(isa, insn);
    if (row == nullptr || row->op != rv32::Op::kHostCall) return "";
    const uint32_t id = rv32::operands(*row, insn).imm & 0xfff;
    return id < declarations.size() ? "  " + call_text(declarations[id], before.x + 10) : "";
}

} // namespace

std::string call_text(const calls::Declaration& declaration, const uint32_t* args) {
    std::string text = declaration.name + "(";
    for (size_t i = 0; i < declaration.arguments.size(); ++i) {
        const calls::Argument& argument = declaration.arguments[i];
        if (i != 0) text += ", ";
        if (!argument.name.empty()) text += argument.name + "=";
        text += argument_text(argument, args[i]);
    }
    return text + ")";
}

/// Where in the program an address is.
static std::string place_text(const Program& program, uint32_t pc) {
    std::string text;
    if (const std::string where = program.describe(pc); !where.empty()) text += "  ; " + where;
    if (const std::string source = program.source_line(pc); !source.empty()) text += " " + source;
    return text;
}

static std::string rv32_line(const Execution& execution, const Program& program,
                             std::span<const calls::Declaration> declarations, const limpet_vm& before) {
    const rv32::Isa isa = execution.backend.isa;
    const uint32_t insn = execution.guest.instruction_at(before.pc, isa.compressed);
    std::string line = listing_line(program, isa, before.pc, insn);
    line += host_call_text(isa, insn, declarations, before);
    for (unsigned i = 1; i < 16; ++i)
        if (execution.guest.vm.x[i] != before.x[i]) line += fmt::format("  x{}={:08x}", i, execution.guest.vm.x[i]);
    return line + place_text(program, before.pc);
}

static std::string bpf_line(const Guest& guest, const Program& program,
                            std::span<const calls::Declaration> declarations, const limpet_bpf_vm& before) {
    const uint32_t start = guest.vm.window.code_start;
    const uint32_t pc = before.as.vm.pc;
    const size_t slot = (pc - start) / bpf::kSlotBytes;
    std::string line = bpf_listing_line(program, guest.code(), start, slot);
    const uint64_t insn = bpf::slot_at(guest.code(), slot);
    const bool calls = bpf::head(insn) == bpf::jump_opcode(bpf::kJmp, bpf::kCall);
    if (const auto id = static_cast<uint32_t>(bpf::imm(insn)); calls && id < declarations.size()) {
        uint32_t args[calls::kArgumentsMax];
        for (size_t i = 0; i < std::size(args); ++i) args[i] = before.r[2 + 2 * i];
        line += "  " + call_text(declarations[id], args);
    }
    const uint32_t* r = guest.bpf.r;
    for (unsigned i = 0; i < bpf::kRegisters; ++i)
        if (r[2 * i] != before.r[2 * i] || r[2 * i + 1] != before.r[2 * i + 1])
            line += fmt::format("  r{}={:08x}{:08x}", i, r[2 * i + 1], r[2 * i]);
    return line + place_text(program, pc);
}

void trace_line(const Execution& execution, const Program& program, std::span<const calls::Declaration> declarations,
                const limpet_bpf_vm& before, std::FILE* out) {
    const std::string line = execution.backend.bpf ? bpf_line(execution.guest, program, declarations, before)
                                                   : rv32_line(execution, program, declarations, before.as.vm);
    fmt::print(out, "{}\n", line);
}

} // namespace limpet
