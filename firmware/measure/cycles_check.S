@ Short functions whose cycles are counted by hand from ARM DDI0484C, table 3-1: what both cycle counters must find.
@ Each count includes the blx (2) that calls the function; the comments add up the rest. cycles_check_table: name,
@ function, cycles.
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .macro begin name, cycles
    .section .rodata.cycles_check, "a"
9:  .ascii "\name"
    .zero 16 - (. - 9b)
    .word check_\name, \cycles
    .section .text.cycles_check, "ax"
    .balign 4
    .type check_\name, %function
    .thumb_func
check_\name:
    .endm

    .section .rodata.cycles_check, "a"
    .balign 4
    .global cycles_check_table, cycles_check_table_end
cycles_check_table:

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
    .type cycles_check_callee, %function
    .thumb_func
cycles_check_callee:
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

    .section .rodata.cycles_check, "a"
cycles_check_table_end:
