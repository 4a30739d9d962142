#include "encode.h"

#include <bit>
#include <stdexcept>
#include <string>

namespace limpet::conformance {

using rv32::Instruction;
using rv32::Operands;
using rv32::size_of;

const Instruction& row_named(std::string_view name) {
    for (const Instruction& row : rv32::kInstructions)
        if (row.name == name) return row;
    throw std::out_of_range("no instruction " + std::string(name));
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
        if (rv32::is_instance(row, kEveryInstruction, insn)) return insn;
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
