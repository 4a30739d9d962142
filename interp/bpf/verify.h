/// \file
/// The verifier of microcontrollers: whether a program may run, without a word on why not. Backends rely on it and
/// check nothing that is checked here. In as little code as possible, so it does not use the table; the suite holds it
/// to it. (For people: fault.h.)
#pragma once

#include "fields.h"

namespace limpet::bpf {

/// Is this an instruction, apart from where it jumps to and from the second slot of lddw?
[[gnu::always_inline]] inline bool legal(uint32_t head, uint32_t imm) {
    const uint32_t op = opcode(head);
    const uint32_t cls = op & 7;
    const uint32_t off = head >> 16;
    bool by_register = (op & kSource) != 0; // src is a register, and imm is 0; else src is 0
    uint32_t highest_dst = kFramePointer - 1;
    uint32_t highest_src = kFramePointer;
    switch (cls) {
    case kAlu32:
    case kAlu64: {
        uint32_t allowed = 0;
        switch (code(op)) {
        case kNeg:
            if (by_register || imm != 0) return false;
            break;
        case kEnd:
            if ((imm != 16 && imm != 32 && imm != 64) || (by_register && cls == kAlu64)) return false;
            by_register = false;
            break;
        case kDiv:
        case kMod: allowed = off & 1; break;
        case kMov:
            if (by_register && (off == 8 || off == 16 || (off == 32 && cls == kAlu64))) allowed = off;
            break;
        case kEnd + 1:
        case kEnd + 2: return false;
        default: break;
        }
        if (off != allowed) return false;
        break;
    }
    case kJmp:
    case kJmp32:
        highest_dst = kFramePointer;
        if ((code(op) & 7) == 0 || code(op) == kExit) { // ja, call, exit: src is what kind of call
            if (by_register) return false;
            highest_dst = 0;
            if (op == jump_opcode(kJmp, kCall)) {
                highest_src = 1;
                by_register = true;
                if (off != 0) return false;
                imm = 0;
            } else {
                const bool is_wide_ja = op == jump_opcode(kJmp32, kJa);
                if (code(op) != kJa && (cls == kJmp32 || off != 0)) return false;
                if ((is_wide_ja ? off : imm) != 0) return false;
            }
        } else if (code(op) > kJsle) {
            return false;
        }
        break;
    case kSt:
        by_register = false;
        highest_dst = kFramePointer;
        if (mode(op) != kMemory) return false;
        break;
    case kStx:
        by_register = true;
        highest_dst = kFramePointer;
        if (mode(op) == kAtomic) {
            if (size_code(op) != kWord && size_code(op) != kDouble) return false;
            const uint32_t operation = imm & ~kFetch;
            const bool exchanges = imm == kExchange || imm == kCompareExchange;
            if (!exchanges && operation != kAdd << 4 && operation != kOr << 4 && operation != kAnd << 4 &&
                operation != kXor << 4)
                return false;
            if ((imm & kFetch) != 0 && imm != kCompareExchange) highest_src = kFramePointer - 1;
            imm = 0;
        } else if (mode(op) != kMemory) {
            return false;
        }
        break;
    case kLdx:
        by_register = true;
        if (mode(op) != kMemory && (mode(op) != kMemorySigned || size_code(op) == kDouble)) return false;
        break;
    default:
        by_register = false;
        if (op != kLddw || off != 0) return false;
    }
    if (by_register ? imm != 0 : src(head) != 0) return false;
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
