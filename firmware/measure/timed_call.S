@ uint32_t timed_call(a, b, c, d, function): function(a, b, c, d), with one call instruction and one return inside the
@ region that the cycle counters see, from cycles_begin up to cycles_end. The function pointer comes on the stack.
@ timed_ticks gets what SysTick counted from its first reading to its second: the region's cycles and those of one
@ reading, which is what timed_overhead() returns. A region has to be shorter than 2^25 cycles: SysTick has 24 bits, and
@ tells whether it passed 0 since it was written to.
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .equ SYST_CSR, 0xe000e010   @ COUNTFLAG is bit 16 (ARM DDI0419C, B3.3.3)
    .equ CVR, 8                 @ from there; counts down, and any write makes it 0 (B3.3.5)

    .section .text.timed_call, "ax"
    .global timed_call, cycles_begin, cycles_end
    .type timed_call, %function
    .type cycles_begin, %function
    .type cycles_end, %function
    .thumb_func
timed_call:
    push {r4, r5, r6, lr}
    ldr r4, [sp, #16]
    ldr r5, =SYST_CSR
    str r5, [r5, #CVR]
    ldr r6, [r5, #CVR]
cycles_begin:
    blx r4
cycles_end:
    ldr r1, [r5, #CVR]
    ldr r2, [r5]
    subs r6, r6, r1
    lsls r6, r6, #8
    lsrs r6, r6, #8
    lsrs r2, r2, #16            @ nothing is above COUNTFLAG
    lsls r2, r2, #24
    adds r6, r6, r2
    ldr r1, =timed_ticks
    str r6, [r1]
    pop {r4, r5, r6, pc}
    .pool
    .size timed_call, . - timed_call

    .section .text.timed_overhead, "ax"
    .global timed_overhead
    .type timed_overhead, %function
    .thumb_func
timed_overhead:
    ldr r2, =SYST_CSR
    ldr r0, [r2, #CVR]
    ldr r1, [r2, #CVR]
    subs r0, r0, r1
    lsls r0, r0, #8
    lsrs r0, r0, #8
    bx lr
    .pool
    .size timed_overhead, . - timed_overhead

    .section .bss.timed_ticks, "aw", %nobits
    .balign 4
    .global timed_ticks
timed_ticks:
    .zero 4
