/// \file
/// Between the C++ around it and translated code: entering and leaving it, and what it calls.
#pragma once

#include "layout.h"

namespace limpet::rv32_jit {

/// Where translated code for vm.pc begins (bit 0 set), or 0: it is no landing.
[[gnu::naked]] static uint32_t find(const limpet_vm* vm, const limpet_host* host) asm("limpet_jit_find");
static uint32_t find(const limpet_vm* /*vm*/, const limpet_host* /*host*/) {
    asm volatile(R"(
        .syntax unified
        ldr     r2, [r0, #64]           @ pc
        ldr     r3, [r0, #88]           @ code_start
        subs    r2, r2, r3
        ldr     r3, [r0, #92]           @ code_size
        ldr     r1, [r1, #16]           @ prepared
        ldrh    r0, [r1]                @ mask
        mov     r12, r0
        movs    r0, #0
        cmp     r2, r3
        bhs     2f
        adds    r1, #4                  @ the table
        lsrs    r2, r2, #1              @ index
        lsls    r3, r2, #1
    1:  mov     r0, r12
        ands    r3, r0
        ldrh    r0, [r1, r3]
        lsls    r0, r0, #1
        beq     2f
        adds    r0, r0, r1              @ its code; before that, its index
        subs    r0, #2
        ldrh    r0, [r0]
        cmp     r0, r2
        beq     3f
        adds    r3, #2
        b       1b
    3:  ldrh    r0, [r1, r3]
        lsls    r0, r0, #1
        adds    r0, r0, r1
        adds    r0, #1                  @ Thumb
    2:  bx      lr
    )");
}

/// Runs translated code at `native` (bit 0 set) until it exits; returns where the index stands that it left with (bit 0
/// set). All that is the guest's is in vm before and after. vm.pc: what kTemp is to be.
///
/// The host's r8 to r11 wait where vm has room while the guest's registers are in the core: at x8, x14, x15 and status.
[[gnu::naked]] static uint32_t enter(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t /*native*/) {
    asm volatile(R"(
        .syntax unified
        push    {r1, r4-r7, lr}         @ host for what is called
        mov     r7, r0
        ldr     r4, [r7, #32]           @ x8
        mov     r3, r8
        str     r3, [r7, #32]
        mov     r8, r4
        ldr     r4, [r7, #56]           @ x14
        mov     r3, r9
        str     r3, [r7, #56]
        ldr     r5, [r7, #60]           @ x15
        mov     r3, r10
        str     r3, [r7, #60]
        mov     r3, r11
        str     r3, [r7, #76]           @ status
        ldr     r3, [r1]                @ data
        mov     r10, r3
        ldr     r0, [r7, #80]           @ data_size
        movs    r3, #3
        bics    r0, r3
        mov     r11, r0
        adr     r3, limpet_jit_runtime
        adds    r3, #1
        mov     r9, r3
        ldr     r3, [r7, #68]           @ fuel
        mov     r12, r3
        mov     lr, r2
        mov     r6, r7
        adds    r6, #40
        ldmia   r6!, {r0-r3}            @ x10..x13
        ldr     r6, [r7, #64]
        cmp     r7, r7                  @ the carry that a jump needs which stopped for fuel
        bx      lr

        .balign 4
    limpet_jit_runtime:                 @ enum Entry
        b       limpet_jit_exit
        b       limpet_jit_return
        b       limpet_jit_jump
        b       limpet_jit_jump_and_link
        b       limpet_jit_call

        @ kSetStack: x2 was written; the next instruction's index follows. Leaves when it is not a good stack pointer
    limpet_jit_set_stack:
        ldr     r6, [r7, #8]
        cmp     r6, r11
        bhi     limpet_jit_exit
        lsls    r6, r6, #30
        bne     limpet_jit_exit
        str     r0, [r7, #40]
        ldr     r6, [r7, #8]
        ldr     r0, [r7, #84]           @ writable_start
        cmp     r6, r0
        ldr     r0, [r7, #40]
        blo     limpet_jit_exit
        mov     r6, lr
        adds    r6, #2
        bx      r6

        @ kCall: bl to the function and the landing's index follow the exit's
    limpet_jit_call:
        mov     r6, r12                 @ fuel
        subs    r6, #1
        mov     r12, r6
        blo     limpet_jit_exit
        str     r0, [r7, #40]
        mov     r6, lr
        adds    r6, #5
        ldrh    r0, [r6]
        lsls    r0, r0, #1
        ldr     r6, [r7, #88]           @ code_start
        adds    r0, r0, r6
        str     r0, [r7, #4]            @ ra
        ldr     r0, [r7, #40]
        mov     r6, lr
        adds    r6, #2
        bx      r6

        @ kExit
    limpet_jit_exit:
        mov     r6, r7
        adds    r6, #40
        stmia   r6!, {r0-r3}            @ x10..x13
    limpet_jit_leave:
        mov     r0, r12
        str     r0, [r7, #68]           @ fuel
        ldr     r2, [r7, #56]
        ldr     r3, [r7, #60]
        str     r4, [r7, #56]           @ x14
        str     r5, [r7, #60]           @ x15
        ldr     r4, [r7, #32]
        mov     r0, r8
        str     r0, [r7, #32]           @ x8
        ldr     r5, [r7, #76]
        movs    r0, #10                 @ LIMPET_RUNNING
        str     r0, [r7, #76]
        mov     r8, r4
        mov     r9, r2
        mov     r10, r3
        mov     r11, r5
        mov     r0, lr
        pop     {r1, r4-r7, pc}

        @ kReturn: to x1. kJump: to vm.pc. kJumpAndLink: the landing's index follows the exit's
    limpet_jit_return:
        ldr     r6, [r7, #4]
        str     r6, [r7, #64]
    limpet_jit_jump:
        movs    r6, #0
        b       1f
    limpet_jit_jump_and_link:
        movs    r6, #1
    1:  str     r6, [r7, #72]
        mov     r6, r7
        adds    r6, #40
        stmia   r6!, {r0-r3}
        mov     r6, r12                 @ fuel
        subs    r6, #1
        mov     r12, r6
        blo     limpet_jit_leave
        str     r6, [r7]                @ x0 has room
        mov     r6, lr
        mov     r0, r7
        ldr     r1, [sp]
        bl      limpet_jit_find
        mov     lr, r6
        ldr     r3, [r7]
        mov     r12, r3
        movs    r3, #0
        str     r3, [r7]
        cmp     r0, #0
        beq     limpet_jit_leave
        ldr     r3, [r7, #72]
        cmp     r3, #0
        beq     2f
        adds    r6, #1
        ldrh    r3, [r6]
        lsls    r3, r3, #1
        ldr     r2, [r7, #88]
        adds    r3, r3, r2
        str     r3, [r7, #4]
    2:  mov     lr, r0
        mov     r6, r7
        adds    r6, #40
        ldmia   r6!, {r0-r3}
        bx      lr
    )");
}

static_assert(LIMPET_RUNNING == 10);

} // namespace limpet::rv32_jit
