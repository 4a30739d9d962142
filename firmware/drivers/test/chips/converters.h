/// \file
/// Converters that tell by a pin when a sample is ready.
#pragma once

#include "../chip.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

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

/// ADS131M02 and ADS131M04: frames of words of 24 bits.
class Ads131m0x : public SpiChip {
public:
    explicit Ads131m0x(uint32_t channels) : samples(channels) {}

    static constexpr uint16_t kStatus = 0x0100; ///< words of 24 bits

    std::vector<int32_t> samples; ///< of each channel
    bool unread = false;
    bool was_reset = false;
    uint16_t answer = kStatus; ///< to the command of the frame before
    uint32_t flipped = 0;      ///< bits of the CRC, on their way

    void convert(int32_t value, size_t channel) {
        samples.assign(samples.size(), ~value);
        samples[channel] = value;
        unread = true;
    }
    [[nodiscard]] bool data_ready_pin() const { return !unread; }

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> result;
        const auto add = [&](uint32_t word) {
            for (const int shift : {16, 8, 0}) result.push_back(static_cast<uint8_t>(word >> shift));
        };
        add(static_cast<uint32_t>(answer | (was_reset ? 0x0400 : 0)) << 8);
        for (const int32_t sample : samples) add(static_cast<uint32_t>(sample));
        add((crc(result) ^ flipped) << 8);
        result.resize(sent.size(), kFloating);
        unread = false;
        return result;
    }

private:
    /// Bit by bit.
    static uint32_t crc(std::span<const uint8_t> bytes) {
        uint32_t crc = 0xffff;
        for (const uint8_t byte : bytes) {
            crc ^= static_cast<uint32_t>(byte) << 8;
            for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1;
        }
        return crc;
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
