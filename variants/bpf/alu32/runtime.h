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
inline constexpr uint32_t kCallLocal = 6;
inline constexpr uint32_t kExitFunction = 7;
inline constexpr uint32_t kLeave = 8; ///< + the event, of the first three

/// Why translated code was left, by the instruction that lr tells.
enum Event : uint32_t { kRareEvent, kHostCallEvent, kFuelEvent, kFrameEvent, kCalledEvent, kReturnEvent };

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

static_assert(offsetof(limpet_bpf_vm, r) == 4 && offsetof(limpet_bpf_vm, as.vm) == 28);
static_assert(offsetof(limpet_vm, fuel) == 68 && offsetof(limpet_vm, window) == 80);
static_assert(offsetof(limpet_bpf_host, frames) == 24 && offsetof(limpet_bpf_frame, pc) == 32);

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
        .word   limpet_alu32_call_local + 1, limpet_alu32_exit + 1
        .word   limpet_alu32_rare + 1, limpet_alu32_host_call + 1, limpet_alu32_fuel + 1

    limpet_alu32_load_word:
        lsls    r2, r0, #30
        bne     limpet_alu32_rare
        cmp     r0, r8
        bhs     limpet_alu32_rare
        ldr     r0, [r6, r0]
        bx      lr
    limpet_alu32_load_half:
        lsrs    r2, r0, #1
        bcs     limpet_alu32_rare
        cmp     r0, r8
        bhs     limpet_alu32_rare
        ldrh    r0, [r6, r0]
        bx      lr
    limpet_alu32_load_byte:
        cmp     r0, r8
        bhs     limpet_alu32_rare
        ldrb    r0, [r6, r0]
        bx      lr
    limpet_alu32_store_word:
        lsls    r2, r0, #30
        bne     limpet_alu32_rare
        cmp     r0, r8
        bhs     limpet_alu32_rare
        cmp     r0, r9
        blo     limpet_alu32_rare
        str     r1, [r6, r0]
        bx      lr
    limpet_alu32_store_half:
        lsrs    r2, r0, #1
        bcs     limpet_alu32_rare
        cmp     r0, r8
        bhs     limpet_alu32_rare
        cmp     r0, r9
        blo     limpet_alu32_rare
        strh    r1, [r6, r0]
        bx      lr
    limpet_alu32_store_byte:
        cmp     r0, r8
        bhs     limpet_alu32_rare
        cmp     r0, r9
        blo     limpet_alu32_rare
        strb    r1, [r6, r0]
        bx      lr

    limpet_alu32_call_local:            @ r0: the slot to come back to
        subs    r3, r7, #4
        ldr     r1, [r3]                @ depth
        mov     r2, r10
        ldr     r2, [r2, #28]           @ frame_count
        cmp     r1, r2
        bhs     2f
        adds    r2, r1, #1
        str     r2, [r3]
        mov     r2, r10
        ldr     r2, [r2, #24]           @ frames
        movs    r3, #36
        muls    r3, r1
        adds    r3, r3, r2
        ldr     r1, [r7, #112]          @ code_start
        lsls    r0, r0, #3
        adds    r0, r0, r1
        str     r0, [r3, #32]           @ pc
        ldr     r0, [r7, #48]           @ r6..r9
        str     r0, [r3, #0]
        ldr     r0, [r7, #56]
        str     r0, [r3, #8]
        ldr     r0, [r7, #64]
        str     r0, [r3, #16]
        ldr     r0, [r7, #72]
        str     r0, [r3, #24]
        mov     r2, r10
        ldr     r1, [r2, #32]           @ frame_bytes
        ldr     r0, [r7, #80]           @ r10
        subs    r0, r0, r1
        str     r0, [r7, #80]
        cmp     r5, #0
        ble     3f
        bx      lr
    2:  movs    r0, #3
        b       limpet_alu32_leave
    3:  movs    r0, #4
        b       limpet_alu32_leave
    limpet_alu32_exit:
        subs    r3, r7, #4
        ldr     r1, [r3]                @ depth
        subs    r1, #1
        blo     4f
        str     r1, [r3]
        mov     r2, r10
        ldr     r0, [r2, #24]
        movs    r3, #36
        muls    r3, r1
        adds    r3, r3, r0
        ldr     r0, [r3, #0]
        str     r0, [r7, #48]
        ldr     r0, [r3, #8]
        str     r0, [r7, #56]
        ldr     r0, [r3, #16]
        str     r0, [r7, #64]
        ldr     r0, [r3, #24]
        str     r0, [r7, #72]
        ldr     r0, [r7, #80]
        ldr     r1, [r2, #32]
        adds    r0, r0, r1
        str     r0, [r7, #80]
        ldr     r0, [r3, #32]
        ldr     r1, [r7, #112]
        subs    r0, r0, r1              @ of the slot to go on with
        lsrs    r0, r0, #2              @ its place in the table
        ldr     r2, [r2, #16]           @ prepared
        ldrh    r0, [r2, r0]
        lsls    r0, r0, #1
        ldr     r1, [r7, #116]          @ code_size
        lsrs    r1, r1, #2
        adds    r1, #5                  @ table_bytes()
        movs    r3, #3
        bics    r1, r3
        adds    r0, r0, r1
        adds    r0, r0, r2
        adds    r0, #1
        bx      r0
    4:  movs    r0, #5
        b       limpet_alu32_leave
    limpet_alu32_host_call:
        movs    r0, #1
        b       limpet_alu32_leave
    limpet_alu32_fuel:
        movs    r0, #2
        b       limpet_alu32_leave
    limpet_alu32_rare:
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
