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
#ifndef LIMPET_PREPARES
/// Does the backend prepare code, in memory of its own?
#define LIMPET_PREPARES 1
#endif

namespace {

using Service = limpet_service;

/// Timers that go off more often leave a firmware no time for anything else.
constexpr uint32_t kShortestUs = 50;

enum Mode : uint8_t {
    kPoll = 1,    ///< the timer looks at a pin
    kLevel = 2,   ///< for this level
    kOnce = 4,    ///< the result of the task sets it again
    kCommand = 8, ///< the run under way is a command, which waits for an answer
};

/// Where prepared code is. Behind the guard.
struct Prepared {
    void* data;
    uint32_t bytes;
};
constexpr uint32_t kPreparedAlign = alignof(Prepared);

/// Of the VM that runs: one at a time does.
limpet_host running;
uint32_t slice_end;

uint8_t* block_of(Service& service) { return reinterpret_cast<uint8_t*>(&service + 1); }

uint32_t bytes_of(const limpet_windows& window) { return window.code_start + window.code_size + LIMPET_GUARD_BYTES; }

uint32_t prepared_at(const limpet_windows& window) { return (bytes_of(window) + kPreparedAlign - 1) & -kPreparedAlign; }

/// CRC-32 of IEEE 802.3: reflected, polynomial 0x04c11db7.
uint32_t crc32(uint32_t crc, const uint8_t* data, uint32_t bytes) {
    crc = ~crc;
    for (const uint8_t* end = data + bytes; data != end; ++data) {
        crc ^= *data;
        for (int bit = 8; bit != 0; --bit) crc = crc >> 1 ^ (0xedb88320 & -(crc & 1));
    }
    return ~crc;
}

bool is_ready(uint32_t status) { return status == LIMPET_RETURN || status == LIMPET_ECALL; }

bool is_paused(const Service& service) { return service.vm.status == LIMPET_FUEL && service.slices != 0; }

const limpet_host& host_of(Service& service) {
    running.data = block_of(service);
    running.code = running.data + service.vm.window.code_start;
    running.call = limpet_platform_call;
    running.stack_top = service.stack_top;
    if (LIMPET_PREPARES != 0) {
        const auto* prepared = reinterpret_cast<const Prepared*>(running.data + prepared_at(service.vm.window));
        running.prepared = prepared->data;
        running.prepared_size = prepared->bytes;
    }
    return running;
}

/// Memory for prepared code, once: configuration can be undone only as a whole.
void provide_prepared(Service& service) {
    auto& prepared = *reinterpret_cast<Prepared*>(block_of(service) + prepared_at(service.vm.window));
    if (prepared.data != nullptr) return;
    prepared.bytes = limpet_prepared_size(&service.vm, &host_of(service));
    prepared.data = limpet_platform_allocate(prepared.bytes);
}

void halt(Service& service) {
    limpet_platform_disarm(&service);
    service.pending = 0;
    service.mode = 0;
}

uint32_t not_too_short(uint32_t ticks) {
    const auto shortest = static_cast<int32_t>(timer_from_us(kShortestUs));
    return static_cast<int32_t>(ticks) < shortest ? static_cast<uint32_t>(shortest) : ticks;
}

void arm(Service& service, uint32_t clock) {
    limpet_platform_lock(); // or the time might be past before the timer is armed
    const uint32_t now = timer_read_time();
    service.timer.clock = now + not_too_short(clock - now);
    limpet_platform_arm(&service);
    limpet_platform_unlock();
}

/// A new measurement, in which the timer goes off at `clock`; not `on`: never. A run under way stays what it is.
void measure(Service& service, uint32_t on, uint32_t mode, uint32_t clock, uint32_t period_ticks) {
    mode |= service.mode & kCommand;
    halt(service);
    service.mode = static_cast<uint8_t>(mode);
    service.period_ticks = period_ticks;
    service.overruns = 0;
    limpet_platform_restart(&service);
    if (on != 0) arm(service, clock);
}

/// A run has ended, or its time slice.
void end_slice(Service& service, uint32_t status) {
    const uint32_t mode = service.mode;
    if (status == LIMPET_FUEL && --service.slices != 0) return;
    if (!is_ready(status)) {
        halt(service);
    } else {
        service.mode = static_cast<uint8_t>(mode & ~kCommand);
        if ((mode & kCommand) == 0) {
            if ((mode & kPoll) != 0) service.pending = 0;
            const uint32_t ticks = service.vm.x[10];
            if ((mode & kOnce) != 0 && ticks != 0) arm(service, timer_read_time() + ticks);
            return;
        }
    }
    limpet_platform_report(&service, status);
}

/// In place of an entry: what is paused goes on. No address of code, which is even.
constexpr uint32_t kPaused = 1;

/// A time slice: the first one of a run of `entry`, or another. Returns how it ended.
uint32_t run_slice(Service& service, uint32_t entry) {
    slice_end = timer_read_time() + timer_from_us(LIMPET_SLICE_US);
    const limpet_host& host = host_of(service);
    limpet_vm& vm = service.vm;
    if (entry != kPaused) {
        service.slices = service.slices_max;
        limpet_call(&vm, &host, entry, LIMPET_CHUNK);
    }
    while (vm.status == LIMPET_FUEL && !limpet_service_late()) limpet_resume(&vm, &host, LIMPET_CHUNK);
    return vm.status;
}

} // namespace

