/// \file
/// The sideload service (limpet_service.h).
#include "limpet_service.h"

#ifndef LIMPET_SLICE_US
/// A time slice. Klipper: 100 us in a task are noticed, 500 us cost retransmissions.
#define LIMPET_SLICE_US 100
#endif
#ifndef LIMPET_CHUNK
/// Instructions between two looks at the clock.
#define LIMPET_CHUNK 64
#endif
#ifndef LIMPET_CHUNK_BY_CODE
/// May a backend charge a pass through all code as little as one instruction (rv32-jit)? Then large code gets less.
#define LIMPET_CHUNK_BY_CODE 0
#endif
#ifndef LIMPET_PREPARES
/// Does the backend prepare code, in memory of its own?
#define LIMPET_PREPARES 1
#endif
#ifndef LIMPET_POLLS
/// Is there limpet_service_poll?
#define LIMPET_POLLS 1
#endif
#ifndef LIMPET_SLEEPS
/// Is there limpet_service_sleep?
#define LIMPET_SLEEPS 1
#endif

namespace {

using Service = limpet_service;

/// Timers that go off more often leave a firmware no time for anything else.
constexpr uint32_t kShortestUs = 50;

enum Mode : uint8_t {
    kCommand = 1, ///< the run under way is a command, which waits for an answer
    kOnce = 2,    ///< the result of the task sets the timer again
    kPoll = 4,    ///< the timer looks at a pin
    kLevel = 8,   ///< for this level
};

/// In place of an entry: no run, but limpet_prepare. No address of code, which is even.
constexpr uint32_t kPrepare = 1;

/// What of the timer's modes there is.
constexpr uint32_t kTimerModes = (LIMPET_SLEEPS != 0 ? kOnce : 0) | (LIMPET_POLLS != 0 ? kPoll | kLevel : 0);

/// Where prepared code is. Behind the guard.
struct Prepared {
    void* data;
    uint32_t bytes;
};
constexpr uint32_t kPreparedAlign = alignof(Prepared);

/// Of the VM that runs: one at a time does.
uint32_t slice_start;

uint32_t bytes_of(const limpet_windows& window) { return window.code_start + window.code_size + LIMPET_GUARD_BYTES; }

uint32_t prepared_at(const limpet_windows& window) { return (bytes_of(window) + kPreparedAlign - 1) & -kPreparedAlign; }

uint8_t* block_of(Service& service) { return limpet_platform_block(&service); }

const limpet_block_start& start_of(Service& service) {
    return *reinterpret_cast<const limpet_block_start*>(block_of(service));
}

/// Memory for prepared code, once: configuration can be undone only as a whole.
void provide_prepared(Service& service, limpet_host& host) {
    auto& prepared = *reinterpret_cast<Prepared*>(block_of(service) + prepared_at(service.vm.window));
    host.prepared = prepared.data;
    host.prepared_size = prepared.bytes;
    if (prepared.data != nullptr) return;
    host.prepared_size = prepared.bytes = limpet_prepared_size(&service.vm, &host);
    host.prepared = prepared.data = limpet_platform_allocate(prepared.bytes);
}

/// The timer is off, and nothing pending.
void halt(Service& service) {
    limpet_platform_disarm(&service);
    service.pending = 0;
}

/// Neither the past nor a hundred thousand interrupts a second.
uint32_t not_too_short(uint32_t ticks) {
    const auto shortest = static_cast<int32_t>(timer_from_us(kShortestUs));
    return static_cast<int32_t>(ticks) < shortest ? static_cast<uint32_t>(shortest) : ticks;
}

/// The timer goes off at `clock`.
void arm(Service& service, uint32_t clock) {
    limpet_platform_lock(); // or the time might be past before the timer is armed
    const uint32_t now = timer_read_time();
    service.timer.clock = now + not_too_short(clock - now);
    limpet_platform_arm(&service);
    limpet_platform_unlock();
}

/// A new measurement, in which the timer goes off at `clock`; not `on`: never. A run under way stays what it is.
void measure(Service& service, uint32_t on, uint32_t mode, uint32_t clock, uint32_t period_ticks) {
    halt(service);
    if (kTimerModes != 0) service.mode = static_cast<uint8_t>((service.mode & kCommand) | mode);
    service.overruns = 0;
    limpet_platform_restart(&service);
    if (on == 0) return;
    service.period_ticks = not_too_short(period_ticks);
    arm(service, clock);
}

/// What may run until the clock is looked at.
uint32_t chunk_of(const limpet_windows& window) {
    constexpr uint32_t small_code_bytes = 32;
    uint32_t chunk = LIMPET_CHUNK;
    if (LIMPET_CHUNK_BY_CODE != 0)
        for (uint32_t bytes = window.code_size; bytes > small_code_bytes && chunk > 1; bytes >>= 1) chunk >>= 1;
    return chunk;
}

/// A time slice: the first one of a run of `entry`, or another of what is paused. When the run ends in it, its state is
/// reported, unless it was a task that did well.
void run(Service& service, uint32_t entry) {
    limpet_vm& vm = service.vm;
    limpet_host host;
    host.data = block_of(service);
    host.code = block_of(service) + vm.window.code_start;
    host.call = limpet_platform_call;
    host.stack_top = start_of(service).stack_top;
    if (LIMPET_PREPARES != 0) provide_prepared(service, host);
    const uint32_t chunk = chunk_of(vm.window);
    slice_start = timer_read_time();
    uint32_t status = vm.status;
    if (status == LIMPET_FUEL) {
        limpet_platform_wake(); // for what has become pending meanwhile
    } else {
        service.slices = service.slices_max;
        status = entry == kPrepare ? limpet_prepare(&vm, &host) : limpet_call(&vm, &host, entry, chunk);
    }
    while (status == LIMPET_FUEL && limpet_service_time_left() > 0) status = limpet_resume(&vm, &host, chunk);
    if (status == LIMPET_FUEL) {
        const uint32_t left = service.slices - 1U;
        service.slices = static_cast<uint8_t>(left);
        if (left != 0) {
            limpet_platform_wake();
            return;
        }
        status = LIMPET_RUNNING; // and stays so
    }
    const uint32_t mode = service.mode;
    service.mode = static_cast<uint8_t>(mode & kTimerModes);
    if (status == LIMPET_ECALL) status = LIMPET_RETURN;
    if (status != LIMPET_RETURN) limpet_service_stop(&service);
    vm.status = status;
    if (status != LIMPET_RETURN || (mode & kCommand) != 0) limpet_platform_report(&service);
}

void run_command(Service& service, uint32_t entry) {
    service.mode = static_cast<uint8_t>((service.mode & kTimerModes) | kCommand);
    run(service, entry);
}

/// A run of the task has ended well: the timer's part of it.
void end_task(Service& service) {
    const uint32_t ticks = service.vm.x[10];
    if (LIMPET_SLEEPS != 0 && (service.mode & kOnce) != 0 && ticks != 0) {
        limpet_platform_disarm(&service); // the task itself may have armed it
        arm(service, timer_read_time() + ticks);
    }
    if (LIMPET_POLLS != 0 && (service.mode & kPoll) != 0) service.pending = 0;
}

} // namespace

