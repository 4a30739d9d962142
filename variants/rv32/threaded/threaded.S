@ rv32-threaded for ARMv6-M: limpet.h carried out for RV32E with C and M. README.md explains it.
@
@ The build defines LIMPET_COMPRESSED, LIMPET_MULTIPLY and LIMPET_XLIMPET as 0 or 1; the tables are those of rv32-tiny.
    .syntax unified
    .arch   armv6s-m
    .thumb
    .equ    XLIMPET, LIMPET_XLIMPET
    .include "tiny_tables.inc"

#include "../tiny/machine.inc"

    .equ    HOST_PREPARED, 16
    .equ    HOST_PREPARED_SIZE, 20

    .equ    HOST, 16 @ in our frame: struct limpet_host

    .equ    LONG_ROWS, 24 @ as in tiny.S

@ Where records are made, r8 is the VM; where they run it is the loop.
    .macro  hook what
    cmp     r8, r7
    bne     .Lrun\@
    b       make_\what
.Lrun\@:
    .endm

    .macro  in_gap
    .endm

@ After this: r7 the VM, [sp, #HOST] the host.

    .macro  enter_function
    push    {r1, r4-r7, lr}
    mov     r4, r8
    mov     r5, r9
    mov     r6, r10
    mov     r7, r11
    push    {r4-r7}
    movs    r7, r0
    .endm

    .section .text.limpet, "ax", %progbits
    .balign 4

#include "operations.inc"
#include "records.inc"
#include "functions.inc"

next: @ rv32-tiny has carried out an instruction: r2 units of fuel are left, r6 is the next one
    hook    slow
    b       enter

fetch:
#include "../tiny/decode.inc"
#include "../tiny/handlers.inc"
#include "../tiny/rows.inc"
    .balign 2

    .if LIMPET_MULTIPLY
#include "../tiny/multiply.inc"
    .endif

#include "loop.inc"

    .balign 4
loop: @ from here on by offset, 12 bits
    next
#include "handlers.inc"

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
