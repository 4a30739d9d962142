/// \file
/// bpf-packed: runs packed code (interp/bpf/packed.h) as it is, decoding each instruction each time. host.memory.code
/// is packed, and so are code addresses: bytes of packed code from code_start on.
///
/// limpet_bpf_prepare marks in host.memory.prepared, a bit for each byte of code, where instructions begin. So jumps
/// and entries can be checked in one step.
///
/// One unit of fuel is charged per instruction.
#pragma once

#include "../../../interp/bpf/generic.h"
#include "../../../interp/bpf/packed.h"

namespace limpet::bpf_packed {

using namespace limpet::bpf;

/// Bits that tell where instructions begin.
class Starts {
public:
    template <class Host> explicit Starts(const Host& host) : words_(static_cast<uint32_t*>(host.memory.prepared)) {}
    static constexpr uint32_t bytes(uint32_t code_size) { return (code_size + 31) / 32 * 4; }

    void clear(uint32_t code_size) {
        for (uint32_t i = 0; i < bytes(code_size) / 4; ++i) words_[i] = 0;
    }
    void add(uint32_t at) { words_[at / 32] |= 1U << at % 32; }
    /// `at` is inside the code.
    [[nodiscard]] bool has(uint32_t at) const { return (words_[at / 32] >> at % 32 & 1) != 0; }

private:
    uint32_t* words_;
};

/// Where the instruction is that is at fault, or `size` when there is none. Marks where instructions begin.
inline uint32_t verify(const uint8_t* code, uint32_t size, Starts& starts) {
    packed::Insn insn;
    uint32_t last_op = 0;
    uint32_t last = 0; // where the instruction before begins
    for (uint32_t at = 0; at < size;) {
        // What stands behind the end is not to be looked at.
        const uint32_t left = size - at;
        uint8_t end[packed::kBytesMax];
        const uint8_t* from = code + at;
        if (left < packed::kBytesMax) {
            for (uint32_t i = 0; i < packed::kBytesMax; ++i) end[i] = i < left ? from[i] : uint8_t{0};
            from = end;
        }
        const auto bytes = static_cast<uint32_t>(packed::decode(from, insn) - from);
        if (bytes > left || !legal(insn.head, insn.imm)) return at;
        starts.add(at);
        last_op = opcode(insn.head);
        last = at;
        at += bytes;
    }
    constexpr uint32_t exit = jump_opcode(kJmp, kExit);
    if (last_op != exit && last_op != jump_opcode(kJmp, kJa) && last_op != jump_opcode(kJmp32, kJa)) return last;
    for (uint32_t at = 0; at < size;) {
        const uint32_t from = at;
        at = static_cast<uint32_t>(packed::decode(code + at, insn) - code);
        const uint32_t op = opcode(insn.head);
        const uint32_t target = at + static_cast<uint32_t>(insn.distance); // of a host call: the next instruction
        const bool jumps = (op & 7) == kJmp || (op & 7) == kJmp32;
        if (jumps && op != exit && (target >= size || !starts.has(target))) return from;
    }
    return size;
}

template <class Host> [[gnu::always_inline]] inline limpet_status run(limpet_bpf_vm& state, const Host& host) {
    limpet_vm& vm = state.as.vm;
    limpet_status status;
    for (;;) {
        if (vm.fuel == 0) return LIMPET_FUEL;
        --vm.fuel;
        const uint32_t pc = vm.pc;
        const uint8_t* const at = host.memory.code + (pc - vm.window.code_start);
        packed::Insn insn;
        const uint32_t next = pc + static_cast<uint32_t>(packed::decode(at, insn) - at);
        vm.pc = next;
        const uint32_t op = opcode(insn.head);
        switch (op & 7) {
        case kAlu32:
        case kAlu64: compute(registers(state), insn.head, insn.imm); continue;

        case kJmp:
        case kJmp32:
            switch (code(op)) {
            case kExit:
                if (state.depth == 0) {
                    vm.pc = pc;
                    return LIMPET_RETURN;
                }
                pop_frame(state, host);
                continue;
            case kCall:
                if (src(insn.head) != 0) {
                    status = LIMPET_STORE;
                    if (!push_frame(state, host)) goto trap;
                    break;
                }
                vm.pc = pc + kSlotBytes; // which host_call takes back
                status = host_call(state, host, insn.imm);
                if (status != LIMPET_RETURN) return status;
                vm.pc = next;
                continue;
            case kJa: break;
            default:
                if (!compute(registers(state), insn.head, insn.imm)) continue;
            }
            vm.pc += static_cast<uint32_t>(insn.distance);
            continue;

        case kLd: // lddw
            registers(state)[dst(insn.head)] = insn.imm | static_cast<uint64_t>(insn.upper) << 32;
            continue;

        default:
            if (access(state, host, insn.head, insn.imm)) continue;
            status = (op & 7) == kLdx ? LIMPET_LOAD : LIMPET_STORE;
        }
    trap:
        vm.pc = pc;
        ++vm.fuel;
        return status;
    }
}

/// In the place of what other backends do by slots.
struct Preparation {
    template <class Host> static uint32_t size(const limpet_vm& vm, const Host& /*host*/) {
        return Starts::bytes(vm.window.code_size);
    }

    template <class Host> static limpet_status verify(limpet_bpf_vm& state, const Host& host) {
        limpet_vm& vm = state.as.vm;
        const uint32_t size = vm.window.code_size;
        Starts starts(host);
        starts.clear(size);
        uint32_t fault = ~0U; // also of a program without instructions
        if (size != 0 && reinterpret_cast<uintptr_t>(host.memory.data) % 4 == 0)
            fault = bpf_packed::verify(host.memory.code, size, starts);
        return verified(state, fault == size, fault);
    }

    template <class Host> static bool is_entry(const limpet_vm& vm, const Host& host, uint32_t address) {
        const uint32_t at = address - vm.window.code_start;
        return at < vm.window.code_size && Starts(host).has(at);
    }

    template <class Host> static limpet_status translate(limpet_vm& /*vm*/, const Host& /*host*/) {
        return LIMPET_RETURN;
    }
};

} // namespace limpet::bpf_packed
