/// \file
/// What limpet_prepare does beyond checking what limpet.h demands of the firmware.
#pragma once

#include "../interp/rv32/run.h"

namespace limpet {

/// A backend that runs the code where it is translates nothing. One that does has a template of this name in its own
/// namespace, which is found there first.
template <rv32::Isa isa> struct Preparation {
    /// Does a run look at host.code, so that it must stay where it is?
    static constexpr bool kNeedsCode = true;

    /// Bytes that translate() needs at host.prepared, those that it needs only while it works included.
    template <class Host> static uint32_t size(const limpet_vm& /*vm*/, const Host& /*host*/) { return 0; }

    /// Translates the code into host.prepared, which is large enough and aligned. Returns LIMPET_RETURN or
    /// LIMPET_REFUSED.
    template <class Host> static limpet_status translate(limpet_vm& /*vm*/, const Host& /*host*/) {
        return LIMPET_RETURN;
    }

    /// Bytes from host.prepared on that runs need, once translate() has worked.
    template <class Host> static uint32_t kept(const limpet_vm& /*vm*/, const Host& /*host*/) { return 0; }
};

/// limpet_prepare, with the backend's Preparation.
template <class Preparation, class Host> limpet_status prepare(limpet_vm& vm, const Host& host) {
    if (!rv32::well_formed(vm, host)) return LIMPET_REFUSED;
    // A translate() that finds out by itself what it needs is not made to do it twice.
    constexpr bool measures = requires { Preparation::kTranslateMeasures; };
    const uint32_t size = measures ? 1 : Preparation::size(vm, host);
    if (size > host.prepared_size || (size != 0 && reinterpret_cast<uintptr_t>(host.prepared) % 4 != 0))
        return LIMPET_REFUSED;
    return Preparation::translate(vm, host);
}

} // namespace limpet
