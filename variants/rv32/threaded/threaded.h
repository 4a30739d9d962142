/// \file
/// rv32-threaded: predecoded code. README.md tells how it is laid out for Cortex-M0+.
#pragma once

#include "decoded.h"

#ifdef __thumb__
#include "thumb.h"
#else
#include "portable.h"
#endif

namespace limpet::rv32_threaded {

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    for (;;) {
        limpet_status status = dispatch<isa>(vm, host);
        if (status != LIMPET_RUNNING) return status;
        // decode(), but pc is read where it is needed: a register less to be kept on the stack.
        const volatile uint32_t& pc = vm.pc;
        const uint32_t packed = with_registers<isa>(vm, host, pc, find<isa>(vm, host, pc));
        if (isa.multiply && Decoded{.packed = packed, .imm = 0}.kind() == Kind::kMultiply)
            status = finish(vm, packed, multiplied(vm, packed));
        else
            status = step<isa>(vm, host, packed, immediate<isa>(vm, host, pc, packed));
        if (status != LIMPET_RUNNING) return status;
        if (vm.fuel != 0) --vm.fuel;
    }
}

} // namespace limpet::rv32_threaded
