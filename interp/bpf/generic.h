/// \file
/// What any instruction does, found out while it runs: bpf-switch is made of these, and other backends leave to them
/// what is rare. Functions of their own, so that a dispatch loop has little to keep on the host's stack.
#pragma once

#include "run.h"

namespace limpet::bpf {

/// Arithmetic: writes the destination. Conditional jumps: returns whether the condition is true.
[[gnu::noinline]] inline bool compute(Register* r, uint32_t head, uint32_t imm) {
    const uint32_t op = opcode(head);
    const uint32_t cls = op & 7;
    Register& to = r[dst(head)];
    uint64_t operand = sign_extended(imm);
    if ((op & kSource) != 0) operand = r[src(head)];
    if (cls == kJmp || cls == kJmp32) return condition(code(op), cls == kJmp, to, operand);
    if (code(op) == kEnd)
        to = byte_order(reverses(op), imm, to);
    else
        to = alu(code(op), cls == kAlu64, head >> 16, to, operand);
    return false;
}

/// Loads and stores. False: a trap, and nothing was changed.
template <class Host>
[[gnu::noinline]] bool access(limpet_bpf_vm& state, const Host& host, uint32_t head, uint32_t imm) {
    limpet_vm& vm = state.as.vm;
    Register* const r = registers(state);
    const uint32_t op = opcode(head);
    const uint32_t cls = op & 7;
    const bool store = cls != kLdx;
    const uint32_t size = size_bytes(size_code(op));
    const uint64_t address = r[store ? dst(head) : src(head)] + static_cast<uint64_t>(int64_t{offset(head)});
    uint8_t* const bytes = reach(vm, host.memory, address, size, store);
    if (bytes == nullptr) {
        vm.trap_address = static_cast<uint32_t>(address);
        return false;
    }
    const auto as_bytes = [](Register& from) { return reinterpret_cast<uint8_t*>(&from); };
    if (!store) {
        load_register(as_bytes(r[dst(head)]), bytes, size, mode(op) == kMemorySigned);
        return true;
    }
    Register value = sign_extended(imm);
    if (cls == kStx) value = r[src(head)];
    if (mode(op) == kAtomic) {
        Register old;
        load_register(as_bytes(old), bytes, size, false);
        value = atomic(imm, size == 8, old, value, r[0]);
        if ((imm & kFetch) != 0) r[imm == kCompareExchange ? 0 : src(head)] = old;
    }
    store_register(bytes, as_bytes(value), size);
    return true;
}

} // namespace limpet::bpf
