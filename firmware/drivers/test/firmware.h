/// \file
/// What a Klipper firmware is to one driver: its clock, its timer, the chips on its buses, and the PC that listens.
/// Everything that firmware/sdk/klipper.calls declares is carried out here, with every argument checked.
#pragma once

#include "chip.h"

#include "../../../interp/calls/limpet_calls.h"
#include "../../../interp/calls/signature.h"
#include "../../../interp/image/guest.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::drivers {

/// What the PC gets: a message of the driver's own, a block of samples, or the answer how much there is.
struct Message {
    uint8_t id;
    std::vector<uint8_t> data;
    bool operator==(const Message&) const = default;
};
struct Block {
    uint32_t sequence;
    std::vector<uint8_t> data;
};
struct BulkStatus {
    uint32_t clock;
    uint32_t query_ticks;
    uint32_t next_sequence;
    uint32_t buffered; ///< bytes: in the sensor, and in the block
    uint32_t overflows;
};

/// What klipper.calls declares.
const std::vector<calls::Declaration>& declared_calls();

class Firmware {
public:
    /// Ticks that things take: so that a test sees which of two came first.
    static constexpr uint32_t kCallTicks = 1;
    static constexpr uint32_t kByteTicks = 10;

    Firmware();

    // What this instance of the driver was given; a handle counts from 0.
    std::vector<SpiChip*> spi;
    std::vector<I2cChip*> i2c;
    std::vector<std::function<bool()>> inputs;
    std::vector<std::function<void(bool)>> outputs;
    std::function<void(uint32_t clock)> on_time; ///< is told of the time before anything reads it

    uint32_t clock = 1000;
    std::vector<uint8_t> command; ///< the bytes that came with it

    std::vector<Message> messages;
    std::vector<Block> blocks;
    std::vector<BulkStatus> statuses;
    std::vector<int32_t> trigger_samples;
    std::vector<uint8_t> trigger_errors;
    std::vector<uint8_t> shutdowns;          ///< reasons of try_shutdown
    std::optional<uint8_t> i2c_failure;      ///< that stopped the firmware
    std::vector<std::vector<uint8_t>> bytes; ///< sent on SPI, or on I2C: the register's address

    /// Carries out a host call: to be called from limpet_host.call.
    limpet_status call(limpet_vm& vm, const MappedHost& host, uint32_t id, uint32_t* arguments);

    /// Lets time pass; the timer goes off when it is due.
    void advance(uint32_t ticks);

    /// Is the guest to be run? Then begin_run says with which arguments, and end_run takes the result.
    [[nodiscard]] bool pending() const { return timer_.pending && !stopped(); }
    std::array<uint32_t, 2> begin_run();
    void end_run(uint32_t result);

    /// Bulk data that are not sent yet.
    [[nodiscard]] const std::vector<uint8_t>& open_block() const { return block_; }

    /// When the timer goes off next; none: it does not run.
    [[nodiscard]] std::optional<uint32_t> timer_clock() const;

    [[nodiscard]] bool stopped() const { return !shutdowns.empty() || i2c_failure.has_value(); }

private:
    using Arguments = std::array<uintptr_t, calls::kArgumentsMax>; ///< checked: buffers are pointers
    using Handler = uint32_t (Firmware::*)(const Arguments&);
    struct Call {
        std::vector<uint8_t> types;
        bool has_result;
        Handler handler;
    };
    static Handler handler_of(std::string_view name);
    [[nodiscard]] uint32_t handles(std::string_view kind) const;

    uint32_t timer_read_time(const Arguments& arguments);
    uint32_t timer_start(const Arguments& arguments);
    uint32_t timer_sleep(const Arguments& arguments);
    uint32_t timer_poll(const Arguments& arguments);
    uint32_t receive(const Arguments& arguments);
    uint32_t respond(const Arguments& arguments);
    uint32_t bulk_report(const Arguments& arguments);
    uint32_t bulk_sample(const Arguments& arguments);
    uint32_t bulk_status(const Arguments& arguments);
    uint32_t bulk_overflow(const Arguments& arguments);
    uint32_t spi_transfer(const Arguments& arguments);
    uint32_t spi_exchange(const Arguments& arguments);
    uint32_t cs_pulse_latch(const Arguments& arguments);
    uint32_t i2c_read(const Arguments& arguments);
    uint32_t i2c_write(const Arguments& arguments);
    uint32_t i2c_shutdown_on_err(const Arguments& arguments);
    uint32_t gpio_in_read(const Arguments& arguments);
    uint32_t gpio_out_write(const Arguments& arguments);
    uint32_t shift_in(const Arguments& arguments);
    uint32_t trigger_update(const Arguments& arguments);
    uint32_t trigger_error(const Arguments& arguments);
    uint32_t try_shutdown(const Arguments& arguments);

    enum class Mode : uint8_t { kStopped, kPeriodic, kOnce, kPoll };
    struct Timer {
        Mode mode = Mode::kStopped;
        bool armed = false;
        bool pending = false;
        uint32_t clock = 0; ///< when it goes off, or did
        uint32_t period_ticks = 0;
        uint32_t rest_ticks = 0;
        uint32_t pin = 0;
        bool level = false;
        uint32_t missed = 0;
    };
    void start(const Timer& timer);
    void timer_event();
    void wait(uint32_t ticks);
    void report(const uint8_t* data, uint32_t length);
    std::vector<uint8_t> transfer(uint32_t bus, std::vector<uint8_t> sent);

    std::vector<std::string> kinds_; ///< of handles, by their number in signatures
    std::vector<Call> calls_;        ///< by id
    Timer timer_;
    std::vector<uint8_t> block_;
    uint32_t sequence_ = 0;
    uint32_t overflows_ = 0;
};

} // namespace limpet::drivers
