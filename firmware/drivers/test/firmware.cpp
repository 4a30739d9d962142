#include "firmware.h"

#include "../../../interp/calls/check.h"
#include "folders.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace limpet::drivers {

namespace {

constexpr uint32_t kBlockBytesMax = 51; // Klipper: sensor_bulk.h

std::vector<calls::Declaration> read_declarations() {
    std::ifstream file(kCallsFile);
    if (!file) throw std::runtime_error(std::string(kCallsFile) + " cannot be read");
    return calls::parse_imports(std::string(std::istreambuf_iterator<char>(file), {}));
}

uint8_t* bytes_at(uintptr_t argument) { return reinterpret_cast<uint8_t*>(argument); }
uint32_t number(uintptr_t argument) { return static_cast<uint32_t>(argument); }

std::array<uint32_t, 5> numbers(const std::array<uintptr_t, 5>& arguments) {
    std::array<uint32_t, 5> result{};
    std::ranges::transform(arguments, result.begin(), number);
    return result;
}

bool due(uint32_t clock, uint32_t now) { return static_cast<int32_t>(now - clock) >= 0; }

} // namespace

const std::vector<calls::Declaration>& declared_calls() {
    static const std::vector<calls::Declaration> declarations = read_declarations();
    return declarations;
}

Firmware::Handler Firmware::handler_of(std::string_view name) {
    static constexpr auto kHandlers = std::to_array<std::pair<std::string_view, Handler>>({
        {"timer_read_time", &Firmware::timer_read_time},
        {"timer_start", &Firmware::timer_start},
        {"timer_sleep", &Firmware::timer_sleep},
        {"timer_poll", &Firmware::timer_poll},
        {"receive", &Firmware::receive},
        {"respond", &Firmware::respond},
        {"bulk_report", &Firmware::bulk_report},
        {"bulk_sample", &Firmware::bulk_sample},
        {"bulk_status", &Firmware::bulk_status},
        {"bulk_overflow", &Firmware::bulk_overflow},
        {"spi_transfer", &Firmware::spi_transfer},
        {"spi_exchange", &Firmware::spi_exchange},
        {"cs_pulse_latch", &Firmware::cs_pulse_latch},
        {"i2c_read", &Firmware::i2c_read},
        {"i2c_write", &Firmware::i2c_write},
        {"i2c_shutdown_on_err", &Firmware::i2c_shutdown_on_err},
        {"gpio_in_read", &Firmware::gpio_in_read},
        {"gpio_out_write", &Firmware::gpio_out_write},
        {"shift_in", &Firmware::shift_in},
        {"trigger_update", &Firmware::trigger_update},
        {"trigger_error", &Firmware::trigger_error},
        {"try_shutdown", &Firmware::try_shutdown},
    });
    const auto* found = std::ranges::find(kHandlers, name, &std::pair<std::string_view, Handler>::first);
    if (found == kHandlers.end()) throw std::logic_error("no handler for host call " + std::string(name));
    return found->second;
}

Firmware::Firmware() {
    kinds_ = calls::handle_kinds(declared_calls());
    for (const calls::Declaration& declaration : declared_calls())
        calls_.push_back({.types = calls::encode(declaration, kinds_),
                          .has_result = declaration.result.has_value(),
                          .handler = handler_of(declaration.name)});
}

limpet_status Firmware::call(limpet_vm& vm, const MappedHost& host, uint32_t id, uint32_t* arguments) {
    if (id >= calls_.size()) return LIMPET_HOST_CALL;
    const Call& called = calls_[id];
    const auto resolve = [&](uint32_t index, uint32_t kind) {
        return index < handles(kinds_.at(kind)) ? uintptr_t{index} : LIMPET_NO_HANDLE;
    };
    Arguments checked{};
    if (calls::check(vm, host, called.types.data(), arguments, checked.data(), resolve) == 0) return LIMPET_HOST_CALL;
    wait(kCallTicks);
    const uint32_t result = (this->*called.handler)(checked);
    if (called.has_result) arguments[0] = result;
    return i2c_failure ? LIMPET_HOST_CALL : LIMPET_RETURN; // a shutdown of Klipper's never returns to the guest
}

/// How many handles of a kind there are.
uint32_t Firmware::handles(std::string_view kind) const {
    if (kind == "spi") return static_cast<uint32_t>(spi.size());
    if (kind == "i2c") return static_cast<uint32_t>(i2c.size());
    if (kind == "gpio_in") return static_cast<uint32_t>(inputs.size());
    if (kind == "gpio_out") return static_cast<uint32_t>(outputs.size());
    throw std::logic_error("handles of an unknown kind: " + std::string(kind));
}

