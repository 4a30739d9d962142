# Guest code that tries to harm its host. The read-only data is a table: name, entry, how the run must end (enum
# limpet_status), trap pc, trap address; 0xffffffff means any. Where backends may differ, the row of the other way to end
# follows, with the same entry. A case that must go well returns, and executes ebreak when its own check fails.
    .option norvc
    .option norelax

#define RETURN 0
#define ILLEGAL 1
#define LOAD 2
#define STORE 3
#define FETCH 4
#define BREAKPOINT 5
#define HOST_CALL 6
#define FUEL 7
#define ECALL 9
#define ANY 0xffffffff
#define RETURN_ADDRESS 0xfffffff0

    .macro or_else name, status, pc=ANY, address=ANY
    .section .rodata
1:  .asciz "\name"
    .zero 16 - (. - 1b)
    .word case_\name, \status, \pc, \address
    .text
    .endm

    .macro begin name, status, pc=ANY, address=ANY
    or_else \name, \status, \pc, \address
    .balign 4
case_\name:
    .endm

    .section .rodata
table:
    .text
    .global hostile
hostile: # never called: what holds the table against the linker's garbage collection
    la a0, table
    ret

    begin load_end, LOAD, 1f, limpet_data_end
    la a5, limpet_data_end
1:  lbu a0, 0(a5)
    ret

    begin load_across_end, LOAD, 1f, limpet_data_end - 2
    la a5, limpet_data_end
1:  lw a0, -2(a5)
    ret

    begin load_wrap, LOAD, 1f, 0xfffffffe
    li a5, -2
1:  lw a0, 0(a5)
    ret

    begin load_ram, LOAD, 1f, 0x20000000
    li a5, 0x20000000
1:  lw a0, 0(a5)
    ret

    begin load_code, LOAD, 1f, limpet_code_start
    la a5, limpet_code_start
1:  lhu a0, 0(a5)
    ret

    begin store_end, STORE, 1f, limpet_data_end
    la a5, limpet_data_end
1:  sb a0, 0(a5)
    ret

    begin store_constant, STORE, 1f, limpet_writable_start - 1
    la a5, limpet_writable_start
1:  sh a0, -1(a5)
    ret

    begin store_null, STORE, 1f, 0
1:  sw a0, 0(x0)
    ret

    begin store_wrap, STORE, 1f, 0xffffffff
    li a5, -1
1:  sh a0, 0(a5)
    ret

    begin store_code, STORE, 1f, limpet_code_start
    la a5, limpet_code_start
1:  sw a0, 0(a5)
    ret

    begin store_across, STORE, 1f, limpet_data_end - 3
    la a5, limpet_data_end
1:  sw a0, -3(a5)
    ret

    begin store_half, STORE, 1f, limpet_data_end - 1
    la a5, limpet_data_end
1:  sh a0, -1(a5)
    ret

    begin store_self, STORE, 2f, 1f
1:  auipc a5, 0
    j 2f
    .balign 4
2:  sw a0, 0(a5)
    ret

    begin wrap_into, RETURN, RETURN_ADDRESS # only the sum of base and offset counts
    li a5, -2000
    lw a0, 2000(a5)
    lbu a0, 2001(a5)
    la a5, limpet_data_end
    lw a0, -4(a5)
    sw a0, -4(a5)
    ret

    begin loop_over_end, LOAD, 1f, limpet_data_end
    la a5, limpet_data_end
    addi a5, a5, -64
1:  lw a0, 0(a5)
    addi a5, a5, 4
    j 1b

    begin loop_under, STORE, 1f, limpet_writable_start - 4
    la a5, limpet_writable_start
    addi a5, a5, 64
1:  sw a0, -4(a5)
    addi a5, a5, -4
    j 1b

    begin sp_null, STORE, 1f, 0
    li sp, 0
1:  sw a0, 0(sp)
    ret

    begin sp_constant, STORE, 1f, limpet_writable_start - 4
    la sp, limpet_writable_start
    addi sp, sp, -16
1:  sw a0, 12(sp)
    ret

    begin sp_end, STORE, 1f, limpet_data_end
    la sp, limpet_data_end
1:  sw a0, 0(sp)
    ret

    begin sp_ram, LOAD, 1f, 0x20000004
    li sp, 0x20000000
1:  lw a0, 4(sp)
    ret

    begin sp_wrap, STORE, 1f, 0xfffffffc
    li sp, -16
1:  sw a0, 12(sp)
    ret

    begin sp_moves, LOAD, 1f, limpet_data_end
    la sp, limpet_data_end
    addi sp, sp, -64
1:  lw a0, 0(sp)
    addi sp, sp, 16
    j 1b

    begin sp_loaded, LOAD, 2f, 0x20000000
    li a5, 0x20000000
    sw a5, -4(sp)
    lw a0, -4(sp)
    lw sp, -4(sp)
2:  lw a0, 0(sp)
    ret

    begin sp_misaligned, RETURN, RETURN_ADDRESS
    mv a5, sp
    addi sp, sp, -17
    li a4, 0x12345678
    sw a4, 4(sp)
    lw a3, 4(sp)
    bne a3, a4, 2f
    lw a3, -13(a5)
    bne a3, a4, 2f
    mv sp, a5
    ret
