// This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
/// \file
/// The chips on the buses and pins of Klipper's Linux MCU. What a chip says to its driver, the models of the drivers'
/// own tests say (firmware/drivers/test/chips); here is what klippy sets up before, and at what pace a chip measures.
///
/// Sample number n depends on n alone, and a chip waits for its driver where a real one would lose samples: whatever a
/// busy PC does, two microcontrollers report the same.
#pragma once

#include "../../../drivers/test/chips/accelerometers.h"
#include "../../../drivers/test/chips/angle_sensors.h"
#include "../../../drivers/test/chips/converters.h"
#include "../../../drivers/test/chips/thermocouples.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace limpet::chips {

using namespace limpet::drivers;
using Bytes = std::span<const uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr double kRateHz = 200; ///< of all that have a rate: less than klippy believes

/// A chip on I2C that is written, too: a register and what it gets.
class I2cDevice : public I2cChip {
public:
    virtual void write(Bytes bytes) = 0;
};

/// When a chip has something new.
class Pace {
public:
    void start() {
        since_ = Clock::now();
        taken_ = 0;
    }
    /// Is one due? Then it is taken.
    bool next() {
        const std::chrono::duration<double> passed = Clock::now() - since_;
        if (taken_ >= passed.count() * kRateHz) return false;
        ++taken_;
        return true;
    }

private:
    Clock::time_point since_ = Clock::now();
    unsigned taken_ = 0;
};

/* Chips that measure when they are read */

/// `set` gives the model its next value as soon as a message is one that `reads`.
template <class Model> class MeasuresWhenRead : public SpiChip {
public:
    using Set = std::function<void(Model&, uint32_t number)>;
    MeasuresWhenRead(std::function<bool(Bytes sent)> reads, Set set, Model* model)
        : reads_(std::move(reads)), set_(std::move(set)), model_(model) {}

    std::vector<uint8_t> transfer(Bytes sent) override {
        if (reads_(sent)) set_(*model_, number_++);
        return model_->transfer(sent);
    }

private:
    std::function<bool(Bytes)> reads_;
    Set set_;
    std::unique_ptr<Model> model_;
    uint32_t number_ = 0;
};

template <class Model, class... Arguments>
std::unique_ptr<SpiChip> measures_when_read(std::function<bool(Bytes)> reads, typename MeasuresWhenRead<Model>::Set set,
                                            Arguments... arguments) {
    return std::make_unique<MeasuresWhenRead<Model>>(std::move(reads), std::move(set), new Model(arguments...));
}

inline bool always(Bytes /*sent*/) { return true; }
inline std::function<bool(Bytes)> begins_with(uint8_t first) {
    return [first](Bytes sent) { return sent[0] == first; };
}

/// Every bit changes, and from one to the next it is never half a turn.
constexpr uint32_t angle_of(uint32_t number, uint32_t bits) { return (number * 17) & ((1U << bits) - 1); }

/// TLE5012B: its angle is latched by a pulse, before it is known what will be read; other registers keep what they get.
class Tle5012bOnBus : public SpiChip {
public:
    std::vector<uint8_t> transfer(Bytes sent) override {
        transferred_ = true;
        const uint32_t address = (sent[0] << 8 | sent[1]) >> 4 & 0x3f;
        const bool reads = (sent[0] & 0x80) != 0;
        if (reads && (address == kAngle || address == kRevolutions)) {
            if (address == kAngle) model_.angle = angle_of(++number_, 15);
            return model_.transfer(sent);
        }
        if (!reads) registers_[address] = static_cast<uint16_t>(sent[2] << 8 | sent[3]);
        std::vector<uint8_t> covered(sent.begin(), sent.begin() + 2);
        for (const uint8_t byte : big_endian(registers_[address], 2)) covered.push_back(byte);
        const auto crc = static_cast<uint8_t>(~crc8(covered, 0x1d, 0xff));
        covered.insert(covered.end(), {0xff, crc});
        return covered;
    }
    /// A selection without a transfer is a pulse.
    void select(bool level) {
        if (!level)
            transferred_ = false;
        else if (!transferred_) {
            const auto frames = std::chrono::nanoseconds(Clock::now().time_since_epoch()) / kFrame;
            model_.frame_counter = static_cast<uint32_t>(frames) & 0x3f;
            model_.pulse();
        }
    }

private:
    static constexpr uint32_t kAngle = 2, kRevolutions = 4;
    static constexpr auto kFrame = std::chrono::nanoseconds(42667); // 32 periods of 750 kHz

