/// \file
/// What the dispatch loop of rv32-goto keeps at hand, and what its handlers do with it.
#pragma once

#include "../../../interp/memory.h"
#include "../../../interp/rv32/run.h"

namespace limpet::rv32_goto {

using namespace limpet::rv32;

/// Where an instruction is in the host's memory. A number, because a bad jump may lead anywhere.
using Place = uintptr_t;

template <class Host> struct Machine {
    limpet_vm& vm;
    const Host& host;
    AlignedWindow data;
    Place code;           ///< start of the code window
    Place pc;             ///< behind the instruction that is being executed
    uint32_t insn = 0;    ///< that instruction
    uint32_t address = 0; ///< guest address of a load or store
    Place target = 0;     ///< of a jump
    uint32_t credit = 0;  ///< see loop.h: bytes of code that the budget still allows, plus where the block starts

    [[gnu::always_inline]] Machine(limpet_vm& its_vm, const Host& its_host)
        : vm(its_vm), host(its_host), data(its_vm, its_host), code(reinterpret_cast<Place>(its_host.code)),
          pc(place(its_vm.pc)) {}

    [[nodiscard, gnu::always_inline]] uint32_t guest_address(Place place) const {
        return static_cast<uint32_t>(place - code) + vm.window.code_start;
    }
    [[nodiscard, gnu::always_inline]] Place place(uint32_t guest_address) const {
        return code + (guest_address - vm.window.code_start);
    }
    [[nodiscard, gnu::always_inline]] Place behind_pc(uint32_t distance) const {
        return pc + static_cast<Place>(static_cast<int32_t>(distance));
    }
};

/// How the dispatch loop goes on after a handler.
enum class Then : uint8_t {
    kNext,    ///< with the next instruction
    kBranch,  ///< at target, if that is good
    kLinked,  ///< at target, which has been found good
    kBadJump, ///< target is bad, or ends the call
    kAccess,  ///< misaligned, or outside the data window, at address
    kRare     ///< host call, ecall, ebreak, illegal, or cut off by the end of the code
};

/// May a jump go to m.target?
template <Isa isa, class Host> [[gnu::always_inline]] inline bool good_target(const Machine<Host>& m) {
    return m.target - m.code < m.vm.window.code_size &&
           (isa.compressed || aligned<isa>(static_cast<uint32_t>(m.target - m.code))) &&
           executable_in_window(m.host, m.guest_address(m.target));
}

/// Charges the jump to m.target, which is good, and makes it. False: the budget is used up.
template <class Host> [[gnu::always_inline]] inline bool jump_is_paid(Machine<Host>& m) {
    const uint32_t left = m.credit - static_cast<uint32_t>(m.pc);
    m.pc = m.target;
    if (static_cast<int32_t>(left) <= 0) return false;
    m.credit = left + static_cast<uint32_t>(m.pc);
    return true;
}

/// Brings vm up to date.
template <class Host> [[gnu::always_inline]] inline void pause(Machine<Host>& m) {
    asm("" : "+r"(m.pc));
    m.vm.pc = m.guest_address(m.pc);
    const auto left = static_cast<int32_t>(m.credit - static_cast<uint32_t>(m.pc));
    m.vm.fuel = left < 0 ? 0 : static_cast<uint32_t>(left) / 4;
}

/// Is part of the instruction before pc behind the end of the code? To be asked where the guard does not make a cut
/// instruction illegal: its second halfword, 8, names x16 as rs1.
template <class Host> [[gnu::always_inline]] inline bool is_cut(const Machine<Host>& m) {
    return m.pc - m.code > m.vm.window.code_size || !executable_in_window(m.host, m.guest_address(m.pc - 2));
}

} // namespace limpet::rv32_goto
