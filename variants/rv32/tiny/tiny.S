@ rv32-tiny: least flash. limpet.h carried out for RV32E, RV32EC and RV32EMC in ARMv6-M assembly. README.md explains it.
@
@ The build defines LIMPET_COMPRESSED and LIMPET_MULTIPLY as 0 or 1. tiny_tables.inc is made by tables.cpp.
    .syntax unified
    .arch   armv6s-m
    .thumb
    .include "tiny_tables.inc"

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
    .equ    FETCH, 4
    .equ    BREAKPOINT, 5
    .equ    HOST_CALL, 6
    .equ    FUEL, 7
    .equ    REFUSED, 8
    .equ    ECALL, 9
    .equ    RUNNING, 10
    .equ    GUARD, 8

    .equ    HOST, 0 @ in our frame: struct limpet_host

    .equ    LONG_ROWS, 24 @ their first number; before it there is room for another table

    .macro  function name
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    .endm

    .section .text.limpet, "ax", %progbits
    .balign 4

#include "functions.inc"

run: @ what limpet_resume goes on with
    movs    r0, #RUNNING
    str     r0, [r7, #STATUS]
next: @ with r2 units of fuel
    str     r2, [r7, #FUEL_LEFT]
    str     r6, [r7, #PC]
    movs    r0, r6
    adds    r0, #16 @ back from the call: LIMPET_RETURN is 0
    beq     stop
    movs    r0, #FUEL
    cmp     r2, #0
    beq     stop

@ Fetch. r5 = the instruction, r4 + r3 = the number of its row, r1 = how far its last halfword is into the code.
    ldr     r1, [r7, #CODE_START]
    subs    r1, r6, r1
    ldr     r2, [sp, #HOST]
    ldr     r2, [r2, #HOST_CODE]
    ldrh    r5, [r2, r1]
    adds    r6, #2
    lsls    r4, r5, #30
    lsrs    r4, #27
    .if LIMPET_COMPRESSED
    cmp     r4, #24
    beq     2f
    lsrs    r3, r5, #13
    lsrs    r0, r5, #1
    bcs     3f
    lsrs    r3, #1 @ in quadrants 0 and 2, what is odd is floating-point
    bcs     illegal
    b       3f
    .endif
2:  adds    r6, #2
    adds    r1, #2
    ldrh    r0, [r2, r1]
    lsls    r0, #16
    orrs    r5, r0
    lsls    r3, r5, #26 @ row_of_opcode
    lsrs    r3, #28
    lsls    r0, r5, #25
    lsrs    r0, #30
    eors    r3, r0
3:  ldr     r0, [r7, #CODE_SIZE]
    cmp     r1, r0
    bcs     fetch_trap
    .if !LIMPET_COMPRESSED
    cmp     r4, #24
    bne     illegal
    .endif

@ r3 = its row: flag, uses of rd, rs1, rs2, format of the immediate, handler, from bit 31 on.
    adds    r4, r3
    adr     r3, rows
    lsls    r0, r4, #1
    ldrh    r3, [r3, r0]
    lsls    r3, #16

@ r4, r1, r2 = the fields of rd, rs1, rs2, in their topmost five bits.
    .if LIMPET_COMPRESSED
    cmp     r4, #LONG_ROWS
    bcc     short_fields
    .endif
    lsls    r0, r5, #25 @ bit 31 of r0: illegal
    eors    r0, r3
    lsls    r1, r5, #12
    lsls    r2, r5, #7
    lsls    r4, r5, #20
    .if LIMPET_COMPRESSED
    b       fields
short_fields:
    lsls    r1, r5, #19 @ so that immediates of all lengths start at bit 31
    orrs    r5, r1
    lsls    r2, r3, #1
    bcc     1f
    movs    r2, #0x21 @ primed: the upper two bits of both fields become 01, which adds 8
    lsls    r2, #5
    orrs    r5, r2
    lsls    r2, #1
    bics    r5, r2
1:  lsls    r2, r5, #25
    lsls    r1, r5, #20
    cmp     r4, #4
    mov     r4, r1
    bcs     fields
    mov     r4, r2
fields:
    .endif
    lsls    r3, #2
    bcs     1f
    movs    r4, #0
1:  lsls    r3, #1
    bcs     1f
    movs    r1, #0
1:  lsls    r3, #1
    bcs     1f
    movs    r2, #0
1:  orrs    r0, r1
    orrs    r0, r2
    orrs    r0, r4
    bmi     illegal @ x16 to x31
    lsrs    r4, #27
    lsls    r4, #2
    lsrs    r1, #27
    lsls    r1, #2
    ldr     r1, [r7, r1]
    lsrs    r2, #27
    lsls    r2, #2
    ldr     r2, [r7, r2]

@ The engine: the immediate from the bytes of its format.
immediate:
    push    {r1, r2, r4, r6, r7}
    adr     r6, formats
    lsrs    r0, r3, #28
    ldrb    r0, [r6, r0]
    adds    r6, r0
    lsls    r3, #4
    lsrs    r3, #23
    mov     lr, r3
    movs    r1, r5
    movs    r2, #0
1:  ldrb    r3, [r6]
    adds    r6, #1
    lsrs    r4, r3, #5
    beq     2f
    movs    r0, r1
    lsls    r1, r4
    movs    r7, r1
    lsrs    r7, r4
    subs    r0, r7
    rors    r0, r3
    adds    r2, r0
    b       1b
2:  lsls    r2, r3
    asrs    r2, r3
    pop     {r1, r3, r4, r6, r7}
    lsls    r0, r5, #17
    lsrs    r0, #29
    add     pc, lr

#include "handlers.inc"

    .macro  row flags, format, handler
    .hword  0b\flags << 12 | \format << 8 | (h_\handler - handlers) / 2
    .endm
    .balign 4
    .if LIMPET_COMPRESSED
rows:
    rows_of_quadrant_0
arithmetic: @ of bits 12:10 of h_c_arith's instructions: funct3, and 8 for srai; 15 is illegal
    .byte   5, 13, 7, 15, 15, 15, 7, 15
    rows_of_quadrant_1
    rows_of_quadrant_2
arithmetic_of_registers: @ of bits 6:5, where bits 12:10 are 3; 8 for sub
    .byte   8, 4, 6, 7
function limpet_prepared_size
function limpet_prepared_kept
    movs    r0, #0
    bx      lr
    .org    rows + 2 * LONG_ROWS
    .else
function limpet_prepared_size
function limpet_prepared_kept
    movs    r0, #0
    bx      lr
    .equ    rows, . - 2 * LONG_ROWS
    .endif
    rows_of_long_instructions
formats:
    formats_of_immediates

    .if LIMPET_MULTIPLY
#include "multiply.inc"
    .endif

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
