/// \file
/// bpf-threaded: limpet_bpf_prepare makes a record of each slot, with the address of the code that carries it out and
/// its operands laid out for that. What is frequent has a handler of its own; all else goes through generic.h.
///
/// Fuel is charged where a jump is taken, for what ran since the last one: a run stops at the first taken jump, call or
/// return at which the budget is used up.
#pragma once

#include "../loop.h"
#include "records.h"

namespace limpet::bpf_threaded {

template <class Host> limpet_status run(limpet_bpf_vm& state, const Host& host) {
    return execute<Place>(&state, &host, nullptr);
}

/// What limpet_bpf_prepare does beyond verifying.
struct Preparation {
    template <class Host> static uint32_t size(const limpet_vm& vm, const Host& /*host*/) {
        return vm.window.code_size / kSlotBytes * static_cast<uint32_t>(sizeof(Record));
    }

    template <class Host> static limpet_status translate(const limpet_vm& vm, const Host& host) {
        const void* const* handlers = nullptr;
        execute<Place, Host>(nullptr, nullptr, &handlers);
        const uint32_t* slot = program(host);
        auto* to = static_cast<Record*>(host.memory.prepared);
        for (uint32_t i = 0; i < vm.window.code_size / kSlotBytes; ++i, slot += 2) *to++ = record_of(handlers, slot);
        return LIMPET_RETURN;
    }
};

} // namespace limpet::bpf_threaded
