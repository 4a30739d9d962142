/// \file
/// What surrounds every rv32 dispatch loop: starting and ending a run, and what a jump may do.
#pragma once

#include "../memory.h"
#include "isa.h"

namespace limpet::rv32 {

/// Length in bytes of the instruction that starts with these bits. (Longer formats than 4 bytes are reserved.)
template <Isa isa> constexpr uint32_t length(uint32_t insn) { return isa.compressed && (insn & 3) != 3 ? 2 : 4; }

template <Isa isa> constexpr bool aligned(uint32_t address) { return address % (isa.compressed ? 2 : 4) == 0; }

/// Ends a run: what limpet_call returns.
inline limpet_status end(limpet_vm& vm, limpet_status status) {
    vm.status = status;
    return status;
}

/// Runs from vm.pc. `loop` is a backend's dispatch loop: limpet_status(limpet_vm&, const Host&).
template <auto loop, class Host> limpet_status resume(limpet_vm& vm, const Host& host, uint32_t fuel) {
    if (vm.status != LIMPET_FUEL) return LIMPET_REFUSED;
    vm.fuel = fuel < LIMPET_FUEL_MAX ? fuel : LIMPET_FUEL_MAX;
    vm.status = LIMPET_RUNNING;
    return end(vm, loop(vm, host));
}

/// limpet_call: arguments are already in a0..a5.
template <Isa isa, auto loop, class Host>
limpet_status call(limpet_vm& vm, const Host& host, uint32_t entry, uint32_t fuel) {
    if (vm.status != LIMPET_RETURN && vm.status != LIMPET_ECALL) return LIMPET_REFUSED;
    for (unsigned i = 3; i < 10; ++i) vm.x[i] = 0;
    vm.x[1] = LIMPET_RETURN_ADDRESS;
    vm.x[2] = host.stack_top;
    vm.pc = entry;
    if (!fetchable(vm, host, entry) || !aligned<isa>(entry)) {
        vm.trap_address = entry;
        return end(vm, LIMPET_FETCH);
    }
    vm.status = LIMPET_FUEL;
    return resume<loop>(vm, host, fuel);
}

inline void init(limpet_vm& vm, const limpet_windows& windows) {
    for (uint32_t& x : vm.x) x = 0;
    vm.pc = vm.fuel = vm.trap_address = 0;
    vm.status = LIMPET_RETURN;
    vm.window = windows;
}

/// Is what limpet.h demands of the loader fulfilled? Nothing that a guest can influence.
template <class Host> bool well_formed(const limpet_vm& vm, const Host& host) {
    const uint8_t* guard = host.code + vm.window.code_size;
    return vm.window.code_size % 2 == 0 && guard[0] == LIMPET_GUARD && guard[1] == 0 && guard[2] == LIMPET_GUARD &&
           guard[3] == 0;
}

} // namespace limpet::rv32
