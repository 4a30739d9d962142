/// \file
/// What the dispatch loop of rv32-goto keeps at hand, and what its handlers do with it.
#pragma once

#include "../../../interp/memory.h"
#include "../../../interp/rv32/run.h"

namespace limpet::rv32_goto {

using namespace limpet::rv32;

/// Where an instruction is in the host's memory. A number, because a bad jump may lead anywhere.
using Place = uintptr_t;

/// A value that the compiler knows nothing about: neither a constant nor a part of a larger expression. It steers gcc's
/// code for Cortex-M0+ and means nothing.
template <class T> [[gnu::always_inline]] inline T opaque(T value) {
#ifdef __arm__
    asm("" : "+l"(value)); // in a low register
#else
    asm("" : "+r"(value));
#endif
    return value;
}

[[gnu::always_inline]] inline uint32_t half_at(Place place) {
    using Any [[gnu::may_alias]] = const uint16_t;
    return *reinterpret_cast<Any*>(place);
}

template <class Host> struct Machine {
    limpet_vm& vm;
    const Host& host;
    const volatile Place& code_in_memory; ///< where the code window starts: volatile, so that it takes no register
    AlignedWindow data;
    Place pc = 0;      ///< behind the instruction that is being executed, in the code window
    uint32_t insn = 0; ///< that instruction

    // What a handler leaves to the shared end that it names by its result, Then.
    Place target = 0;       ///< of a jump
    uint32_t rd = 0;        ///< what a jump links in
    uint32_t address = 0;   ///< guest address of a load or store
    uint32_t operation = 0; ///< funct3 of a load or store
    uint32_t a = 0;         ///< first operand
    uint32_t b = 0;         ///< second operand; what is to be stored

    [[gnu::always_inline]] Machine(limpet_vm& its_vm, const Host& its_host, const volatile Place& code)
        : vm(its_vm), host(its_host), code_in_memory(code), data(its_vm, its_host) {}

    [[nodiscard, gnu::always_inline]] Place code() const { return code_in_memory; }
    [[nodiscard, gnu::always_inline]] uint32_t guest_address(Place place) const {
        return static_cast<uint32_t>(place - code()) + vm.window.code_start;
    }
    [[nodiscard, gnu::always_inline]] Place place(uint32_t guest_address) const {
        return code() + (guest_address - vm.window.code_start);
    }
    [[nodiscard, gnu::always_inline]] Place behind_pc(uint32_t distance) const {
        return pc + static_cast<Place>(static_cast<int32_t>(distance));
    }
};

/// How the dispatch loop goes on after a handler.
enum class Then : uint8_t {
    kNext,   ///< with the next instruction
    kBranch, ///< where the branch leads to
    kJump,   ///< at target
    kLink,   ///< at target, with the address of the next instruction in rd
    kLinkTo, ///< the same, with the guest address m.address, of which bit 0 does not count, as the target
    kAccess, ///< misaligned, or outside the data window, at address
    kRare,   ///< host call, ecall, ebreak, illegal, or cut off by the end of the code
    kAlu,    ///< after funct3's operation of a and b into the register in bits 11:7 (this and the rest: lean only)
    kWrite,  ///< after a into the register in bits 11:7
    kLoad,   ///< after load of width operation from address into the register in bits 11:7
    kStore   ///< after store of width operation, of b to address
};

/// What ended the dispatch loop: a limpet_status, or one of these, of which settle() makes one.
enum class Ended : uint8_t {
    kByReturn = LIMPET_RETURN,
    kByBadJump = LIMPET_FETCH,
    kByFuel = LIMPET_FUEL,
    kByAccess = 16,
    kByRare = 17
};

/// May a jump go to m.target?
template <Isa isa, class Host> [[gnu::always_inline]] inline bool good_target(const Machine<Host>& m) {
    const Place offset = m.target - m.code();
    return offset < m.vm.window.code_size && (isa.compressed || aligned<isa>(static_cast<uint32_t>(offset))) &&
           executable_in_window(m.host, m.vm.window.code_start + static_cast<uint32_t>(offset));
}

// Fuel is charged by the byte of straight code, four for each instruction of the budget: so nothing is to be done but
// at jumps. While the loop runs, vm.fuel holds the bytes that are left plus the place where the straight code began,
// less 1: so that it is the sign that tells.

/// The bytes left, less 1.
template <class Host> [[gnu::always_inline]] inline int32_t fuel_left(const Machine<Host>& m) {
    return static_cast<int32_t>(m.vm.fuel - static_cast<uint32_t>(m.pc));
}

template <class Host> [[gnu::always_inline]] inline void start_fuel(Machine<Host>& m) {
    const uint32_t instructions = m.vm.fuel < LIMPET_FUEL_MAX ? m.vm.fuel : LIMPET_FUEL_MAX;
    m.vm.fuel = 4 * instructions - 1 + static_cast<uint32_t>(m.pc);
}

/// Charges for the code up to pc and goes on at m.target.
template <class Host> [[gnu::always_inline]] inline void move(Machine<Host>& m) {
    m.vm.fuel += static_cast<uint32_t>(m.target - m.pc);
    m.pc = m.target;
}

/// Makes the jump to m.target, which is good. False, and nothing is changed: the budget is used up.
template <class Host> [[gnu::always_inline]] inline bool pay_jump(Machine<Host>& m) {
    const int32_t left = fuel_left(m);
    if (__builtin_expect(left < 0, 0) != 0) return false;
    m.pc = m.target;
    m.vm.fuel = static_cast<uint32_t>(left) + static_cast<uint32_t>(m.pc);
    return true;
}

/// Brings vm up to date.
template <class Host> [[gnu::always_inline]] inline void pause(Machine<Host>& m) {
    const int32_t left = fuel_left(m);
    m.vm.fuel = left < 0 ? 0 : static_cast<uint32_t>(left) / 4 + 1;
    m.vm.pc = m.guest_address(m.pc);
}

/// Is part of the instruction before pc behind the end of the code? To be asked where the guard does not make a cut
/// instruction illegal: its second halfword, 8, names x16 as rs1.
template <class Host> [[gnu::always_inline]] inline bool is_cut(const Machine<Host>& m) {
    const Place offset = m.pc - m.code();
    return offset > m.vm.window.code_size ||
           !executable_in_window(m.host, m.vm.window.code_start + static_cast<uint32_t>(offset) - 2);
}

} // namespace limpet::rv32_goto
