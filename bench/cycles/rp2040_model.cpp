/// \file
/// RP2040 as far as firmware/boards/rp2040 uses it: boot ROM, resets, crystal, system PLL, clocks, UART0. rp2040js has
/// more of the part; this one is here so that each counts the other's cycles again. Registers: RP2040 datasheet.
#include "board_model.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <map>
#include <stdexcept>

namespace limpet::cycles {
namespace {

constexpr double kCrystalHz = 12e6;
constexpr double kBaud = 115200;
constexpr double kBaudErrorMax = 0.02;

constexpr uint32_t kFlash = 0x10000000;
constexpr uint32_t kSram = 0x20000000;
constexpr uint32_t kBoot2Runs = 0x20041f00;
constexpr uint32_t kBoot2Bytes = 256;

constexpr uint32_t kSsi = 0x18000000;
constexpr uint32_t kChipId = 0x40000000;
constexpr uint32_t kClockRefControl = 0x40008030;
constexpr uint32_t kClockSysControl = 0x4000803c;
constexpr uint32_t kClockPeriControl = 0x40008048;
constexpr uint32_t kResets = 0x4000c000;
constexpr uint32_t kGpio0Control = 0x40014004;
constexpr uint32_t kXoscControl = 0x40024000;
constexpr uint32_t kPllControl = 0x40028000;
constexpr uint32_t kPllPower = 0x40028004;
constexpr uint32_t kPllFeedback = 0x40028008;
constexpr uint32_t kPllPostDividers = 0x4002800c;
constexpr uint32_t kUartData = 0x40034000;
constexpr uint32_t kUartFlags = 0x40034018;
constexpr uint32_t kUartDivisor = 0x40034024;
constexpr uint32_t kUartFraction = 0x40034028;
constexpr uint32_t kUartControl = 0x40034030;

/// 2.8.1.3.1
uint32_t boot2_checksum(const std::array<uint32_t, kBoot2Bytes / 4>& words) {
    uint32_t crc = 0xffffffff;
    for (unsigned i = 0; i < kBoot2Bytes - 4; ++i) {
        crc ^= (words[i / 4] >> (i % 4 * 8) & 0xff) << 24;
        for (unsigned bit = 0; bit < 8; ++bit) crc = crc << 1 ^ (crc >> 31 != 0 ? 0x04c11db7 : 0);
    }
    return crc;
}

class Rp2040 : public BoardModel {
public:
    [[nodiscard]] std::vector<Memory> memories() const override {
        return {{kFlash, 0x200000, false}, {kSram, 0x42000, true}};
    }
    [[nodiscard]] std::vector<PeripheralRange> peripherals() const override {
        return {{kSsi, 0x1000}, {0x40000000, 0x38000}};
    }

    /// As the boot ROM does it: 2.8.1.3.1, and 2.8.1.4 for an image that was loaded into SRAM.
    Start reset(MemoryView& memory) override {
        std::array<uint32_t, kBoot2Bytes / 4> boot2{};
        for (uint32_t i = 0; i < boot2.size(); ++i) boot2[i] = memory.word(kFlash + 4 * i);
        if (boot2 == decltype(boot2){}) return {kBoot2Runs, kSram}; // nothing was stored
        if (boot2.back() != boot2_checksum(boot2)) throw std::runtime_error("boot2's checksum is wrong");
        memory.write(kBoot2Runs, {reinterpret_cast<const uint8_t*>(boot2.data()), kBoot2Bytes});
        return {kBoot2Runs, kBoot2Runs};
    }

    uint32_t read(uint32_t address) override {
        switch (address) {
        case kChipId: return 0x10002927; // 2.20.1: revision 1, part 2
        case kResets + 8: return ~registers_[kResets];
        case kXoscControl + 4: return (registers_[kXoscControl] >> 12 & 0xfff) == 0xfab ? 1U << 31 : 0;
        case kPllControl: return registers_[address] | (pll_runs() ? 1U << 31 : 0);
        case kClockRefControl + 8: return 1U << (registers_[kClockRefControl] & 3);
        case kClockSysControl + 8: return 1U << (registers_[kClockSysControl] & 1);
        case kUartFlags: return 0x90; // all was sent, nothing was received
        default: return registers_[address];
        }
    }

    void write(uint32_t address, uint32_t value) override {
        if (address == kUartData) return transmit(static_cast<char>(value));
        const uint32_t target = address >= 0x40000000 ? address & ~0x3000U : address;
        uint32_t& stored = registers_[target];
        switch (address >= 0x40000000 ? address >> 12 & 3 : 0) { // 2.1.2
        case 0: stored = value; break;
        case 1: stored ^= value; break;
        case 2: stored |= value; break;
        default: stored &= ~value; break;
        }
        if (target == kClockSysControl && (stored & 1) != 0) clock_hz();
    }

private:
    [[nodiscard]] bool pll_runs() { return (registers_[kPllPower] & 0x21) == 0; }

    /// 2.18.2 and 2.18.3
    double clock_hz() {
        if ((registers_[kClockSysControl] & 0xe1) != 1 || !pll_runs() || (registers_[kPllPower] & 8) != 0)
            throw std::runtime_error("the system clock is not the PLL's");
        const uint32_t dividers = registers_[kPllPostDividers];
        const double vco_hz = kCrystalHz * (registers_[kPllFeedback] & 0xfff);
        const double hz = vco_hz / ((dividers >> 16 & 7) * (dividers >> 12 & 7));
        if (vco_hz < 750e6 || vco_hz > 1600e6 || hz > 133e6)
            throw std::runtime_error(
                fmt::format("PLL out of its limits: {} MHz in the VCO, {} out", vco_hz / 1e6, hz / 1e6));
        return hz;
    }

    void transmit(char byte) {
        if ((registers_[kResets] & (1U << 5 | 1U << 22)) != 0)
            throw std::runtime_error("UART0 or its pins are in reset");
        if (registers_[kGpio0Control] != 2 || (registers_[kUartControl] & 0x101) != 0x101 ||
            (registers_[kClockPeriControl] & 0x800) == 0)
            throw std::runtime_error("UART0 is off, without a clock, or not at GPIO0");
        const double baud = clock_hz() / 16 / (registers_[kUartDivisor] + registers_[kUartFraction] / 64.0);
        if (std::abs(baud / kBaud - 1) > kBaudErrorMax)
            throw std::runtime_error(fmt::format("the console is at {:.0f} baud, not {}", baud, kBaud));
        console.put(byte);
    }

    /// Others are 0 after reset (2.14.3, 2.18.4).
    std::map<uint32_t, uint32_t> registers_ = {{kResets, 0x01ffffff}, {kPllPower, 0x2d}};
};

} // namespace

std::unique_ptr<BoardModel> make_rp2040() { return std::make_unique<Rp2040>(); }

} // namespace limpet::cycles
