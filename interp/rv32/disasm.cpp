#include "disasm.h"

#include "decode.h"

#include <charconv>
#include <string_view>

namespace limpet::rv32 {

namespace {

std::string reg(uint32_t number) {
    static constexpr std::string_view kNames[] = {"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2",
                                                  "s0",   "s1", "a0", "a1", "a2", "a3", "a4", "a5"};
    return std::string(kNames[number]);
}

std::string hex(uint32_t value) {
    char digits[8];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
    return "0x" + std::string(digits, end);
}

std::string signed_hex(uint32_t value) { return static_cast<int32_t>(value) < 0 ? "-" + hex(0 - value) : hex(value); }

/// The two sets of a fence, each four bits: device input, device output, memory reads, memory writes.
std::string fence_set(uint32_t bits) {
    std::string text;
    for (int i = 0; i < 4; ++i)
        if ((bits & (8U >> i)) != 0) text += "iorw"[i];
    return text.empty() ? "0" : text;
}

std::string address(const Operands& o, uint32_t base) { return signed_hex(o.imm) + "(" + reg(base) + ")"; }

std::string operand_text(const Instruction& row, const Operands& o, uint32_t pc, uint32_t insn) {
    switch (row.format) {
    case Format::kR: return reg(o.rd) + ", " + reg(o.rs1) + ", " + reg(o.rs2);
    case Format::kI:
    case Format::kShift:
    case Format::kCXShift: return reg(o.rd) + ", " + reg(o.rs1) + ", " + signed_hex(o.imm);
    case Format::kLoad:
    case Format::kCLw:
    case Format::kCLwsp:
    case Format::kZcbLoad:
    case Format::kCXLoadSp: return reg(o.rd) + ", " + address(o, o.rs1);
    case Format::kStore:
    case Format::kCSw:
    case Format::kCSwsp:
    case Format::kZcbStore:
    case Format::kCXStoreSp: return reg(o.rs2) + ", " + address(o, o.rs1);
    case Format::kBranch:
    case Format::kCXBranch: return reg(o.rs1) + ", " + reg(o.rs2) + ", " + hex(pc + o.imm);
    case Format::kUpper: return reg(o.rd) + ", " + hex(o.imm >> 12);
    case Format::kJump: return reg(o.rd) + ", " + hex(pc + o.imm);
    case Format::kFence: return fence_set(field(insn, 27, 24)) + ", " + fence_set(field(insn, 23, 20));
    case Format::kHostCall:
    case Format::kCXCall: return hex(o.imm);
    case Format::kNone:
    case Format::kCNone: return "";
    case Format::kCAddi4spn: return reg(o.rd) + ", sp, " + hex(o.imm);
    case Format::kCNop: return o.imm == 0 ? "" : signed_hex(o.imm);
    case Format::kCAddi:
    case Format::kCLi:
    case Format::kCXLi:
    case Format::kCAddi16sp:
    case Format::kCAndi: return reg(o.rd) + ", " + signed_hex(o.imm);
    case Format::kCJ:
    case Format::kCJal: return hex(pc + o.imm);
    case Format::kCLui: return reg(o.rd) + ", " + hex(o.imm >> 12);
    case Format::kCShift:
    case Format::kCSlli: return reg(o.rd) + (o.imm == 0 ? "" : ", " + hex(o.imm));
    case Format::kCBranch: return reg(o.rs1) + ", " + hex(pc + o.imm);
    case Format::kCJr:
    case Format::kCJalr: return reg(o.rs1);
    case Format::kCArith:
    case Format::kCMv:
    case Format::kCAdd: return reg(o.rd) + ", " + reg(o.rs2);
    }
    return "";
}

/// The names that llvm has for some instances of a row, beyond the row's own.
std::string name_of(const Instruction& row, uint32_t insn) {
    constexpr uint32_t fence_tso = 0x8330000f;
    const bool shift = row.format == Format::kCShift || row.format == Format::kCSlli;
    if (shift && operands(row, insn).imm == 0) return std::string(row.name) + "64"; // a hint; RV128's shift by 64
    if (insn == fence_tso) return "fence.tso";
    return row.name;
}

} // namespace

std::string disassemble(Isa isa, uint32_t pc, uint32_t insn) {
    const Instruction* row = find_instruction(isa, insn);
    if (row == nullptr) return "<unknown>";
    const std::string name = name_of(*row, insn);
    const std::string text = name == "fence.tso" ? "" : operand_text(*row, rv32::operands(*row, insn), pc, insn);
    return text.empty() ? name : name + "\t" + text;
}

std::string disassemble(Op op, const Operands& operands, uint32_t pc) {
    for (const Instruction& row : kInstructions) {
        if (row.op != op) continue; // the first is that of 32 bits
        const std::string text = operand_text(row, operands, pc, row.match);
        return text.empty() ? row.name : std::string(row.name) + "\t" + text;
    }
    return "<unknown>";
}

} // namespace limpet::rv32
