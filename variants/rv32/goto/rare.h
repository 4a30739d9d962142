/// \file
/// What the handlers of rv32-goto leave to others, because it is rare. The dispatch loop ends for it, and with it its
/// use of the host's stack; the instruction is looked at again, so that handlers need to keep nothing for it.
#pragma once

#include "../../../interp/rv32/fields.h"
#include "../../../interp/rv32/semantics.h"
#include "machine.h"

namespace limpet::rv32_goto {

/// The instruction at vm.pc has been carried out.
inline void go_on(limpet_vm& vm, uint32_t next) {
    vm.pc = next;
    if (vm.fuel != 0) --vm.fuel;
}

/// The load or store `insn`, whose registers are good, at vm.trap_address. LIMPET_RUNNING: it is done.
template <Isa isa, class Host>
[[gnu::always_inline]] inline limpet_status access(limpet_vm& vm, const Host& host, uint32_t insn) {
    const bool is_long = length<isa>(insn) == 4;
    const bool by_sp = (insn & 3) == 2;
    const bool is_store = (insn & (is_long ? 0x20 : 0x8000)) != 0;
    const uint32_t width = is_long ? funct3(insn) : kWord;
    uint32_t reg = insn >> (is_store ? is_long ? 20 : 2 : is_long || by_sp ? 7 : 2) & 15; // rd, rs2
    if (!is_long && !by_sp) reg = c_low(insn);
    uint32_t& x = vm.x[reg];
    const uint32_t offset = offset_of(host, vm.trap_address);
    const uint32_t size = access_size(width);
    const limpet_status trap = is_store ? LIMPET_STORE : LIMPET_LOAD;
    if (!loadable(vm, offset, size)) return trap;
    if (is_store) {
        if (!writable(vm, host, offset, size)) return trap;
        put_bytes(host.data + offset, size, x);
    } else {
        const uint32_t value = get_bytes(host.data + offset, size);
        if (reg != 0) x = extend(width, value);
    }
    return LIMPET_RUNNING;
}

/// Anything else that no handler carries out. LIMPET_RUNNING: it is done.
template <Isa isa, class Host>
[[gnu::always_inline]] inline limpet_status rare(limpet_vm& vm, const Host& host, uint32_t insn, uint32_t next) {
    if ((insn & 0x000fffff) == 0x0b) { // cut off, it would be another instruction: the guard's bit 19 is set
        if (host.call == nullptr) return LIMPET_HOST_CALL;
        const limpet_status status = host.call(&vm, &host, insn >> 20, vm.x + 10);
        return status == LIMPET_RETURN ? LIMPET_RUNNING : status;
    }
    if (cut_off(vm, host, next)) return LIMPET_FETCH;
    if ((insn & 0x707f) == 0x0f) return LIMPET_RUNNING; // fence
    if (insn == 0x00000073) return LIMPET_ECALL;
    if (insn == 0x00100073 || (isa.compressed && insn == 0x9002)) return LIMPET_BREAKPOINT;
    return LIMPET_ILLEGAL;
}

/// Carries out the instruction at vm.pc if it is one of M, all of which but mul are left to this: they need much stack.
template <class Host> [[gnu::noinline, gnu::cold]] bool multiply(limpet_vm& vm, const Host& host) {
    const Place place = reinterpret_cast<Place>(host.code) + (vm.pc - vm.window.code_start);
    const uint32_t insn = half_at(place) | half_at(place + 2) << 16; // the guard is behind the code
    constexpr uint32_t mask = 0xff08087f; // funct7, opcode, and the upper bit of each register field
    if ((insn & mask) != 0x02000033) return false;
    const uint32_t value = multiply_divide(funct3(insn), vm.x[rs1(insn)], vm.x[rs2(insn)]);
    if (rd(insn) != 0) vm.x[rd(insn)] = value;
    go_on(vm, vm.pc + 4);
    return true;
}

/// Of Xlimpet's instructions those that are left to settle(), which are a host call and accesses to bytes at an address
/// that is known, as 32-bit ones without immediates.
constexpr uint32_t expanded(uint32_t insn) {
    const uint32_t key = (insn & 3) << 3 | c_funct3(insn);
    if (key == 0x15) return cx_id(insn) << 20 | 0x0b; // c.x.call
    uint32_t reg = cx_rd(insn);
    if (key == 0x04) { // c.lbu, c.sb
        reg = c_low(insn);
        insn <<= 1;
    } else if (key != 0x13) { // c.x.lbusp, c.x.sbsp
        return insn;
    }
    return (insn & 0x1000) != 0 ? reg << 20 | 0x23 : reg << 7 | 0x4003; // sb, lbu
}

/// Settles what ended the dispatch loop. Returns LIMPET_RUNNING when it shall go on at vm.pc.
template <Isa isa, class Host>
[[gnu::noinline, gnu::cold]] limpet_status settle(limpet_vm& vm, const Host& host, Ended ended) {
    const Place place = reinterpret_cast<Place>(host.code) + (vm.pc - vm.window.code_start);
    uint32_t insn = half_at(place);
    if (length<isa>(insn) == 4) insn |= half_at(place + 2) << 16;
    const uint32_t next = vm.pc + length<isa>(insn);
    if constexpr (isa.xlimpet) insn = expanded(insn);
    const limpet_status status =
        ended == Ended::kByAccess ? access<isa>(vm, host, insn) : rare<isa>(vm, host, insn, next);
    if (status == LIMPET_RUNNING) go_on(vm, next);
    return status;
}

} // namespace limpet::rv32_goto
