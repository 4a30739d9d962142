#include "disasm.h"

#include "decode.h"

#include <string_view>

namespace limpet::bpf {

namespace {

bool is_wide(const Instruction& row) {
    const uint32_t cls = row.opcode & 7U;
    if (cls == kAlu64 || cls == kJmp || cls == kLd) return true;
    if (cls == kAlu32 || cls == kJmp32) return row.format == Format::kEnd;
    // Loads that extend the sign do so to 64 bits.
    return size_code(row.opcode) == kDouble || mode(row.opcode) == kMemorySigned;
}

std::string with_sign(int64_t number) { return (number < 0 ? "" : "+") + std::to_string(number); }

/// "r10 - 8"
std::string place(uint32_t base, int32_t offset) {
    return "r" + std::to_string(base) + (offset < 0 ? " - " : " + ") + std::to_string(offset < 0 ? -offset : offset);
}

std::string atomic_text(const Instruction& row, const std::string& where, const std::string& src, bool wide) {
    const std::string_view symbol = row.symbol;
    const std::string type = wide ? "(u64 *)" : "(u32 *)";
    const std::string width = wide ? "_64" : "32_32";
    const std::string r0 = wide ? "r0" : "w0";
    if (symbol == "cmpxchg") return r0 + " = cmpxchg" + width + "(" + where + ", " + r0 + ", " + src + ")";
    if (symbol == "xchg") return src + " = xchg" + width + "(" + where + ", " + src + ")";
    if ((row.imm.value & kFetch) != 0)
        return src + " = atomic_fetch_" + row.symbol + "(" + type + "(" + where + "), " + src + ")";
    return "lock *" + type + "(" + where + ") " + row.symbol + " " + src;
}

} // namespace

std::string disassemble(uint64_t insn, uint64_t second) {
    const Instruction* row = find_instruction(insn);
    if (row == nullptr) return "<unknown>";
    const uint32_t h = head(insn);
    const bool wide = is_wide(*row);
    const char* letter = wide ? "r" : "w";
    const std::string to = letter + std::to_string(dst(h));
    const std::string from = letter + std::to_string(src(h));
    const std::string number = std::to_string(imm(insn));
    const std::string operand = row->src.use == Use::kFixed ? number : from;
    const std::string symbol = row->symbol;
    const std::string pointer = "*(" + symbol + " *)(";
    switch (row->format) {
    case Format::kAlu: return to + " " + symbol + " " + operand;
    case Format::kSignExtend: return to + " = (" + symbol + ")" + from;
    case Format::kNeg: return to + " = -" + to;
    case Format::kEnd: return to + " = " + symbol + " " + to;
    case Format::kLoadImmediate:
        return to + " = " +
               std::to_string(static_cast<int64_t>(static_cast<uint32_t>(imm(insn)) | second >> 32 << 32)) + " ll";
    case Format::kLoad: return to + " = " + pointer + place(src(h), offset(h)) + ")";
    case Format::kStore: return pointer + place(dst(h), offset(h)) + ") = " + operand;
    case Format::kAtomic: return atomic_text(*row, place(dst(h), offset(h)), from, wide);
    case Format::kJa: return symbol + " " + with_sign(distance(*row, insn) - 1);
    case Format::kJump: return "if " + to + " " + symbol + " " + operand + " goto " + with_sign(offset(h));
    case Format::kCall: return "call " + number;
    case Format::kExit: return "exit";
    }
    return "";
}

} // namespace limpet::bpf