extern "C" uint32_t limpet_service_layout(const limpet_memory* memory, limpet_windows* windows) {
    constexpr uint32_t kMask = 0x3fff; // so that no sum overflows, neither here nor in 16 bits where it is allocated
    windows->writable_start = memory->read_only & kMask;
    windows->data_size = windows->writable_start + (memory->writable & kMask);
    windows->code_start = (windows->data_size + 3) & ~3U;
    windows->code_size = memory->code & kMask;
    return LIMPET_PREPARES != 0 ? prepared_at(*windows) + static_cast<uint32_t>(sizeof(Prepared)) : bytes_of(*windows);
}

extern "C" void limpet_service_stop(Service* service) {
    halt(*service);
    service->vm.status = LIMPET_REFUSED;
}

extern "C" void limpet_service_write(Service* service, uint32_t offset, const uint8_t* data, uint32_t length) {
    limpet_service_stop(service);
    uint8_t* const block = block_of(*service);
    const uint32_t bytes = bytes_of(service->vm.window);
    if (offset == 0)
        for (uint32_t i = 0; i < bytes; ++i) block[i] = 0;
    for (const uint8_t* end = data + length; data != end && offset < bytes; ++data) block[offset++] = *data;
}

extern "C" void limpet_service_seal(Service* service, uint32_t crc) {
    limpet_service_stop(service);
    limpet_vm& vm = service->vm;
    if (crc32(limpet_platform_kind(), block_of(*service), bytes_of(vm.window)) == crc) {
        limpet_init(&vm, &vm.window);
        if (LIMPET_PREPARES != 0) provide_prepared(*service);
        vm.status = limpet_prepare(&vm, &host_of(*service));
    }
    limpet_platform_report(service, vm.status);
}

extern "C" void limpet_service_call(Service* service, uint32_t entry, const uint32_t arguments[5]) {
    limpet_vm& vm = service->vm;
    if (entry > kPaused && is_ready(vm.status)) {
        for (int i = 0; i < 5; ++i) vm.x[10 + i] = arguments[i];
        service->mode |= kCommand;
        end_slice(*service, run_slice(*service, entry));
    } else {
        limpet_platform_report(service, is_paused(*service) ? uint32_t{LIMPET_RUNNING} : vm.status);
    }
}

extern "C" void limpet_service_filter(Service* service, uint32_t entry, uint32_t argument) {
    if (!is_ready(service->vm.status)) return;
    service->vm.x[10] = argument;
    const uint32_t status = run_slice(*service, entry);
    if (is_ready(status)) return;
    service->slices = 0;
    halt(*service);
    limpet_platform_report(service, status);
}

extern "C" bool limpet_service_turn(Service* service) {
    limpet_vm& vm = service->vm;
    if (is_paused(*service)) {
        end_slice(*service, run_slice(*service, kPaused));
    } else if (service->pending != 0) {
        limpet_platform_lock();
        vm.x[10] = service->timer.clock;
        vm.x[11] = service->pending - 1U;
        if ((service->mode & kPoll) == 0) service->pending = 0;
        limpet_platform_unlock();
        end_slice(*service, run_slice(*service, service->task));
    }
    return is_paused(*service) || service->pending != 0;
}

extern "C" bool limpet_service_tick(Service* service) {
    uint32_t ticks = service->period_ticks;
    const uint32_t mode = service->mode;
    const bool poll = (mode & kPoll) != 0;
    if (service->pending != 0) {
        ++service->overruns;
        if (service->pending != 0xff) ++service->pending;
        if (poll && service->rest_ticks / 2 > ticks) ticks = service->rest_ticks / 2;
    } else if (!poll || limpet_platform_read_pin(service) == ((mode & kLevel) != 0)) {
        service->pending = 1;
        if (poll) ticks = service->rest_ticks;
        limpet_platform_wake();
    }
    if ((mode & kOnce) == 0) service->timer.clock += ticks; // where it is set once, its clock tells when it went off
    return (mode & kOnce) == 0;
}

extern "C" void limpet_service_start(Service* service, uint32_t clock, uint32_t period_ticks) {
    measure(*service, period_ticks, 0, clock, not_too_short(period_ticks));
}

extern "C" void limpet_service_sleep(Service* service, uint32_t ticks) {
    measure(*service, ticks, ticks != 0 ? kOnce : 0, timer_read_time() + ticks, 0);
}

extern "C" void limpet_service_poll(Service* service, bool level, uint32_t poll_ticks, uint32_t rest_ticks) {
    service->rest_ticks = not_too_short(rest_ticks);
    const uint32_t ticks = not_too_short(poll_ticks);
    measure(*service, poll_ticks, level ? kPoll | kLevel : kPoll, timer_read_time() + ticks, ticks);
}

extern "C" bool limpet_service_late(void) { return static_cast<int32_t>(timer_read_time() - slice_end) >= 0; }

// Beside VM, block and prepared code: what a small part can afford for each VM.
static_assert(sizeof(void*) != 4 || sizeof(Service) - sizeof(limpet_vm) <= 32);
