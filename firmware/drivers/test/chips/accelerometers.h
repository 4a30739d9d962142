/// \file
/// Accelerometers with a FIFO. A test fills the FIFO; the chip gives it out as its data sheet says.
#pragma once

#include "../chip.h"

#include <algorithm>
#include <array>
#include <deque>

namespace limpet::drivers {

/// The bytes of X, Y, Z as they are in the chip's registers, lower byte first.
using Sample = std::array<uint8_t, 6>;

inline Sample sample_of(int16_t x, int16_t y, int16_t z) {
    const auto low = [](int16_t value) { return static_cast<uint8_t>(value); };
    const auto high = [](int16_t value) { return static_cast<uint8_t>(value >> 8); };
    return {low(x), high(x), low(y), high(y), low(z), high(z)};
}

class Adxl345 : public SpiChip {
public:
    std::deque<Sample> fifo;
    uint8_t fifo_control = 0x90;
    bool triggered = false;
    uint8_t fifo_status_glitch = 0; ///< bits that are read wrong

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> answer(sent.size(), kFloating);
        if ((sent[0] & 0x80) == 0) return answer;
        const bool multiple = (sent[0] & 0x40) != 0;
        uint8_t address = sent[0] & 0x3f;
        bool popped = false;
        for (size_t i = 1; i < sent.size(); ++i) {
            answer[i] = read(address);
            popped |= address == 0x37;
            if (multiple) ++address;
        }
        if (popped && !fifo.empty()) fifo.pop_front();
        return answer;
    }

private:
    uint8_t read(uint8_t address) const {
        switch (address) {
        case 0x38: return fifo_control;
        case 0x39: return static_cast<uint8_t>((triggered ? 0x80 : 0) | fifo.size()) ^ fifo_status_glitch;
        default:
            if (address < 0x32 || address > 0x37) return 0;
            return fifo.empty() ? 0 : fifo.front()[address - 0x32];
        }
    }
};

/// LIS2DW12 and LIS3DH: FIFO at OUT_X_L, which the address comes back to after each sample.
class Lis : public SpiChip, public I2cChip {
public:
    explicit Lis(bool is_lis3dh) : lis3dh_(is_lis3dh) {}

    std::deque<Sample> fifo;
    bool overrun = false;

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> answer(sent.size(), kFloating);
        if ((sent[0] & 0x80) == 0) return answer;
        const bool multiple = !lis3dh_ || (sent[0] & 0x40) != 0;
        read_from(sent[0] & 0x3f, multiple, std::span(answer).subspan(1));
        return answer;
    }
    std::vector<uint8_t> read(uint8_t address, uint32_t length) override {
        std::vector<uint8_t> answer(length, kFloating);
        const bool multiple = !lis3dh_ || (address & 0x80) != 0;
        read_from(lis3dh_ ? address & 0x7f : address, multiple, answer);
        return answer;
    }

private:
    void read_from(uint8_t address, bool multiple, std::span<uint8_t> answer) {
        for (uint8_t& byte : answer) {
            byte = read_one(address);
            if (multiple) address = address == 0x2d ? 0x28 : address + 1;
        }
    }
    uint8_t read_one(uint8_t address) {
        if (address == 0x2f) {
            const auto entries = static_cast<uint8_t>(fifo.size());
            const uint8_t flags = overrun ? 0x40 : 0;
            if (!lis3dh_) return flags | entries;
            if (fifo.empty()) return flags | 0x3f; // the number does not count then
            return flags | std::min<uint8_t>(entries, 31);
        }
        if (address < 0x28 || address > 0x2d || fifo.empty()) return 0;
        const uint8_t value = fifo.front()[address - 0x28];
        if (address == 0x2d) fifo.pop_front();
        return value;
    }

    bool lis3dh_;
};

/// A FIFO of bytes behind one register, and its length in two others.
struct ByteFifo {
    std::deque<uint8_t> bytes;

    void add(const Sample& sample) { bytes.insert(bytes.end(), sample.begin(), sample.end()); }
    uint8_t take() {
        if (bytes.empty()) return kFloating;
        const uint8_t value = bytes.front();
        bytes.pop_front();
        return value;
    }
};

/// MPU-9250 and ICM-20948, which differ in addresses.
class InvenSense : public I2cChip {
public:
    struct Addresses {
        uint8_t overflow_status, fifo_count, fifo_data;
    };
    explicit InvenSense(const Addresses& its_addresses) : addresses_(its_addresses) {}

    ByteFifo fifo;
    uint8_t status = 0; ///< read clears it

    std::vector<uint8_t> read(uint8_t address, uint32_t length) override {
        std::vector<uint8_t> answer;
        for (uint32_t i = 0; i < length; ++i) {
            answer.push_back(read_one(address));
            if (address != addresses_.fifo_data) ++address;
        }
        return answer;
    }

private:
    uint8_t read_one(uint8_t address) {
        // The upper three bits of the count are not used.
        const size_t count = fifo.bytes.size() | 0xe000;
        if (address == addresses_.fifo_count) return static_cast<uint8_t>(count >> 8);
        if (address == addresses_.fifo_count + 1) return static_cast<uint8_t>(count);
        if (address == addresses_.fifo_data) return fifo.take();
        if (address != addresses_.overflow_status) return kFloating;
        const uint8_t value = status;
        status = 0;
        return value;
    }

    Addresses addresses_;
};

class Bmi160 : public SpiChip, public I2cChip {
public:
    ByteFifo fifo;

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> answer(sent.size(), kFloating);
        if ((sent[0] & 0x80) == 0) return answer;
        const std::vector<uint8_t> registers = read(sent[0] & 0x7f, static_cast<uint32_t>(sent.size() - 1));
        std::ranges::copy(registers, answer.begin() + 1);
        return answer;
    }
    std::vector<uint8_t> read(uint8_t address, uint32_t length) override {
        std::vector<uint8_t> answer;
        for (uint32_t i = 0; i < length; ++i) {
            answer.push_back(read_one(address));
            if (address != 0x24) ++address;
        }
        return answer;
    }

private:
    uint8_t read_one(uint8_t address) {
        if (address == 0x22) return static_cast<uint8_t>(fifo.bytes.size());
        if (address == 0x23) return static_cast<uint8_t>(fifo.bytes.size() >> 8);
        return address == 0x24 ? fifo.take() : kFloating;
    }
};

} // namespace limpet::drivers
