// eBPF code that tries to harm its host, as hostile_guest.S. Each case is a program of its own, which begins at its
// entry and ends where the next one begins; the trap's pc is given as its slot. Those that must be refused are not run.
// What no assembler makes is written as `insn`.

#define RETURN 0
#define LOAD 2
#define STORE 3
#define HOST_CALL 6
#define FUEL 7
#define REFUSED 8
#define ANY 0xffffffff
#define FRAMES 32 // bpf_guest.cpp
#define FRAME_BYTES 64 // as frame_overflow makes them

    .macro begin name, status, slot, address=ANY
    .section .rodata, "a", @progbits
1:  .ascii "\name"
    .zero 16 - (. - 1b)
    .long case_\name - hostile, \status, case_\name - hostile + 8 * \slot, \address
    .text
case_\name:
    .endm

    .macro insn opcode, registers, offset, immediate
    .byte \opcode, \registers // the source is in the upper half
    .short \offset
    .long \immediate
    .endm

    .data
variables: // where the stack ends
    .zero 16
data_end:
    .text
    .global hostile
hostile:

    begin load_end, LOAD, 2, data_end
    r1 = data_end ll
    r0 = *(u8 *)(r1 + 0)
    exit

    begin load_across_end, LOAD, 2, data_end - 4
    r1 = data_end ll
    r0 = *(u64 *)(r1 - 4)
    exit

    begin load_before, LOAD, 1, 0xffffffff
    r1 = 0
    r0 = *(u8 *)(r1 - 1)
    exit

    begin load_wrap, LOAD, 1, 0xfffffffe
    w1 = -2
    r0 = *(u32 *)(r1 + 0)
    exit

    begin load_carry, LOAD, 1, 8 // the sum of address and offset is 2^32 + 8
    w1 = -8
    r0 = *(u8 *)(r1 + 16)
    exit

    begin load_upper, LOAD, 2, 8
    r1 = 0x100000008 ll
    r0 = *(u32 *)(r1 + 0)
    exit

    begin load_negative, LOAD, 2, 8
    r1 = 0xffffffff00000008 ll
    r0 = *(u8 *)(r1 + 0)
    exit

    begin load_ram, LOAD, 1, 0x20000000
    r1 = 0x20000000
    r0 = *(u32 *)(r1 + 0)
    exit

    begin store_end, STORE, 2, data_end
    r1 = data_end ll
    *(u8 *)(r1 + 0) = r2
    exit

    begin store_across, STORE, 2, data_end - 1
    r1 = data_end ll
    *(u16 *)(r1 - 1) = r2
    exit

    begin store_constant, STORE, 2, writable_start - 1
    r1 = writable_start ll
    *(u16 *)(r1 - 1) = r2
    exit

    begin store_null, STORE, 1, 0
    r1 = 0
    *(u64 *)(r1 + 0) = r2
    exit

    begin store_upper, STORE, 5, variables
    r1 = variables ll
    r2 = 0x100000000 ll
    r1 += r2
    *(u32 *)(r1 + 0) = r2
    exit

    begin store_immediate, STORE, 2, data_end - 7
    r1 = data_end ll
    insn 0x7a, 0x01, -7, 5 // *(u64 *)(r1 - 7) = 5
    exit

    begin atomic_across, STORE, 2, data_end - 4
    r1 = data_end ll
    insn 0xdb, 0x21, -4, 0 // lock *(u64 *)(r1 - 4) += r2
    exit

    begin atomic_constant, STORE, 2, writable_start - 8
    r1 = writable_start ll
    insn 0xdb, 0x21, -8, 0xf1 // r0 = cmpxchg_64(r1 - 8, r0, r2)
    exit

    begin misaligned, RETURN, 15
    r1 = data_end ll
    r2 = 0x123456789abcdef0 ll
    *(u64 *)(r1 - 9) = r2
    r3 = *(u64 *)(r1 - 9)
    if r3 != r2 goto wrong
    insn 0xdb, 0x21, -9, 0 // lock *(u64 *)(r1 - 9) += r2
    r3 = *(u32 *)(r1 - 9)
    w2 <<= 1
    if r3 != r2 goto wrong
    *(u16 *)(r1 - 3) = r2
    r3 = *(u16 *)(r1 - 3)
    w2 &= 0xffff
    if r3 != r2 goto wrong
    exit
wrong:
    call 0x7ff
    exit

    begin host_unknown, HOST_CALL, 0
    call 0x7ff
    exit

    begin host_pointer, HOST_CALL, 4 // spi_transfer of a buffer that runs over the end of the data
    r1 = data_end ll
    r1 += -4
    r2 = 5
    call 1
    exit

    begin endless_loop, FUEL, 0
    insn 0x05, 0, -1, 0

    begin calls_too_deep, STORE, 0, variables - (FRAMES + 1) * FRAME_BYTES
    insn 0x85, 0x10, 0, -1 // itself
    exit

    begin frame_overflow, STORE, 0, variables - 10 * FRAME_BYTES // there is room for nine
    *(u64 *)(r10 - FRAME_BYTES) = r1
    insn 0x85, 0x10, 0, -2
    exit

    begin write_r10, REFUSED, 1
    r0 = 0
    insn 0xb7, 0x0a, 0, 0x20000000
    exit

    begin load_r10, REFUSED, 0
    insn 0x79, 0x1a, 0, 0
    exit

    begin fetch_r10, REFUSED, 0
    insn 0xdb, 0xa1, 0, 0xe1 // r10 = xchg_64(r1, r10)
    exit

    begin r11, REFUSED, 0
    insn 0xb7, 0x0b, 0, 0
    exit

    begin from_r15, REFUSED, 0
    insn 0xbf, 0xf0, 0, 0
    exit

    begin ones, REFUSED, 0
    insn 0xff, 0xff, -1, -1
    exit

    begin zeros, REFUSED, 0
    insn 0, 0, 0, 0
    exit

    begin packet, REFUSED, 0
    insn 0x20, 0, 0, 0
    exit

    begin indirect_call, REFUSED, 0
    insn 0x8d, 0, 0, 1
    exit

    begin unused_field, REFUSED, 0
    insn 0x95, 0, 1, 0
    exit

    begin jump_outside, REFUSED, 0
    insn 0x05, 0, 1, 0
    exit

    begin jump_before, REFUSED, 1
    r0 = 0
    insn 0x05, 0, -3, 0
    exit

    begin long_jump, REFUSED, 0
    insn 0x06, 0, 0, 0x04000000
    exit

    begin branch_outside, REFUSED, 0
    insn 0x15, 0x01, 0x7fff, 0
    exit

    begin jump_into_lddw, REFUSED, 0
    insn 0x05, 0, 1, 0
    r0 = 1 ll
    exit

    begin branch_in_lddw, REFUSED, 2
    r0 = 1 ll
    insn 0x1d, 0x10, -2, 0
    exit

    begin call_outside, REFUSED, 0
    insn 0x85, 0x10, 0, 1
    exit

    begin call_into_lddw, REFUSED, 0
    insn 0x85, 0x10, 0, 1
    r0 = 1 ll
    exit

    begin half_of_lddw, REFUSED, 0
    insn 0x18, 0, 0, 0
    exit

    begin run_off, REFUSED, 1
    r0 = 0
    r0 = 1

    begin run_off_branch, REFUSED, 1
    exit
    insn 0x15, 0x00, -2, 0

    begin run_off_lddw, REFUSED, 0
    insn 0x18, 0, 0, 0

    .section .rodata
writable_start:
