/// \file
/// The verifier of microcontrollers: whether a program may run, without a word on why not. Backends rely on it and
/// check nothing that is checked here. In as little code as possible, so it does not use the table; the suite holds it
/// to it. (For people: fault.h.)
#pragma once

#include "table.h"

namespace limpet::bpf {

/// Bit (opcode / 8) of number (opcode % 8): there is such an opcode in the table.
struct Opcodes {
    uint32_t of_class[8] = {};
    constexpr Opcodes() {
        for (const Instruction& row : kInstructions) of_class[row.opcode & 7] |= 1U << (row.opcode >> 3);
    }
};
constexpr Opcodes kOpcodes; // not inline: of internal linkage, so that each backend has its own

/// Is this an instruction, apart from where it jumps to and from the second slot of lddw?
[[gnu::always_inline]] inline bool legal(uint32_t head, uint32_t imm) {
    const uint32_t op = opcode(head);
    const uint32_t cls = op & 7;
    if ((kOpcodes.of_class[cls] >> (op >> 3) & 1) == 0) return false;
    // What the fields may be at most. Those that mean nothing are made 0 for the comparison at the end.
    uint32_t off = head >> 16;
    uint32_t highest_dst = kFramePointer - 1;
    uint32_t highest_src = kFramePointer;
    bool by_register = (op & kSource) != 0; // src is a register, and imm is 0; else src is 0
    switch (cls) {
    case kAlu32:
    case kAlu64: {
        const uint32_t operation = code(op);
        if (operation == kEnd) {
            by_register = false;
            if (imm != 16 && imm != 32 && imm != 64) return false;
        } else if (operation == kNeg) {
            off |= imm;
        } else if (operation == kDiv || operation == kMod) {
            off &= ~1U;
        } else if (operation == kMov && by_register && (off == 8 || off == 16 || (off == 32 && cls == kAlu64))) {
            off = 0;
        }
        break;
    }
    case kJmp:
    case kJmp32:
        ++highest_dst;
        if (code(op) == kJa || code(op) == kCall || code(op) == kExit) {
            highest_dst = 0;
            if (op == jump_opcode(kJmp, kCall)) {
                by_register = true;
                highest_src = 1; // what kind of call
                imm = 0;
            } else if (op == jump_opcode(kJmp, kJa)) {
                off = imm;
            } else if (op == jump_opcode(kJmp, kExit)) {
                off |= imm;
            }
        } else {
            off = 0;
        }
        break;
    case kLd: by_register = false; break;
    case kSt:
        ++highest_dst;
        by_register = false;
        off = 0;
        break;
    case kStx:
        ++highest_dst;
        if (mode(op) == kAtomic) {
            constexpr uint32_t operations = 1U << kAdd | 1U << kOr | 1U << kAnd | 1U << kXor;
            constexpr uint32_t exchanges = 1U << (kExchange >> 4) | 1U << (kCompareExchange >> 4);
            const uint32_t allowed = (imm & kFetch) != 0 ? operations | exchanges : operations;
            if ((imm & ~0xf1U) != 0 || (allowed >> (imm >> 4) & 1) == 0) return false;
            if ((imm & kFetch) != 0 && imm != kCompareExchange) --highest_src;
            imm = 0;
        }
        [[fallthrough]];
    default: // kLdx
        by_register = true;
        off = 0;
    }
    if (off != 0 || (by_register ? imm != 0 : src(head) != 0)) return false;
    return dst(head) <= highest_dst && src(head) <= highest_src;
}

/// The number of the first slot at fault, or `count` when there is none. slots: heads and immediates in turn.
inline uint32_t verify(const uint32_t* slots, uint32_t count) {
    uint32_t i = 0;
    uint32_t last = 0; // opcode of the instruction before i
    while (i < count) {
        const uint32_t head = slots[2 * i];
        const uint32_t imm = slots[2 * i + 1];
        if (!legal(head, imm)) return i;
        last = opcode(head);
        uint32_t target = i + 1;
        if ((last & 7) == kJmp || (last & 7) == kJmp32) {
            const bool by_imm =
                last == jump_opcode(kJmp32, kJa) || (last == jump_opcode(kJmp, kCall) && src(head) == 1);
            target += by_imm ? imm : static_cast<uint32_t>(offset(head));
            // The second slot of lddw has opcode 0, which no instruction has.
            if (target >= count || opcode(slots[2 * target]) == 0) {
                const bool no_target = last == jump_opcode(kJmp, kExit);
                if (!no_target) return i;
            }
        }
        if (last == kLddw) {
            if (i + 1 == count || slots[2 * i + 2] != 0) return i;
            ++i;
        }
        ++i;
    }
    if (last != jump_opcode(kJmp, kExit) && last != jump_opcode(kJmp, kJa) && last != jump_opcode(kJmp32, kJa))
        return count - 1;
    return count;
}

} // namespace limpet::bpf
