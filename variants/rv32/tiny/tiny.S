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

    .equ    HOST, 4 @ in our frame: struct limpet_host

    .equ    SHORT_ROWS, LIMPET_COMPRESSED * 24

    .macro  function name
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    .endm

    .section .text.limpet, "ax", %progbits
    .balign 4

function limpet_init @ (vm, windows)
    movs    r3, #0
    movs    r2, #DATA_SIZE
1:  stmia   r0!, {r3}
    subs    r2, #4
    bne     1b
    ldmia   r1!, {r2, r3}
    stmia   r0!, {r2, r3}
    ldmia   r1!, {r2, r3}
    stmia   r0!, {r2, r3}
    bx      lr

function limpet_prepare @ (vm, host)
    ldr     r3, [r0, #CODE_SIZE]
    ldr     r2, [r1, #HOST_CODE]
    ldr     r1, [r1, #HOST_DATA]
    movs    r0, r2
    orrs    r0, r3
    lsls    r0, #31
    lsls    r1, #30
    orrs    r0, r1
    bne     1f
    adds    r2, r3
    ldrh    r0, [r2]
    ldrh    r1, [r2, #2]
    subs    r0, #GUARD
    subs    r1, #GUARD
    orrs    r0, r1
    bne     1f
function limpet_prepared_size
function limpet_prepared_kept
    movs    r0, #0
    bx      lr
1:  movs    r0, #REFUSED
    bx      lr

@ From here on: r7 the VM, r6 the guest address of the next instruction, [sp, #HOST] the host.

function limpet_call @ (vm, host, entry, fuel)
    push    {r0-r2, r4-r7, lr}
    movs    r7, r0
    ldr     r0, [r7, #STATUS]
    cmp     r0, #0
    beq     1f
    cmp     r0, #ECALL
    bne     refuse
1:  movs    r4, r3
    movs    r6, r2
    movs    r0, #0
    movs    r3, #A0
2:  subs    r3, #4
    str     r0, [r7, r3]
    bne     2b
    subs    r0, #16 @ LIMPET_RETURN_ADDRESS
    str     r0, [r7, #RA]
    ldr     r0, [r1, #HOST_STACK_TOP]
    str     r0, [r7, #SP]
    str     r6, [r7, #PC]
    movs    r0, r6
    lsls    r1, r6, #30 + LIMPET_COMPRESSED
    bne     bad_target
    bl      is_outside
    bcc     run

@ A jump to r0, or a call of it, which is no place for an instruction.
bad_target:
    str     r0, [r7, #TRAP_ADDRESS]
    movs    r1, #FETCH
    b       stop
refuse:
    movs    r0, #REFUSED
    b       leave
illegal:
    movs    r1, #ILLEGAL
stop: @ with status r1
    str     r1, [r7, #STATUS]
    movs    r0, r1
leave:
    add     sp, #12
    pop     {r4-r7, pc}

@ Sets the carry if there is no code at guest address r0. Changes r1 and r2.
is_outside:
    ldr     r1, [r7, #CODE_START]
    subs    r1, r0, r1
    ldr     r2, [r7, #CODE_SIZE]
    cmp     r1, r2
    bx      lr

function limpet_resume @ (vm, host, fuel)
    push    {r0-r2, r4-r7, lr}
    movs    r7, r0
    movs    r4, r2
    ldr     r6, [r7, #PC]
    ldr     r0, [r7, #STATUS]
    cmp     r0, #FUEL
    bne     refuse
run: @ with r4 units of fuel
    movs    r0, #RUNNING
    str     r0, [r7, #STATUS]
    movs    r0, r4
next: @ with r0 units of fuel
    str     r0, [r7, #FUEL_LEFT]
    str     r6, [r7, #PC]
    movs    r1, r6
    adds    r1, #16 @ back from the call: LIMPET_RETURN is 0
    beq     stop
    movs    r1, #FUEL
    cmp     r0, #0
    beq     stop

@ Fetch. r5 = the instruction, r4 = 8 * its two lowest bits, r3 = which of their rows is its.
    ldr     r1, [r7, #CODE_START]
    subs    r1, r6, r1
    ldr     r2, [sp, #HOST]
    ldr     r2, [r2, #HOST_CODE]
    adds    r2, r1
    ldrh    r5, [r2]
    adds    r6, #2
    lsls    r4, r5, #30
    lsrs    r4, #27
    .if LIMPET_COMPRESSED
    lsrs    r3, r5, #13
    cmp     r4, #24
    bne     1f
    .endif
    lsls    r3, r5, #26 @ row_of_opcode
    lsrs    r3, #28
    lsls    r0, r5, #25
    lsrs    r0, #31
    lsls    r0, #1
    eors    r3, r0
    ldrh    r1, [r2, #2]
    lsls    r1, #16
    orrs    r5, r1
    adds    r6, #2
1:  subs    r0, r6, #2
    bl      is_outside
    movs    r1, #FETCH
    bcs     stop

@ r3 = its row: flag, uses of rd, rs1, rs2, format of the immediate, handler, from bit 31 on.
    .if !LIMPET_COMPRESSED
    cmp     r4, #24
    bne     illegal
    subs    r4, #24
    .endif
    adds    r4, r3
    adr     r3, rows
    lsls    r0, r4, #1
    ldrh    r3, [r3, r0]
    lsls    r3, #16

@ r4, r1, r2 = the fields of rd, rs1, rs2, in their topmost five bits.
    .if LIMPET_COMPRESSED
    cmp     r4, #SHORT_ROWS
    bcc     short_fields
    .endif
    lsls    r0, r5, #25
    eors    r0, r3
    bmi     illegal
    lsls    r3, #1
    lsls    r1, r5, #12
    lsls    r2, r5, #7
    lsls    r4, r5, #20
    .if LIMPET_COMPRESSED
    b       fields
short_fields:
    lsls    r0, r5, #19 @ so that immediates of all lengths start at bit 31
    orrs    r5, r0
    movs    r1, r5
    lsls    r3, #1
    bcc     1f
    movs    r2, #0x21 @ primed: the upper two bits of both fields become 01, which adds 8
    lsls    r2, #5
    orrs    r1, r2
    lsls    r2, #1
    bics    r1, r2
1:  lsls    r2, r1, #25
    lsls    r1, #20
    cmp     r4, #8
    mov     r4, r1
    bcs     fields
    mov     r4, r2
fields:
    .endif
    lsls    r3, #1
    bcs     1f
    movs    r4, #0
1:  lsls    r3, #1
    bcs     1f
    movs    r1, #0
1:  lsls    r3, #1
    bcs     1f
    movs    r2, #0
1:  movs    r0, r1
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
    adr     r2, formats
    lsrs    r0, r3, #28
    ldrb    r0, [r2, r0]
    adds    r2, r0
    lsls    r3, #4
    lsrs    r3, #23
    mov     lr, r3
    movs    r1, r5
    movs    r6, #0
1:  ldrb    r3, [r2]
    adds    r2, #1
    lsrs    r4, r3, #5
    beq     2f
    movs    r0, r1
    lsls    r1, r4
    movs    r7, r1
    lsrs    r7, r4
    subs    r0, r7
    rors    r0, r3
    adds    r6, r0
    b       1b
2:  lsls    r6, r3
    asrs    r6, r3
    movs    r2, r6
    pop     {r1, r3, r4, r6, r7}
    lsls    r0, r5, #17
    lsrs    r0, #29
    add     pc, lr

@ Handlers. r0 = funct3 of a 32-bit instruction, r1 = x[rs1], r2 = the immediate, r3 = x[rs2], r4 = 4 * rd; 0 what the
@ row says is not used.
    .balign 2
    nop @ add pc reads pc as the address behind this
handlers:

    .if LIMPET_COMPRESSED
h_c_lui: @ and c.addi16sp, which is c.lui with rd = sp
    cmp     r4, #SP
    bne     1f
    movs    r3, #(h_c_addi4spn - handlers) / 2
    lsls    r3, #20
    b       immediate
1:  lsls    r2, #12
    b       nonzero
h_c_addi4spn:
    ldr     r1, [r7, #SP]
nonzero:
    cmp     r2, #0
    bne     h_add
    .endif
illegal_near:
h_illegal:
    b       illegal

@ Ends of an instruction: x[r4 / 4] = r1, or nothing.
h_auipc:
    ldr     r1, [r7, #PC]
h_add:
    adds    r1, r2
write:
    cmp     r4, #0
    beq     done
    str     r1, [r7, r4]
done:
    ldr     r0, [r7, #FUEL_LEFT]
    subs    r0, #1
    b       next

    .if LIMPET_COMPRESSED

h_c_arith:
    lsls    r0, r5, #20
    lsrs    r0, #30
    cmp     r0, #2
    beq     1f
    cmp     r5, #0
    blt     illegal_near
    cmp     r0, #3
    bne     1f
    lsls    r0, r5, #25
    lsrs    r0, #30
    adds    r0, #3
    b       2f
1:  movs    r3, r2
2:  adr     r2, arithmetic
    ldrb    r0, [r2, r0]
    b       alu

h_c_slli:
    cmp     r5, #0
    blt     illegal_near
    lsls    r1, r2
    b       write

h_c_jump: @ c.jr, c.jalr, c.mv, c.add, c.ebreak
    lsls    r0, r5, #25
    lsrs    r0, #27
    bne     2f
    cmp     r4, #0
    beq     3f
    movs    r4, #0
    cmp     r5, #0
    bge     1f
    movs    r4, #RA
1:  b       jump_register
2:  cmp     r5, #0
    blt     1f
    movs    r1, #0
1:  b       add_registers
3:  cmp     r5, #0
    blt     breakpoint
    b       illegal
    .endif

h_fence:
    cmp     r0, #0
    bne     illegal_near
    b       done

h_system:
    lsrs    r0, r5, #7
    movs    r1, #ECALL
    cmp     r0, #0
    beq     stop_near
    movs    r2, #1
    lsls    r2, #13
    cmp     r0, r2
    bne     illegal_near
breakpoint:
    movs    r1, #BREAKPOINT
stop_near:
    b       stop

h_host_call:
    lsls    r0, r5, #12
    lsrs    r0, #19
    bne     illegal_near
    lsrs    r2, r5, #20
    ldr     r1, [sp, #HOST]
    ldr     r4, [r1, #HOST_CALL_BACK]
    movs    r3, r7
    adds    r3, #A0
    movs    r0, #HOST_CALL
    cmp     r4, #0
    beq     1f
    movs    r0, r7
    blx     r4
1:  movs    r1, r0
    bne     stop_near
    b       done

h_op_imm:
    movs    r3, r2
    .if LIMPET_MULTIPLY
    b       1f
h_op:
    lsrs    r2, r5, #25
    cmp     r2, #1
    bne     1f
    b       multiply_divide
1:
    .else
h_op:
    .endif
    lsls    r2, r0, #30
    lsrs    r2, #30
    cmp     r2, #1
    bne     1f
    lsls    r3, #27
    lsrs    r3, #27
    b       2f
1:  lsls    r2, r5, #26
    bpl     alu
2:  lsrs    r2, r5, #25
    beq     alu
    cmp     r2, #0x20
    bne     illegal_near
    adds    r0, #8
alu: @ r1 = r1 <what r0 says> r3: funct3, 8 for sub, 13 for sra
    cmp     r0, #8
    bcs     2f
    lsls    r0, #2
    add     pc, r0
1:  b       write
add_registers:
    adds    r1, r3
    b       write
    lsls    r1, r3
    b       write
    cmp     r1, r3
    b       set_less
    cmp     r1, r3
    b       set_less_unsigned
    eors    r1, r3
    b       write
    lsrs    r1, r3
    b       write
    orrs    r1, r3
    b       write
    ands    r1, r3
    b       write
2:  bne     3f
    subs    r1, r3
    b       write
3:  cmp     r0, #13
    bne     illegal_near
    asrs    r1, r3
    b       write
set_less:
    blt     5f
4:  movs    r1, #0
    b       write
set_less_unsigned:
    bcs     4b
5:  movs    r1, #1
    b       write

    .if LIMPET_COMPRESSED
h_c_branch:
    lsls    r0, r5, #18
    lsrs    r0, #31
    .endif
h_branch:
    lsls    r0, #2
    cmp     r1, r3
    add     pc, r0
illegal_here:
    b       illegal
    beq     h_jal
    b       done
    bne     h_jal
6:  b       done
    b       illegal
    nop
    b       illegal
    nop
    blt     h_jal
    b       done
    bge     h_jal
    b       done
    bcc     h_jal
    b       done
    bcc     6b
    b       h_jal

h_jalr:
    cmp     r0, #0
    bne     illegal_here
jump_register:
    adds    r0, r1, r2
    lsrs    r0, #1
    lsls    r0, #1
    b       jump
h_c_jal:
    movs    r4, #RA
h_jal:
    ldr     r0, [r7, #PC]
    adds    r0, r2
jump:
    .if !LIMPET_COMPRESSED
    lsls    r1, r0, #30
    bne     bad_target_far
    .endif
    bl      is_outside
    bcs     2f
1:  movs    r1, r6
    movs    r6, r0
    b       write
2:  movs    r1, r0
    adds    r1, #16 @ LIMPET_RETURN_ADDRESS
    beq     1b
bad_target_far:
    b       bad_target

    .if LIMPET_COMPRESSED
h_c_swsp:
    ldr     r1, [r7, #SP]
h_c_sw:
    movs    r0, #2
    .endif
h_store:
    adds    r0, #8
    .if LIMPET_COMPRESSED
    b       h_load
h_c_lwsp:
    cmp     r4, #0
    beq     illegal_here
    ldr     r1, [r7, #SP]
h_c_lw:
    movs    r0, #2
    .endif
h_load: @ r0 = funct3, + 8 for a store
    ldr     r5, legal_accesses
    lsrs    r5, r0
    lsrs    r5, #1
    bcc     illegal_here
    adds    r1, r2
    movs    r5, #3
    ands    r5, r0
    movs    r2, #1
    lsls    r2, r5
    ldr     r5, [r7, #DATA_SIZE]
    cmp     r1, r5
    bcs     access_trap
    subs    r5, r1
    cmp     r5, r2
    bcc     access_trap
    cmp     r0, #8
    bcc     1f
    ldr     r5, [r7, #WRITABLE_START]
    cmp     r1, r5
    bcs     1f
access_trap:
    str     r1, [r7, #TRAP_ADDRESS]
    lsrs    r1, r0, #3
    adds    r1, #LOAD
    b       stop
1:  ldr     r5, [sp, #HOST]
    ldr     r5, [r5, #HOST_DATA]
    adds    r1, r5
    cmp     r0, #8
    bcs     4f
    cmp     r0, #4
    bcs     2f
    subs    r5, r2, #1
    ldrsb   r3, [r1, r5]
    asrs    r3, #8
2:  subs    r2, #1
    lsls    r3, #8
    ldrb    r5, [r1, r2]
    orrs    r3, r5
    cmp     r2, #0
    bne     2b
    movs    r1, r3
    b       write
4:  strb    r3, [r1]
    lsrs    r3, #8
    adds    r1, #1
    subs    r2, #1
    bne     4b
    b       done

    .balign 4
legal_accesses:
    .word   0x0737 @ loads of funct3 0, 1, 2, 4, 5, stores of 0, 1, 2
    .macro  row flags, format, handler
    .hword  0b\flags << 12 | \format << 8 | (h_\handler - handlers) / 2
    .endm
rows:
    .if LIMPET_COMPRESSED
    rows_of_short_instructions
    .endif
    rows_of_long_instructions
formats:
    formats_of_immediates
    .balign 4
arithmetic: @ of c.srli, c.srai, c.andi; c.sub, c.xor, c.or, c.and
    .byte   5, 13, 7, 8, 4, 6, 7

    .if LIMPET_MULTIPLY
    .balign 2
multiply_divide: @ r1 = r1 <what funct3 r0 says> r3
    push    {r4, r6}
    cmp     r0, #0
    bne     1f
    muls    r1, r3
    b       9f
1:  cmp     r0, #4
    bcs     3f
    movs    r2, #0 @ what a factor's sign bit counts for less than the unsigned product has it
    cmp     r0, #3
    beq     2f
    asrs    r2, r1, #31
    ands    r2, r3
    cmp     r0, #1
    bne     2f
    asrs    r4, r3, #31
    ands    r4, r1
    adds    r2, r4
2:  uxth    r4, r1 @ the upper half of the product, from 16-bit halves
    uxth    r5, r3
    lsrs    r1, #16
    lsrs    r3, #16
    movs    r6, r4
    muls    r6, r5
    lsrs    r6, #16
    muls    r5, r1
    muls    r4, r3
    muls    r1, r3
    adds    r5, r6
    uxth    r6, r5
    adds    r4, r6
    lsrs    r5, #16
    lsrs    r4, #16
    adds    r1, r5
    adds    r1, r4
    subs    r1, r2
    b       9f
3:  movs    r2, #0 @ all ones: the result is to be negated
    lsrs    r4, r0, #1
    bcs     4f
    asrs    r2, r1, #31
    eors    r1, r2
    subs    r1, r2
    asrs    r4, r3, #31
    eors    r3, r4
    subs    r3, r4
    cmp     r0, #6
    beq     4f
    eors    r2, r4
4:  movs    r4, #0
    movs    r5, #1
    cmp     r3, #0
    bne     5f
    mvns    r4, r4 @ divided by zero: all ones, remainder is the dividend
    cmp     r0, #6
    bcs     8f
    movs    r2, #0
    b       8f
5:  cmp     r3, r1
    bcs     6f
    cmp     r3, #0
    blt     6f
    lsls    r3, #1
    lsls    r5, #1
    b       5b
6:  cmp     r1, r3
    bcc     7f
    subs    r1, r3
    orrs    r4, r5
7:  lsrs    r3, #1
    lsrs    r5, #1
    bne     6b
8:  cmp     r0, #6
    bcs     1f
    movs    r1, r4
1:  eors    r1, r2
    subs    r1, r2
9:  pop     {r4, r6}
    b       write
    .endif

    .section .rodata.limpet_needs_code, "a", %progbits
    .global limpet_needs_code
limpet_needs_code:
    .byte   1
