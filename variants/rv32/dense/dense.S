@ rv32-dense: limpet.h carried out for rv32dense (interp/rv32/dense.h) in ARMv6-M assembly. README.md explains it.
@ dense_tables.inc is made by tables.cpp.
    .syntax unified
    .arch   armv6s-m
    .thumb
    .include "dense_tables.inc"

@ limpet.h: struct limpet_vm, ..
    .equ    RA, 1 * 4
    .equ    SP, 2 * 4
    .equ    A0, 10 * 4
    .equ    PC, 64
    .equ    FUEL_LEFT, 68
    .equ    TRAP_ADDRESS, 72
    .equ    STATUS, 76
    .equ    DATA_SIZE, 80
    .equ    WRITABLE_START, 84
    .equ    CODE_START, 88
    .equ    CODE_SIZE, 92
@ .. struct limpet_host, ..
    .equ    HOST_DATA, 0
    .equ    HOST_CODE, 4
    .equ    HOST_CALL_BACK, 8
    .equ    HOST_STACK_TOP, 12
@ .. and enum limpet_status.
    .equ    ILLEGAL, 1
    .equ    LOAD, 2
    .equ    STORE, 3
    .equ    FETCH, 4
    .equ    BREAKPOINT, 5
    .equ    HOST_CALL, 6
    .equ    FUEL, 7
    .equ    REFUSED, 8
    .equ    ECALL, 9
    .equ    RUNNING, 10
    .equ    GUARD, 8

@ In our frame: struct limpet_host, the data window, host address - guest address of code, where the code is.
    .equ    HOST, 0
    .equ    DATA, 4
    .equ    DISTANCE, 8
    .equ    CODE, 12
    .equ    FRAME, 16

@ Modes of registers, times 4, as a row has them.
    .equ    FOUR, 16 * 4
    .equ    THREE, 18 * 4

    .macro  function name
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    .endm

    .section .text.limpet, "ax", %progbits
    .balign 4

#include "functions.inc"

@ From here on:
@   r4 the VM, which begins with x     r8  host address behind the code that runs
@   r5 operands not yet taken          r9  that of the code that runs, + 1 << 31 in its second instruction
@   r6 row                             r10 that of the end of all code
@   r7 4 * first register              r11 row of the second instruction, or 0
@   lr in a second instruction: r7 of the first         r12 fuel

escape: @ r2 - PAIRS: which
    subs    r2, #PAIRS
    lsrs    r1, r2, #1
    ands    r1, r2
    adds    r2, r1 @ bytes of its immediate: 0, 1, 2, 4
    adds    r1, r0, #3
    adds    r0, r1, r2
    cmp     r0, r10
    bls     1f
    b       cut
1:  mov     r8, r0
    subs    r2, #1
    bmi     2f
    ldrsb   r3, [r1, r2]
1:  subs    r2, #1
    bmi     3f
    lsls    r3, #8
    ldrb    r5, [r1, r2]
    orrs    r3, r5
    b       1b