// Time

void Firmware::wait(uint32_t ticks) {
    for (; ticks != 0; --ticks) {
        ++clock;
        if (on_time) on_time(clock);
        if (timer_.armed && due(timer_.clock, clock)) timer_event();
    }
}

void Firmware::advance(uint32_t ticks) { wait(ticks); }

void Firmware::timer_event() {
    Timer& timer = timer_;
    if (timer.pending) {
        ++timer.missed;
        ++overflows_;
        timer.clock +=
            timer.mode == Mode::kPoll ? std::max(timer.rest_ticks / 2, timer.period_ticks) : timer.period_ticks;
        return;
    }
    if (timer.mode == Mode::kPoll && inputs.at(timer.pin)() != timer.level) {
        timer.clock += timer.period_ticks;
        return;
    }
    timer.pending = true;
    timer.missed = 0;
    timer.clock += timer.mode == Mode::kPoll ? timer.rest_ticks : timer.period_ticks;
    if (timer.mode == Mode::kOnce) timer.armed = false;
}

void Firmware::start(const Timer& timer) {
    if (timer.mode == Mode::kStopped || timer_.mode == Mode::kStopped || timer.mode != Mode::kOnce) {
        sequence_ = overflows_ = 0;
        block_.clear();
    }
    timer_ = timer;
}

std::array<uint32_t, 2> Firmware::begin_run() {
    const std::array<uint32_t, 2> arguments = {timer_.clock, timer_.missed};
    if (timer_.mode != Mode::kPoll) timer_.pending = false;
    return arguments;
}

void Firmware::end_run(uint32_t result) {
    if (timer_.mode == Mode::kPoll) timer_.pending = false;
    if (timer_.mode != Mode::kOnce || timer_.armed || result == 0) return;
    timer_.clock = clock + result;
    timer_.armed = true;
}

std::optional<uint32_t> Firmware::timer_clock() const {
    if (!timer_.armed) return std::nullopt;
    return timer_.clock;
}

uint32_t Firmware::timer_read_time(const Arguments& /*arguments*/) { return clock; }

uint32_t Firmware::timer_start(const Arguments& arguments) {
    const auto [start_clock, period, unused0, unused1, unused2] = numbers(arguments);
    start(period == 0 ? Timer{}
                      : Timer{.mode = Mode::kPeriodic, .armed = true, .clock = start_clock, .period_ticks = period});
    return 0;
}

uint32_t Firmware::timer_sleep(const Arguments& arguments) {
    const uint32_t ticks = number(arguments[0]);
    start(ticks == 0 ? Timer{} : Timer{.mode = Mode::kOnce, .armed = true, .clock = clock + ticks});
    return 0;
}

uint32_t Firmware::timer_poll(const Arguments& arguments) {
    const auto [pin, level, poll_ticks, rest_ticks, unused] = numbers(arguments);
    start(poll_ticks == 0 ? Timer{}
                          : Timer{.mode = Mode::kPoll,
                                  .armed = true,
                                  .clock = clock + poll_ticks,
                                  .period_ticks = poll_ticks,
                                  .rest_ticks = rest_ticks,
                                  .pin = pin,
                                  .level = level != 0});
    return 0;
}

// Messages

uint32_t Firmware::receive(const Arguments& arguments) {
    const uint32_t length = std::min(number(arguments[1]), static_cast<uint32_t>(command.size()));
    std::copy_n(command.begin(), length, bytes_at(arguments[0]));
    return length;
}

uint32_t Firmware::respond(const Arguments& arguments) {
    const uint8_t* data = bytes_at(arguments[1]);
    messages.push_back({.id = static_cast<uint8_t>(number(arguments[0])), .data = {data, data + number(arguments[2])}});
    return 0;
}

void Firmware::report(const uint8_t* data, uint32_t length) {
    block_.insert(block_.end(), data, data + length);
    if (block_.size() > kBlockBytesMax) throw std::logic_error("samples of different lengths in one block");
    if (block_.size() + length <= kBlockBytesMax) return;
    blocks.push_back({.sequence = sequence_++, .data = std::exchange(block_, {})});
}

uint32_t Firmware::bulk_report(const Arguments& arguments) {
    report(bytes_at(arguments[0]), number(arguments[1]));
    return 0;
}

