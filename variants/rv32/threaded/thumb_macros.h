/// \file
/// Macros that make the handlers of rv32-threaded for ARMv6-M; thumb_loop.h tells what is where.
#pragma once

// clang-format off
asm(R"(
    .pushsection .rodata.limpet_threaded_keys, "a", %progbits
    .balign 2
    .global limpet_threaded_keys
limpet_threaded_keys:
    .popsection
    .pushsection .rodata.limpet_threaded_forms, "a", %progbits
    .global limpet_threaded_forms
limpet_threaded_forms:
    .popsection
    .pushsection .text.limpet_threaded_loop, "ax", %progbits
    .syntax unified
    .thumb
P   .req r5
Q   .req r4
R   .req r2
    .set class_M, 0
    .set class_P, 1
    .set class_Q, 2
    .set class_R, 3
    .set form_alu2, 0
    .set form_alu3, 1
    .set form_imm2, 2
    .set form_imm3, 3
    .set form_li, 4
    .set form_lui, 5
    .set form_const, 6
    .set form_mv, 7
    .set form_addsp, 8
    .set form_load, 9
    .set form_lwc, 10
    .set form_lwsp, 11
    .set form_store, 12
    .set form_swc, 13
    .set form_swsp, 14
    .set form_br, 15
    .set form_brc, 16
    .set form_j, 17
    .set form_jl, 18
    .set form_callc, 19
    .set form_call, 20
    .set form_jr, 21
    .set form_nop, 22
    .set form_slow, 23

    @ Rows stand by form.
    .irp form, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23
    .pushsection .rodata.limpet_threaded_keys, "a", %progbits
    .subsection \form
rows_\form:
    .popsection
    .pushsection .rodata.limpet_threaded_forms, "a", %progbits
    .byte (rows_\form - limpet_threaded_keys) / 4
    .popsection
    .endr

    .macro next
    ldmia r6!, {r3}
    lsrs r1, r3, #20
    add r1, r8
    mov pc, r1
    .endm

    .macro row form, f, a=M, b=M, c=M
    .pushsection .rodata.limpet_threaded_keys, "a", %progbits
    .subsection form_\form
    .hword form_\form << 10 | \f << 6 | class_\a << 4 | class_\b << 2 | class_\c
    .hword 7f - limpet_threaded_handlers
    .popsection
7:
    .endm

    @ A handler whose operands are all M: ends with bx lr, and has the other entry.
    .macro memory form, f
    bl unpin
    row \form, \f
    .endm

    @ The same for handlers that change no register.
    .macro memory_read form, f
    bl spill
    row \form, \f
    .endm

    .macro get_a reg
    uxtb \reg, r3
    ldr \reg, [r7, \reg]
    .endm
    .macro index_b reg
    lsls \reg, r3, #16
    lsrs \reg, \reg, #24
    .endm
    .macro get_b reg
    index_b \reg
    ldr \reg, [r7, \reg]
    .endm
    .macro get_i reg
    lsls \reg, r3, #12
    asrs \reg, \reg, #20
    .endm

    .macro alu2 op, f, D, S
    .ifc \D\S, MM
    memory alu2, \f
    uxtb r1, r3
    ldr r0, [r7, r1]
    get_b r3
    \op r0, r0, r3
    str r0, [r7, r1]
    bx lr
    .else
    row alu2, \f, \D, \S
    .ifc \D, M
    uxtb r1, r3
    ldr r0, [r7, r1]
    \op r0, r0, \S
    str r0, [r7, r1]
    .else
    .ifc \S, M
    get_a r0
    \op \D, \D, r0
    .else
    \op \D, \D, \S
    .endif
    .endif
    next
    .endif
    .endm

    .macro imm2 op, f, D
    .ifc \D, M
    .ifc \op, adds         @ P, Q and R have handlers of their own
    row imm2, \f
    .else
    memory imm2, \f
    .endif
    uxtb r1, r3
    ldr r0, [r7, r1]
    get_i r3
    \op r0, r0, r3
    str r0, [r7, r1]
    .ifc \op, adds
    next
    .else
    bx lr
    .endif
    .else
    row imm2, \f, \D
    get_i r0
    \op \D, \D, r0
    next
    .endif
    .endm

    @ Of registers that are not all M: adds and subs only.
    .macro sum3 op, f, D, S, T
    row alu3, \f, \D, \S, \T
    .ifc \D, M
    .error "D is P, Q or R"
    .endif
    adds r6, #4
    .ifc \S, M
    get_a r0
    .ifc \T, M
    get_b r1
    \op \D, r0, r1
    .else
    \op \D, r0, \T
    .endif
    .else
    get_a r0
    \op \D, \S, r0
    .endif
    next
    .endm
    .macro alu3 op, f
    memory alu3, \f
    get_a r0
    get_b r1
    .if \f & 3 == 1        @ a shift: by the low 5 bits, where Thumb takes 8
    lsls r1, r1, #27
    lsrs r1, r1, #27
    .endif
    \op r0, r0, r1
    ldmia r6!, {r1}
    str r0, [r7, r1]
    bx lr
    .endm

    @ The second word has the immediate in bits 31:20 and D in bits 7:0.
    .macro imm3 op, f, D, S
    .ifc \D\S, MM
    memory imm3, \f
    get_a r0
    ldmia r6!, {r3}
    asrs r1, r3, #20
    \op r0, r0, r1
    uxtb r1, r3
    str r0, [r7, r1]
    bx lr
    .else
    row imm3, \f, \D, \S
    .ifc \D, M
    ldmia r6!, {r3}
    asrs r1, r3, #20
    mov r0, \S
    \op r0, r0, r1
    uxtb r1, r3
    str r0, [r7, r1]
    .else
    ldmia r6!, {r0}
    asrs r0, r0, #20
    .ifc \S, M
    uxtb r1, r3
    ldr \D, [r7, r1]
    .else
    .ifnc \D, \S
    mov \D, \S
    .endif
    .endif
    \op \D, \D, r0
    .endif
    next
    .endif
    .endm

    @ Of this and others, P, Q and R have handlers of their own: so one for M needs no second entry.
    .macro li D
    .ifc \D, M
    row li, 0
    get_i r0
    uxtb r1, r3
    str r0, [r7, r1]
    next
    .else
    row li, 0, \D
    get_i \D
    next
    .endif
    .endm

    .macro const D
    .ifc \D, M
    row const, 0
    ldmia r6!, {r0}
    uxtb r1, r3
    str r0, [r7, r1]
    next
    .else
    row const, 0, \D
    ldmia r6!, {\D}
    next
    .endif
    .endm

    .macro mv D, S
    .ifc \D\S, MM
    memory mv, 0
    get_b r0
    uxtb r1, r3
    str r0, [r7, r1]
    bx lr
    .else
    row mv, 0, \D, \S
    .ifc \D, M
    uxtb r1, r3
    str \S, [r7, r1]
    .else
    .ifc \S, M
    uxtb r1, r3
    ldr \D, [r7, r1]
    .else
    mov \D, \S
    .endif
    .endif
    next
    .endif
    .endm

    .macro lui D
    .ifc \D, M
    memory lui, 0
    get_i r0
    lsls r0, r0, #12
    uxtb r1, r3
    str r0, [r7, r1]
    bx lr
    .else
    row lui, 0, \D
    get_i \D
    lsls \D, \D, #12
    next
    .endif
    .endm

    @ r0 becomes the address of an access; the operands are those of the macro's user.
    .macro address_2 S
    .ifc \S, M
    get_a r0
    ldmia r6!, {r1}
    adds r0, r0, r1
    .else
    ldmia r6!, {r0}
    adds r0, r0, \S
    .endif
    .endm
    .macro address_c S
    lsls r0, r3, #18
    lsrs r0, r0, #26
    adds r0, r0, r0
    .ifc \S, M
    uxtb r1, r3
    ldr r1, [r7, r1]
    adds r0, r0, r1
    .else
    adds r0, r0, \S
    .endif
    .endm
    .macro address_sp
    ldr r0, [r7, #8]
    uxtb r1, r3
    adds r0, r0, r1
    .endm

    @ May it be accessed? `align` is how far to shift left to see the bits that must be 0.
    .macro check align, bad
    cmp r0, r12
    bhs \bad
    .if \align
    lsls r1, r0, #\align
    bne \bad
    .endif
    .endm
    .macro check_store align, bad
    check \align, \bad
    ldr r1, [r7, #84]       @ window.writable_start
    cmp r0, r1
    blo \bad
    add r0, r11
    .endm

    .macro end_of how
    .ifc \how, M
    bx lr
    .else
    next
    .endif
    .endm

    @ load and store of 4 bytes; ext: what makes a signed number of it.
    .macro load op, f, align, D, S, ext=none
    .ifc \D\S, MM
    memory load, \f
    .else
    row load, \f, \S, \D
    .endif
    address_2 \S
    check \align, 9b
    add r0, r11
    .ifc \D, M
    \op r0, [r0]
    .ifnc \ext, none
    \ext r0, r0
    .endif
    .ifc \S, M
    index_b r1
    .else
    uxtb r1, r3
    .endif
    str r0, [r7, r1]
    .else
    \op \D, [r0]
    .ifnc \ext, none
    \ext \D, \D
    .endif
    .endif
    .ifc \D\S, MM
    bx lr
    .else
    next
    .endif
    .endm

    .macro store op, f, align, D, S
    .ifc \D\S, MM
    memory_read store, \f
    .else
    row store, \f, \S, \D
    .endif
    address_2 \S
    check_store \align, 9b
    .ifc \D, M
    .ifc \S, M
    index_b r1
    .else
    uxtb r1, r3
    .endif
    ldr r1, [r7, r1]
    \op r1, [r0]
    .else
    \op \D, [r0]
    .endif
    .ifc \D\S, MM
    bx lr
    .else
    next
    .endif
    .endm

    .macro lwc D, S
    .ifc \D\S, MM
    memory lwc, 2
    .else
    row lwc, 2, \S, \D
    .endif
    address_c \S
    check 30, 8b
    add r0, r11
    .ifc \D, M
    ldr r0, [r0]
    lsls r1, r3, #12
    lsrs r1, r1, #26
    str r0, [r7, r1]
    .else
    ldr \D, [r0]
    .endif
    .ifc \D\S, MM
    bx lr
    .else
    next
    .endif
    .endm

    .macro swc D, S
    .ifc \D\S, MM
    memory_read swc, 2
    .else
    row swc, 2, \S, \D
    .endif
    address_c \S
    check_store 30, 8b
    .ifc \D, M
    lsls r1, r3, #12
    lsrs r1, r1, #26
    ldr r1, [r7, r1]
    str r1, [r0]
    .else
    str \D, [r0]
    .endif
    .ifc \D\S, MM
    bx lr
    .else
    next
    .endif
    .endm

    .macro lwsp D
    .ifc \D, M
    row lwsp, 2
    .else
    row lwsp, 2, \D
    .endif
    address_sp
    check 30, 8b
    add r0, r11
    .ifc \D, M
    ldr r0, [r0]
    index_b r1
    str r0, [r7, r1]
    next
    .else
    ldr \D, [r0]
    next
    .endif
    .endm

    .macro swsp D
    .ifc \D, M
    row swsp, 2
    .else
    row swsp, 2, \D
    .endif
    address_sp
    check_store 30, 8b
    .ifc \D, M
    get_b r1
    str r1, [r0]
    next
    .else
    str \D, [r0]
    next
    .endif
    .endm

    @ Ways out, in reach of the handlers below.
    .macro ways_out
8:
    b bad_1
9:
    b bad_2
    .endm
    @ Jumps as far as bits 19:8 or r3 say.
    .macro jumps
5:
    lsls r3, r3, #12
    asrs r3, r3, #18
6:
    adds r6, r6, r3
    add r9, r3
    cmp r6, r9
    bhs 4f
    next
4:
    b out_of_fuel
    .endm

    .macro br cond, f, A, B
    .ifc \A\B, MM
    memory_read br, \f
    get_a r0
    get_b r1
    ldmia r6!, {r3}
    cmp r0, r1
    .else
    row br, \f, \A, \B
    .ifc \A, M
    get_a r0
    ldmia r6!, {r3}
    cmp r0, \B
    .else
    .ifc \B, M
    get_a r0
    ldmia r6!, {r3}
    cmp \A, r0
    .else
    ldmia r6!, {r3}
    cmp \A, \B
    .endif
    .endif
    .endif
    b\cond 6b
    .ifc \A\B, MM
    bx lr
    .else
    next
    .endif
    .endm

    .macro brc cond, f, A
    .ifc \A, M
    memory_read brc, \f
    get_a r0
    cmp r0, #0
    .else
    row brc, \f, \A
    cmp \A, #0
    .endif
    b\cond 5b
    .ifc \A, M
    bx lr
    .else
    next
    .endif
    .endm
    .balign 4
limpet_threaded_handlers:
    next
    .popsection
)");
// clang-format on
