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

/* What else is in vm.status, beside enum limpet_status. LIMPET_FUEL: an entry is under way. LIMPET_RUNNING: one has
 * taken more slices than it may, and is stopped. */
enum {
    LIMPET_SHUTDOWN = 11 /* the guest stops the firmware */
};

/* Words that a command has for the entry that it calls. */
#define LIMPET_SERVICE_ARGUMENTS 5

/* A timer of the firmware: it calls limpet_service_tick at `clock`. The other two are its own business. */
struct limpet_timer {
    void* next;
    void* function;
    uint32_t clock;
};

/* What a block begins with, where no guest has anything of its own. */
struct limpet_block_start {
    uint16_t stack_top; /* as limpet_host's */
    uint16_t task;      /* guest address of the entry */
};

/* One VM. All 0 at first. */
struct limpet_service {
    struct limpet_timer timer;
    uint32_t period_ticks; /* from one look of the timer to the next */
    uint32_t rest_ticks;   /* when it looks at a pin: from a sample to the next look */
    void* own;             /* of the firmware, as is .. */
    uint16_t pending;      /* how often the timer went off since the task has begun */
    uint16_t overruns;     /* how often it went off while the VM was pending already, as tasks have been told */
    uint8_t slices_max;    /* time slices that one run may take */
    uint8_t slices;        /* those that the run under way still may */
    uint8_t mode;          /* of the timer, and whether the run under way is a command */
    uint8_t number;        /* .. this */
    struct limpet_vm vm;
};

/* Puts into `windows` where the parts of a guest's memory are: so many bytes of read-only data, from guest address 0
 * on, of writable data, and of code without the guard, of each as much as 16 bits can tell. Code begins at the next
 * multiple of 4. Returns the bytes of the block. Whoever allocates it sets service->vm.window to `windows`, slices_max,
 * and calls limpet_service_stop. */
uint32_t limpet_service_layout(uint32_t read_only, uint32_t writable, uint32_t code, struct limpet_windows* windows);

/* Stops the VM: its timer, and whatever it was doing. It has to be sealed before it runs again. Returns
 * the bytes of the block without what is prepared. */
uint32_t limpet_service_stop(struct limpet_service* service);

/* Stops the VM and writes into its block: data window, code, guard; its first 64 KiB can be reached. Nothing is
 * written of what would not fit into the block. */
void limpet_service_write(struct limpet_service* service, uint32_t offset, const uint8_t* data, uint32_t length);

/* Makes the VM ready, if `sum` is limpet_platform_sum's of the whole block, and reports how that went. Needs the most
 * stack of all: limpet_prepare's. */
void limpet_service_seal(struct limpet_service* service, uint32_t sum);

/* Calls the guest's function at `entry` with LIMPET_SERVICE_ARGUMENTS words, in this very call as far as a time slice
 * goes. Its state is reported when it has ended. When it cannot be called, and when `arguments` is NULL, which calls
 * nothing, the state is reported at once. */
void limpet_service_call(struct limpet_service* service, uint32_t entry, const void* arguments);

/* Calls the guest's function at `entry` with one argument, for one time slice: one that takes longer has failed.
 * Nothing is called unless the VM is ready and nothing of it under way. */
void limpet_service_filter(struct limpet_service* service, uint32_t entry, uint32_t argument);

/* A turn in the round of tasks: goes on with what is paused, else begins what is pending. */
void limpet_service_turn(struct limpet_service* service);

/* The timer has gone off. To be called from its interrupt. False: it stays off; true: again at timer.clock. */
bool limpet_service_tick(struct limpet_service* service);

/* What guests do with their timer: host calls of Klipper's declarations (firmware/sdk/klipper.calls), where their
 * arguments are explained. Shorter than 50 microseconds counts as that. */
void limpet_service_start(struct limpet_service* service, uint32_t clock, uint32_t period_ticks);
void limpet_service_sleep(struct limpet_service* service, uint32_t ticks);
void limpet_service_poll(struct limpet_service* service, bool level, uint32_t poll_ticks, uint32_t rest_ticks);

/* What is left of the time slice, in ticks. A host call that begins when it is over (not more than 0) returns
 * LIMPET_FUEL instead: it is made again in the next slice. So a guest holds up the other tasks for a time slice and one
 * host call at most. */
int32_t limpet_service_time_left(void);

/* What the firmware provides. */

uint32_t timer_read_time(void);      /* in ticks */
uint32_t timer_from_us(uint32_t us); /* in ticks */
void limpet_platform_lock(void);     /* interrupts off .. */
void limpet_platform_unlock(void);   /* .. and on again */
void limpet_platform_wake(void);     /* there will be a round of tasks */
uint8_t* limpet_platform_block(struct limpet_service* service);
/* A checksum of the bytes, another one for each kind of code that backends run. */
uint32_t limpet_platform_sum(const uint8_t* data, uint32_t bytes);
void* limpet_platform_allocate(
    uint32_t n);                       /* for as long as the VM exists, aligned for a pointer; or does not return */
limpet_host_call limpet_platform_call; /* makes host calls, after it has asked limpet_service_time_left */
void limpet_platform_arm(struct limpet_service* service); /* its timer, at timer.clock */
void limpet_platform_disarm(struct limpet_service* service);
void limpet_platform_restart(struct limpet_service* service);  /* the guest begins a new measurement */
bool limpet_platform_read_pin(struct limpet_service* service); /* that it polls; called from an interrupt */
/* vm.status, vm.pc, vm.trap_address, vm.x[10], overruns. vm.fuel is of no use to anybody then. */
void limpet_platform_report(struct limpet_service* service);

#ifdef __cplusplus
}
#endif
#endif
