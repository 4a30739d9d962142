/// \file
/// What surrounds every eBPF dispatch loop: verifying a program, starting and ending a run, calls and returns.
/// A Host is a limpet_bpf_host, or what has its members on a PC.
#pragma once

#include "../limpet_bpf.h"
#include "semantics.h"
#include "verify.h"

namespace limpet::bpf {

/// A register as one number.
using Register [[gnu::may_alias, gnu::aligned(4)]] = uint64_t;

inline Register* registers(limpet_bpf_vm& vm) { return reinterpret_cast<Register*>(vm.r); }

inline void init(limpet_bpf_vm& state, const limpet_windows& windows) {
    for (uint32_t& half : state.r) half = 0;
    limpet_vm& vm = state.as.vm;
    vm.pc = vm.fuel = vm.trap_address = state.depth = 0;
    vm.status = LIMPET_REFUSED; // until it is prepared
    vm.window = windows;
}

/// The program, which is a multiple of 4.
template <class Host> const uint32_t* program(const Host& host) {
    return reinterpret_cast<const uint32_t*>(host.memory.code);
}

/// Is `address` that of an instruction?
template <class Host> bool is_entry(const limpet_vm& vm, const Host& host, uint32_t address) {
    const uint32_t at = address - vm.window.code_start;
    return at % kSlotBytes == 0 && at < vm.window.code_size && opcode(program(host)[at / 4]) != 0;
}

/// What limpet_bpf_prepare tells of a program that is legal, or at fault so many bytes behind its start.
inline limpet_status verified(limpet_bpf_vm& state, bool is_legal, uint32_t fault) {
    limpet_vm& vm = state.as.vm;
    if (!is_legal) {
        vm.pc = vm.window.code_start + fault;
        vm.status = LIMPET_REFUSED;
        return LIMPET_REFUSED;
    }
    if (vm.status == LIMPET_REFUSED) vm.status = LIMPET_RETURN;
    return LIMPET_RETURN;
}

/// limpet_bpf_prepare for backends that run what was uploaded.
template <class Host> limpet_status prepare(limpet_bpf_vm& state, const Host& host) {
    limpet_vm& vm = state.as.vm;
    const auto code = reinterpret_cast<uintptr_t>(host.memory.code);
    const auto data = reinterpret_cast<uintptr_t>(host.memory.data);
    const uint32_t count = vm.window.code_size / kSlotBytes;
    uint32_t fault = ~0U; // also of a program without instructions
    if (((code | data) & 3) == 0 && vm.window.code_size % kSlotBytes == 0) fault = verify(program(host), count);
    return verified(state, fault == count, fault * kSlotBytes);
}

/// Makes a guest ready to run from `entry`; arguments are already in r1..r5. Returns LIMPET_FUEL when resume may
/// follow, else what limpet_bpf_call returns. Preparation: the backend's, which may know its own entries.
template <class Preparation, class Host> limpet_status enter(limpet_bpf_vm& state, const Host& host, uint32_t entry) {
    limpet_vm& vm = state.as.vm;
    if (vm.status != LIMPET_RETURN) return LIMPET_REFUSED;
    for (unsigned half = 0; half < 22; ++half)
        if (half < 2 || half >= 12) state.r[half] = 0;
    state.r[20] = host.memory.stack_top;
    vm.pc = entry;
    limpet_status status = LIMPET_FUEL;
    bool begins = false;
    if constexpr (requires { Preparation::is_entry(vm, host, entry); })
        begins = Preparation::is_entry(vm, host, entry);
    else
        begins = is_entry(vm, host, entry);
    if (!begins) {
        vm.trap_address = entry;
        status = LIMPET_FETCH;
    }
    vm.status = status;
    return status;
}

/// Runs from vm.pc. `loop` is a backend's dispatch loop: limpet_status(limpet_bpf_vm&, const Host&).
template <auto loop, class Host>
[[gnu::always_inline]] inline limpet_status resume(limpet_bpf_vm& state, const Host& host, uint32_t fuel) {
    limpet_vm& vm = state.as.vm;
    if (vm.status != LIMPET_FUEL) return LIMPET_REFUSED;
    vm.fuel = fuel;
    vm.status = LIMPET_RUNNING;
    const limpet_status status = loop(state, host);
    vm.status = status;
    return status;
}

/// limpet_bpf_call for those who have no limpet_bpf_resume to share.
template <auto loop, class Preparation, class Host>
limpet_status call(limpet_bpf_vm& state, const Host& host, uint32_t entry, uint32_t fuel) {
    const limpet_status status = enter<Preparation>(state, host, entry);
    return status == LIMPET_FUEL ? resume<loop>(state, host, fuel) : status;
}

/// Enters a function that returns to vm.pc; false: too many are under way, a store trap.
template <class Host> [[gnu::noinline]] bool push_frame(limpet_bpf_vm& state, const Host& host) {
    const uint32_t frame_pointer = state.r[20] - host.frame_bytes;
    if (state.depth >= host.frame_count) {
        state.as.vm.trap_address = frame_pointer;
        return false;
    }
    limpet_bpf_frame& frame = host.frames[state.depth++];
    for (unsigned i = 0; i < 8; ++i) frame.saved[i] = state.r[12 + i];
    frame.pc = state.as.vm.pc;
    state.r[20] = frame_pointer;
    return true;
}

/// Leaves a function: vm.pc is where its caller goes on. There is one (state.depth is not 0).
template <class Host> [[gnu::noinline]] void pop_frame(limpet_bpf_vm& state, const Host& host) {
    const limpet_bpf_frame& frame = host.frames[--state.depth];
    for (unsigned i = 0; i < 8; ++i) state.r[12 + i] = frame.saved[i];
    state.r[20] += host.frame_bytes;
    state.as.vm.pc = frame.pc;
}

/// Performs host call `id`, which stands before vm.pc and has been charged. LIMPET_RETURN: r0 is its result; else vm.pc
/// is its own address, as it is for the host, and its charge is taken back.
template <class Host> [[gnu::noinline]] limpet_status host_call(limpet_bpf_vm& state, const Host& host, uint32_t id) {
    limpet_vm& vm = state.as.vm;
    vm.pc -= kSlotBytes;
    ++vm.fuel;
    if (host.memory.call == nullptr) return LIMPET_HOST_CALL;
    uint32_t args[5];
    for (unsigned i = 0; i < 5; ++i) args[i] = state.r[2 + 2 * i];
    const limpet_status status = host.memory.call(&vm, &host.memory, id, args);
    if (status != LIMPET_RETURN) return status;
    state.r[0] = args[0];
    state.r[1] = 0;
    vm.pc += kSlotBytes;
    --vm.fuel;
    return status;
}

} // namespace limpet::bpf
