/// \file
/// bpf-alu32: programs for 32-bit registers (interp/bpf/map.h makes them) are translated into Thumb when they are
/// prepared. README.md describes how.
#pragma once

#include "translate.h"

namespace limpet::bpf_alu32 {

/// What limpet_bpf_prepare does beyond verifying.
struct Preparation {
    static uint32_t size(const limpet_vm& vm, const limpet_bpf_host& host) {
        const uint32_t count = vm.window.code_size / kSlotBytes;
        const uint32_t halfwords = Translator(program(host), count).measure();
        if (halfwords > 0xffff) return 0; // refused whatever there is
        return table_bytes(count) + ((2 * halfwords + 3) & ~3U);
    }

    static limpet_status translate(limpet_vm& vm, const limpet_bpf_host& host) {
        const uint32_t count = vm.window.code_size / kSlotBytes;
        Translator translator(program(host), count);
        const uint32_t halfwords = translator.measure();
        if (halfwords > 0xffff || table_bytes(count) + 2 * halfwords > host.memory.prepared_size) {
            vm.pc = vm.window.code_start + translator.slot() * kSlotBytes;
            return LIMPET_REFUSED;
        }
        auto* const table = static_cast<uint16_t*>(host.memory.prepared);
        translator.write(table, table + table_bytes(count) / 2);
        asm volatile("dsb\n\tisb" ::: "memory"); // DDI0419, B2.5: instructions that were written
        return LIMPET_RETURN;
    }
};

/// Where translated code of a slot begins, bit 0 set.
inline uint32_t code_at(const limpet_vm& vm, const limpet_bpf_host& host, uint32_t slot) {
    return code_of(vm, host) + 2U * table_of(host)[slot] + 1;
}

/// The slot whose translated code ends at `address` or goes on behind it.
[[gnu::noinline]] inline uint32_t slot_before(const limpet_vm& vm, const limpet_bpf_host& host, uint32_t address) {
    const uint32_t place = (address - code_of(vm, host)) / 2 - 1;
    const uint16_t* const table = table_of(host);
    uint32_t low = 0;
    uint32_t high = vm.window.code_size / kSlotBytes;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (table[middle] <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/// A load or store, wherever it goes: what translated code leaves to others. False: a trap, and nothing was changed.
[[gnu::noinline]] inline bool access_words(limpet_bpf_vm& state, const limpet_host& host, const uint32_t* words) {
    limpet_vm& vm = state.as.vm;
    const uint32_t head = words[0];
    const uint32_t size = 4U >> size_code(opcode(head));
    const bool loads = (head & 7) == kLdx;
    uint32_t* const from = &state.r[2 * src(head)];
    uint32_t* const to = &state.r[2 * dst(head)];
    const uint32_t address = (loads ? *from : *to) + static_cast<uint32_t>(offset(head));
    vm.trap_address = address;
    if (!loadable(vm, address, size) || (!loads && !writable(vm, host, address, size))) return false;
    uint8_t* const bytes = host.data + address;
    const uint32_t old = get_bytes(bytes, size);
    if (loads) {
        *to = old;
        return true;
    }
    uint32_t value = (head & 7) == kSt ? words[1] : *from;
    if (mode(opcode(head)) == kAtomic) {
        value = static_cast<uint32_t>(atomic(words[1], false, old, value, state.r[0]));
        if ((words[1] & kFetch) != 0) *(words[1] == kCompareExchange ? state.r : from) = old;
    }
    put_bytes(bytes, size, value);
    return true;
}

/// A quotient or remainder.
[[gnu::noinline]] inline void divide_words(limpet_bpf_vm& state, const uint32_t* words) {
    const uint32_t head = words[0];
    uint32_t& to = state.r[2 * dst(head)];
    const uint32_t divisor = (head & kSource) != 0 ? state.r[2 * src(head)] : words[1];
    to = divided<uint32_t>(code(opcode(head)) == kMod, offset(head) != 0, to, divisor);
}

/// Carries out what translated code was left for at slot number `slot`, whose words are at `words`. Returns
/// LIMPET_RUNNING when vm.pc is where it goes on, or how the run ends.
[[gnu::always_inline]] inline limpet_status carry_out(limpet_bpf_vm& state, const limpet_bpf_host& host, uint32_t event,
                                                      const uint32_t* words) {
    limpet_vm& vm = state.as.vm;
    switch (event) {
    case kReturnEvent: return LIMPET_RETURN;
    case kFrameEvent: vm.trap_address = state.r[20] - host.frame_bytes; return LIMPET_STORE;
    case kFuelEvent:
    case kCalledEvent: {
        const uint32_t op = opcode(words[0]);
        const bool by_imm = op == jump_opcode(kJmp32, kJa) || op == jump_opcode(kJmp, kCall);
        vm.pc += (1 + (by_imm ? words[1] : static_cast<uint32_t>(offset(words[0])))) * kSlotBytes;
        return LIMPET_FUEL;
    }
    case kHostCallEvent: {
        vm.pc += kSlotBytes;
        const limpet_status status = host_call(state, host, words[1]);
        return status == LIMPET_RETURN ? LIMPET_RUNNING : status;
    }
    default:
        vm.pc += kSlotBytes;
        if ((words[0] & 7) == kAlu32) {
            divide_words(state, words);
            return LIMPET_RUNNING;
        }
        if (access_words(state, host.memory, words)) return LIMPET_RUNNING;
        vm.pc -= kSlotBytes;
        return (words[0] & 7) == kLdx ? LIMPET_LOAD : LIMPET_STORE;
    }
}

template <class Host> limpet_status run(limpet_bpf_vm& state, const Host& host) {
    limpet_vm& vm = state.as.vm;
    if (vm.fuel > LIMPET_FUEL_MAX) vm.fuel = LIMPET_FUEL_MAX;
    if (vm.fuel == 0) return LIMPET_FUEL;
    limpet_status status;
    do {
        uint32_t slot = (vm.pc - vm.window.code_start) / kSlotBytes;
        // What translated code may think is in r0.
        const uint32_t cached = slot == 0 ? 0 : state.r[2 * dst(program(host)[2 * slot - 2])];
        const uint64_t left = enter(&state, &host, code_at(vm, host, slot), cached);
        slot = slot_before(vm, host, static_cast<uint32_t>(left >> 32));
        vm.pc = vm.window.code_start + slot * kSlotBytes;
        if (static_cast<int32_t>(vm.fuel) < 0) vm.fuel = 0;
        status = carry_out(state, host, static_cast<uint32_t>(left), program(host) + 2 * slot);
    } while (status == LIMPET_RUNNING);
    return status;
}

} // namespace limpet::bpf_alu32
