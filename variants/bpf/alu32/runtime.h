/// \file
/// Between the C++ around it and translated code: entering and leaving it, and what it calls.
#pragma once

#include "../../../interp/bpf/generic.h"

#include <stddef.h>

namespace limpet::bpf_alu32 {

using namespace limpet::bpf;

/// What translated code calls: places in limpet_alu32_runtime. Loads and stores have the address in r0, the number to
/// be stored in r1, and give what was loaded in r0. Of the core's registers, all but r4..r11 may change.
inline constexpr uint32_t kLoad = 0; // words, then halfwords, then bytes, as kWord, kHalf and kByte say
inline constexpr uint32_t kStore = 3;
inline constexpr uint32_t kDivide = 6;
inline constexpr uint32_t kCallLocal = 7;
inline constexpr uint32_t kExitFunction = 8;
inline constexpr uint32_t kLeave = 9; ///< + the event, of the first three

/// Why translated code was left, by the instruction that lr tells.
enum Event : uint32_t { kAccessEvent, kHostCallEvent, kFuelEvent, kFrameEvent, kCalledEvent, kReturnEvent };

/// What of host.memory.prepared is where: for each slot, and for the end, where its code begins, in halfwords; then,
/// from a multiple of 4 on, the code.
inline uint32_t table_bytes(uint32_t slot_count) { return (2 * (slot_count + 1) + 3) & ~3U; }
inline const uint16_t* table_of(const limpet_bpf_host& host) {
    return static_cast<const uint16_t*>(host.memory.prepared);
}
inline uint32_t code_of(const limpet_vm& vm, const limpet_bpf_host& host) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(host.memory.prepared)) +
           table_bytes(vm.window.code_size / kSlotBytes);
}

/// Translated code of a slot, bit 0 set.
inline uint32_t code_at(const limpet_vm& vm, const limpet_bpf_host& host, uint32_t slot) {
    return code_of(vm, host) + 2U * table_of(host)[slot] + 1;
}

/// Enters a function that comes back to the slot `back`. False: too many are under way.
[[gnu::used, gnu::noinline]] static bool enter_function(limpet_bpf_vm* state, const limpet_bpf_host* host,
                                                        uint32_t back) asm("limpet_alu32_enter_function");
static bool enter_function(limpet_bpf_vm* state, const limpet_bpf_host* host, uint32_t back) {
    const uint32_t depth = state->depth;
    if (depth >= host->frame_count) return false;
    state->depth = depth + 1;
    limpet_bpf_frame& frame = host->frames[depth];
    frame.saved[0] = state->r[12];
    frame.saved[2] = state->r[14];
    frame.saved[4] = state->r[16];
    frame.saved[6] = state->r[18];
    frame.pc = state->as.vm.window.code_start + back * kSlotBytes;
    state->r[20] -= host->frame_bytes;
    return true;
}

/// Leaves a function, and returns where translated code goes on.
[[gnu::used, gnu::noinline]] static uint32_t
leave_function(limpet_bpf_vm* state, const limpet_bpf_host* host) asm("limpet_alu32_leave_function");
static uint32_t leave_function(limpet_bpf_vm* state, const limpet_bpf_host* host) {
    const limpet_bpf_frame& frame = host->frames[--state->depth];
    state->r[12] = frame.saved[0];
    state->r[14] = frame.saved[2];
    state->r[16] = frame.saved[4];
    state->r[18] = frame.saved[6];
    state->r[20] += host->frame_bytes;
    return code_at(state->as.vm, *host, (frame.pc - state->as.vm.window.code_start) / kSlotBytes);
}

/// which: bit 0 remainder, bit 1 signed.
[[gnu::used, gnu::noinline]] static uint32_t divide_words(uint32_t a, uint32_t b,
                                                          uint32_t which) asm("limpet_alu32_divide");
static uint32_t divide_words(uint32_t a, uint32_t b, uint32_t which) {
    return divided<uint32_t>((which & 1) != 0, (which & 2) != 0, a, b);
}

static_assert(offsetof(limpet_bpf_vm, r) == 4 && offsetof(limpet_bpf_vm, as.vm) == 28);
static_assert(offsetof(limpet_vm, fuel) == 68 && offsetof(limpet_vm, window) == 80);

