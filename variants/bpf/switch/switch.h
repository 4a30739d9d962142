/// \file
/// bpf-switch: the readable reference. Each turn of the loop fetches an instruction and finds in switches what it does.
///
/// One unit of fuel is charged per instruction, so the fuel that is left tells how many were executed. While one is
/// carried out, vm.pc is the address of the next; a trap takes that and the fuel back.
#pragma once

#include "../../../interp/bpf/generic.h"

namespace limpet::bpf_switch {

using namespace limpet::bpf;

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
