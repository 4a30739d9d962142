/// \file
/// A run from its first instruction to its end: one call of the guest after the other, at full speed or step by step.
#pragma once

#include "execution.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace limpet {

/// A call of the guest: where, and a0..a5.
struct EntryCall {
    uint32_t address = 0;
    std::array<uint32_t, 6> arguments{};
};

/// Which calls a run consists of.
class Schedule {
public:
    Schedule() = default;
    Schedule(const Schedule&) = delete;
    Schedule& operator=(const Schedule&) = delete;
    virtual ~Schedule() = default;

    /// The next call; none: the run is over. All calls before it have returned.
    virtual std::optional<EntryCall> next() = 0;
    /// The call that next() gave last has returned `result`.
    virtual void returned(uint32_t result) = 0;
};

/// A schedule of one call.
class OneCall : public Schedule {
public:
    explicit OneCall(const EntryCall& call) : call_(call) {}
    std::optional<EntryCall> next() override { return std::exchange(call_, std::nullopt); }
    void returned(uint32_t /*result*/) override {}

private:
    std::optional<EntryCall> call_;
};

class Session {
public:
    /// `watch`: nullptr when nothing watches for the end by tohost. The guest must have been prepared.
    Session(Execution& execution, Schedule& schedule, TohostWatch* watch)
        : execution_(execution), schedule_(schedule), watch_(watch) {}

    /// Runs to the end on the session's backend.
    void run();

    /// Stands before the first instruction afterwards. The session's backend must be the reference, here and in step().
    void start();
    /// Runs one instruction; after the last one of a call, stands before the first of the next. May be called while
    /// running().
    void step();
    [[nodiscard]] bool running() const { return running_; }

    /// How the run ended; LIMPET_RETURN also when there was no call at all.
    [[nodiscard]] limpet_status status() const { return status_; }
    [[nodiscard]] bool ended_by_tohost() const { return watch_ != nullptr && watch_->fired(); }

    [[nodiscard]] const Execution& execution() const { return execution_; }
    [[nodiscard]] Guest& guest() { return execution_.guest; }

    /// Is told of each instruction that step() has executed, with the state of the guest before it.
    std::function<void(const limpet_bpf_vm& before)> observer;

private:
    std::optional<uint32_t> next_entry();
    bool call_has_returned();
    void stand_at_next_call();

    Execution& execution_;
    Schedule& schedule_;
    TohostWatch* watch_;
    limpet_status status_ = LIMPET_RETURN;
    bool running_ = false;
};

} // namespace limpet
