@ Short functions whose cycles are counted by hand from ARM DDI0484C, table 3-1: what every counter must find, and what
@ a part with wait states is compared with. Each count includes the blx (2) that calls the function; the comments add up
@ the rest. calibration_table: name, function, cycles.
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .macro begin name, cycles
    .section .rodata.calibration, "a"
9:  .ascii "\name"
    .zero 16 - (. - 9b)
    .word kernel_\name, \cycles
    .section .text.calibration, "ax"
    .balign 4
    .type kernel_\name, %function
    .thumb_func
kernel_\name:
    .endm

    .section .rodata.calibration, "a"
    .balign 4
    .global calibration_table, calibration_table_end
calibration_table:

    begin return, 4
    bx lr                       @ 2

    begin straight, 8
    movs r0, #3                 @ 1
    adds r0, r0, r1             @ 1
    muls r0, r1, r0             @ 1
    lsls r0, r0, #2             @ 1
    bx lr                       @ 2

    begin loop, 34
    movs r0, #10                @ 1
1:  subs r0, #1                 @ 10 times 1
    bne 1b                      @ 9 times taken, 2; once 1
    bx lr                       @ 2

    begin skip, 28
    movs r0, #4                 @ 1
1:  lsrs r1, r0, #1             @ 4 times 1
    bcs 2f                      @ r0 = 3, 1: taken, 2; r0 = 4, 2: 1
    nop                         @ 2 times 1
2:  subs r0, #1                 @ 4 times 1
    bne 1b                      @ 3 times taken, 2; once 1
    bx lr                       @ 2

    begin stack, 14
    push {r4, lr}               @ 1 + 2
    ldr r0, [sp]                @ 2
    str r0, [sp]                @ 2
    pop {r4, pc}                @ 3 + 2

    begin multiple, 19
    push {r0-r3}                @ 1 + 4
    mov r0, sp                  @ 1
    ldm r0!, {r1, r2}           @ 1 + 2
    mov r0, sp                  @ 1
    stm r0!, {r1, r2, r3}       @ 1 + 3
    add sp, #16                 @ 1
    bx lr                       @ 2

    begin calls, 19
    push {lr}                   @ 1 + 1
    bl 1f                       @ 3, and 2 for its return
    adr r0, 1f                  @ 1
    adds r0, #1                 @ 1
    blx r0                      @ 2, and 2 for its return
    pop {pc}                    @ 3 + 1
    .balign 4
    .type calibration_callee, %function
    .thumb_func
calibration_callee:
1:  bx lr

    begin computed_jump, 8
    adr r0, 1f                  @ 1
    mov pc, r0                  @ 2
    udf #0
    .balign 4
1:  nop                         @ 1
    bx lr                       @ 2

    begin jump, 7
    b 1f                        @ 2
    udf #0
1:  nop                         @ 1
    bx lr                       @ 2

    begin system, 10
    dmb                         @ 3
    mrs r0, primask             @ 3
    bx lr                       @ 2

    begin loop_empty, 196
    movs r0, #64                @ 1
1:  subs r0, #1                 @ 64 times 1
    bne 1b                      @ 63 times taken, 2; once 1
    bx lr                       @ 2

    begin loop_load, 325
    movs r0, #64                @ 1
    mov r1, sp                  @ 1
1:  ldr r2, [r1]                @ 64 times 2
    subs r0, #1                 @ 64 times 1
    bne 1b                      @ 127
    bx lr                       @ 2

    begin loop_store, 327
    sub sp, #8                  @ 1
    movs r0, #64                @ 1
    mov r1, sp                  @ 1
1:  str r2, [r1]                @ 64 times 2
    subs r0, #1                 @ 64 times 1
    bne 1b                      @ 127
    add sp, #8                  @ 1
    bx lr                       @ 2

    begin loop_multiply, 260
    movs r0, #64                @ 1
1:  muls r1, r2, r1             @ 64 times 1
    subs r0, #1                 @ 64 times 1
    bne 1b                      @ 127
    bx lr                       @ 2

    begin loop_call, 520
    push {lr}                   @ 1 + 1
    movs r0, #64                @ 1
1:  bl calibration_callee       @ 64 times 3, and 2 for its return
    subs r0, #1                 @ 64 times 1
    bne 1b                      @ 127
    pop {pc}                    @ 3 + 1

    @ The same loop, its target at the start of 8 bytes of code and at their end.
    begin branch_at_0, 198
    movs r0, #64                @ 1
    b 1f                        @ 2
    .balign 8
1:  subs r0, #1                 @ 64 times 1
    bne 1b                      @ 127
    bx lr                       @ 2

    begin branch_at_6, 198
    movs r0, #64                @ 1
    b 1f                        @ 2
    .balign 8
    nop
    nop
    nop
1:  subs r0, #1                 @ 64 times 1
    bne 1b                      @ 127
    bx lr                       @ 2

    .section .rodata.calibration, "a"
calibration_table_end:
