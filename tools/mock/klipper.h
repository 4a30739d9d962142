/// \file
/// What firmware/sdk/klipper.calls declares, carried out as a mock file says: time, the timer, buses and pins.
#pragma once

#include "script.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace limpet::mock {

/// A host call whose arguments have been checked.
class Call {
public:
    Call(const calls::Declaration& its_declaration, const std::array<uintptr_t, calls::kArgumentsMax>& values)
        : declaration(its_declaration), values_(values) {}

    [[nodiscard]] uint32_t number(size_t i) const { return static_cast<uint32_t>(values_[i]); }
    /// The buffer that argument i is.
    [[nodiscard]] std::span<uint8_t> bytes(size_t i) const;

    const calls::Declaration& declaration;

private:
    std::array<uintptr_t, calls::kArgumentsMax> values_;
};

class Klipper {
public:
    using Handler = uint32_t (Klipper::*)(const Call&);

    explicit Klipper(Script& script) : clock(script.clock), script_(script) {}

    /// What carries out a call; nullptr: firmware/sdk/klipper.calls does not declare it so.
    [[nodiscard]] static Handler handler_of(const calls::Declaration& declaration);

    /// Is it the PC that a call is for?
    [[nodiscard]] static bool goes_to_the_pc(Handler handler) {
        return handler == &Klipper::reported || handler == &Klipper::try_shutdown;
    }

    uint32_t clock; ///< now, in ticks
    Bytes command;  ///< what came along with the command that is carried out

    /// Why the guest stopped the firmware; none: it did not.
    [[nodiscard]] const std::optional<std::string>& shutdown() const { return shutdown_; }

    [[nodiscard]] bool timer_runs() const { return timer_.mode != Mode::kOff; }
    /// Lets time pass until the timer goes off, which it must run for. Returns what the task is called with.
    /// Throws Unexpected when a pin never gets the level that the timer waits for.
    std::array<uint32_t, 2> wait_for_timer();
    /// Takes the result of that call.
    void task_returned(uint32_t result);

private:
    enum class Mode : uint8_t { kOff, kPeriodic, kOnce, kPoll };
    struct Timer {
        Mode mode = Mode::kOff;
        uint32_t wake = 0; ///< when it goes off; polling: when it looks next
        uint32_t period_ticks = 0;
        uint32_t rest_ticks = 0; ///< polling: after it has gone off
        uint32_t pin = 0;
        uint32_t level = 0;
        bool decides = false; ///< the result of the task that runs tells when it goes off next
    };

    uint32_t timer_read_time(const Call& call);
    uint32_t timer_start(const Call& call);
    uint32_t timer_sleep(const Call& call);
    uint32_t timer_poll(const Call& call);
    uint32_t receive(const Call& call);
    uint32_t reported(const Call& call);
    uint32_t spi_transfer(const Call& call);
    uint32_t spi_exchange(const Call& call);
    uint32_t cs_pulse_latch(const Call& call);
    uint32_t i2c_read(const Call& call);
    uint32_t i2c_write(const Call& call);
    uint32_t i2c_shutdown_on_err(const Call& call);
    uint32_t gpio_in_read(const Call& call);
    uint32_t gpio_out_write(const Call& call);
    uint32_t shift_in(const Call& call);
    uint32_t try_shutdown(const Call& call);

    void wait_for_pin();
    std::array<uint32_t, 2> next_period();

    Script& script_;
    Timer timer_;
    std::optional<std::string> shutdown_;
};

} // namespace limpet::mock
