/* Limpet: a sandboxed virtual machine for microcontrollers. C and C++.
 *
 * A firmware that links one backend (an interpreter) uses five things from here: struct limpet_vm, struct
 * limpet_host, and the calls limpet_init, limpet_prepare, limpet_call and limpet_resume. A backend that translates the
 * code first needs memory for that: limpet_prepared_size tells how much.
 *
 *     static uint8_t block[512] __attribute__((aligned(4)));   // data window, then the code, then the guard
 *     struct limpet_host host = {.data = block, .code = block + 256, .call = my_host_calls, .stack_top = 128};
 *     struct limpet_vm vm;
 *     limpet_init(&vm, &(struct limpet_windows){.data_size = 256, .writable_start = 16, .code_start = 256,
 *                                               .code_size = 200});
 *     if (limpet_prepare(&vm, &host) == LIMPET_RETURN) {
 *         vm.x[10] = argument;                                  // a0..a5 are x[10]..x[15]
 *         enum limpet_status status = limpet_call(&vm, &host, entry, 1000);
 *     }
 *
 * Every address in limpet_vm is a guest address, a 32-bit number; no guest pointer is ever a host pointer.
 */
#ifndef LIMPET_H
#define LIMPET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a run ended. The numbers are those of the `limpet batch` protocol. */
enum limpet_status {
    LIMPET_RETURN = 0,     /* the guest returned; also the status of a VM that may be called */
    LIMPET_ILLEGAL = 1,    /* trap: reserved, unsupported or x16..x31 instruction */
    LIMPET_LOAD = 2,       /* trap: load outside the data window */
    LIMPET_STORE = 3,      /* trap: store outside the writable part of the data window (a stack overflow is one) */
    LIMPET_FETCH = 4,      /* trap: jump to a bad target, or running off the end of the code */
    LIMPET_BREAKPOINT = 5, /* trap: ebreak */
    LIMPET_HOST_CALL = 6,  /* trap: unknown host call id, or an argument that the host refuses */
    LIMPET_FUEL = 7,       /* the budget is used up; limpet_resume goes on */
    LIMPET_REFUSED = 8,    /* nothing was run: the VM is running, trapped or stopped, or prepare found a fault */
    LIMPET_ECALL = 9,      /* the guest executed ecall, which ends a run; the VM may be called again */
    LIMPET_RUNNING = 10    /* in limpet_vm.status only: a run is under way, or a host call left it by longjmp */
};

/* Jumping to this guest address ends a call: limpet_call puts it into ra. */
#define LIMPET_RETURN_ADDRESS 0xfffffff0u

/* A budget above this, in guest instructions, may count as this. */
#define LIMPET_FUEL_MAX 0x0fffffffu

/* A guest's code is followed by this many bytes of guard, which the loader writes: LIMPET_GUARD in each
 * halfword. The guard is an illegal instruction by itself (c.addi4spn with a zero immediate is reserved) and
 * makes a 4-byte instruction that the end of the code cuts off name a register above x15, so that interpreters
 * need not compare the pc with the end of the code at each instruction. */
#define LIMPET_GUARD_BYTES 4
#define LIMPET_GUARD 0x0008u

/* limpet_call and limpet_resume may write notes into the first bytes at limpet_host.prepared, as many as these. What is
 * behind them only limpet_prepare changes. */
#define LIMPET_PREPARED_NOTES_BYTES 12

/* What of the guest's address space exists. An image is laid out as: 0..3 unused, read-only data, stack, .data,
 * .bss (together the data window), then the code (the code window). */
struct limpet_windows {
    uint32_t data_size;      /* bytes that loads reach, from guest address 0 */
    uint32_t writable_start; /* first guest address that stores reach; they reach up to data_size */
    uint32_t code_start;     /* first guest address of the code, a multiple of 4 */
    uint32_t code_size;      /* bytes of code without the guard */
};

/* The state of one guest. It and the writable part of the data window can be copied away and back while no run
 * is under way: pause, resume, snapshot. It holds no host address. */
struct limpet_vm {
    uint32_t x[16];               /* x0..x15; x0 is always 0 */
    uint32_t pc;                  /* of the next instruction; after a trap, of the instruction that trapped */
    uint32_t fuel;                /* instructions that the budget still allows */
    uint32_t trap_address;        /* after a load or store trap the address, after a bad jump its target */
    uint32_t status;              /* enum limpet_status */
    struct limpet_windows window; /* set once by limpet_init */
};

struct limpet_host;

/* Performs host call `id` for the guest. args: a0..a4, of which args[0] receives the result. Returns LIMPET_RETURN
 * to go on; anything else becomes the status of the run, and then the arguments must have been left as they were.
 * vm->pc and all registers are those before the call. May leave by longjmp: then the VM counts as stopped until
 * limpet_init. */
typedef enum limpet_status limpet_host_call(struct limpet_vm* vm, const struct limpet_host* host, uint32_t id,
                                            uint32_t* args);

/* Where one guest lives in the memory of its host. Not part of the guest's state; may be constant. */
struct limpet_host {
    uint8_t* data;          /* the data window; a multiple of 4 */
    const uint8_t* code;    /* the code and its guard, in RAM or flash; a multiple of 2 */
    limpet_host_call* call; /* NULL: every host call traps */
    uint32_t stack_top;     /* guest address that sp starts at, a multiple of 16 */
    void* prepared;         /* for translated code; a multiple of 4. NULL where the backend needs none */
    uint32_t prepared_size; /* bytes there */
};

/* Makes vm a guest that may be called, with all registers 0. Also how a VM that has trapped or was stopped is
 * made ready again (with .data and .bss restored by the caller). */
void limpet_init(struct limpet_vm* vm, const struct limpet_windows* windows);

/* Bytes that limpet_prepare needs at host->prepared for the code in host->code; 0 for a backend that runs the code
 * where it is. */
uint32_t limpet_prepared_size(const struct limpet_vm* vm, const struct limpet_host* host);

/* Checks, and for some backends translates, the code once after it was written. Translated code stays valid for as long
 * as the code, the windows and the addresses in host do.
 * Returns LIMPET_RETURN, or LIMPET_REFUSED when the windows, the addresses in host or the guard are wrong, or what
 * host->prepared offers is not enough. */
enum limpet_status limpet_prepare(struct limpet_vm* vm, const struct limpet_host* host);

/* How many bytes from host->prepared on must stay after limpet_prepare has succeeded. Those behind them, up to
 * limpet_prepared_size, were needed by limpet_prepare only. */
uint32_t limpet_prepared_kept(const struct limpet_vm* vm, const struct limpet_host* host);

/* Not 0: limpet_call and limpet_resume use the code in host->code. 0: after limpet_prepare it may be given up. */
extern const uint8_t limpet_needs_code;

/* Calls the guest at `entry` with the arguments in vm->x[10]..vm->x[15] (a0..a5; what is not meant as an argument
 * should be 0), until it ends or at least `fuel` instructions have run. The result is vm->x[10].
 * Returns how the run ended; LIMPET_REFUSED, without any change, when the VM is not ready for a call. */
enum limpet_status limpet_call(struct limpet_vm* vm, const struct limpet_host* host, uint32_t entry, uint32_t fuel);

/* Goes on after LIMPET_FUEL with a new budget. Returns as limpet_call; LIMPET_REFUSED when there is nothing to
 * resume. */
enum limpet_status limpet_resume(struct limpet_vm* vm, const struct limpet_host* host, uint32_t fuel);

#ifdef __cplusplus
}
#endif
#endif