2:  movs    r3, #0
3:  subs    r1, #2
    ldrb    r6, [r1] @ operation
    ldrb    r2, [r1, #1]
    lsls    r7, r2, #28
    lsrs    r7, #26
    lsrs    r2, #4
    lsls    r2, #2
    ldr     r2, [r4, r2]
    cmp     r6, #ESCAPED_OPERATIONS
    bcs     1f
    cmp     r6, #ESCAPED_IMMEDIATE
    bcs     4f
    lsls    r3, #28
    lsrs    r3, #26
    ldr     r3, [r4, r3]
4:  movs    r1, r6
    subs    r1, #ESCAPED_LOAD
    cmp     r1, #ESCAPED_LOADS_AND_STORES
    bcs     5f
    adds    r2, r3 @ not in units of the access
    movs    r3, #0
5:  adr     r1, escaped
    ldrb    r6, [r1, r6]
    b       dispatch
1:  movs    r0, #ILLEGAL
    b       stop

others: @ codes but those for one instruction with one byte of operands
    cmp     r2, #FIRST_WITH_TWO
    bcc     1f
    cmp     r2, #FIRST_PAIR
    bcs     pair
    ldrb    r5, [r0, #2]
    lsls    r5, #8
    ldrb    r1, [r0, #1]
    orrs    r5, r1
    adds    r0, #3
    cmp     r2, #FIRST_WITH_THREE
    bcc     single
    ldrb    r1, [r0]
    lsls    r1, #16
    orrs    r5, r1
1:  adds    r0, #1
    b       single
pair:
    subs    r2, #FIRST_PAIR
    cmp     r2, #PAIRS
    bcs     escape
    ldrb    r5, [r0, #2]
    lsls    r5, #8
    ldrb    r1, [r0, #1]
    orrs    r5, r1
    lsls    r1, r2, #1
    adr     r6, pairs
    adds    r6, r1
    ldrb    r1, [r6, #1]
    lsls    r1, #2
    ldr     r1, [r3, r1]
    mov     r11, r1
    ldrb    r6, [r6]
    lsls    r6, #2
    ldr     r6, [r3, r6]
    adds    r0, #2
    cmp     r2, #PAIRS_WITH_TWO
    bcc     fetched
    adds    r0, #1
    cmp     r2, #PAIRS_WITH_NONE
    bcc     fetched
    subs    r0, #2
    b       fetched

again: @ the second instruction of a code
    movs    r1, #1
    lsls    r1, #31
    add     r9, r1
    mov     lr, r7
    lsrs    r3, r6, #20
    bcc     1f
    uxtb    r3, r3 @ the immediate of the first, which is still among the operands
    movs    r1, #32
    subs    r1, r3
    lsrs    r5, r1
1:  mov     r6, r11
    movs    r1, #0
    mov     r11, r1
    b       row

rd_mode:
    bcc     have_rd
    cmp     r7, #THREE
    bne     1f
    lsls    r7, r5, #29
    lsrs    r7, #27
    adds    r7, #8 * 4
    lsrs    r5, #3
    b       have_rd
1:  mov     r7, lr
    b       have_rd

rs1_mode:
    bne     1f
    lsls    r2, r5, #28
    lsrs    r2, #26
    lsrs    r5, #4
    b       have_rs1
1:  cmp     r2, #THREE
    bcs     2f
    movs    r2, r7
    b       have_rs1
2:  bne     3f
    lsls    r2, r5, #29
    lsrs    r2, #27
    adds    r2, #8 * 4
    lsrs    r5, #3
    b       have_rs1
3:  mov     r2, lr
    b       have_rs1

signed:
    asrs    r3, r1
    b       dispatch

cut:
    mov     r2, r9
    ldr     r1, [sp, #DISTANCE]
    subs    r2, r1
    b       bad_target
out_of_fuel:
    movs    r0, #FUEL
    b       stop

zero: @ x0 was written
    str     r7, [r4]
    b       done
write:
    str     r2, [r4, r7]
    cmp     r7, #0
    beq     zero
done:
    mov     r1, r11
    cmp     r1, #0
    bne     again
    mov     r0, r8
next: @ the code at host address r0
    mov     r9, r0
    mov     r1, r12
    subs    r1, #1
    bcc     out_of_fuel
    mov     r12, r1
    adr     r3, rows
    ldrb    r2, [r0]
    cmp     r2, #FIRST_WITH_NONE
    bcs     others
    ldrb    r5, [r0, #1]
    adds    r0, #2
single:
    lsls    r2, #2
    ldr     r6, [r3, r2]
fetched:
    cmp     r0, r10
    bhi     cut
    mov     r8, r0
row:
    movs    r0, #31 * 4
    lsrs    r7, r6, #6
    ands    r7, r0
    cmp     r7, #FOUR
    bne     rd_mode
    lsls    r7, r5, #28
    lsrs    r7, #26
    lsrs    r5, #4
have_rd:
    lsrs    r2, r6, #11
    ands    r2, r0
    cmp     r2, #FOUR
    bcs     rs1_mode
have_rs1:
    lsrs    r3, r6, #20
    bcc     fixed
    ldr     r2, [r4, r2]
    movs    r1, r3 @ its lowest byte is 32 less how many bits there are
    movs    r3, r5
    lsls    r3, r1
    cmp     r6, #0
    bmi     signed
    lsrs    r3, r1
dispatch: @ r2 = x[second register], r3 = immediate or x[third register]
    uxtb    r1, r6
    lsls    r1, #1
    add     pc, r1
    nop @ add pc reads pc as the address behind this

#include "handlers.inc"

    .balign 4 @ for adr
escaped:
    escaped_operations
    .balign 4
pairs:
    pairs_of_table
    .balign 4
rows:
    rows_of_table

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
