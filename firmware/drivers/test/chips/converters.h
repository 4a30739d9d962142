/// \file
/// Converters that tell by a pin when a sample is ready.
#pragma once

#include "../chip.h"

#include <cstdint>
#include <deque>
#include <optional>

namespace limpet::drivers {

/// HX711, HX717: a data pin and a clock pin.
class Hx71x {
public:
    static constexpr uint32_t kPowerDownTicks = 600;

    /// A conversion ends.
    void convert(int32_t value) {
        if (powered_down()) return;
        sample_ = static_cast<uint32_t>(value) & 0xffffff;
        pulses_ = 0;
        ready_ = true;
    }

    [[nodiscard]] bool data() const {
        if (powered_down()) return true;
        if (pulses_ == 0) return !ready_;
        return pulses_ > 24 || (sample_ >> (24 - pulses_) & 1) != 0;
    }
    void clock(bool level) {
        if (level == level_) return;
        if (powered_down()) { // wakes up, with nothing converted yet
            pulses_ = 0;
            ready_ = false;
        } else if (level && !stuck) {
            ++pulses_;
            if (pulses_ > 24) ready_ = false;
        }
        level_ = level;
        high_since_ = now_;
    }
    void time(uint32_t now) { now_ = now; }

    [[nodiscard]] bool powered_down() const { return level_ && now_ - high_since_ >= kPowerDownTicks; }
    [[nodiscard]] bool clock_level() const { return level_; }
    /// Since the last conversion.
    [[nodiscard]] uint32_t pulses() const { return pulses_; }

    bool stuck = false; ///< does not see its clock

private:
    uint32_t sample_ = 0;
    uint32_t pulses_ = 0;
    uint32_t now_ = 0;
    uint32_t high_since_ = 0;
    bool ready_ = false;
    bool level_ = false;
};

/// ADS1220 that converts continuously.
class Ads1220 : public SpiChip {
public:
    std::optional<int32_t> sample; ///< not read yet

    [[nodiscard]] bool data_ready_pin() const { return !sample.has_value(); }

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> answer;
        for (size_t i = 0; i < sent.size(); ++i)
            answer.push_back(static_cast<uint8_t>(static_cast<uint32_t>(sample.value_or(0)) >> (16 - 8 * i)));
        if (sent.size() >= 3) sample.reset();
        return answer;
    }
};

/// LDC1612, channel 0.
class Ldc1612 : public I2cChip {
public:
    uint32_t data = 0; ///< both registers
    bool unread = false;
    int failures_after = -1; ///< accesses that still work; -1: all do

    void convert(uint32_t value) {
        data = value;
        unread = true;
        intb_ = false;
    }
    [[nodiscard]] bool intb_pin() const { return intb_; }

    std::vector<uint8_t> read(uint8_t address, uint32_t /*length*/) override {
        if (failures_after >= 0) --failures_after;
        if (failures_after == 0) failure = 1; // from the next access on
        switch (address) {
        case 0x00: unread = false; return word(data >> 16);
        case 0x01: return word(data);
        case 0x18: intb_ = true; return word(unread ? 0x0048 : 0);
        default: return word(kFloating << 8 | kFloating);
        }
    }

private:
    static std::vector<uint8_t> word(uint32_t value) {
        return {static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
    }

    bool intb_ = true;
};

} // namespace limpet::drivers
