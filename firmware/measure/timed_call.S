@ uint32_t timed_call(a, b, c, d, function): function(a, b, c, d), with one call instruction and one return inside the
@ region that the cycle counters see, from cycles_begin up to cycles_end. The function pointer comes on the stack.
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .text.timed_call, "ax"
    .global timed_call, cycles_begin, cycles_end
    .type timed_call, %function
    .type cycles_begin, %function
    .type cycles_end, %function
    .thumb_func
timed_call:
    push {r4, lr}
    ldr r4, [sp, #8]
cycles_begin:
    blx r4
cycles_end:
    pop {r4, pc}
    .size timed_call, . - timed_call
