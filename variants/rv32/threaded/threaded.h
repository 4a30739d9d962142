/// \file
/// rv32-threaded on a PC: predecoded code. For Cortex-M there is threaded.S.
#pragma once

#include "portable.h"

namespace limpet::rv32_threaded {

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    for (;;) {
        limpet_status status = dispatch<isa>(vm, host);
        if (status != LIMPET_RUNNING) return status;
        const Decoded d = decode<isa>(vm, host, vm.pc);
        status = d.kind() == Kind::kMultiply ? multiply(vm, d) : step<isa>(vm, host, d);
        if (status != LIMPET_RUNNING) return status;
        if (vm.fuel != 0) --vm.fuel;
    }
}

} // namespace limpet::rv32_threaded
