/// \file
/// The dispatch loop of rv32-threaded for ARMv6-M. README.md explains it; thumb.h makes the records.
///
/// A record is a word: offset of its handler in bits 31:20, operands in the others. A is bits 7:0, B bits 15:8, both
/// offsets of registers in struct limpet_vm, and I the signed number in bits 19:8. An instruction of 4 bytes has a
/// second word. Three registers of the guest stay in registers: x15, x14 and x13 are P, Q and R.
///
///     r0 r1 r3  free; r3 holds the record        r8   handlers
///     r2 r4 r5  R, Q, P                          r9   fuel, plus r6
///     r6        the next record                  r11  the data window
///     r7        the VM                           r12  end of the data window in whole words
///     lr        dispatch, or unpinned_end
///
/// vm.fuel holds the address of the records while the loop runs.
///
/// Fuel is counted in bytes of records: 8 are an instruction of the budget. r9 is where r6 would be with none left in
/// straight code, so that only jumps have to look.
///
/// Each row of the table that follows the handlers is a key (thumb.h) and the offset of its handler. A handler whose
/// operands are M (in memory) may be entered 4 bytes earlier: then P, Q and R are in memory too while it works.
#pragma once

#include "../../../interp/limpet.h"
#include "thumb_special.h"

extern "C" {
/// Runs from vm->pc. LIMPET_RUNNING: the instruction at vm->pc is left to step().
limpet_status limpet_threaded_loop(limpet_vm* vm, const limpet_host* host);
extern const uint16_t limpet_threaded_keys[];
extern const uint8_t limpet_threaded_forms[]; ///< number of each form's first row
}

