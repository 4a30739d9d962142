/// \file
/// rv32-goto: computed goto.
#pragma once

#include "handlers.h"
#include "rare.h"
#include "repeat.h"

namespace limpet::rv32_goto {

[[gnu::always_inline]] inline uint32_t half_at(Place place) {
    using Any [[gnu::may_alias]] = const uint16_t;
    return *reinterpret_cast<Any*>(place);
}

/// A value that the compiler must not take for a constant: then it stays in a register.
[[gnu::always_inline]] inline uint32_t in_register(uint32_t value) {
    asm("" : "+r"(value));
    return value;
}

/// The byte-th byte of a table of labels.
using Label = const void*;
[[gnu::always_inline]] inline Label label_at(const Label* table, uint32_t byte) {
    return *reinterpret_cast<const Label*>(reinterpret_cast<const char*>(table) + byte * (sizeof(Label) / 4));
}

[[gnu::always_inline]] inline uint32_t rev16(uint32_t halfword) {
#ifdef __arm__
    asm("rev16 %0, %1" : "=l"(halfword) : "l"(halfword));
    return halfword;
#else
    return __builtin_bswap16(static_cast<uint16_t>(halfword));
#endif
}

/// Fetches the next instruction and looks its handler up.
template <Isa isa, class Host>
[[gnu::always_inline]] inline Label next(Machine<Host>& m, const Label* table, uint32_t key_mask) {
    m.insn = half_at(m.pc);
    if constexpr (isa.compressed) {
        m.pc += 2;
        return label_at(table, rev16(m.insn) & key_mask);
    } else {
        m.insn |= half_at(m.pc + 2) << 16;
        m.pc += 4;
        return label_at(table, field(m.insn, 14, 12, 7) | (m.insn & 0x7c));
    }
}
template <uint32_t funct3, class Host>
[[gnu::always_inline]] inline Label second_half(Machine<Host>& m, const Label* table) {
    const uint32_t opcode = m.insn & 0x7c;
    m.insn |= half_at(m.pc) << 16;
    m.pc += 2;
    return label_at(table + funct3 * 32, opcode);
}

/// The instruction again that a handler has given up.
template <Isa isa, class Host> [[gnu::always_inline]] inline void step_back(Machine<Host>& m, uint32_t length) {
    asm("" : "+r"(m.pc));
    m.pc -= length;
    m.insn = half_at(m.pc);
    if (length == 4) m.insn |= half_at(m.pc + 2) << 16;
}

template <Isa isa, class Host> limpet_status run(limpet_vm& vm, const Host& host) {
#define LABEL_16(key) &&short_##key,
#define LABEL_32(key) &&long_##key,
    static const void* const labels_16[] = {LIMPET_256_TIMES(LABEL_16)};
    static const void* const labels_32[] = {LIMPET_256_TIMES(LABEL_32)};
#define ENTRY_16(key) labels_16[kTable16<isa>.first[key]],
#define ENTRY_32(key) labels_32[kTable32<isa>.first[key]],
    static const void* const table_16[] = {LIMPET_256_TIMES(ENTRY_16)};
    static const void* const table_32[] = {LIMPET_256_TIMES(ENTRY_32)};

    Machine<Host> m(vm, host);
    m.credit = static_cast<uint32_t>(m.pc) + 4 * vm.fuel;
    m.target = m.pc;
    limpet_status status;
    const uint32_t key_mask = in_register(0x3fc);
    goto go;

#define DISPATCH() goto* next<isa>(m, isa.compressed ? table_16 : table_32, key_mask)

#define NEAR() asm volatile("")
#define HANDLER(length, key)                                                                                           \
    if constexpr (kTable##length<isa>.first[key] == key) {                                                             \
        switch (execute_##length<isa, kTable##length<isa>.handlers[key]>(m)) {                                         \
        case Then::kNext: DISPATCH();                                                                                  \
        case Then::kBranch: goto branch_##length;                                                                      \
        case Then::kLinked: goto go;                                                                                   \
        case Then::kBadJump: NEAR(); goto bad_jump_##length;                                                           \
        case Then::kAccess: NEAR(); goto access_##length;                                                              \
        case Then::kRare: NEAR(); goto rare_##length;                                                                  \
        }                                                                                                              \
    }                                                                                                                  \
    __builtin_unreachable();
#define HANDLER_16(key)                                                                                                \
    short_##key : if constexpr (isa.compressed) {                                                                      \
        if constexpr (key >= 0xc0) {                                                                                   \
            if constexpr (kTable16<isa>.first[key] == key)                                                             \
                goto* second_half<kTable16<isa>.handlers[key].funct3>(m, table_32);                                    \
            __builtin_unreachable();                                                                                   \
        } else {                                                                                                       \
            HANDLER(16, key)                                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    __builtin_unreachable();
#define HANDLER_32(key) long_##key : HANDLER(32, key)
    LIMPET_256_TIMES(HANDLER_16)

    [[maybe_unused]] branch_16 : if (!good_target<isa>(m)) goto bad_jump_16;
    if (jump_is_paid(m)) DISPATCH();
    goto out_of_fuel;
branch_32:
    if (!good_target<isa>(m)) goto bad_jump_32;
go:
    if (jump_is_paid(m)) DISPATCH();
out_of_fuel:
    vm.pc = m.guest_address(m.pc);
    vm.fuel = 0;
    return LIMPET_FUEL;

    [[maybe_unused]] bad_jump_16 : step_back<isa>(m, 2);
    goto bad_jump;
bad_jump_32:
    step_back<isa>(m, 4);
bad_jump:
    pause(m);
    vm.trap_address = m.guest_address(m.target);
    return bad_jump<isa>(vm, m.insn);

    [[maybe_unused]] access_16 : step_back<isa>(m, 2);
    goto access;
access_32:
    step_back<isa>(m, 4);
access:
    vm.trap_address = m.address;
    pause(m);
    status = access<isa>(vm, host, m.insn);
    goto after;

    [[maybe_unused]] rare_16 : step_back<isa>(m, 2);
    goto rare;
rare_32:
    step_back<isa>(m, 4);
rare:
    pause(m);
    status = rare<isa>(vm, host, m.insn);
after:
    if (status != LIMPET_RETURN) return status;
    m.pc += length<isa>(m.insn);
    DISPATCH();

    LIMPET_256_TIMES(HANDLER_32)
#undef LABEL_16
#undef LABEL_32
#undef ENTRY_16
#undef ENTRY_32
#undef DISPATCH
#undef HANDLER
#undef HANDLER_16
#undef HANDLER_32
}

} // namespace limpet::rv32_goto
