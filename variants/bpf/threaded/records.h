/// \file
/// What bpf-threaded prepares of a program, and what its handlers do with it.
#pragma once

#include "../../../interp/bpf/generic.h"

namespace limpet::bpf_threaded {

using namespace limpet::bpf;

/// One slot. Its operands by the kind of instruction:
///
///                        dst       src                    imm
///     arithmetic, jump   register  register or immediate  distance from this record to the target, in bytes
///     load, store        register  register               offset
///     lddw               register  lower half             upper half
///     call               -         immediate              distance
///
/// Registers are offsets in limpet_bpf_vm::r.
struct Record {
    const void* handler;
    uint32_t dst;
    uint32_t src;
    int32_t imm;
};

inline Record record_of(const void* const* handlers, const uint32_t* slot) {
    const uint32_t head = slot[0];
    const uint32_t op = opcode(head);
    const uint32_t cls = op & 7;
    const bool jumps = cls == kJmp || cls == kJmp32;
    const bool accesses = cls == kLdx || cls == kSt || cls == kStx;
    uint32_t handler = op;
    // Sign-extending moves share the opcode of plain ones; the handler of opcode 0xff, which there is not, is generic.
    if (!jumps && !accesses && offset(head) != 0) handler = 0xff;
    Record record{.handler = handlers[handler], .dst = dst(head) * 8, .src = slot[1], .imm = offset(head)};
    if (accesses || ((op & kSource) != 0 && cls != kLd)) record.src = src(head) * 8;
    if (jumps) {
        const bool by_imm = op == jump_opcode(kJmp32, kJa) || op == jump_opcode(kJmp, kCall);
        // An id of a host call may be any number, which is no distance and is not used as one.
        const uint32_t distance = by_imm ? slot[1] : static_cast<uint32_t>(offset(head));
        record.imm = static_cast<int32_t>((distance + 1) * static_cast<uint32_t>(sizeof(Record)));
    }
    if (op == kLddw) record.imm = static_cast<int32_t>(slot[3]);
    return record;
}

inline const Record* record_at(const limpet_vm& vm, const Record* records, uint32_t address) {
    return records + (address - vm.window.code_start) / kSlotBytes;
}
inline uint32_t address_of(const limpet_vm& vm, const Record* records, const Record* p) {
    return vm.window.code_start + static_cast<uint32_t>(p - records) * kSlotBytes;
}

// NOLINTNEXTLINE(readability-non-const-parameter): the register is written to
[[gnu::always_inline]] inline Register& at(char* r, uint32_t offset) {
    return *reinterpret_cast<Register*>(r + offset);
}

/// The second operand of arithmetic and jumps.
template <bool by_register> [[gnu::always_inline]] inline uint64_t operand(const char* r, const Record* p) {
    if constexpr (by_register)
        return *reinterpret_cast<const Register*>(r + p->src);
    else
        return sign_extended(p->src);
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
template <uint32_t op, bool by_register> [[gnu::noinline]] void wide_arithmetic(char* r, const Record* p) {
    Register& to = at(r, p->dst);
    to = alu(op, true, 0, to, operand<by_register>(r, p));
}

template <uint32_t op, bool wide, bool by_register>
[[gnu::always_inline]] inline void arithmetic(char* r, const Record* p) {
    Register& to = at(r, p->dst);
    if constexpr (!wide)
        set_word(to, static_cast<uint32_t>(alu(op, false, 0, to, operand<by_register>(r, p))));
    else if constexpr (op == kMul || op == kLsh || op == kRsh || op == kArsh)
        wide_arithmetic<op, by_register>(r, p);
    else
        to = alu(op, true, 0, to, operand<by_register>(r, p));
}

template <uint32_t op, bool wide, bool by_register> [[gnu::always_inline]] inline bool taken(char* r, const Record* p) {
    const uint64_t a = at(r, p->dst);
    const uint64_t b = operand<by_register>(r, p);
    if constexpr (wide) return holds<uint64_t>(op, a, b);
    return holds<uint32_t>(op, static_cast<uint32_t>(a), static_cast<uint32_t>(b));
}

/// Where an access of p goes, as an offset in the data window; false: beyond every window. (By words, see set_word.)
template <class Host>
[[gnu::always_inline]] inline bool place(const Register& base, const Record* p, const Host& host, uint32_t& offset) {
    using Word [[gnu::may_alias]] = const uint32_t;
    auto* const words = reinterpret_cast<Word*>(&base);
    const auto distance = static_cast<uint32_t>(p->imm);
    const uint32_t low = words[0] + distance;
    const uint32_t carry = low < distance ? 1 : 0;
    offset = offset_of(host.memory, low);
    return words[1] + static_cast<uint32_t>(p->imm >> 31) + carry == 0;
}

/// Loads and stores that may be made at once; false: for generic() to judge.
template <uint32_t size, class Host>
[[gnu::always_inline]] inline bool load(char* r, const Record* p, const AlignedWindow& window, const Host& host) {
    uint32_t from = 0;
    if (!place(at(r, p->src), p, host, from) || !window.loadable(from, size < 4 ? size : 4)) return false;
    Register& to = at(r, p->dst);
    if constexpr (size == 1) set_word(to, window.load<uint8_t>(from));
    if constexpr (size == 2) set_word(to, window.load<uint16_t>(from));
    if constexpr (size == 4) set_word(to, window.load<uint32_t>(from));
    if constexpr (size == 8) {
        if (!window.loadable(from + 4, 4)) return false;
        set_words(to, window.load<uint32_t>(from), window.load<uint32_t>(from + 4));
    }
    return true;
}
template <uint32_t size, class Host>
[[gnu::always_inline]] inline bool store(char* r, const Record* p, const AlignedWindow& window, const Host& host) {
    uint32_t to = 0;
    if (!place(at(r, p->dst), p, host, to) || !window.storable(to, size < 4 ? size : 4)) return false;
    const uint64_t value = at(r, p->src);
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

template <class Host> inline const uint32_t* slot_of(const Host& host, const Record* records, const Record* p) {
    return program(host) + 2 * (p - records);
}

template <class Host>
inline bool is_local_call(const limpet_vm& /*vm*/, const Host& host, const Record* records, const Record* p) {
    return src(*slot_of(host, records, p)) != 0;
}

/// Any arithmetic, load or store.
template <class Host> [[gnu::noinline]] limpet_status generic(limpet_bpf_vm& state, const Host& host,
                                                              const Record* records, const Record* p) {
    const uint32_t* const slot = slot_of(host, records, p);
    const uint32_t cls = slot[0] & 7;
    if (cls == kAlu32 || cls == kAlu64) {
        compute(registers(state), slot[0], slot[1]);
        return LIMPET_RETURN;
    }
    if (access(state, host, slot[0], slot[1])) return LIMPET_RETURN;
    return cls == kLdx ? LIMPET_LOAD : LIMPET_STORE;
}

/// Charges what ran up to p, which jumps to `target`; false: the budget is used up.
[[gnu::always_inline]] inline bool charge(uintptr_t& fuel, const Record* p, const Record*& charged,
                                          const Record* target) {
    const auto used =
        static_cast<uintptr_t>(reinterpret_cast<const char*>(p + 1) - reinterpret_cast<const char*>(charged));
    charged = target;
    if (used >= fuel) return false;
    fuel -= used;
    return true;
}

/// The budget that is left when what ran up to `end` is charged.
inline uint32_t left(uintptr_t fuel, const Record* end, const Record* charged) {
    const auto used =
        static_cast<uintptr_t>(reinterpret_cast<const char*>(end) - reinterpret_cast<const char*>(charged));
    return used >= fuel ? 0 : static_cast<uint32_t>((fuel - used) / sizeof(Record));
}

} // namespace limpet::bpf_threaded
