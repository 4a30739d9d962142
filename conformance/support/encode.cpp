#include "encode.h"

#include <bit>
#include <stdexcept>
#include <string>

namespace limpet::conformance {

using rv32::Instruction;
using rv32::Operands;

const Instruction& row_named(std::string_view name) {
    for (const Instruction& row : rv32::kInstructions)
        if (row.name == name) return row;
    throw std::out_of_range("no instruction " + std::string(name));
}

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
    uint32_t insn = row.match;
    for (uint32_t free = ~row.mask & width_mask; free != 0; free &= free - 1) {
        const uint32_t bit = free & (0 - free);
        const Operands one = rv32::operands(row, row.match | bit);
        set_if_wanted(insn, bit, none.rd, one.rd, operands.rd - (none.rd == 8 ? 8 : 0));
        set_if_wanted(insn, bit, none.rs1, one.rs1, operands.rs1 - (none.rs1 == 8 ? 8 : 0));
        set_if_wanted(insn, bit, none.rs2, one.rs2, operands.rs2 - (none.rs2 == 8 ? 8 : 0));
        set_if_wanted(insn, bit, none.imm, one.imm, operands.imm);
    }
    const Operands got = rv32::operands(row, insn);
    if (!agrees(operands.rd, got.rd) || !agrees(operands.rs1, got.rs1) || !agrees(operands.rs2, got.rs2) ||
        got.imm != operands.imm || !rv32::satisfies(row.conditions, got))
        return std::nullopt;
    return insn;
}

uint32_t encode(std::string_view name, Operands operands) {
    const std::optional<uint32_t> insn = try_encode(row_named(name), operands);
    if (!insn) throw std::invalid_argument("operands do not fit into " + std::string(name));
    return *insn;
}

uint32_t random_instance(const Instruction& row, Random& random) {
    const uint32_t width_mask = size_of(row) == 2 ? 0xffffU : 0xffffffffU;
    for (;;) {
        const uint32_t insn = (random.bits() & ~row.mask & width_mask) | row.match;
        if (rv32::is_instance(row, rv32::isa::rv32emc, insn)) return insn;
    }
}

Code& Code::add_halfword(uint32_t halfword) {
    bytes_.push_back(static_cast<uint8_t>(halfword));
    bytes_.push_back(static_cast<uint8_t>(halfword >> 8));
    return *this;
}

Code& Code::add_raw(uint32_t insn) {
    add_halfword(insn);
    return (insn & 3) == 3 ? add_halfword(insn >> 16) : *this;
}

} // namespace limpet::conformance
