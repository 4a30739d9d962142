/// \file
/// rv32-goto: computed goto.
#pragma once

#include "handlers.h"
#include "rare.h"
#include "repeat.h"

namespace limpet::rv32_goto {

/// A value that the compiler must not take for a constant: then it stays in a register.
template <class T> [[gnu::always_inline]] inline T in_register(T value) {
    asm volatile("" : "+r"(value));
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

template <Isa isa, class Host> [[gnu::noinline]] Ended loop(limpet_vm& vm, const Host& host) {
#define LABEL_16(key) &&short_##key,
#define LABEL_32(key) &&long_##key,
    static const void* const labels_16[] = {LIMPET_256_TIMES(LABEL_16)};
    static const void* const labels_32[] = {LIMPET_256_TIMES(LABEL_32)};
#define ENTRY_16(key) labels_16[kTable16<isa>.first[key]],
#define ENTRY_32(key) labels_32[kTable32<isa>.first[key]],
    static const void* const table_16[] = {LIMPET_256_TIMES(ENTRY_16)};
    static const void* const table_32[] = {LIMPET_256_TIMES(ENTRY_32)};

#define DISPATCH() goto* next<isa>(m, table, key_mask)
    if (vm.fuel == 0) return Ended::kByFuel;
    const Host* const volatile host_in_memory = &host;
    Machine<Host> m{.vm = vm,
                    .host = host,
                    .host_in_memory = host_in_memory,
                    .data = {vm, host},
                    .pc = 0,
                    .insn = 0,
                    .address = 0,
                    .target = 0,
                    .rd = 0};
    m.pc = m.place(vm.pc);
    start_fuel(m);
    Ended ended;
    const uint32_t key_mask = in_register(0x3fc);
    const Label* table = isa.compressed ? table_16 : table_32;
    DISPATCH();

#define NEAR() asm volatile("")
#define HANDLER(length, key)                                                                                           \
    if constexpr (kTable##length<isa>.first[key] == key) {                                                             \
        switch (execute_##length<isa, kTable##length<isa>.handlers[key]>(m)) {                                         \
        case Then::kNext: DISPATCH();                                                                                  \
        case Then::kBranch: goto branch_##length;                                                                      \
        case Then::kJump: goto jump;                                                                                   \
        case Then::kLink: goto link;                                                                                   \
        case Then::kAccess: NEAR(); goto access;                                                                       \
        case Then::kRare: NEAR(); goto rare;                                                                           \
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

    [[maybe_unused]] branch_16 : m.target = m.behind_pc(c_imm_b(m.insn) - 2);
    goto jump;
branch_32:
    m.target = m.behind_pc(imm_b(m.insn) - 4);
jump:
    if (!good_target<isa>(m)) goto bad_jump;
go:
    if (pay_jump(m)) DISPATCH();
    vm.pc = m.guest_address(m.pc);
    vm.fuel = 0;
    return Ended::kByFuel;
link:
    if (!good_target<isa>(m)) {
        if (m.guest_address(m.target) == LIMPET_RETURN_ADDRESS) set(m, m.rd, m.guest_address(m.pc));
        goto bad_jump;
    }
    set(m, m.rd, m.guest_address(m.pc));
    goto go;
bad_jump:
    vm.trap_address = m.guest_address(m.target);
    ended = Ended::kByBadJump;
    if (vm.trap_address != LIMPET_RETURN_ADDRESS) goto end;
    pause(m);
    vm.pc = LIMPET_RETURN_ADDRESS;
    return Ended::kByReturn;
access:
    vm.trap_address = m.address;
    ended = opaque(Ended::kByAccess);
    goto end;
rare:
    ended = opaque(Ended::kByRare);
end:
    m.pc -= length<isa>(m.insn);
    pause(m);
    return ended;

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

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    for (;;) {
        const Ended ended = loop<isa>(vm, host);
        if (ended < Ended::kByAccess) return static_cast<limpet_status>(ended);
        const limpet_status status = settle<isa>(vm, host, ended);
        if (status != LIMPET_RUNNING) return status;
    }
}

} // namespace limpet::rv32_goto