    Tle5012b model_;
    std::map<uint32_t, uint16_t> registers_;
    uint32_t number_ = 0;
    bool transferred_ = false;
};

/* Accelerometers: a FIFO that fills at their pace */

/// What klippy asks and sets. Measuring goes on while a bit of `start_mask` is set in register `start`.
struct Registers {
    uint8_t id_address, id, start, start_mask;
    std::vector<uint8_t> live; ///< what the model knows
    uint8_t address_mask = 0xff;
};

inline void add(Adxl345& chip, const Sample& sample) { chip.fifo.push_back(sample); }
inline void add(Lis& chip, const Sample& sample) { chip.fifo.push_back(sample); }
inline void add(Bmi160& chip, const Sample& sample) { chip.fifo.add(sample); }
inline void add(InvenSense& chip, const Sample& s) { chip.fifo.add({s[1], s[0], s[3], s[2], s[5], s[4]}); }
inline size_t entries(const std::deque<Sample>& fifo) { return fifo.size(); }
inline size_t entries(const ByteFifo& fifo) { return fifo.bytes.size() / sizeof(Sample); }

template <class Model> class Accelerometer {
public:
    Accelerometer(Registers its_registers, Model* its_model) : model_(its_model), known_(std::move(its_registers)) {
        values_[known_.id_address] = known_.id;
    }

protected:
    void set(uint8_t address, uint8_t value) {
        const bool ran = std::exchange(runs_, address == known_.start ? (value & known_.start_mask) != 0 : runs_);
        values_[address] = value;
        if (ran || !runs_) return;
        model_->fifo = {};
        number_ = 0;
        pace_.start();
    }
    /// Is it the model that knows this register? It has measured until now.
    bool live(uint8_t address) {
        constexpr size_t kRoom = 24;
        constexpr uint32_t kSamples = 4000; // 13 bits
        while (runs_ && entries(model_->fifo) < kRoom && pace_.next()) {
            const auto n = static_cast<int16_t>(number_++ % kSamples);
            add(*model_, sample_of(n, static_cast<int16_t>(-n), static_cast<int16_t>(n / 2 - 1000)));
        }
        return std::ranges::find(known_.live, address & known_.address_mask) != known_.live.end();
    }
    [[nodiscard]] uint8_t value(uint8_t address) const { return values_[address & known_.address_mask]; }
    Model& model() { return *model_; }

private:
    std::unique_ptr<Model> model_;
    Registers known_;
    std::array<uint8_t, 256> values_{};
    Pace pace_;
    uint32_t number_ = 0;
    bool runs_ = false;
};

/// Bit 7 of the address reads.
template <class Model> class OnSpi : public SpiChip, Accelerometer<Model> {
public:
    using Accelerometer<Model>::Accelerometer;
    std::vector<uint8_t> transfer(Bytes sent) override {
        if ((sent[0] & 0x80) == 0)
            this->set(sent[0], sent[1]);
        else if (this->live(sent[0]))
            return this->model().transfer(sent);
        return {kFloating, (sent[0] & 0x80) == 0 ? kFloating : this->value(sent[0])};
    }
};

template <class Model> class OnI2c : public I2cDevice, Accelerometer<Model> {
public:
    using Accelerometer<Model>::Accelerometer;
    void write(Bytes bytes) override { this->set(bytes[0], bytes[1]); }
    std::vector<uint8_t> read(uint8_t address, uint32_t length) override {
        if (this->live(address)) return this->model().read(address, length);
        return {this->value(address)};
    }
};

/* Converters: one sample at a time, the next one when it has been read and its time has come */

constexpr int32_t weight_of(uint32_t number) { return static_cast<int32_t>(number * 1000) - 65536; }

