/// \file
/// What handlers of a dispatch loop over slots do, for slots in any form: a Place is where the loop is in an array of
/// units, one a slot, and tells the operands of the instruction there. Registers are offsets in limpet_bpf_vm::r.
#pragma once

#include "../../interp/bpf/generic.h"

namespace limpet::bpf {

template <class Unit> inline const Unit* unit_at(const limpet_vm& vm, const Unit* units, uint32_t address) {
    return units + (address - vm.window.code_start) / kSlotBytes;
}
template <class Unit> inline uint32_t address_of(const limpet_vm& vm, const Unit* units, const Unit* unit) {
    return vm.window.code_start + static_cast<uint32_t>(unit - units) * kSlotBytes;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the register is written to
[[gnu::always_inline]] inline Register& at(char* r, uint32_t offset) {
    return *reinterpret_cast<Register*>(r + offset);
}

/// The second operand of arithmetic and jumps.
template <bool by_register, class Place> [[gnu::always_inline]] inline uint64_t operand(const char* r, const Place& p) {
    if constexpr (by_register)
        return *reinterpret_cast<const Register*>(r + p.from());
    else
        return sign_extended(p.number());
}

[[gnu::always_inline]] inline uint32_t lower_half(const Register& from) {
    using Word [[gnu::may_alias]] = const uint32_t;
    return *reinterpret_cast<Word*>(&from);
}

[[gnu::always_inline]] inline uint32_t upper_half(const Register& from) {
    using Word [[gnu::may_alias]] = const uint32_t;
    return reinterpret_cast<Word*>(&from)[1];
}

/// The operand of instructions on 32 bits. (gcc does not see by itself that the upper half is not needed.)
template <bool by_register, class Place> [[gnu::always_inline]] inline uint32_t lower_operand(char* r, const Place& p) {
    if constexpr (by_register)
        return lower_half(at(r, p.from()));
    else
        return p.number();
}

/// A register becomes two words, which gcc would put together on the stack.
[[gnu::always_inline]] inline void set_words(Register& to, uint32_t low, uint32_t high) {
    using Word [[gnu::may_alias]] = uint32_t;
    auto* const words = reinterpret_cast<Word*>(&to);
    words[0] = low;
    words[1] = high;
}
[[gnu::always_inline]] inline void set_word(Register& to, uint32_t low) { set_words(to, low, 0); }

/// What a Cortex-M0+ does by calling helpers, kept out of the dispatch loop, whose registers they would cost.
template <uint32_t op, bool by_register, class Place> [[gnu::noinline]] void wide_arithmetic(char* r, Place p) {
    Register& to = at(r, p.to());
    to = alu(op, true, 0, to, operand<by_register>(r, p));
}

/// `op` of a register and an immediate, whose sign is its upper half. By words, because gcc makes a number of two words
/// out of an immediate on the stack.
template <uint32_t op> [[gnu::always_inline]] inline void by_words(Register& to, uint32_t number) {
    const uint32_t low = lower_half(to);
    const uint32_t result = static_cast<uint32_t>(alu(op, false, 0, low, number));
    uint32_t high = static_cast<uint32_t>(
        alu(op, false, 0, upper_half(to), static_cast<uint32_t>(static_cast<int32_t>(number) >> 31)));
    if constexpr (op == kAdd)
        if (result < number) ++high; // carry
    if constexpr (op == kSub)
        if (low < number) --high; // borrow
    set_words(to, result, high);
}

template <uint32_t op, bool wide, bool by_register, class Place>
[[gnu::always_inline]] inline void arithmetic(char* r, const Place& p) {
    Register& to = at(r, p.to());
    if constexpr (!wide)
        set_word(to, static_cast<uint32_t>(alu(op, false, 0, lower_half(to), lower_operand<by_register>(r, p))));
    else if constexpr (op == kMul || op == kLsh || op == kRsh || op == kArsh)
        wide_arithmetic<op, by_register>(r, p);
    else if constexpr (!by_register && op != kNeg)
        by_words<op>(to, p.number());
    else
        to = alu(op, true, 0, to, operand<by_register>(r, p));
}

template <uint32_t op, bool wide, bool by_register, class Place>
[[gnu::always_inline]] inline bool taken(char* r, const Place& p) {
    const uint64_t a = at(r, p.to());
    const uint64_t b = operand<by_register>(r, p);
    if constexpr (wide) return holds<uint64_t>(op, a, b);
    return holds<uint32_t>(op, static_cast<uint32_t>(a), static_cast<uint32_t>(b));
}

/// Where an access of p goes, as an offset in the data window; false: beyond every window. (By words, see set_word.)
template <class Place, class Host>
[[gnu::always_inline]] inline bool place(const Register& base, const Place& p, const Host& host, uint32_t& offset) {
    using Word [[gnu::may_alias]] = const uint32_t;
    auto* const words = reinterpret_cast<Word*>(&base);
    const auto distance = static_cast<uint32_t>(p.offset());
    const uint32_t low = words[0] + distance;
    const uint32_t carry = low < distance ? 1 : 0;
    offset = offset_of(host.memory, low);
    return words[1] + static_cast<uint32_t>(p.offset() >> 31) + carry == 0;
}

/// Loads and stores that may be made at once; false: for generic() to judge.
template <uint32_t size, class Place, class Host>
[[gnu::always_inline]] inline bool load(char* r, const Place& p, const AlignedWindow& window, const Host& host) {
    uint32_t from = 0;
    if (!place(at(r, p.from()), p, host, from) || !window.loadable(from, size < 4 ? size : 4)) return false;
    Register& to = at(r, p.to());
    if constexpr (size == 1) set_word(to, window.load<uint8_t>(from));
    if constexpr (size == 2) set_word(to, window.load<uint16_t>(from));
    if constexpr (size == 4) set_word(to, window.load<uint32_t>(from));
    if constexpr (size == 8) {
        if (!window.loadable(from + 4, 4)) return false;
        set_words(to, window.load<uint32_t>(from), window.load<uint32_t>(from + 4));
    }
    return true;
}
template <uint32_t size, class Place, class Host>
[[gnu::always_inline]] inline bool store(char* r, const Place& p, const AlignedWindow& window, const Host& host) {
    uint32_t to = 0;
    if (!place(at(r, p.to()), p, host, to) || !window.storable(to, size < 4 ? size : 4)) return false;
    const uint64_t value = at(r, p.from());
    if constexpr (size == 8) {
        if (!window.storable(to + 4, 4)) return false;
        window.store<uint32_t>(to + 4, static_cast<uint32_t>(value >> 32));
    }
    const auto low = static_cast<uint32_t>(value);
    if constexpr (size == 1) window.store<uint8_t>(to, low);
    if constexpr (size == 2) window.store<uint16_t>(to, low);
    if constexpr (size >= 4) window.store<uint32_t>(to, low);
    return true;
}

template <class Unit, class Host>
inline const uint32_t* slot_of(const Host& host, const Unit* units, const Unit* unit) {
    return program(host) + 2 * (unit - units);
}

template <class Unit, class Host> inline bool is_local_call(const Host& host, const Unit* units, const Unit* unit) {
    return src(*slot_of(host, units, unit)) != 0;
}

/// Any arithmetic, load or store.
template <class Unit, class Host>
[[gnu::noinline]] limpet_status generic(limpet_bpf_vm& state, const Host& host, const Unit* units, const Unit* unit) {
    const uint32_t* const slot = slot_of(host, units, unit);
    const uint32_t cls = slot[0] & 7;
    if (cls == kAlu32 || cls == kAlu64) {
        compute(registers(state), slot[0], slot[1]);
        return LIMPET_RETURN;
    }
    if (access(state, host, slot[0], slot[1])) return LIMPET_RETURN;
    return cls == kLdx ? LIMPET_LOAD : LIMPET_STORE;
}

/// Charges what ran up to `unit`, which jumps to `target`; false: the budget is used up.
template <class Unit>
[[gnu::always_inline]] inline bool charge(uintptr_t& fuel, const Unit* unit, const Unit*& charged, const Unit* target) {
    const auto used =
        static_cast<uintptr_t>(reinterpret_cast<const char*>(unit + 1) - reinterpret_cast<const char*>(charged));
    charged = target;
    if (used >= fuel) return false;
    fuel -= used;
    return true;
}

/// The budget that is left when what ran up to `end` is charged.
template <class Unit> inline uint32_t left(uintptr_t fuel, const Unit* end, const Unit* charged) {
    const auto used =
        static_cast<uintptr_t>(reinterpret_cast<const char*>(end) - reinterpret_cast<const char*>(charged));
    return used >= fuel ? 0 : static_cast<uint32_t>((fuel - used) / sizeof(Unit));
}

} // namespace limpet::bpf
