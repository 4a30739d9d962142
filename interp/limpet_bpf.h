/* Limpet for eBPF guests (RFC 9669). C and C++. Read limpet.h first: what is not said here is as there.
 *
 *     static struct limpet_bpf_frame frames[8];
 *     static const struct limpet_bpf_host host = {
 *         .memory = {.data = block, .code = program, .call = my_host_calls, .stack_top = 512},
 *         .frames = frames, .frame_count = 8, .frame_bytes = 64};
 *     struct limpet_bpf_vm vm;
 *     limpet_bpf_init(&vm, &windows);
 *     if (limpet_bpf_prepare(&vm, &host) == LIMPET_RETURN) {
 *         vm.r[2 * 1] = argument;                                 // r1; the upper half is vm.r[2 * 1 + 1]
 *         enum limpet_status status = limpet_bpf_call(&vm, &host, entry, 1000);
 *     }
 *
 * A program is verified by limpet_bpf_prepare, once; nothing runs before. Code addresses are guest addresses: the first
 * instruction is at code_start, each takes 8 bytes (lddw two times 8). Memory is addressed by 64-bit numbers, of which
 * those from 2^32 on are outside every window.
 *
 * bpf-packed runs packed code alone (images of that encoding): then host.memory.code has any alignment, code addresses
 * count bytes of packed code, and host.memory.prepared holds a bit for each of them.
 */
#ifndef LIMPET_BPF_H
#define LIMPET_BPF_H

#include "limpet.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The state of one guest. r0..r2 and those that fit into struct limpet_vm, whose x they take, follow each other, so
 * that firmwares see eBPF guests as they see the others: host calls, windows, pc, fuel, status. */
struct limpet_bpf_vm {
    uint32_t depth; /* local calls under way */
    union {
        uint32_t r[22]; /* r0..r10, each its lower half first */
        struct {
            uint32_t r0_r2[6];
            struct limpet_vm vm; /* after a return, pc is the address of the exit */
        } as;
    };
};

/* What a local call keeps: r6..r9 of the caller, and where it goes on. */
struct limpet_bpf_frame {
    uint32_t saved[8];
    uint32_t pc;
};

/* Where one guest lives in the memory of its host. */
struct limpet_bpf_host {
    struct limpet_host memory;       /* code is a multiple of 4 and needs no guard; stack_top, where r10 starts, of 8 */
    struct limpet_bpf_frame* frames; /* out of the guest's reach; part of its state while calls are under way */
    uint32_t frame_count;            /* how deep local calls may nest; one more is the trap LIMPET_STORE */
    uint32_t frame_bytes;            /* how far below its caller's r10 that of a called function is, a multiple of 8 */
};

/* As limpet_init. The guest may be called when it has been prepared. */
void limpet_bpf_init(struct limpet_bpf_vm* vm, const struct limpet_windows* windows);

/* Bytes that limpet_bpf_prepare needs at host->memory.prepared, and that must stay there; 0 for a backend that runs the
 * program where it is. Every backend needs host->memory.code while it runs. */
uint32_t limpet_bpf_prepared_size(const struct limpet_bpf_vm* vm, const struct limpet_bpf_host* host);

/* Verifies the program: every instruction is one that RFC 9669 defines (without callx and the legacy packet
 * instructions), its unused fields are 0, r10 is not written, every jump goes to an instruction, and no path runs off
 * the end. Some backends then translate it. Returns LIMPET_RETURN, or LIMPET_REFUSED: then vm.pc is the address of the
 * instruction at fault, or what host->memory.prepared offers is not enough. */
enum limpet_status limpet_bpf_prepare(struct limpet_bpf_vm* vm, const struct limpet_bpf_host* host);

/* As limpet_call. Arguments are in r1..r5; of what else a guest can see, r10 is stack_top and the rest 0. The result is
 * r0. Host calls get the lower halves of r1..r5, and their result, 32 bits wide, becomes r0. */
enum limpet_status limpet_bpf_call(struct limpet_bpf_vm* vm, const struct limpet_bpf_host* host, uint32_t entry,
                                   uint32_t fuel);

/* As limpet_resume. */
enum limpet_status limpet_bpf_resume(struct limpet_bpf_vm* vm, const struct limpet_bpf_host* host, uint32_t fuel);

#ifdef __cplusplus
}
#endif
#endif