2:  ebreak

    begin misaligned, RETURN, RETURN_ADDRESS
    la a5, limpet_data_end
    li a4, 0x12345678
    sw a4, -7(a5)
    lw a3, -7(a5)
    bne a3, a4, 2f
    lh a3, -5(a5)
    li a4, 0x1234
    bne a3, a4, 2f
    sh a4, -1 - 2(a5)
    lhu a3, -1 - 2(a5)
    bne a3, a4, 2f
    sw a4, -4(a5)
    lw a3, -4(a5)
    bne a3, a4, 2f
    ret
2:  ebreak

#ifndef LIMPET_DENSE // which has no encoding of what is illegal
    begin add_x16, ILLEGAL, 1f
1:  .word 0x00000833 # add x16, x0, x0

    begin add_from_x31, ILLEGAL, 1f
1:  .word 0x000f8533 # add a0, x31, x0

    begin load_x17, ILLEGAL, 1f
1:  .word 0x00402883 # lw x17, 4(x0)

    begin ones, ILLEGAL, 1f
1:  .word 0xffffffff

    begin csr, ILLEGAL, 1f
1:  .word 0xc0002573 # rdcycle a0

    begin fence_i, ILLEGAL, 1f
1:  .word 0x0000100f

#endif

    begin zeros, ILLEGAL, 1f
1:  .word 0

    begin breakpoint, BREAKPOINT, 1f
1:  ebreak

    begin end, ECALL, 1f
1:  ecall

    begin endless_loop, FUEL
1:  j 1b

    begin endless_calls, FUEL
1:  jal 2f
    j 1b
2:  ret

    begin endless_jumps, FUEL
    la a5, 1f
1:  jr a5

    begin endless_returns, FUEL
    la ra, 1f
1:  ret

    begin endless_links, FUEL
1:  jal t0, 1b

    begin endless_host, FUEL # read_clock
1:  .insn i 0x0b, 0, x0, x0, 2
    j 1b

    begin stack_overflow, STORE, 2f
1:  addi sp, sp, -16
2:  sw ra, 12(sp)
    jal 1b

    begin jump_outside, FETCH, 1f, 0x20000000
    li a5, 0x20000000
1:  jr a5

    begin return_outside, FETCH, 2f, 0x20000000
    jal 1f
    ebreak
1:  li ra, 0x20000000
2:  ret

    begin return_beside, FETCH, 1f, RETURN_ADDRESS - 16
    addi ra, ra, -16
1:  ret

    begin return_on_stack, FETCH, 2f, limpet_writable_start # overwritten there
    addi sp, sp, -16
    la a5, limpet_writable_start
    sw a5, 12(sp)
    lw ra, 12(sp)
2:  ret

    begin return_uncalled, RETURN, RETURN_ADDRESS # where no call was
    mv t0, ra
    jal 1f
    ebreak
1:  la ra, 2f
    ret
    ebreak
2:  jr t0

    begin jump_into_data, FETCH, 1f, limpet_writable_start
    la a5, limpet_writable_start
1:  jr a5

    begin jump_to_null, FETCH, 1f, 0
1:  jr x0

    begin jump_behind, FETCH, 1f, limpet_code_end
    la a5, limpet_code_end
1:  jalr a5

#ifndef LIMPET_DENSE // a branch there is not one that it could be made from; and it leaves bit 0 as it is
    begin branch_outside, FETCH, 1f
1:  beqz x0, 1b - 4096

    begin jump_odd, RETURN, RETURN_ADDRESS # bit 0 of an indirect jump's target is cleared
    la a5, 1f + 1
    jr a5
    ebreak
1:  ret
#endif

    begin host_unknown, HOST_CALL, 1f
1:  .insn i 0x0b, 0, x0, x0, 0x7ff

    begin host_pointer, HOST_CALL, 1f # spi_transfer of a buffer that runs over the end of the data
    la a0, limpet_data_end
    addi a0, a0, -4
    li a1, 5
1:  .insn i 0x0b, 0, x0, x0, 1

#if defined(__riscv_compressed) && !defined(LIMPET_DENSE)
    begin c_mv_x16, ILLEGAL, 1f
1:  .half 0x882a # c.mv x16, a0

    begin c_from_x16, ILLEGAL, 1f
1:  .half 0x8542 # c.mv a0, x16

    begin c_lui_zero, ILLEGAL, 1f
1:  .half 0x6501 # c.lui a0, 0

#endif
#if defined(__riscv_compressed) && !defined(LIMPET_DENSE)
    begin jump_inside, ILLEGAL, 2f + 2 # runs what is in the middle of an instruction,
    or_else jump_inside, FETCH, 1f, 2f + 2 # or does not jump there
    la a5, 2f + 2
1:  jr a5
2:  .word 0x00000013 # nop; its second half is illegal

    begin return_inside, ILLEGAL, 2f + 2
    or_else return_inside, FETCH, 1f, 2f + 2
    la ra, 2f + 2
1:  ret
2:  .word 0x00000013

    begin branch_inside, ILLEGAL, 2f + 2
    or_else branch_inside, FETCH, 1f, 2f + 2
1:  beqz x0, 2f + 2
2:  .word 0x00000013

#endif
#ifndef __riscv_compressed
    begin jump_misaligned, FETCH, 1f, case_jump_misaligned + 2
    la a5, case_jump_misaligned + 2
1:  jr a5
#endif

#ifdef LIMPET_DENSE // code may be filled up
    begin run_off, FETCH
#else
    begin run_off, FETCH, limpet_code_end
#endif
    nop
