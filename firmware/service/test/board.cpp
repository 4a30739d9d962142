#include "board.h"

#include "../../../interp/calls/limpet_calls.h"
#include "../../../interp/rv32/run.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

namespace limpet::service {

namespace {

constexpr uint8_t kCanary = 0xa5;
constexpr size_t kCanaryBytes = 16;
constexpr uint32_t kPreparedBytes = 24;

Board* board = nullptr;

} // namespace

/// The functions that the service and the guests call.
struct Platform {
    static Board::Vm& running() { return board->vm_of(board->running_); }

    static uint32_t read_time() {
        board->advance(Board::kReadTicks);
        return board->clock;
    }
    static void start(uint32_t clock, uint32_t period) { limpet_service_start(&running().service(), clock, period); }
    static void sleep(uint32_t ticks) { limpet_service_sleep(&running().service(), ticks); }
    static void poll(bool level, uint32_t poll_ticks, uint32_t rest_ticks) {
        limpet_service_poll(&running().service(), level, poll_ticks, rest_ticks);
    }
    static void respond(uint32_t first, uint32_t second) {
        board->messages.push_back({board->index_of(&running().service()), first, second});
    }
    static void shut_down() { std::longjmp(board->shutdown_, 1); } // NOLINT(cert-err52-cpp): as Klipper does

    static void arm(const limpet_service* service) {
        if (board->vm_of(service).armed) throw std::logic_error("armed twice");
        // Klipper stops when a timer is set to the past.
        if (static_cast<int32_t>(service->timer.clock - board->clock) < 40) throw std::logic_error("armed too late");
        board->vm_of(service).armed = true;
    }
    static void disarm(const limpet_service* service) { board->vm_of(service).armed = false; }
    static void wake() { board->woken_ = true; }
    static void report(const limpet_service* service) {
        board->reports.push_back({.vm = board->index_of(service),
                                  .status = service->vm.status,
                                  .pc = service->vm.pc,
                                  .address = service->vm.trap_address,
                                  .result = service->vm.x[10],
                                  .overruns = service->overruns});
    }
    static void* allocate(uint32_t bytes) {
        auto& allocated = board->vms_.back()->allocated; // the last VM: it is being configured
        if (!allocated.empty()) throw std::logic_error("memory is allocated again");
        return allocated.emplace_back(bytes / 8 + 1).data();
    }

    static limpet_status prepare(limpet_vm* vm, const limpet_host* host) {
        const limpet_windows& window = vm->window;
        if (host->prepared == nullptr || host->prepared_size != kPreparedBytes || !rv32::well_formed(*vm, *host))
            return LIMPET_REFUSED;
        Board::Vm& its = board->vm_of(vm);
        its.guest = std::make_unique<Guest>(window, host->stack_top, std::span(host->data, window.data_size),
                                            std::span(host->code, window.code_size));
        its.guest->host.call = forward;
        return board->backend.prepare(*its.guest);
    }

