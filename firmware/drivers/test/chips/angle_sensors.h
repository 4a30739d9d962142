/// \file
/// Magnetic angle sensors on SPI. A test turns the magnet; the chip answers as its data sheet says.
#pragma once

#include "../chip.h"

#include <array>
#include <bit>
#include <utility>

namespace limpet::drivers {

inline std::vector<uint8_t> big_endian(uint32_t value, uint32_t bytes) {
    std::vector<uint8_t> result;
    while (bytes-- != 0) result.push_back(static_cast<uint8_t>(value >> 8 * bytes));
    return result;
}

/// The word with a bit on top (of `bits` in all) that makes its parity even.
inline uint32_t with_even_parity(uint32_t word, uint32_t bits) {
    return word | (static_cast<uint32_t>(std::popcount(word)) & 1) << (bits - 1);
}

/// A CRC of 8 bits, bit by bit.
inline uint8_t crc8(std::span<const uint8_t> bytes, uint8_t polynomial, uint8_t start) {
    uint8_t crc = start;
    for (const uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = static_cast<uint8_t>((crc & 0x80) != 0 ? crc << 1 ^ polynomial : crc << 1);
    }
    return crc;
}

/// A1333: a word asks, and brings the answer to the word before. 15 bits of angle.
class A1333 : public SpiChip {
public:
    uint32_t angle = 0;
    bool failed = false;

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        const bool asked = std::exchange(asked_, sent.size() == 2 && sent[0] == 0x32);
        return big_endian(asked ? angle | (failed ? 0x8000 : 0) : kFloating << 8 | kFloating, 2);
    }

private:
    bool asked_ = true; // the PC has done so when it set the chip up
};

/// AS5047D: as A1333, with parity on both sides. 14 bits of angle, taken as the request ends.
class As5047d : public SpiChip {
public:
    uint32_t angle = 0;
    bool error_flag = false;
    uint32_t flipped = 0; ///< bits of the answer, on their way

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        const uint32_t answer = std::exchange(answer_, 0);
        const uint32_t command = sent.size() == 2 ? sent[0] << 8 | sent[1] : 0;
        if (std::popcount(command) % 2 != 0)
            error_flag = true;
        else if ((command & 0x7fff) == 0x7ffe)
            answer_ = angle;
        return big_endian(with_even_parity(answer | (error_flag ? 0x4000 : 0), 16) ^ flipped, 2);
    }

private:
    uint32_t answer_ = 0;
};

/// MT6816: registers 3 and 4: 14 bits of angle, no magnet, parity.
class Mt6816 : public SpiChip {
public:
    uint32_t angle = 0;
    bool no_magnet = false;
    uint32_t flipped = 0;

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        uint32_t word = angle << 2 | (no_magnet ? 2 : 0);
        word |= static_cast<uint32_t>(std::popcount(word)) & 1;
        std::vector<uint8_t> answer = big_endian(word ^ flipped, 2);
        answer.insert(answer.begin(), kFloating);
        return sent[0] == 0x83 ? answer : std::vector<uint8_t>{};
    }
};

/// MT6826S: registers 3 .. 6 in one burst: 15 bits of angle and a 0, status, CRC.
class Mt6826s : public SpiChip {
public:
    uint32_t angle = 0;
    uint8_t status = 0;
    uint32_t flipped = 0;

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        if (sent[0] != 0x30 || sent[1] != 0x03) return {};
        std::vector<uint8_t> data = big_endian(angle << 9 | status, 3);
        data.push_back(crc8(data, 0x07, 0));
        std::vector<uint8_t> answer = big_endian((data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3]) ^ flipped, 4);
        answer.insert(answer.begin(), 2, kFloating);
        return answer;
    }
};

/// TLE5012B: registers of 16 bits that a pulse on CS latches; a command word reads some and the safety word.
class Tle5012b : public SpiChip {
public:
    uint32_t angle = 0;         ///< 15 bits
    uint32_t frame_counter = 0; ///< 6 bits
    bool valid = true;          ///< of the safety word
    uint32_t flipped = 0;       ///< bits of the CRC, on their way
    bool stopped = false;       ///< does not look at the magnet any more

    void pulse() override {
        latched_ = registers();
        fresh_ = !stopped;
    }
    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        const uint32_t count = sent[1] & 0xf;
        const uint32_t first = (sent[0] << 8 | sent[1]) >> 4 & 0x3f;
        std::vector<uint8_t> covered(sent.begin(), sent.begin() + 2);
        const auto& from = (sent[0] & 0x04) != 0 ? latched_ : registers();
        for (uint32_t i = first; i < first + count; ++i) {
            uint32_t value = from[i % from.size()];
            if (i == 2 && fresh_) value |= 0x8000;
            for (const uint8_t byte : big_endian(value, 2)) covered.push_back(byte);
        }
        fresh_ = false;
        const auto crc = static_cast<uint8_t>(~crc8(covered, 0x1d, 0xff) ^ flipped);
        covered.push_back(valid ? 0xff : 0xef);
        covered.push_back(crc);
        covered[0] = covered[1] = kFloating;
        return covered;
    }

private:
    /// 2 angle value, 3 angle speed, 4 revolutions and frame counter, 5 temperature
    [[nodiscard]] std::array<uint32_t, 6> registers() const {
        return {0, 0, angle, 0x8123, 0x8000 | frame_counter << 9 | 0x1a5, 0x0042};
    }

    std::array<uint32_t, 6> latched_{};
    bool fresh_ = false;
};

} // namespace limpet::drivers
