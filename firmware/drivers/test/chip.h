/// \file
/// What a chip is to its bus.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace limpet::drivers {

/// Bits that nothing drives: a driver must not take them for data.
inline constexpr uint8_t kFloating = 0xa5;

class SpiChip {
public:
    SpiChip() = default;
    SpiChip(const SpiChip&) = delete;
    SpiChip& operator=(const SpiChip&) = delete;
    virtual ~SpiChip() = default;

    /// One selection: what is sent, and as many bytes that come back.
    virtual std::vector<uint8_t> transfer(std::span<const uint8_t> sent) = 0;
    /// Selected for a moment without a clock.
    virtual void pulse() {}
};

class I2cChip {
public:
    I2cChip() = default;
    I2cChip(const I2cChip&) = delete;
    I2cChip& operator=(const I2cChip&) = delete;
    virtual ~I2cChip() = default;

    /// The bytes of registers from `address` on.
    virtual std::vector<uint8_t> read(uint8_t address, uint32_t length) = 0;

    /// How the next accesses fail; 0: they do not. (Numbers of Klipper's i2c_bus_status.)
    uint8_t failure = 0;
};

} // namespace limpet::drivers
