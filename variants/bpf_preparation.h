/// \file
/// What limpet_bpf_prepare does: verifies the program, and lets a backend that translates it do so.
#pragma once

#include "../interp/bpf/run.h"

namespace limpet {

/// A backend that runs the program where it is translates nothing. One that does has a struct of this name in its own
/// namespace, which is found there first. One whose programs are not slots has verify() and is_entry() there, too.
struct Preparation {
    /// Bytes at host.memory.prepared that translate() needs, and runs.
    template <class Host> static uint32_t size(const limpet_vm& /*vm*/, const Host& /*host*/) { return 0; }
    /// Translates a program that is legal into host.memory.prepared, which is large enough and aligned. Returns
    /// LIMPET_RETURN; or LIMPET_REFUSED, with vm.pc at the instruction that this backend does not run.
    template <class Host> static limpet_status translate(limpet_vm& /*vm*/, const Host& /*host*/) {
        return LIMPET_RETURN;
    }
};

template <class Preparation>
concept RunsPackedCode = requires(limpet_bpf_vm& state, const limpet_bpf_host& host) {
    Preparation::verify(state, host);
    Preparation::is_entry(state.as.vm, host, 0);
};

template <class Preparation, class Host> limpet_status prepare_bpf(limpet_bpf_vm& state, const Host& host) {
    limpet_vm& vm = state.as.vm;
    const uint32_t size = Preparation::size(vm, host);
    const auto prepared = reinterpret_cast<uintptr_t>(host.memory.prepared);
    if (size > host.memory.prepared_size || (size != 0 && prepared % 4 != 0)) return LIMPET_REFUSED;
    limpet_status status;
    if constexpr (RunsPackedCode<Preparation>)
        status = Preparation::verify(state, host);
    else
        status = bpf::prepare(state, host);
    if (status == LIMPET_RETURN) status = Preparation::translate(vm, host);
    if (status != LIMPET_RETURN) vm.status = LIMPET_REFUSED;
    return status;
}

} // namespace limpet
