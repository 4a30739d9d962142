/// \file
/// What rv32-goto's handlers leave to others, because it is rare: each function looks at the instruction again, so that
/// handlers need to keep nothing for it. They return LIMPET_RETURN when the run goes on.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/semantics.h"
#include "machine.h"

namespace limpet::rv32_goto {

/// The load or store `insn`, whose registers are good, at vm.trap_address.
template <Isa isa, class Host>
[[gnu::noinline, gnu::cold]] limpet_status access(limpet_vm& vm, const Host& host, uint32_t insn) {
    const bool is_long = length<isa>(insn) == 4;
    const uint32_t access_funct3 = is_long ? funct3(insn) : kWord;
    const uint32_t size = access_size(access_funct3);
    const bool is_store = (insn & (is_long ? 0x20 : 0x8000)) != 0;
    const bool by_sp = (insn & 3) == 2;
    if (is_store) {
        const uint32_t rs2 = is_long ? limpet::rv32::rs2(insn) : by_sp ? c_rs2(insn) : c_low(insn);
        return store_bytes(vm, host, vm.trap_address, size, vm.x[rs2]) ? LIMPET_RETURN : LIMPET_STORE;
    }
    const uint32_t rd = is_long || by_sp ? limpet::rv32::rd(insn) : c_low(insn);
    uint32_t value = 0;
    if (!load_bytes(vm, host, vm.trap_address, size, value)) return LIMPET_LOAD;
    if (rd != 0) vm.x[rd] = extend(access_funct3, value);
    return LIMPET_RETURN;
}

/// The jump `insn` at vm.pc to vm.trap_address, which is no place to go to: a trap, or the end of the call.
template <Isa isa> [[gnu::noinline, gnu::cold]] limpet_status bad_jump(limpet_vm& vm, uint32_t insn) {
    if (vm.trap_address != LIMPET_RETURN_ADDRESS) return LIMPET_FETCH;
    uint32_t link = 0;
    if (length<isa>(insn) == 4) {
        if ((insn & 4) != 0) link = rd(insn); // jal, jalr; not a branch
    } else if ((insn & 0xe003) == 0x2001 || (insn & 0xf003) == 0x9002) {
        link = 1; // c.jal, c.jalr
    }
    if (link != 0) vm.x[link] = vm.pc + length<isa>(insn);
    vm.pc = LIMPET_RETURN_ADDRESS;
    return LIMPET_RETURN;
}

/// Anything else that no handler carries out.
template <Isa isa, class Host>
[[gnu::noinline, gnu::cold]] limpet_status rare(limpet_vm& vm, const Host& host, uint32_t insn) {
    if (cut_off(vm, host, vm.pc + length<isa>(insn))) return LIMPET_FETCH;
    if (insn == 0x00000073) return LIMPET_ECALL;
    if (insn == 0x00100073 || (isa.compressed && insn == 0x9002)) return LIMPET_BREAKPOINT;
    if ((insn & 0x000fffff) != 0x0b) return LIMPET_ILLEGAL;
    return host.call == nullptr ? LIMPET_HOST_CALL : host.call(&vm, &host, insn >> 20, vm.x + 10);
}

} // namespace limpet::rv32_goto