class Hx71xOnPins {
public:
    Hx71xOnPins() { model_.clock(true); }
    void clock(bool level) {
        tell_time();
        model_.clock(level);
        clocked_ = Clock::now();
    }
    bool data() {
        tell_time();
        const bool is_read = Clock::now() - clocked_ < std::chrono::milliseconds(1); // not while it is
        const bool waits = model_.pulses() == 0 ? model_.data() : model_.pulses() > 24 && !is_read;
        if (waits && !model_.powered_down() && pace_.next()) model_.convert(weight_of(number_++));
        return model_.data();
    }

private:
    /// A hundred times too slow: a busy PC that does something else for a moment does not power the chip down.
    void tell_time() {
        constexpr auto kTick = std::chrono::microseconds(10);
        model_.time(static_cast<uint32_t>(Clock::now().time_since_epoch() / kTick));
    }

    Hx71x model_;
    Clock::time_point clocked_;
    Pace pace_;
    uint32_t number_ = 0;
};

/// ADS1220: commands, and registers that klippy reads back.
class Ads1220OnBus : public SpiChip {
public:
    bool data_ready_pin() {
        if (!model_.sample && runs_ && pace_.next()) model_.sample = weight_of(number_++);
        return model_.data_ready_pin();
    }
    std::vector<uint8_t> transfer(Bytes sent) override {
        std::vector<uint8_t> answer(sent.size());
        const uint8_t command = sent[0];
        const size_t address = command >> 2 & 3;
        if (command == 0) return model_.transfer(sent);
        runs_ = command == kStart || (runs_ && command != kReset);
        if (command == kReset) registers_ = {};
        for (size_t i = 1; i < sent.size(); ++i) {
            uint8_t& value = registers_[(address + i - 1) % registers_.size()];
            if ((command & kWrite) != 0)
                value = sent[i];
            else
                answer[i] = value;
        }
        return answer;
    }

private:
    static constexpr uint8_t kReset = 0x06, kStart = 0x08, kWrite = 0x40;

    Ads1220 model_;
    std::array<uint8_t, 4> registers_{};
    Pace pace_;
    uint32_t number_ = 0;
    bool runs_ = false;
};

/// ADS131M0x: a command is answered by the next frame.
class Ads131m0xOnBus : public SpiChip {
public:
    explicit Ads131m0xOnBus(uint32_t channels) : model_(channels) { registers_[0] = 0x2000 | channels << 8; }

    bool data_ready_pin() {
        if (!model_.unread && pace_.next()) model_.convert(weight_of(number_++), model_.samples.size() - 1);
        return model_.data_ready_pin();
    }
    std::vector<uint8_t> transfer(Bytes sent) override {
        std::vector<uint8_t> answer = model_.transfer(sent);
        const uint32_t command = sent[0] << 8 | sent[1];
        const uint32_t address = command >> 7 & 0x3f;
        model_.answer = Ads131m0x::kStatus;
        if (command == 0x0011) model_.answer = 0xff22; // what klippy expects of both
        if ((command & 0xe000) == 0xa000 && address != 1) model_.answer = static_cast<uint16_t>(registers_[address]);
        if ((command & 0xe000) == 0x6000) registers_[address] = sent[3] << 8 | sent[4];
        return answer;
    }

private:
    Ads131m0x model_;
    std::array<uint32_t, 64> registers_{};
    Pace pace_;
    uint32_t number_ = 0;
};

/// LDC1612: registers of 16 bits; writing its CONFIG begins anew.
class Ldc1612OnBus : public I2cDevice {
public:
    bool intb_pin() {
        measure();
        return model_.intb_pin();
    }
    void write(Bytes bytes) override {
        registers_[bytes[0]] = {bytes[1], bytes[2]};
        if (bytes[0] == kConfig) number_ = 0;
    }
    std::vector<uint8_t> read(uint8_t address, uint32_t length) override {
        if (address == kStatus) measure(); // not between the halves of a sample
        const auto found = registers_.find(address);
        return found != registers_.end() ? found->second : model_.read(address, length);
    }

private:
    static constexpr uint8_t kStatus = 0x18, kConfig = 0x1a;

    void measure() {
        if (!model_.unread && registers_.contains(kConfig) && pace_.next()) model_.convert(0x100000 + number_++);
    }

    Ldc1612 model_;
    std::map<uint8_t, std::vector<uint8_t>> registers_ = {{0x7e, {0x54, 0x49}}, {0x7f, {0x30, 0x55}}};
    Pace pace_;
    uint32_t number_ = 0;
};

} // namespace limpet::chips