// clang-format off
asm(R"(
    .pushsection .text.limpet_threaded_loop, "ax", %progbits
    .global limpet_threaded_loop
    .type limpet_threaded_loop, %function
    .thumb_func
limpet_threaded_loop:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r11
    push {r4-r6}
    mov r7, r0
    ldr r0, [r1]            @ host.data
    mov r11, r0
    ldr r0, [r7, #80]       @ window.data_size
    lsrs r0, r0, #2
    lsls r0, r0, #2
    mov r12, r0
    ldr r0, =limpet_threaded_handlers
    mov r8, r0
    adds r0, #1
    mov lr, r0
    ldr r0, [r7, #68]       @ fuel, at most LIMPET_FUEL_MAX
    lsrs r2, r0, #28
    beq 1f
    movs r0, #0
    mvns r0, r0
    lsrs r0, r0, #4
1:
    lsls r0, r0, #3
    mov r9, r0
    ldr r0, [r1, #16]       @ host.prepared, to where fuel was
    str r0, [r7, #68]
    ldr P, [r7, #60]
    ldr Q, [r7, #56]
    ldr R, [r7, #52]
    ldr r0, [r7, #64]       @ pc
    movs r6, #0
    b jump_to
    .pool

    row jr, 0, M
    get_a r0
jump_to:                    @ r0: guest address
    movs r1, #1
    bics r0, r0, r1
    ldr r1, [r7, #88]       @ window.code_start
    subs r0, r0, r1
    ldr r1, [r7, #92]
    cmp r0, r1
    bhs outside
    lsls r3, r1, #1         @ the bits are behind code_size * 2 + 4 bytes of records
    ldr r1, [r7, #68]
    adds r3, r3, r1
    lsrs r1, r0, #6
    lsls r1, r1, #2
    adds r3, r3, r1
    ldr r1, [r3, #4]
    lsrs r3, r0, #1
    rors r1, r1, r3
    lsrs r1, r1, #1
    bcc bad_jump
    ldr r1, [r7, #68]
    lsls r0, r0, #1
    adds r0, r0, r1
    subs r1, r0, r6
    add r9, r1
    mov r6, r0
    cmp r6, r9
    bhs out_of_fuel
    next
    row jr, 0, P
    mov r0, P
    b jump_to
    row jr, 0, Q
    mov r0, Q
    b jump_to
    row jr, 0, R
    mov r0, R
    b jump_to

outside:
    ldr r1, [r7, #88]
    adds r1, r1, r0
    movs r0, #0             @ LIMPET_RETURN
    adds r1, #16            @ LIMPET_RETURN_ADDRESS, without change
    beq returned
bad_jump:
    movs r0, #10            @ LIMPET_RUNNING
    cmp r6, #0              @ it was no instruction that jumped, but the start of the run: pc is right
    beq stop_fuel
    b bad_1
returned:
    subs r1, #16
    b stop_at
out_of_fuel:
    movs r0, #7             @ LIMPET_FUEL
    b stop
bad_2:
    subs r6, #4
bad_1:
    row slow, 0
    movs r0, #10            @ LIMPET_RUNNING
    subs r6, #4
stop:
    ldr r1, [r7, #68]
    subs r1, r6, r1
    lsrs r1, r1, #1
    ldr r3, [r7, #88]
    adds r1, r1, r3
stop_at:                    @ r1: guest address
    str r1, [r7, #64]
stop_fuel:
    mov r1, r9
    subs r1, r1, r6
    bpl 1f
    movs r1, #0
1:
    adds r1, #7
    lsrs r1, r1, #3
    str r1, [r7, #68]
    str P, [r7, #60]
    str Q, [r7, #56]
    str R, [r7, #52]
end:
    pop {r4-r6}
    mov r8, r4
    mov r9, r5
    mov r11, r6
    pop {r4-r7, pc}

    @ P, Q and R to memory.
spill:
    mov r1, lr
    str P, [r7, #60]
    str Q, [r7, #56]
    str R, [r7, #52]
    mov r0, r8
    adds r0, #1
    mov lr, r0
    bx r1

    @ And back when the handler has ended.
unpin:
    mov r1, lr
    str P, [r7, #60]
    str Q, [r7, #56]
    str R, [r7, #52]
    adr r0, unpinned_end
    adds r0, #1
    mov lr, r0
    bx r1
    .balign 4
unpinned_end:
    ldr P, [r7, #60]
    ldr Q, [r7, #56]
    ldr R, [r7, #52]
    mov r0, r8
    adds r0, #1
    mov lr, r0
    next

    row nop, 1
    adds r6, #4
    row nop, 0
    next

    row callc, 0
    ldr r1, [r7, #68]
    subs r1, r6, r1
    lsrs r1, r1, #1
    ldr r0, [r7, #88]
    adds r1, r1, r0
    str r1, [r7, #4]        @ x1
    row j, 0
    jumps
    row call, 0
    ldmia r6!, {r3}
    ldr r1, [r7, #68]
    subs r1, r6, r1
    lsrs r1, r1, #1
    ldr r0, [r7, #88]
    adds r1, r1, r0
    str r1, [r7, #4]
    b 6b
    row jl, 0
    ldmia r6!, {r3}
    b 6b

    brc eq, 0, M
    brc ne, 1, M
    brc eq, 0, P
    br eq, 0, M, M
    br ne, 1, M, M
    br lt, 4, M, M
    br ge, 5, M, M
    br lo, 6, M, M
    br hs, 7, M, M
    .popsection
)");

asm(R"(
    .pushsection .text.limpet_threaded_loop, "ax", %progbits
    alu2 adds, 0, M, M
    alu2 subs, 8, M, M
    alu2 eors, 4, M, M
    alu2 orrs, 6, M, M
    alu2 ands, 7, M, M
    imm2 adds, 0, M
    imm2 ands, 7, M
    imm2 lsls, 1, M
    imm2 lsrs, 5, M
    imm2 asrs, 13, M
    alu3 adds, 0
    alu3 subs, 8
    alu3 eors, 4
    alu3 orrs, 6
    alu3 ands, 7
    alu3 lsls, 1
    alu3 lsrs, 5
    alu3 asrs, 13
    imm3 adds, 0, M, M
    imm3 ands, 7, M, M
    imm3 eors, 4, M, M
    imm3 lsls, 1, M, M
    imm3 lsrs, 5, M, M
    imm3 asrs, 13, M, M
    li M
    lui M
    const M
    mv M, M
    memory addsp, 0
    ldr r0, [r7, #8]
    get_i r1
    adds r0, r0, r1
    uxtb r1, r3
    str r0, [r7, r1]
    bx lr
    ways_out
    load ldr, 2, 30, M, M
    load ldrb, 4, 0, M, M
    load ldrb, 0, 0, M, M, sxtb
    load ldrh, 5, 31, M, M
    load ldrh, 1, 31, M, M, sxth
    lwc M, M
    ways_out
    lwsp M
    store str, 2, 30, M, M
    store strb, 0, 0, M, M
    store strh, 1, 31, M, M
    swc M, M
    swsp M
    .popsection
)");

asm(R"(
    .pushsection .rodata.limpet_threaded_keys, "a", %progbits
    .subsection 24
    .hword 0xffff
    .popsection
)");
// clang-format on
