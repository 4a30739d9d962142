/// \file
/// What surrounds every rv32 dispatch loop: starting and ending a run, and what a jump may do.
#pragma once

#include "../memory.h"
#include "isa.h"

namespace limpet::rv32 {

/// Length in bytes of the instruction that starts with these bits. (Longer formats than 4 bytes are reserved.)
template <Isa isa> constexpr uint32_t length(uint32_t insn) { return isa.compressed && (insn & 3) != 3 ? 2 : 4; }

template <Isa isa> constexpr bool aligned(uint32_t address) { return address % (isa.compressed ? 2 : 4) == 0; }

/// Makes vm ready to run from `entry`; arguments are already in a0..a5. Returns LIMPET_FUEL when resume may follow,
/// else what limpet_call returns.
template <Isa isa, class Host> limpet_status enter(limpet_vm& vm, const Host& host, uint32_t entry) {
    if (vm.status != LIMPET_RETURN && vm.status != LIMPET_ECALL) return LIMPET_REFUSED;
    for (unsigned i = 3; i < 10; ++i) vm.x[i] = 0;
    vm.x[1] = LIMPET_RETURN_ADDRESS;
    vm.x[2] = host.stack_top;
    vm.pc = entry;
    limpet_status status = LIMPET_FUEL;
    if (!fetchable(vm, host, entry) || !aligned<isa>(entry)) {
        vm.trap_address = entry;
        status = LIMPET_FETCH;
    }
    vm.status = status;
    return status;
}

/// Runs from vm.pc. `loop` is a backend's dispatch loop: limpet_status(limpet_vm&, const Host&).
template <auto loop, class Host>
[[gnu::always_inline]] inline limpet_status resume(limpet_vm& vm, const Host& host, uint32_t fuel) {
    if (vm.status != LIMPET_FUEL) return LIMPET_REFUSED;
    vm.fuel = fuel;
    vm.status = LIMPET_RUNNING;
    const limpet_status status = loop(vm, host);
    vm.status = status;
    return status;
}

/// limpet_call for those who have no limpet_resume to share.
template <Isa isa, auto loop, class Host>
limpet_status call(limpet_vm& vm, const Host& host, uint32_t entry, uint32_t fuel) {
    const limpet_status status = enter<isa>(vm, host, entry);
    return status == LIMPET_FUEL ? resume<loop>(vm, host, fuel) : status;
}

inline void init(limpet_vm& vm, const limpet_windows& windows) {
    for (uint32_t& x : vm.x) x = 0;
    vm.pc = vm.fuel = vm.trap_address = 0;
    vm.status = LIMPET_RETURN;
    vm.window = windows;
}

/// Is what limpet.h demands of the firmware fulfilled? Nothing that a guest can influence.
template <class Host> bool well_formed(const limpet_vm& vm, const Host& host) {
    const auto code = reinterpret_cast<uintptr_t>(host.code);
    if (((code | vm.window.code_size) & 1) != 0 || (reinterpret_cast<uintptr_t>(host.data) & 3) != 0) return false;
    const auto* guard = reinterpret_cast<const uint16_t*>(code + vm.window.code_size);
    return guard[0] == LIMPET_GUARD && guard[1] == LIMPET_GUARD;
}

} // namespace limpet::rv32
