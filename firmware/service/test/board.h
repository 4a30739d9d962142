/// \file
/// A firmware around the service, as a script wants it: a clock, timers, rounds of tasks, and what is sent to the PC.
/// The VMs run on any backend of a PC.
#pragma once

#include "../../../variants/registry.h"
#include "../limpet_service.h"

#include <csetjmp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace limpet::service {

/// What the PC hears: of limpet_platform_report, and of the guests' respond().
struct Report {
    size_t vm = 0;
    uint32_t status = UINT32_MAX;
    uint32_t pc = 0;
    uint32_t address = 0;
    uint32_t result = 0;
    uint32_t overruns = 0;
};
struct Message {
    size_t vm;
    uint32_t first;
    uint32_t second;
    bool operator==(const Message&) const = default;
};

/// Ids of the host calls: timer_read_time(), timer_start(clock, period), timer_sleep(ticks), timer_poll(level, poll,
/// rest), respond(first, second), spend(ticks): a call that takes so long, shut_down(): leaves by longjmp.
enum CallId : uint32_t { kReadTime, kStart, kSleep, kPoll, kRespond, kSpend, kShutDown };

/// There is one at a time: the service's platform is functions.
class Board {
public:
    static constexpr uint32_t kSliceTicks = 100; ///< a tick is a microsecond
    static constexpr uint32_t kReadTicks = 1;    ///< what looking at the clock takes

    explicit Board(const Backend& its_backend);
    ~Board();
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;

    /// Another VM, with nothing in its block.
    limpet_service& configure(uint32_t read_only, uint32_t writable, uint32_t code, uint8_t slices_max);

    /// Lets time pass; timers go off.
    void advance(uint32_t ticks);
    /// A round of tasks, if anybody asked for one. Returns whether.
    bool round();
    /// Rounds, with a tick between them, for so long.
    void run_for(uint32_t ticks);

    /// Calls `action`; returns whether it was left by shut_down(), after which every VM was stopped.
    template <class Action> bool shuts_down(const Action& action) {
        if (setjmp(shutdown_) == 0) { // NOLINT(cert-err52-cpp): what is tested
            action();
            return false;
        }
        for (const auto& vm : vms_) limpet_service_stop(&vm->service());
        return true;
    }

    [[nodiscard]] uint8_t* block(size_t vm) { return reinterpret_cast<uint8_t*>(&vms_[vm]->service() + 1); }
    [[nodiscard]] uint32_t block_bytes(size_t vm) const { return vms_[vm]->block_bytes; }
    [[nodiscard]] bool armed(size_t vm) const { return vms_[vm]->armed; }
    [[nodiscard]] bool untouched_behind(size_t vm) const; ///< nobody wrote behind the block

    const Backend& backend;
    uint32_t clock = 0xffff0000; ///< it overflows soon
    bool pin = false;
    uint32_t longest_turn = 0; ///< ticks that one VM has held up the round
    uint32_t kind;             ///< what limpet_platform_sum begins with
    std::vector<Report> reports;
    std::vector<Message> messages;
    uint32_t restarts = 0;

private:
    friend struct Platform;
    struct Vm {
        std::vector<uint64_t> storage;
        uint32_t block_bytes = 0;
        bool armed = false;
        std::unique_ptr<Guest> guest; ///< as the backend has it, once it is prepared
        std::vector<std::vector<uint64_t>> allocated;
        limpet_service& service() { return *reinterpret_cast<limpet_service*>(storage.data()); }
    };
    Vm& vm_of(const limpet_service* service);
    Vm& vm_of(const limpet_vm* vm);
    [[nodiscard]] size_t index_of(const limpet_service* service);

    std::vector<std::unique_ptr<Vm>> vms_;
    bool woken_ = false;
    const limpet_host* host_ = nullptr; ///< of the VM that runs
    limpet_vm* running_ = nullptr;
    std::jmp_buf shutdown_{};
};

/// The board's limpet_platform_sum.
uint32_t sum_of(std::span<const uint8_t> bytes, uint32_t kind);

} // namespace limpet::service
