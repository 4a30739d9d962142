/// \file
/// rv32-goto/lean: half of rv32-goto's flash. The same handlers, but one for all instructions of a major opcode, which
/// looks at funct3 itself; the ends of 32-bit handlers are shared, and so is most of dispatch. Keys are two bits
/// shorter, which makes the table a quarter of the size: handlers look at these bits where they matter.
#pragma once

#include "loop.h"

namespace limpet::rv32_goto_lean {

template <rv32::Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    return rv32_goto::run_as<isa, rv32_goto::kLean>(vm, host);
}

} // namespace limpet::rv32_goto_lean
