/// \file
/// rv32-goto: speed. A table, made from the instruction table by the compiler, leads from a few bits of an instruction
/// straight to the handler of its kind, by computed goto.
///
/// How it is laid out for Cortex-M0+ (keys.h, handlers.h, loop.h):
/// - rev16 brings the bits of a 16-bit instruction's key together, so dispatch is seven instructions, and each handler
///   that is often needed has a copy. The key tells a handler its immediate's sign and that rd is below 16. A 32-bit
///   instruction is looked up twice: by its first half's key, which tells funct3, then by its major opcode.
/// - Registers stay in the VM struct, whose address is a handler's only way to the VM.
/// - A handler makes sure of what it needs and leaves everything else to one way out, on which nothing is kept: the
///   loop ends and settle() (rare.h) looks at the instruction again. So host calls and traps do not stand on the loop's
///   stack.
/// - Code is checked at jumps only. Behind the code stands the guard, which is illegal.
///
/// Fuel is charged at taken jumps, by the byte of code since the last one, 4 bytes being an instruction of the budget.
/// With a budget of N, a run stops at the first taken jump by which 4N bytes of code or more have been executed: after
/// at least N instructions, and at most 2N more than straight code from one jump to the next has. (Misaligned accesses,
/// host calls, fences and instructions of M count as one instruction each.)
#pragma once

#include "loop.h"

namespace limpet::rv32_goto {

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    return run_as<isa, kFast>(vm, host);
}

} // namespace limpet::rv32_goto
