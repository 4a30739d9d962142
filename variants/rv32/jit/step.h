/// \file
/// Carries out the instruction at vm.pc without translated code: what traps, what is misaligned, host calls, and
/// everything where a jump went to no landing.
#pragma once

#include "decode.h"

namespace limpet::rv32_jit {

/// Status of a run that goes on.
inline constexpr limpet_status kGoOn = LIMPET_RUNNING;

/// Jumps to target; x[rd] becomes the address behind the instruction.
template <Isa isa> [[gnu::always_inline]] inline limpet_status jump(limpet_vm& vm, const limpet_host& host,
                                                                    const Decoded& d, uint32_t target) {
    target &= ~1U;
    const bool good = fetchable(vm, host, target) && aligned<isa>(target);
    if (!good && target != LIMPET_RETURN_ADDRESS) {
        vm.trap_address = target;
        return LIMPET_FETCH;
    }
    vm.x[d.rd] = vm.pc + d.length;
    vm.x[0] = 0;
    vm.pc = target;
    return good ? kGoOn : LIMPET_RETURN;
}

/// Loads x[rd] from, or stores x[rs2] at `address`, of any alignment.
[[gnu::always_inline]] inline limpet_status access(limpet_vm& vm, const limpet_host& host, const Decoded& d,
                                                   uint32_t address) {
    const uint32_t size = access_size(d.f3);
    uint32_t value;
    limpet_status status = LIMPET_LOAD;
    if (d.kind == kStore) {
        if (store_bytes(vm, host, address, size, vm.x[d.rs2])) return kGoOn;
        status = LIMPET_STORE;
    } else if (load_bytes(vm, host, address, size, value)) {
        vm.x[d.rd] = extend(d.f3, value);
        return kGoOn;
    }
    vm.trap_address = address;
    return status;
}

/// Carries out `d`, which is at vm.pc and no instruction of M. Returns kGoOn with vm.pc at the next instruction, or how
/// the run ends.
template <Isa isa>
[[gnu::always_inline]] inline limpet_status step(limpet_vm& vm, const limpet_host& host, const Decoded& d) {
    uint32_t* const x = vm.x;
    uint32_t a = x[d.rs1];
    uint32_t b = d.imm;
    limpet_status status = kGoOn;
    switch (d.kind) {
    case kLoad:
    case kStore: status = access(vm, host, d, a + b); break;
    case kBranch:
        if (!branch_taken(d.f3, a, x[d.rs2])) break;
        [[fallthrough]];
    case kJal: a = vm.pc; [[fallthrough]];
    case kJalr: return jump<isa>(vm, host, d, a + b);
    case kHostCall:
        status = LIMPET_HOST_CALL;
        if (host.call != nullptr) status = host.call(&vm, &host, b, x + 10);
        if (status == LIMPET_RETURN) status = kGoOn;
        break;
    case kSystem: return b == 0 ? LIMPET_ECALL : LIMPET_BREAKPOINT;
    case kFence: break;
    case kAuipc: b += vm.pc; [[fallthrough]];
    case kLui: x[d.rd] = b; break;
    case kOp: b = x[d.rs2]; [[fallthrough]];
    case kOpImm: x[d.rd] = alu(d.f3, a, b); break;
    case kCut: vm.trap_address = vm.pc; return LIMPET_FETCH;
    default: return LIMPET_ILLEGAL;
    }
    x[0] = 0;
    if (status == kGoOn) vm.pc += d.length;
    return status;
}

} // namespace limpet::rv32_jit
