#include "encode.h"

namespace limpet::rv32 {

namespace {

/// One operand of Operands. Each bit of an instruction contributes to at most one bit of an operand, apart from signs,
/// whose lowest contribution tells which bit it is.
void set_if_wanted(uint32_t& insn, uint32_t bit, uint32_t without, uint32_t with, uint32_t wanted) {
    const uint32_t contribution = without ^ with;
    if (contribution != 0 && (wanted & (contribution & (0 - contribution))) != 0) insn |= bit;
}

bool agrees(uint32_t wanted, uint32_t got) { return wanted == got || wanted == 0; }

} // namespace

std::optional<uint32_t> try_encode(const Instruction& row, Operands operands) {
    const uint32_t width_mask = size_of(row) == 2 ? 0xffffU : 0xffffffffU;
    const Operands none = rv32::operands(row, row.match);
    // What an immediate is more than its bits say (c.x.li).
    const uint32_t imm = operands.imm - none.imm;
    uint32_t insn = row.match;
    for (uint32_t free = ~row.mask & width_mask; free != 0; free &= free - 1) {
        const uint32_t bit = free & (0 - free);
        const Operands one = rv32::operands(row, row.match | bit);
        set_if_wanted(insn, bit, none.rd, one.rd, operands.rd - (none.rd == 8 ? 8 : 0));
        set_if_wanted(insn, bit, none.rs1, one.rs1, operands.rs1 - (none.rs1 == 8 ? 8 : 0));
        set_if_wanted(insn, bit, none.rs2, one.rs2, operands.rs2 - (none.rs2 == 8 ? 8 : 0));
        set_if_wanted(insn, bit, 0, one.imm - none.imm, imm);
    }
    const Operands got = rv32::operands(row, insn);
    if (!agrees(operands.rd, got.rd) || !agrees(operands.rs1, got.rs1) || !agrees(operands.rs2, got.rs2) ||
        got.imm != operands.imm || !satisfies(row.conditions, got))
        return std::nullopt;
    return insn;
}

std::optional<uint32_t> encode(Isa isa, Op op, const Operands& operands, uint32_t bytes) {
    for (const Instruction& row : kInstructions) {
        if (row.op != op || size_of(row) != bytes || !has(isa, row.extension)) continue;
        const std::optional<uint32_t> insn = try_encode(row, operands);
        if (insn && rv32::operands(row, *insn) == operands) return insn;
    }
    return std::nullopt;
}

} // namespace limpet::rv32
