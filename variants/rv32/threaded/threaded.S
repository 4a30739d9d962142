@ rv32-threaded for ARMv6-M: limpet.h carried out for RV32E with C and M. README.md explains it.
@
@ The build defines LIMPET_COMPRESSED, LIMPET_MULTIPLY and LIMPET_XLIMPET as 0 or 1; the tables are those of rv32-tiny.
#ifndef LIMPET_HANDLERS // else compact.S includes this
#define LIMPET_HANDLERS "fast.inc"
#define LIMPET_KEPT 3
#endif
    .syntax unified
    .arch   armv6s-m
    .thumb
    .equ    XLIMPET, LIMPET_XLIMPET
    .equ    KEPT, LIMPET_KEPT @ how many registers of the VM stay in the machine, from x15 down
    .include "tiny_tables.inc"

#include "../tiny/machine.inc"

    .equ    HOST_PREPARED, 16
    .equ    HOST_PREPARED_SIZE, 20

    .equ    CALLED, 12 @ in our frame: the record of the last call (handlers.inc)
    .equ    HOST, 16 @ struct limpet_host

@ In prepared memory, before records. Runs write to what is before the map (LIMPET_PREPARED_NOTES_BYTES).
    .equ    ENTRY, 0 @ the last entry (loop.inc), 8 bytes
    .equ    MAP, 8
    .equ    BLOCK_BITS, 6 @ a block of the map is 64 bytes of code

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

    .macro  enter_function called=none
    push    {r1, r4-r7, lr}
    mov     r4, r8
    mov     r5, r9
    mov     r6, r10
    .ifnc \called, none
    adr     r7, \called
    .endif
    push    {r4-r7}
    movs    r7, r0
    .endm

    .section .text.limpet, "ax", %progbits
    .balign 4

#include "parts.inc"
#include "operations.inc"
#include "accesses.inc"
#include "map.inc"
#include "records.inc"
#include "choose.inc"
#include "functions.inc"

fetch:
#include "../tiny/decode.inc"
#include "../tiny/handlers.inc"
#include "../tiny/rows.inc"
    .balign 2

    .if LIMPET_MULTIPLY
#include "../tiny/multiply.inc"
    .endif

#include "loop.inc"

#include LIMPET_HANDLERS
#include "handlers.inc"

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
