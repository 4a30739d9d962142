/// \file
/// The dispatch loop of rv32-goto. Labels have no type and cannot be returned, so macros make them; what stands behind
/// them is templates.
#pragma once

#include "handlers.h"
#include "rare.h"
#include "repeat.h"

namespace limpet::rv32_goto {

using Label = const void*;

/// The label at `offset` in a table of 4-byte ones (PC: as far into one of 8-byte ones).
[[gnu::always_inline]] inline Label label_at(const Label* table, uint32_t offset) {
    return *reinterpret_cast<const Label*>(reinterpret_cast<const char*>(table) + offset * (sizeof(Label) / 4));
}

[[gnu::always_inline]] inline uint32_t rev16(uint32_t halfword) {
#ifdef __arm__
    asm("rev16 %0, %1" : "=l"(halfword) : "l"(halfword));
    return halfword;
#else
    return __builtin_bswap16(static_cast<uint16_t>(halfword));
#endif
}

/// Fetches an instruction or the first half of one.
template <Isa isa, class Host> [[gnu::always_inline]] inline void fetch(Machine<Host>& m) {
    m.insn = half_at(m.pc);
    m.pc += 2;
    if constexpr (!isa.compressed) {
        m.insn |= half_at(m.pc) << 16;
        m.pc += 2;
    }
}

/// Carries out the instruction, by `handler`.
template <Isa isa, Setting setting, Handler handler, class Host>
[[gnu::always_inline]] inline Then execute(Machine<Host>& m) {
    if constexpr (handler.kind == Kind::kShort)
        return execute_16<isa, setting, handler>(m);
    else if constexpr (handler.kind == Kind::kLong)
        return execute_32<isa, setting, handler>(m);
    else
        return Then::kRare;
}

/// Loads or stores at m.address: the shared end of lean handlers. False: it may not be done at once.
template <class Host> [[gnu::always_inline]] inline bool load_shared(Machine<Host>& m, const AlignedWindow& data) {
    const uint32_t offset = offset_of(m.host, m.address);
    if (m.operation == kWord) {
        if (!data.loadable(offset, 4)) return false;
        m.a = load_aligned(kWord, data, offset);
        return true;
    }
    if (!data.loadable(offset, 1 + (m.operation & 1))) return false;
    m.a = load_aligned((m.operation & 1) != 0 ? kHalfUnsigned : kByteUnsigned, data, offset);
    m.a = extend(m.operation, m.a);
    return true;
}
template <class Host> [[gnu::always_inline]] inline bool store_shared(Machine<Host>& m, const AlignedWindow& data) {
    const uint32_t offset = offset_of(m.host, m.address);
    if (m.operation == kWord) {
        if (!data.storable(offset, 4)) return false;
        store_aligned(kWord, data, offset, m.b);
        return true;
    }
    if (!data.storable(offset, 1 + (m.operation & 1))) return false;
    store_aligned(m.operation & 1, data, offset, m.b);
    return true;
}

// Which labels are jumped to depends on the profile and the setting.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-label"

/// Runs from vm.pc until something ends it.
template <Isa isa, Setting setting, class Host>
[[gnu::noinline, gnu::flatten]] Ended loop(limpet_vm& vm, const Host& host) {
    static constexpr const Handlers& all = kHandlers<isa, setting>;
    static_assert(!setting.lean || all.count <= (isa.xlimpet ? 34 : 32));

#define LIMPET_LABEL(number) &&handler_##number,
#define LIMPET_ENTRY_16(key) labels[all.by_key_16[key]],
#define LIMPET_ENTRY_32(key) labels[all.by_key_32[key]],
    static const Label labels[] = {LIMPET_REPEAT_96(LIMPET_LABEL)};
    static const Label table_16[] = {LIMPET_REPEAT_256(LIMPET_ENTRY_16)};
    static const Label lean_table_16[] = {LIMPET_REPEAT_64(LIMPET_ENTRY_16)};
    static const Label table_32[] = {LIMPET_REPEAT_256(LIMPET_ENTRY_32)};
    static const Label lean_table_32[] = {LIMPET_REPEAT_32(LIMPET_ENTRY_32)};

    if (vm.fuel == 0) return Ended::kByFuel;
    const volatile auto code_in_memory = reinterpret_cast<Place>(host.code);
    const Host* const volatile host_in_memory = &host;
    Machine<Host> m(vm, host, code_in_memory);
    m.pc = m.place(vm.pc);
    start_fuel(m);
    Ended ended;
    const uint32_t key_mask = opaque(setting.lean ? 0xfcU : 0x3fcU);

    // Fast handlers have a dispatch each, lean ones share it.
#define LIMPET_DISPATCH()                                                                                              \
    fetch<isa>(m);                                                                                                     \
    if constexpr (setting.lean && isa.compressed) goto* label_at(lean_table_16, rev16(m.insn) >> 2 & key_mask);        \
    if constexpr (setting.lean) goto* label_at(lean_table_32, m.insn & 0x7c);                                          \
    if constexpr (isa.compressed) goto* label_at(table_16, rev16(m.insn) & key_mask);                                  \
    goto* label_at(table_32, field(m.insn, 14, 12, 7) | (m.insn & 0x7c))

next:
    LIMPET_DISPATCH();

    // An empty asm keeps a way out apart from the others, within reach of the branch to it: not taken, it costs a
    // cycle.
#define LIMPET_HANDLER(number)                                                                                         \
    handler_##number : if constexpr (number < all.count) {                                                             \
        constexpr Handler handler = all.list[number];                                                                  \
        if constexpr (handler.kind == Kind::kHalf) {                                                                   \
            const uint32_t opcode = m.insn & 0x7c;                                                                     \
            m.insn |= half_at(m.pc) << 16;                                                                             \
            m.pc += 2;                                                                                                 \
            if constexpr (setting.lean) goto* label_at(lean_table_32, opcode);                                         \
            goto* label_at(table_32 + (handler.funct3 & 7) * 32, opcode);                                              \
        }                                                                                                              \
        switch (execute<isa, setting, handler>(m)) {                                                                   \
        case Then::kNext:                                                                                              \
            if constexpr (!is_often(isa, setting, handler)) goto next;                                                 \
            LIMPET_DISPATCH();                                                                                         \
        case Then::kBranch:                                                                                            \
            if constexpr (handler.kind == Kind::kShort) goto branch_16;                                                \
            goto branch_32;                                                                                            \
        case Then::kJump: goto jump;                                                                                   \
        case Then::kLink: goto link;                                                                                   \
        case Then::kLinkTo: goto link_to;                                                                              \
        case Then::kAccess: asm volatile("" : : "i"(number)); goto access;                                             \
        case Then::kRare: asm volatile("" : : "i"(number)); goto rare;                                                 \
        case Then::kAlu: goto alu;                                                                                     \
        case Then::kWrite: goto write;                                                                                 \
        case Then::kLoad: goto load;                                                                                   \
        case Then::kStore: goto store;                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    __builtin_unreachable();

    LIMPET_REPEAT_32(LIMPET_HANDLER)

alu:
    switch (funct3(m.insn)) {
#define LIMPET_COMPUTE(funct3)                                                                                         \
    case funct3:                                                                                                       \
        if (compute_shared<funct3>(m)) goto write;                                                                     \
        asm volatile("" : : "i"(-10 - funct3));                                                                        \
        goto rare;
        LIMPET_COMPUTE(0)
        LIMPET_COMPUTE(1)
        LIMPET_COMPUTE(2)
        LIMPET_COMPUTE(3)
        LIMPET_COMPUTE(4)
        LIMPET_COMPUTE(5)
        LIMPET_COMPUTE(6)
        LIMPET_COMPUTE(7)
    default: __builtin_unreachable();
    }
write:
    set(m, rd_low(m.insn), m.a);
    LIMPET_DISPATCH();
    // RV32E's dispatch leaves no register for m.data, and the stack no word: so the window is looked up each time.
load:
    if (load_shared(m, isa.compressed ? m.data : AlignedWindow(vm, *host_in_memory))) goto write;
    asm volatile("" : : "i"(-1));
    goto access;
store:
    if (!store_shared(m, isa.compressed ? m.data : AlignedWindow(vm, *host_in_memory))) {
        asm volatile("" : : "i"(-2));
        goto access;
    }
    goto next;

branch_16:
    m.target = m.behind_pc(c_imm_b(m.insn) - 2);
    goto jump;
branch_32:
    m.target = m.behind_pc(imm_b(m.insn) - 4);
jump:
    if (!good_target<isa>(m)) goto bad_jump;
go:
    if (!pay_jump(m)) goto out_of_fuel;
    LIMPET_DISPATCH();
link_to:
    m.target = m.place(m.address & ~1U);
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
    if (vm.trap_address != LIMPET_RETURN_ADDRESS) goto step_back;
    ended = Ended::kByReturn;
    goto gone;
out_of_fuel:
    ended = opaque(Ended::kByFuel);
gone:
    move(m);
    goto end;
access:
    vm.trap_address = m.address;
    ended = opaque(Ended::kByAccess);
    goto step_back;
rare:
    ended = opaque(Ended::kByRare);
step_back:
    m.pc -= length<isa>(m.insn);
end:
    pause(m);
    return ended;

    LIMPET_REPEAT_16(LIMPET_HANDLER, 0x2)
    LIMPET_REPEAT_16(LIMPET_HANDLER, 0x3)
    LIMPET_REPEAT_16(LIMPET_HANDLER, 0x4)
    LIMPET_REPEAT_16(LIMPET_HANDLER, 0x5)
#undef LIMPET_LABEL
#undef LIMPET_ENTRY_16
#undef LIMPET_ENTRY_32
#undef LIMPET_DISPATCH
#undef LIMPET_HANDLER
}

#pragma GCC diagnostic pop

/// The backend's run(), in one of its settings.
template <Isa isa, Setting setting, class Host>
[[gnu::always_inline]] inline limpet_status run_as(limpet_vm& vm, const Host& host) {
    for (;;) {
        const Ended ended = loop<isa, setting>(vm, host);
        if (ended < Ended::kByAccess) return static_cast<limpet_status>(ended);
        if constexpr (isa.multiply)
            if (ended == Ended::kByRare && multiply(vm, host)) continue;
        const limpet_status status = settle<isa>(vm, host, ended);
        if (status != LIMPET_RUNNING) return status;
    }
}

} // namespace limpet::rv32_goto
