/// \file
/// Decodes an instruction by the table. Slow and complete: what disassembles, generates and judges uses it; the
/// verifier of microcontrollers (verify.h) is held to it.
#pragma once

#include "table.h"

namespace limpet::bpf {

constexpr bool satisfies(Field field, int32_t value) {
    switch (field.use) {
    case Use::kFixed: return value == field.value;
    case Use::kRead: return value <= static_cast<int32_t>(kFramePointer);
    case Use::kWritten: return value < static_cast<int32_t>(kFramePointer);
    default: return true;
    }
}

/// Is `insn` a legal instance of `row`? Where it jumps to, and the second slot of lddw, are not looked at.
constexpr bool is_instance(const Instruction& row, uint64_t insn) {
    const uint32_t h = head(insn);
    return opcode(h) == row.opcode && satisfies(row.dst, static_cast<int32_t>(dst(h))) &&
           satisfies(row.src, static_cast<int32_t>(src(h))) && satisfies(row.offset, offset(h)) &&
           satisfies(row.imm, imm(insn));
}

/// The row of a legal instruction, or nullptr.
constexpr const Instruction* find_instruction(uint64_t insn) {
    for (const Instruction& row : kInstructions)
        if (is_instance(row, insn)) return &row;
    return nullptr;
}

constexpr uint32_t slots(const Instruction& row) { return row.format == Format::kLoadImmediate ? 2 : 1; }

/// Does a row jump, or call a local function?
constexpr bool branches(const Instruction& row) {
    return row.offset.use == Use::kBranch || row.imm.use == Use::kBranch;
}

/// How many slots from its own an instance of such a row goes.
constexpr int64_t distance(const Instruction& row, uint64_t insn) {
    return int64_t{1} + (row.offset.use == Use::kBranch ? offset(head(insn)) : imm(insn));
}

/// Does an instance of a row never go on with the next instruction?
constexpr bool is_end(const Instruction& row) { return row.format == Format::kJa || row.format == Format::kExit; }

} // namespace limpet::bpf
