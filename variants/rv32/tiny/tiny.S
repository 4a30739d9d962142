@ rv32-tiny: least flash. limpet.h carried out for RV32E with C, M and Xlimpet in ARMv6-M assembly. README.md explains
@ it.
@
@ The build defines LIMPET_COMPRESSED, LIMPET_MULTIPLY and LIMPET_XLIMPET as 0 or 1. tiny_tables.inc is made by
@ tables.cpp.
    .syntax unified
    .arch   armv6s-m
    .thumb
    .equ    XLIMPET, LIMPET_XLIMPET @ for what the preprocessor does not see
    .include "tiny_tables.inc"

#include "machine.inc"

    .equ    HOST, 0 @ in our frame: struct limpet_host

    .equ    LONG_ROWS, 24 @ their first number; before it there is room for another table

    .macro  hook what
    .endm

    .macro  in_gap
function limpet_prepared_size
function limpet_prepared_kept
    movs    r0, #0
    bx      lr
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

#include "decode.inc"
#include "handlers.inc"
#include "rows.inc"

    .if LIMPET_MULTIPLY
#include "multiply.inc"
    .endif

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