extern "C" uint32_t limpet_service_layout(uint32_t read_only, uint32_t writable, uint32_t code,
                                          limpet_windows* windows) {
    // 16 bits of each, so that no sum overflows.
    windows->writable_start = static_cast<uint16_t>(read_only);
    windows->code_start = (windows->writable_start + static_cast<uint16_t>(writable) + 3) & ~3U;
    windows->data_size = windows->code_start;
    windows->code_size = static_cast<uint16_t>(code);
    return LIMPET_PREPARES != 0 ? prepared_at(*windows) + static_cast<uint32_t>(sizeof(Prepared)) : bytes_of(*windows);
}

extern "C" [[gnu::noinline]] uint32_t limpet_service_stop(Service* service) {
    halt(*service);
    service->vm.status = LIMPET_REFUSED;
    return bytes_of(service->vm.window);
}

extern "C" void limpet_service_write(Service* service, uint32_t offset, const uint8_t* data, uint32_t length) {
    const uint32_t bytes = limpet_service_stop(service);
    const auto at = static_cast<uint16_t>(offset);
    if (at + length <= bytes) __builtin_memcpy(block_of(*service) + at, data, length);
}

extern "C" void limpet_service_seal(Service* service, uint32_t sum) {
    limpet_vm& vm = service->vm;
    if (limpet_platform_sum(block_of(*service), limpet_service_stop(service)) == sum) {
        limpet_init(&vm, &vm.window);
        run_command(*service, kPrepare);
    } else {
        limpet_platform_report(service);
    }
}