    /// Runs the VM as the backend has it, and takes over what it did.
    template <class Run> static limpet_status run(limpet_vm* vm, const limpet_host* host, const Run& run) {
        Guest& guest = *board->vm_of(vm).guest;
        board->running_ = vm;
        board->host_ = host;
        to_guest(guest);
        const limpet_status status = run(guest);
        from_guest(guest);
        return status;
    }
    static void to_guest(Guest& guest) {
        guest.vm = *board->running_;
        std::copy_n(board->host_->data, guest.vm.window.data_size, guest.memory().begin());
    }
    static void from_guest(const Guest& guest) {
        *board->running_ = guest.vm;
        std::copy_n(guest.memory().begin(), guest.vm.window.data_size, board->host_->data);
    }
    static limpet_status forward(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t id, uint32_t* args) {
        Guest& guest = *running().guest;
        from_guest(guest);
        const limpet_status status = board->host_->call(board->running_, board->host_, id, args);
        std::copy_n(board->host_->data, guest.vm.window.data_size, guest.memory().begin());
        return status;
    }
};

namespace {

uint32_t timer_read_time_call() { return Platform::read_time(); }
void spend(uint32_t ticks) { board->advance(ticks); }
using TestCalls = Calls<timer_read_time_call, Platform::start, Platform::sleep, Platform::poll, Platform::respond,
                        spend, Platform::shut_down>;

} // namespace

Board::Board(const Backend& its_backend)
    : backend(its_backend), kind(static_cast<uint32_t>(std::hash<std::string>{}(its_backend.isa_name))) {
    board = this;
}
Board::~Board() { board = nullptr; }

limpet_service& Board::configure(uint32_t read_only, uint32_t writable, uint32_t code, uint8_t slices_max) {
    limpet_windows windows{};
    const uint32_t bytes = limpet_service_layout(read_only, writable, code, &windows);
    auto vm = std::make_unique<Vm>();
    vm->storage.resize((sizeof(limpet_service) + bytes + kCanaryBytes) / 8 + 1);
    std::fill_n(reinterpret_cast<uint8_t*>(vm->storage.data()) + sizeof(limpet_service) + bytes, kCanaryBytes, kCanary);
    vm->block_bytes = bytes;
    limpet_service& service = vm->service();
    service.slices_max = slices_max;
    service.vm.window = windows;
    vms_.push_back(std::move(vm));
    limpet_service_stop(&service);
    return service;
}

bool Board::untouched_behind(size_t vm) const {
    const auto* end =
        reinterpret_cast<const uint8_t*>(vms_[vm]->storage.data()) + sizeof(limpet_service) + vms_[vm]->block_bytes;
    return std::all_of(end, end + kCanaryBytes, [](uint8_t byte) { return byte == kCanary; });
}

void Board::advance(uint32_t ticks) {
    for (; ticks != 0; --ticks) {
        ++clock;
        for (const auto& vm : vms_)
            if (vm->armed && vm->service().timer.clock == clock) vm->armed = limpet_service_tick(&vm->service());
    }
}

bool Board::round() {
    if (!woken_) return false;
    woken_ = false;
    for (const auto& vm : vms_) {
        const uint32_t start = clock;
        limpet_service_turn(&vm->service());
        longest_turn = std::max(longest_turn, clock - start);
    }
    return true;
}

void Board::run_for(uint32_t ticks) {
    const uint32_t start = clock;
    while (clock - start < ticks) {
        round();
        advance(1);
    }
}

Board::Vm& Board::vm_of(const limpet_service* service) { return *vms_.at(index_of(service)); }
Board::Vm& Board::vm_of(const limpet_vm* vm) {
    return **std::ranges::find_if(vms_, [&](const auto& one) { return &one->service().vm == vm; });
}
size_t Board::index_of(const limpet_service* service) {
    const auto found = std::ranges::find_if(vms_, [&](const auto& one) { return &one->service() == service; });
    return static_cast<size_t>(found - vms_.begin());
}

uint32_t sum_of(std::span<const uint8_t> bytes, uint32_t kind) {
    return std::accumulate(bytes.begin(), bytes.end(), kind,
                           [](uint32_t sum, uint8_t byte) { return (sum ^ byte) * 0x01000193; }); // FNV-1a
}

extern "C" {
uint32_t timer_read_time(void) { return Platform::read_time(); }
uint32_t timer_from_us(uint32_t us) { return us; }
void limpet_platform_lock(void) {}
void limpet_platform_unlock(void) {}
void limpet_platform_wake(void) { Platform::wake(); }
uint8_t* limpet_platform_block(limpet_service* service) { return reinterpret_cast<uint8_t*>(service + 1); }
uint32_t limpet_platform_sum(const uint8_t* data, uint32_t bytes) { return sum_of({data, bytes}, board->kind); }
void* limpet_platform_allocate(uint32_t bytes) { return Platform::allocate(bytes); }
void limpet_platform_arm(limpet_service* service) { Platform::arm(service); }
void limpet_platform_disarm(limpet_service* service) { Platform::disarm(service); }
void limpet_platform_restart(limpet_service* /*service*/) { ++board->restarts; }
bool limpet_platform_read_pin(limpet_service* /*service*/) { return board->pin; }
void limpet_platform_report(limpet_service* service) { Platform::report(service); }
limpet_status limpet_platform_call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    if (limpet_service_time_left() <= 0) return LIMPET_FUEL;
    return TestCalls::call(vm, host, id, args);
}

// limpet.h, carried out by the backend under test.
void limpet_init(limpet_vm* vm, const limpet_windows* windows) { rv32::init(*vm, *windows); }
uint32_t limpet_prepared_size(const limpet_vm* /*vm*/, const limpet_host* /*host*/) { return kPreparedBytes; }
limpet_status limpet_prepare(limpet_vm* vm, const limpet_host* host) { return Platform::prepare(vm, host); }
limpet_status limpet_call(limpet_vm* vm, const limpet_host* host, uint32_t entry, uint32_t fuel) {
    return Platform::run(vm, host, [&](Guest& guest) { return board->backend.call(guest, entry, fuel); });
}
limpet_status limpet_resume(limpet_vm* vm, const limpet_host* host, uint32_t fuel) {
    return Platform::run(vm, host, [&](Guest& guest) { return board->backend.resume(guest, fuel); });
}
uintptr_t limpet_resolve_handle(uint32_t /*index*/, uint32_t /*kind*/, const limpet_host* /*of*/) {
    return LIMPET_NO_HANDLE;
}
}

} // namespace limpet::service
