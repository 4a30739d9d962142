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

/// Carries out what translated code was left for at slot number `slot`, whose words are at `words`. Returns
/// LIMPET_RUNNING when vm.pc is where it goes on, or how the run ends.
[[gnu::noinline]] inline limpet_status carry_out(limpet_bpf_vm& state, const limpet_bpf_host& host, uint32_t event,
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
        if (!access<true>(state, host, words[0], words[1])) return (words[0] & 7) == kLdx ? LIMPET_LOAD : LIMPET_STORE;
        vm.pc += kSlotBytes;
        return LIMPET_RUNNING;
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
