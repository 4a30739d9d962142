/* The sideload service: guests that are uploaded into a running firmware and run beside its own tasks. C and C++.
 *
 * A firmware keeps one struct limpet_service for each guest (a VM), with the guest's memory, its block, behind it. Its
 * commands fill the block and seal it; from then on entries of the guest run on command, or as a task when the VM's
 * timer goes off. Guest code runs in the firmware's tasks only, in time slices: an entry is paused when its slice is
 * over and goes on in the next round of tasks. A VM whose guest does wrong, or takes more slices than it may, is
 * stopped, its state is reported, and the firmware goes on.
 *
 * At the end stands what the firmware provides.
 */
#ifndef LIMPET_SERVICE_H
#define LIMPET_SERVICE_H

#include "limpet.h"

#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What is reported beside enum limpet_status. LIMPET_RUNNING: an entry is under way. */
enum {
    LIMPET_SHUTDOWN = 11 /* the guest stops the firmware */
};

/* A timer of the firmware: it calls limpet_service_tick at `clock`. The other two are its own business. */
struct limpet_timer {
    void* next;
    void* function;
    uint32_t clock;
};

/* One VM. All 0 at first. */
struct limpet_service {
    struct limpet_timer timer;
    uint32_t period_ticks; /* from one look of the timer to the next; 0: it goes off once */
    uint32_t rest_ticks;   /* when it looks at a pin: from a sample to the next look */
    uint16_t stack_top;    /* as limpet_host's */
    uint16_t task;         /* guest address of the entry */
    uint16_t overruns;     /* how often the timer went off while the VM was pending already */
    uint8_t slices_max;    /* time slices that one run may take */
    uint8_t slices;        /* those that the run under way still may */
    uint8_t pending;       /* how often the timer went off since the task has begun; stays at 255 */
    uint8_t mode;          /* of the timer, and whether the run under way is a command */
    struct limpet_vm vm;   /* the last: the block follows */
};

/* The parts of a guest's memory, in bytes. Of each, as much as 14 bits can tell counts. */
struct limpet_memory {
    uint32_t read_only; /* from guest address 0 on */
    uint32_t writable;
    uint32_t code; /* without the guard; even */
};

/* Puts into `windows` where the parts are: code begins at the next multiple of 4. Returns the bytes of the block.
 * Whoever allocates it sets service->vm.window to `windows` and calls limpet_service_stop. */
uint32_t limpet_service_layout(const struct limpet_memory* memory, struct limpet_windows* windows);

/* Stops the VM: its timer, and whatever it was doing. It has to be sealed before it runs again. */
void limpet_service_stop(struct limpet_service* service);

/* Stops the VM and writes into its block: data window, code, guard. At offset 0 the block is cleared first. What lies
 * outside of the block is not written. */
void limpet_service_write(struct limpet_service* service, uint32_t offset, const uint8_t* data, uint32_t length);

/* Makes the VM ready, if `crc` is the CRC-32 of limpet_platform_kind's text and the whole block, and reports how that
 * went. Needs the most stack of all: limpet_prepare's. */
void limpet_service_seal(struct limpet_service* service, uint32_t crc);

/* Calls the guest's function at `entry`, in this very call as far as a time slice goes. Its state is reported when it
 * has ended, or at once when it cannot be called; with `entry` 0, which runs nothing, too. */
void limpet_service_call(struct limpet_service* service, uint32_t entry, const uint32_t arguments[5]);

/* Calls the guest's function at `entry` with one argument, for one time slice: one that takes longer has failed.
 * Nothing is called unless the VM is ready and nothing of it under way. */
void limpet_service_filter(struct limpet_service* service, uint32_t entry, uint32_t argument);

/* A turn in the round of tasks: goes on with what is paused, else begins what is pending. True: there is more to do. */
bool limpet_service_turn(struct limpet_service* service);

/* The timer has gone off. To be called from its interrupt. False: it stays off; true: again at timer.clock. */
bool limpet_service_tick(struct limpet_service* service);

/* What guests do with their timer: host calls of Klipper's declarations (firmware/sdk/klipper.calls), where their
 * arguments are explained. Shorter than 50 microseconds counts as that. */
void limpet_service_start(struct limpet_service* service, uint32_t clock, uint32_t period_ticks);
void limpet_service_sleep(struct limpet_service* service, uint32_t ticks);
void limpet_service_poll(struct limpet_service* service, bool level, uint32_t poll_ticks, uint32_t rest_ticks);

/* Is the time slice over? A host call that begins then returns LIMPET_FUEL instead: it is made again in the next slice.
 * So a guest holds up the other tasks for a time slice and one host call at most. */
bool limpet_service_late(void);

/* What the firmware provides. */

uint32_t timer_read_time(void);      /* in ticks */
uint32_t timer_from_us(uint32_t us); /* in ticks */
void limpet_platform_lock(void);     /* interrupts off .. */
void limpet_platform_unlock(void);   /* .. and on again */
void limpet_platform_wake(void);     /* there will be a round of tasks */
uint32_t limpet_platform_kind(void); /* CRC-32 of the text isa + ' ' + encoding: "rv32ec plain" */
void* limpet_platform_allocate(
    uint32_t n);                       /* for as long as the VM exists, aligned for a pointer; or does not return */
limpet_host_call limpet_platform_call; /* makes host calls, after it has asked limpet_service_late */
void limpet_platform_arm(struct limpet_service* service); /* its timer, at timer.clock; it may be armed already */
void limpet_platform_disarm(struct limpet_service* service);
void limpet_platform_restart(struct limpet_service* service);  /* the guest begins a new measurement */
bool limpet_platform_read_pin(struct limpet_service* service); /* that it polls; called from an interrupt */
/* status; vm.pc, vm.trap_address, vm.x[10], overruns */
void limpet_platform_report(struct limpet_service* service, uint32_t status);

#ifdef __cplusplus
}
#endif
#endif
