/// \file
/// What limpet_bpf_prepare does: verifies the program, and lets a backend that translates it do so.
#pragma once

#include "../interp/bpf/run.h"

namespace limpet {

/// A backend that runs the program where it is translates nothing. One that does has a struct of this name in its own
/// namespace, which is found there first.
struct Preparation {
    /// Bytes at host.memory.prepared that translate() needs, and runs.
    static uint32_t size(const limpet_vm& /*vm*/) { return 0; }
    /// Translates a program that is legal into host.memory.prepared, which is large enough and aligned.
    template <class Host> static void translate(const limpet_vm& /*vm*/, const Host& /*host*/) {}
};

template <class Preparation, class Host> limpet_status prepare_bpf(limpet_bpf_vm& state, const Host& host) {
    const limpet_vm& vm = state.as.vm;
    const uint32_t size = Preparation::size(vm);
    const auto prepared = reinterpret_cast<uintptr_t>(host.memory.prepared);
    if (size > host.memory.prepared_size || (size != 0 && prepared % 4 != 0)) return LIMPET_REFUSED;
    const limpet_status status = bpf::prepare(state, host);
    if (status == LIMPET_RETURN) Preparation::translate(vm, host);
    return status;
}

} // namespace limpet