uint32_t Firmware::bulk_sample(const Arguments& arguments) {
    std::array<uint8_t, 4> data{};
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(number(arguments[0]) >> 8 * i);
    report(data.data(), std::min<uint32_t>(number(arguments[1]), data.size()));
    return 0;
}

uint32_t Firmware::bulk_status(const Arguments& arguments) {
    const auto [at, query_ticks, sensor_bytes, unused0, unused1] = numbers(arguments);
    statuses.push_back({.clock = at,
                        .query_ticks = query_ticks,
                        .next_sequence = sequence_,
                        .buffered = sensor_bytes + static_cast<uint32_t>(block_.size()),
                        .overflows = overflows_});
    return 0;
}

uint32_t Firmware::bulk_overflow(const Arguments& arguments) {
    if (number(arguments[0]) != 0) ++overflows_;
    return 0;
}

// Buses and pins

std::vector<uint8_t> Firmware::transfer(uint32_t bus, std::vector<uint8_t> sent) {
    std::vector<uint8_t> answer = spi.at(bus)->transfer(sent);
    answer.resize(sent.size(), kFloating);
    wait(static_cast<uint32_t>(sent.size()) * kByteTicks);
    bytes.push_back(std::move(sent));
    return answer;
}

uint32_t Firmware::spi_transfer(const Arguments& arguments) {
    uint8_t* data = bytes_at(arguments[1]);
    std::ranges::copy(transfer(number(arguments[0]), {data, data + number(arguments[2])}), data);
    return 0;
}

uint32_t Firmware::spi_exchange(const Arguments& arguments) {
    const auto [bus, data, length, unused0, unused1] = numbers(arguments);
    if (length > 4) return 0;
    std::vector<uint8_t> sent;
    for (uint32_t i = length; i-- != 0;) sent.push_back(static_cast<uint8_t>(data >> 8 * i));
    uint32_t result = 0;
    for (const uint8_t byte : transfer(bus, sent)) result = result << 8 | byte;
    return result;
}

uint32_t Firmware::cs_pulse_latch(const Arguments& arguments) {
    wait(kByteTicks);
    spi.at(number(arguments[0]))->pulse();
    return clock;
}

uint32_t Firmware::i2c_read(const Arguments& arguments) {
    const auto [bus, address, unused, length, unused1] = numbers(arguments);
    I2cChip& chip = *i2c.at(bus);
    bytes.push_back({static_cast<uint8_t>(address)});
    wait((length + 3) * kByteTicks);
    if (chip.failure != 0) return chip.failure;
    std::vector<uint8_t> data = chip.read(static_cast<uint8_t>(address), length);
    data.resize(length, kFloating);
    std::ranges::copy(data, bytes_at(arguments[2]));
    return 0;
}

uint32_t Firmware::i2c_write(const Arguments& arguments) {
    const uint8_t* data = bytes_at(arguments[1]);
    bytes.emplace_back(data, data + number(arguments[2]));
    wait((number(arguments[2]) + 1) * kByteTicks);
    return i2c.at(number(arguments[0]))->failure;
}

uint32_t Firmware::i2c_shutdown_on_err(const Arguments& arguments) {
    if (number(arguments[0]) != 0) i2c_failure = static_cast<uint8_t>(number(arguments[0]));
    return 0;
}

uint32_t Firmware::gpio_in_read(const Arguments& arguments) { return inputs.at(number(arguments[0]))() ? 1 : 0; }

uint32_t Firmware::gpio_out_write(const Arguments& arguments) {
    outputs.at(number(arguments[0]))(number(arguments[1]) != 0);
    return 0;
}

uint32_t Firmware::shift_in(const Arguments& arguments) {
    uint32_t result = 0;
    for (uint32_t i = std::min(number(arguments[2]), 32U); i != 0; --i) {
        outputs.at(number(arguments[1]))(true);
        wait(1);
        outputs.at(number(arguments[1]))(false);
        result = result << 1 | (inputs.at(number(arguments[0]))() ? 1 : 0);
        wait(1);
    }
    return result;
}

// Homing, and stopping everything

uint32_t Firmware::trigger_update(const Arguments& arguments) {
    trigger_samples.push_back(static_cast<int32_t>(number(arguments[0])));
    return 0;
}

uint32_t Firmware::trigger_error(const Arguments& arguments) {
    trigger_errors.push_back(static_cast<uint8_t>(number(arguments[0])));
    return 0;
}

uint32_t Firmware::try_shutdown(const Arguments& arguments) {
    shutdowns.push_back(static_cast<uint8_t>(number(arguments[0])));
    return 0;
}

} // namespace limpet::drivers
