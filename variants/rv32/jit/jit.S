@ rv32-jit for ARMv6-M: limpet.h carried out for RV32E with C and M by translating it. README.md explains it.
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
    .equ    FRAME, 40 @ its bytes; a multiple of 8, as AAPCS wants it where the host is called

    .equ    LONG_ROWS, 24 @ as in tiny.S

@ While code is translated, r8 = r7.
    .macro  hook what
    cmp     r8, r7
    bne     .Lrun\@
    b       make_\what
.Lrun\@:
    .endm

    .macro  in_gap
    .endm

@ After this: r7 the VM, [sp, #HOST] the host.
    .macro  save_high
    mov     r4, r8
    mov     r5, r9
    mov     r6, r10
    mov     r7, r11
    push    {r4-r7}
    movs    r7, r0
    .endm
    .macro  enter_function
    push    {r1, r4-r7, lr}
    save_high
    .endm
    .macro  enter_slowly
    push    {r1, r4-r7, lr}
    bl      save_high_here
    .endm

    .section .text.limpet, "ax", %progbits
    .balign 4

save_high_here:
    save_high
    bx      lr

#ifdef LIMPET_COMPACT
#include "compact/sweep.inc"
#include "compact/access.inc"
#include "compact/jumps.inc"
#include "compact/ends.inc"
#else
#include "sweep.inc"
#include "access.inc"
#include "jumps.inc"
#include "ends.inc"
#endif
#include "functions.inc"

fetch:
#include "../tiny/decode.inc"
#include "../tiny/handlers.inc"
#include "../tiny/rows.inc"
    .balign 2

#ifdef LIMPET_COMPACT
#include "compact/run.inc"
#include "translate.inc"
#include "compact/emit.inc"
#else
#include "run.inc"
#include "translate.inc"
#include "emit.inc"
#endif

    .if LIMPET_MULTIPLY
#include "../tiny/multiply.inc"
    .endif

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
