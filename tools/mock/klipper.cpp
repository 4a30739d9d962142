#include "klipper.h"

#include "../builder/sdk.h"

#include <algorithm>
#include <fmt/format.h>

namespace limpet::mock {

namespace {

/// A pin that has not changed after so many looks never will.
constexpr uint32_t kLooksMax = 1'000'000;

/// How far `later` is behind `earlier` on a clock that wraps; negative: it is before.
int32_t distance(uint32_t earlier, uint32_t later) { return static_cast<int32_t>(later - earlier); }

} // namespace

std::span<uint8_t> Call::bytes(size_t i) const {
    const calls::Argument& argument = declaration.arguments[i];
    const size_t elements = argument.length_is_argument ? number(argument.length) : argument.length;
    return {reinterpret_cast<uint8_t*>(values_[i]), elements * calls::bytes_of(argument.type)};
}

Klipper::Handler Klipper::handler_of(const calls::Declaration& declaration) {
    static const std::vector<calls::Declaration> known = read_imports("");
    static const std::map<std::string_view, Handler> handlers = {
        {"timer_read_time", &Klipper::timer_read_time},
        {"timer_start", &Klipper::timer_start},
        {"timer_sleep", &Klipper::timer_sleep},
        {"timer_poll", &Klipper::timer_poll},
        {"receive", &Klipper::receive},
        {"respond", &Klipper::reported},
        {"bulk_report", &Klipper::reported},
        {"bulk_sample", &Klipper::reported},
        {"bulk_status", &Klipper::reported},
        {"bulk_overflow", &Klipper::reported},
        {"spi_transfer", &Klipper::spi_transfer},
        {"spi_exchange", &Klipper::spi_exchange},
        {"cs_pulse_latch", &Klipper::cs_pulse_latch},
        {"i2c_read", &Klipper::i2c_read},
        {"i2c_write", &Klipper::i2c_write},
        {"i2c_shutdown_on_err", &Klipper::i2c_shutdown_on_err},
        {"gpio_in_read", &Klipper::gpio_in_read},
        {"gpio_out_write", &Klipper::gpio_out_write},
        {"shift_in", &Klipper::shift_in},
        {"trigger_update", &Klipper::reported},
        {"trigger_error", &Klipper::reported},
        {"try_shutdown", &Klipper::try_shutdown},
    };
    const auto found = handlers.find(declaration.name);
    const bool same = calls::find(known, calls::canonical(declaration)).has_value();
    return found != handlers.end() && same ? found->second : nullptr;
}

/// What goes to the PC is printed, and that is all.
uint32_t Klipper::reported(const Call& /*call*/) { return 0; }

uint32_t Klipper::receive(const Call& call) {
    const std::span<uint8_t> room = call.bytes(0);
    const size_t count = std::min(command.size(), room.size());
    std::copy_n(command.begin(), count, room.begin());
    return static_cast<uint32_t>(count);
}

uint32_t Klipper::try_shutdown(const Call& call) {
    shutdown_ = fmt::format("try_shutdown, reason {}", call.number(0));
    return 0;
}

// Time

uint32_t Klipper::timer_read_time(const Call& /*call*/) { return clock; }

uint32_t Klipper::timer_start(const Call& call) {
    timer_ = {};
    if (call.number(1) == 0) return 0;
    timer_.mode = Mode::kPeriodic;
    timer_.wake = call.number(0);
    timer_.period_ticks = call.number(1);
    return 0;
}

uint32_t Klipper::timer_sleep(const Call& call) {
    timer_ = {};
    if (call.number(0) == 0) return 0;
    timer_.mode = Mode::kOnce;
    timer_.wake = clock + call.number(0);
    return 0;
}

uint32_t Klipper::timer_poll(const Call& call) {
    timer_ = {};
    if (call.number(2) == 0) return 0;
    timer_.mode = Mode::kPoll;
    timer_.wake = clock + call.number(2);
    timer_.pin = call.number(0);
    timer_.level = call.number(1);
    timer_.period_ticks = call.number(2);
    timer_.rest_ticks = call.number(3);
    return 0;
}

void Klipper::wait_for_pin() {
    for (uint32_t looks = 0; looks < kLooksMax; ++looks) {
        if (script_.inputs[timer_.pin](clock) == timer_.level) return;
        clock += timer_.period_ticks;
    }
    throw Unexpected(fmt::format("gpio_in[{}]: never has the level {}", timer_.pin, timer_.level));
}

/// When a periodic timer that has just gone off does so next, and how often it should have in the meantime.
std::array<uint32_t, 2> Klipper::next_period() {
    const int32_t late = distance(timer_.wake, clock);
    const uint32_t missed = late < 0 ? 0 : static_cast<uint32_t>(late) / timer_.period_ticks;
    timer_.wake += (missed + 1) * timer_.period_ticks;
    return {timer_.wake, missed};
}

std::array<uint32_t, 2> Klipper::wait_for_timer() {
    if (distance(clock, timer_.wake) > 0) clock = timer_.wake;
    switch (timer_.mode) {
    case Mode::kPeriodic: return next_period();
    case Mode::kPoll:
        wait_for_pin();
        timer_.wake = clock + timer_.rest_ticks;
        return {timer_.wake, 0};
    default: break;
    }
    timer_.mode = Mode::kOff;
    timer_.decides = true;
    return {timer_.wake, 0};
}

void Klipper::task_returned(uint32_t result) {
    if (!timer_.decides) return; // periodic, or set anew by the task
    timer_ = {};
    if (result == 0) return;
    timer_.mode = Mode::kOnce;
    timer_.wake = clock + result;
}

// Buses and pins. A handle that names nothing has been refused before.

uint32_t Klipper::spi_transfer(const Call& call) {
    const std::span<uint8_t> data = call.bytes(1);
    std::ranges::copy(script_.spi[call.number(0)].transfer(data, clock), data.begin());
    return 0;
}

uint32_t Klipper::spi_exchange(const Call& call) {
    const uint32_t length = call.number(2);
    if (length > 4) return 0;
    Bytes sent;
    for (uint32_t i = length; i-- != 0;) sent.push_back(static_cast<uint8_t>(call.number(1) >> 8 * i));
    uint32_t answer = 0;
    for (const uint8_t byte : script_.spi[call.number(0)].transfer(sent, clock)) answer = answer << 8 | byte;
    return answer;
}

uint32_t Klipper::cs_pulse_latch(const Call& /*call*/) { return clock; }

uint32_t Klipper::i2c_read(const Call& call) {
    return script_.i2c[call.number(0)].i2c_read(static_cast<uint8_t>(call.number(1)), call.bytes(2), clock);
}

uint32_t Klipper::i2c_write(const Call& call) { return script_.i2c[call.number(0)].i2c_write(call.bytes(1)); }

uint32_t Klipper::i2c_shutdown_on_err(const Call& call) {
    if (call.number(0) != 0) shutdown_ = fmt::format("i2c_shutdown_on_err, status {}", call.number(0));
    return 0;
}

uint32_t Klipper::gpio_in_read(const Call& call) { return script_.inputs[call.number(0)](clock); }

uint32_t Klipper::gpio_out_write(const Call& /*call*/) { return 0; }

uint32_t Klipper::shift_in(const Call& call) {
    uint32_t bits = 0;
    for (uint32_t i = std::min(call.number(2), 32U); i != 0; --i)
        bits = bits << 1 | script_.inputs[call.number(0)](clock);
    return bits;
}

} // namespace limpet::mock
