/// \file
/// Converters for thermocouples and RTDs.
#pragma once

#include "../chip.h"

#include <array>

namespace limpet::drivers {

/// MAX31855, MAX6675: shift out one word, whatever is sent.
class WordChip : public SpiChip {
public:
    explicit WordChip(uint32_t its_bytes) : bytes_(its_bytes) {}

    uint32_t word = 0; ///< the first bit is the uppermost of its bytes

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> answer;
        for (uint32_t i = 0; i < sent.size(); ++i)
            answer.push_back(i < bytes_ ? static_cast<uint8_t>(word >> 8 * (bytes_ - 1 - i)) : kFloating);
        return answer;
    }

private:
    uint32_t bytes_;
};

/// MAX31856, MAX31865: registers; bit 7 of the address writes; it goes on to the next register, and around.
class RegisterChip : public SpiChip {
public:
    explicit RegisterChip(uint32_t its_registers) : registers(its_registers) {}

    std::vector<uint8_t> registers;

    std::vector<uint8_t> transfer(std::span<const uint8_t> sent) override {
        std::vector<uint8_t> answer(sent.size(), kFloating);
        const bool write = (sent[0] & 0x80) != 0;
        size_t address = sent[0] & 0x7f;
        for (size_t i = 1; i < sent.size(); ++i, ++address) {
            uint8_t& value = registers[address % registers.size()];
            if (write)
                value = sent[i];
            else
                answer[i] = value;
        }
        return answer;
    }
};

} // namespace limpet::drivers
