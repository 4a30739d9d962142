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
    adds    r2, r3
    orrs    r3, r2 @ odd if the code's address or its size is
    lsls    r3, #31
    bne     1f
    ldrh    r0, [r2]
    ldrh    r1, [r2, #2]
    subs    r0, #GUARD
    subs    r1, #GUARD
    orrs    r0, r1
    beq     2f
1:  movs    r0, #REFUSED
2:  bx      lr

@ From here on: r7 the VM, r6 the guest address of the next instruction, [sp, #HOST] the host.

function limpet_call @ (vm, host, entry, fuel)
    push    {r1, r4-r7, lr}
    movs    r7, r0
    ldr     r0, [r7, #STATUS]
    cmp     r0, #0
    beq     1f
    cmp     r0, #ECALL
    bne     refuse
1:  movs    r6, r2
    movs    r0, #0
    movs    r2, #A0
2:  subs    r2, #4
    str     r0, [r7, r2]
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
    movs    r2, r3
    bcc     run

@ A jump to r0, or a call of it, which is no place for an instruction.
bad_target:
    str     r0, [r7, #TRAP_ADDRESS]
fetch_trap:
    movs    r0, #FETCH
    b       stop
refuse:
    movs    r0, #REFUSED
    b       leave
illegal:
    movs    r0, #ILLEGAL
stop: @ with status r0
    str     r0, [r7, #STATUS]
leave:
    pop     {r1, r4-r7, pc}

@ Sets the carry if there is no code at guest address r0. Changes r1 and r2.
is_outside:
    ldr     r1, [r7, #CODE_START]
    subs    r1, r0, r1
    ldr     r2, [r7, #CODE_SIZE]
    cmp     r1, r2
    bx      lr

function limpet_resume @ (vm, host, fuel)
    push    {r1, r4-r7, lr}
    movs    r7, r0
    ldr     r6, [r7, #PC]
    ldr     r0, [r7, #STATUS]
    cmp     r0, #FUEL
    bne     refuse
run:
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

@ Handlers. r0 = funct3 of a 32-bit instruction, r1 = x[rs1], r2 = the immediate, r3 = x[rs2], r4 = 4 * rd; 0 what the
@ row says is not used.
    .balign 2
    nop @ add pc reads pc as the address behind this
handlers:

    .if LIMPET_COMPRESSED
h_c_addi4spn: @ the first, so that h_c_lui can name it, with format 0, by 0
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
    ldr     r2, [r7, #FUEL_LEFT]
    subs    r2, #1
    b       next

    .if LIMPET_COMPRESSED
h_c_lui: @ and c.addi16sp, which is c.lui with rd = sp
    cmp     r4, #SP
    bne     1f
    movs    r3, #0
    b       immediate
1:  lsls    r2, #12
    b       nonzero

h_c_arith:
    lsrs    r0, r5, #29 @ bits 12:10
    cmp     r0, #3
    bne     1f
    lsls    r0, r5, #6 @ bits 6:5
    lsrs    r0, #30
    adds    r0, #arithmetic_of_registers - arithmetic
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

h_c_jump: @ c.jr, c.jalr, c.mv, c.add, c.ebreak; bit 12 tells the second of a pair
    asrs    r0, r5, #31
    lsls    r2, r5, #25
    lsrs    r2, #27
    bne     1f
    cmp     r4, #0
    beq     c_ebreak
    movs    r4, #RA
    ands    r4, r0
    b       jump_register
1:  ands    r1, r0
    b       add_registers
    .endif

h_fence:
    cmp     r0, #0
    bne     illegal_near
    b       done

h_system:
h_host_call:
    lsls    r0, r5, #12
    lsrs    r0, #19
    bne     illegal_near
    lsrs    r2, r5, #20
    lsls    r0, r5, #25
    bpl     1f
    movs    r0, #ECALL
    subs    r2, #1
    bcc     stop_near
    bne     illegal_near
    .if LIMPET_COMPRESSED
c_ebreak: @ unless r0, which is bit 12, is 0
    cmp     r0, #0
    beq     illegal_near
    .endif
    movs    r0, #BREAKPOINT
stop_near:
    b       stop
1:  ldr     r1, [sp, #HOST]
    ldr     r4, [r1, #HOST_CALL_BACK]
    movs    r3, r7
    adds    r3, #A0
    movs    r0, #HOST_CALL
    cmp     r4, #0
    beq     stop_near
    movs    r0, r7
    blx     r4
    cmp     r0, #0
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
    bmi     1f
    beq     1f
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
h_branch: @ r5 = 0 if the branch is taken, else -1
    lsrs    r0, #1
    sbcs    r5, r5
    lsls    r0, #2
    cmp     r1, r3
    add     pc, r0
illegal_here:
    b       illegal
    beq     1f
    b       2f
    b       illegal
bad_target_near:
    b       bad_target
    blt     1f
    b       2f
    bcs     2f
1:  mvns    r5, r5
2:  cmp     r5, #0
    beq     h_jal
    b       done

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
    bne     bad_target_near
    .endif
    bl      is_outside
    bcc     1f
    movs    r1, r0
    adds    r1, #16 @ LIMPET_RETURN_ADDRESS
    bne     bad_target_near
1:  movs    r1, r6
    movs    r6, r0
    b       write

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
    lsrs    r5, r0, #1 @ what is illegal has two ones side by side: loads 3, 6, 7; stores 8 + 3, .. 8 + 7
    tst     r5, r0
    bne     illegal_here
    adds    r1, r2
    movs    r5, #3
    ands    r5, r0
    lsrs    r2, r5, #1
    orrs    r2, r5 @ bytes - 1
    ldr     r5, [r7, #DATA_SIZE]
    subs    r5, r1
    bcc     access_trap
    cmp     r5, r2
    bls     access_trap
    ldr     r5, [sp, #HOST]
    ldr     r5, [r5, #HOST_DATA]
    cmp     r0, #8
    bcs     3f
    adds    r1, r5
    cmp     r0, #4
    bcs     1f
    ldrsb   r3, [r1, r2]
    asrs    r3, #8
1:  lsls    r3, #8
    ldrb    r5, [r1, r2]
    orrs    r3, r5
    subs    r2, #1
    bpl     1b
    movs    r1, r3
    b       write
3:  ldr     r4, [r7, #WRITABLE_START]
    cmp     r1, r4
    bcc     access_trap
    adds    r1, r5
4:  strb    r3, [r1]
    lsrs    r3, #8
    adds    r1, #1
    subs    r2, #1
    bpl     4b
    b       done
access_trap:
    str     r1, [r7, #TRAP_ADDRESS]
    lsrs    r0, #3
    adds    r0, #LOAD
    b       stop

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
