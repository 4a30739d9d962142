/// \file
/// bpf-switch: the readable reference. Each turn of the loop fetches an instruction and finds in switches what it does.
/// What computes and what accesses memory are functions of their own, so that the loop has little to keep on the host's
/// stack.
///
/// One unit of fuel is charged per instruction, so the fuel that is left tells how many were executed. While one is
/// carried out, vm.pc is the address of the next; a trap takes that and the fuel back.
#pragma once

#include "../../../interp/bpf/run.h"

namespace limpet::bpf_switch {

using namespace limpet::bpf;

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

template <class Host> [[gnu::always_inline]] inline limpet_status run(limpet_bpf_vm& state, const Host& host) {
    limpet_vm& vm = state.as.vm;
    limpet_status status;
    for (;;) {
        if (vm.fuel == 0) return LIMPET_FUEL;
        --vm.fuel;
        const uint32_t* const slot = program(host) + (vm.pc - vm.window.code_start) / sizeof(uint32_t);
        const uint32_t head = slot[0];
        const uint32_t imm = slot[1];
        vm.pc += kSlotBytes;
        const uint32_t op = opcode(head);
        switch (op & 7) {
        case kAlu32:
        case kAlu64: compute(registers(state), head, imm); continue;

        case kJmp:
        case kJmp32: {
            uint32_t distance = static_cast<uint32_t>(offset(head));
            switch (code(op)) {
            case kExit:
                if (state.depth == 0) {
                    vm.pc -= kSlotBytes;
                    return LIMPET_RETURN;
                }
                pop_frame(state, host);
                continue;
            case kCall:
                distance = imm;
                if (src(head) != 0) {
                    status = LIMPET_STORE;
                    if (!push_frame(state, host)) goto trap;
                    break;
                }
                status = host_call(state, host, imm);
                if (status != LIMPET_RETURN) return status;
                continue;
            case kJa:
                if ((op & 7) == kJmp32) distance = imm;
                break;
            default:
                if (!compute(registers(state), head, imm)) continue;
            }
            vm.pc += distance * kSlotBytes;
            continue;
        }
        case kLd: // lddw
            registers(state)[dst(head)] = imm | static_cast<uint64_t>(slot[3]) << 32;
            vm.pc += kSlotBytes;
            continue;

        default:
            if (access(state, host, head, imm)) continue;
            status = (op & 7) == kLdx ? LIMPET_LOAD : LIMPET_STORE;
        }
    trap:
        vm.pc -= kSlotBytes;
        ++vm.fuel;
        return status;
    }
}

} // namespace limpet::bpf_switch