extern "C" void limpet_service_call(Service* service, uint32_t entry, const void* arguments) {
    limpet_vm& vm = service->vm;
    if (vm.status == LIMPET_RETURN) {
        __builtin_memcpy(&vm.x[10], arguments, LIMPET_SERVICE_ARGUMENTS * sizeof(uint32_t));
        run_command(*service, entry);
    } else {
        limpet_platform_report(service);
    }
}

extern "C" void limpet_service_filter(Service* service, uint32_t entry, uint32_t argument) {
    limpet_vm& vm = service->vm;
    if (vm.status != LIMPET_RETURN) return;
    vm.x[10] = argument;
    run(*service, entry);
    if (vm.status != LIMPET_FUEL) return;
    vm.status = LIMPET_RUNNING;
    halt(*service);
    limpet_platform_report(service);
}

extern "C" void limpet_service_turn(Service* service) {
    limpet_vm& vm = service->vm;
    const uint32_t mode = service->mode;
    if (vm.status != LIMPET_FUEL) {
        if (service->pending == 0) return;
        limpet_platform_lock();
        vm.x[10] = service->timer.clock;
        const uint32_t missed = service->pending - 1U;
        vm.x[11] = missed;
        if (LIMPET_POLLS == 0 || (mode & kPoll) == 0) {
            service->pending = 0;
            service->overruns = static_cast<uint16_t>(service->overruns + missed);
        }
        limpet_platform_unlock();
    }
    run(*service, start_of(*service).task);
    if (kTimerModes != 0 && (mode & kCommand) == 0 && vm.status == LIMPET_RETURN) end_task(*service);
}

extern "C" bool limpet_service_tick(Service* service) {
    const uint32_t mode = service->mode;
    uint32_t ticks = service->period_ticks;
    bool marks = true;
    if (LIMPET_POLLS != 0 && (mode & kPoll) != 0) {
        const bool again = service->pending != 0;
        marks = again || limpet_platform_read_pin(service) == ((mode & kLevel) != 0);
        const uint32_t rest = again ? service->rest_ticks / 2 : service->rest_ticks;
        if (marks && rest > ticks) ticks = rest;
        if (again) ++service->overruns;
    }
    if (marks) {
        ++service->pending;
        limpet_platform_wake();
    }
    if (LIMPET_SLEEPS != 0 && (mode & kOnce) != 0) return false; // its clock tells when it went off
    service->timer.clock += ticks;
    return true;
}

extern "C" void limpet_service_start(Service* service, uint32_t clock, uint32_t period_ticks) {
    measure(*service, period_ticks, 0, clock, period_ticks);
}

#if LIMPET_SLEEPS
extern "C" void limpet_service_sleep(Service* service, uint32_t ticks) {
    measure(*service, ticks, ticks != 0 ? kOnce : 0, timer_read_time() + ticks, 0);
}
#endif

#if LIMPET_POLLS
extern "C" void limpet_service_poll(Service* service, bool level, uint32_t poll_ticks, uint32_t rest_ticks) {
    service->rest_ticks = not_too_short(rest_ticks);
    measure(*service, poll_ticks, level ? kPoll | kLevel : kPoll, timer_read_time() + poll_ticks, poll_ticks);
}
#endif

extern "C" [[gnu::noinline]] int32_t limpet_service_time_left(void) {
    return static_cast<int32_t>(slice_start - timer_read_time() + timer_from_us(LIMPET_SLICE_US));
}

// Beside VM, block and prepared code: what a small part can afford for each VM.
static_assert(sizeof(void*) != 4 || sizeof(Service) - sizeof(limpet_vm) <= 32);
