/// \file
/// bpf-switch: the readable reference. Each turn of the loop fetches an instruction and finds in switches what it does.
///
/// One unit of fuel is charged per instruction, so the fuel that is left tells how many were executed.
#pragma once

#include "../../../interp/bpf/run.h"

namespace limpet::bpf_switch {

using namespace limpet::bpf;

template <class Host> [[gnu::always_inline]] inline limpet_status run(limpet_bpf_vm& state, const Host& host) {
    limpet_vm& vm = state.as.vm;
    Register* const r = registers(state);
    const uintptr_t code_base = reinterpret_cast<uintptr_t>(host.memory.code) - vm.window.code_start;
    uint32_t next = vm.pc; // address of the next instruction; vm.pc is that of this one
    uint64_t address;      // of an access
    limpet_status end;     // of the run
    // One unit more than the caller gave: so fuel is, while an instruction is being carried out, what would be left if
    // that one did not count, as when it traps.
    ++vm.fuel;
    for (;;) {
        vm.pc = next;
        if (--vm.fuel == 0) return LIMPET_FUEL;
        const auto* slot = reinterpret_cast<const uint32_t*>(code_base + next);
        const uint32_t head = slot[0];
        const uint32_t imm = slot[1];
        next += kSlotBytes;
        const uint32_t op = opcode(head);
        const uint32_t cls = op & 7;
        Register& to = r[dst(head)];
        Register& from = r[src(head)];
        switch (cls) {
        case kAlu32:
        case kAlu64:
            if (code(op) == kEnd)
                to = byte_order(reverses(op), imm, to);
            else
                to = alu(code(op), cls == kAlu64, head >> 16, to, (op & kSource) != 0 ? from : sign_extended(imm));
            continue;

        case kJmp:
        case kJmp32:
            if (code(op) == kExit) {
                if (state.depth == 0) {
                    --vm.fuel;
                    return LIMPET_RETURN;
                }
                next = pop_frame(state, host);
                continue;
            }
            if (code(op) == kCall) {
                if (src(head) == 0) {
                    end = host_call(state, host, imm);
                    if (end != LIMPET_RETURN) return end;
                    continue;
                }
                if (!push_frame(state, host, next)) return LIMPET_STORE;
                next += imm * kSlotBytes;
                continue;
            }
            if (code(op) == kJa) {
                next += (cls == kJmp ? static_cast<uint32_t>(offset(head)) : imm) * kSlotBytes;
                continue;
            }
            if (condition(code(op), cls == kJmp, to, (op & kSource) != 0 ? from : sign_extended(imm)))
                next += static_cast<uint32_t>(offset(head)) * kSlotBytes;
            continue;

        case kLd: // lddw
            to = imm | static_cast<uint64_t>(slot[3]) << 32;
            next += kSlotBytes;
            continue;

        default: break; // accesses
        }

        const uint32_t size = size_bytes(size_code(op));
        const bool store = cls != kLdx;
        address = (store ? to : from) + static_cast<uint64_t>(int64_t{offset(head)});
        uint8_t* const bytes = reach(vm, host.memory, address, size, store);
        if (bytes == nullptr) {
            vm.trap_address = static_cast<uint32_t>(address);
            return store ? LIMPET_STORE : LIMPET_LOAD;
        }
        uint64_t value = sign_extended(imm);
        if (cls == kStx) value = from;
        if (!store || mode(op) == kAtomic) {
            const uint64_t old = get_wide(bytes, size);
            if (!store) {
                to = mode(op) == kMemorySigned ? sign_extended_from(size * 8, old) : old;
                continue;
            }
            value = atomic(imm, size == 8, old, value, r[0]);
            if (imm == kCompareExchange)
                r[0] = old;
            else if ((imm & kFetch) != 0)
                from = old;
        }
        put_wide(bytes, size, value);
    }
}

} // namespace limpet::bpf_switch