/// Runs translated code at `code` (bit 0 set) with r0 = `cached` until it leaves. Returns the event, and in the upper
/// half what lr was.
///
/// r4: the runtime; r5: the budget; r6: host.data; r7: state.r; r8: bytes of data in whole words; r9: writable_start;
/// r10: host.
[[gnu::naked, gnu::noinline]] static uint64_t enter(limpet_bpf_vm* /*state*/, const limpet_bpf_host* /*host*/,
                                                    uint32_t /*code*/, uint32_t /*cached*/) {
    asm volatile(R"(
        .syntax unified
        push    {r4-r7, lr}
        mov     r4, r8
        mov     r5, r9
        mov     r6, r10
        push    {r4-r6}                 @ 32 bytes in all
        adds    r7, r0, #4
        mov     r10, r1
        ldr     r6, [r1]                @ data
        ldr     r5, [r7, #92]           @ fuel
        ldr     r0, [r7, #104]          @ data_size
        movs    r4, #3
        bics    r0, r4
        mov     r8, r0
        ldr     r0, [r7, #108]          @ writable_start
        mov     r9, r0
        ldr     r4, 1f
        mov     r0, r3
        bx      r2
        .balign 4
    1:  .word   limpet_alu32_runtime

        .balign 4
    limpet_alu32_runtime:
        .word   limpet_alu32_load_word + 1, limpet_alu32_load_half + 1, limpet_alu32_load_byte + 1
        .word   limpet_alu32_store_word + 1, limpet_alu32_store_half + 1, limpet_alu32_store_byte + 1
        .word   limpet_alu32_divide
        .word   limpet_alu32_call_local + 1, limpet_alu32_exit + 1
        .word   limpet_alu32_access + 1, limpet_alu32_host_call + 1, limpet_alu32_fuel + 1

    limpet_alu32_load_word:
        lsls    r2, r0, #30
        bne     limpet_alu32_access
        cmp     r0, r8
        bhs     limpet_alu32_access
        ldr     r0, [r6, r0]
        bx      lr
    limpet_alu32_load_half:
        lsrs    r2, r0, #1
        bcs     limpet_alu32_access
        cmp     r0, r8
        bhs     limpet_alu32_access
        ldrh    r0, [r6, r0]
        bx      lr
    limpet_alu32_load_byte:
        cmp     r0, r8
        bhs     limpet_alu32_access
        ldrb    r0, [r6, r0]
        bx      lr
    limpet_alu32_store_word:
        lsls    r2, r0, #30
        bne     limpet_alu32_access
        cmp     r0, r8
        bhs     limpet_alu32_access
        cmp     r0, r9
        blo     limpet_alu32_access
        str     r1, [r6, r0]
        bx      lr
    limpet_alu32_store_half:
        lsrs    r2, r0, #1
        bcs     limpet_alu32_access
        cmp     r0, r8
        bhs     limpet_alu32_access
        cmp     r0, r9
        blo     limpet_alu32_access
        strh    r1, [r6, r0]
        bx      lr
    limpet_alu32_store_byte:
        cmp     r0, r8
        bhs     limpet_alu32_access
        cmp     r0, r9
        blo     limpet_alu32_access
        strb    r1, [r6, r0]
        bx      lr

    limpet_alu32_call_local:            @ r0: the slot to come back to
        push    {r4, lr}                @ r4 for the alignment of sp
        mov     r2, r0
        mov     r1, r10
        subs    r0, r7, #4
        bl      limpet_alu32_enter_function
        pop     {r1, r2}
        mov     lr, r2
        cmp     r0, #0
        beq     2f
        cmp     r5, #0
        ble     3f
        bx      lr
    2:  movs    r0, #3
        b       limpet_alu32_leave
    3:  movs    r0, #4
        b       limpet_alu32_leave
    limpet_alu32_exit:
        subs    r0, r7, #4
        ldr     r1, [r0]                @ depth
        cmp     r1, #0
        beq     4f
        mov     r1, r10
        bl      limpet_alu32_leave_function
        bx      r0
    4:  movs    r0, #5
        b       limpet_alu32_leave
    limpet_alu32_host_call:
        movs    r0, #1
        b       limpet_alu32_leave
    limpet_alu32_fuel:
        movs    r0, #2
        b       limpet_alu32_leave
    limpet_alu32_access:
        movs    r0, #0
    limpet_alu32_leave:
        str     r5, [r7, #92]
        mov     r1, lr
        pop     {r2-r4}
        mov     r8, r2
        mov     r9, r3
        mov     r10, r4
        pop     {r4-r7, pc}
    )");
}

static_assert(kFuelEvent == 2 && kFrameEvent == 3 && kCalledEvent == 4 && kReturnEvent == 5);

} // namespace limpet::bpf_alu32
