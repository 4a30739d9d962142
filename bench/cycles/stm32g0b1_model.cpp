/// \file
/// STM32G0B1 as far as firmware/boards/stm32g0b1 uses it: RCC, FLASH, GPIOA, USART2. It refuses a clock out of its
/// limits, too few wait states, and a console that would not be readable. Registers: RM0444.
#include "board_model.h"

#include <fmt/core.h>

#include <cmath>
#include <map>
#include <stdexcept>

namespace limpet::cycles {
namespace {

constexpr double kHsi16Hz = 16e6;
constexpr double kBaud = 115200;
constexpr double kBaudErrorMax = 0.02; // half of what a receiver stands (33.5)

constexpr uint32_t kRccControl = 0x40021000;
constexpr uint32_t kRccConfiguration = 0x40021008;
constexpr uint32_t kRccPll = 0x4002100c;
constexpr uint32_t kRccIoEnable = 0x40021034;
constexpr uint32_t kRccApbEnable = 0x4002103c;
constexpr uint32_t kFlashAccess = 0x40022000;
constexpr uint32_t kIdCode = 0x40015800;
constexpr uint32_t kGpioAMode = 0x50000000;
constexpr uint32_t kGpioAFunctionLow = 0x50000020;
constexpr uint32_t kUsartControl = 0x40004400;
constexpr uint32_t kUsartDivisor = 0x4000440c;
constexpr uint32_t kUsartStatus = 0x4000441c;
constexpr uint32_t kUsartTransmit = 0x40004428;

constexpr uint32_t field(uint32_t value, unsigned high, unsigned low) {
    return value >> low & ((2U << (high - low)) - 1);
}

class Stm32G0B1 : public BoardModel {
public:
    [[nodiscard]] std::vector<Memory> memories() const override {
        return {{0x08000000, 0x80000, false}, {0x20000000, 0x24000, true}, {0x1fff7000, 0x1000, false}};
    }
    [[nodiscard]] std::vector<PeripheralRange> peripherals() const override {
        return {{0x40004000, 0x1000}, {0x40015000, 0x1000}, {0x40021000, 0x2000}, {0x50000000, 0x1000}};
    }

    Start reset(MemoryView& memory) override {
        // 41.1: the part's number, here one that no wafer has.
        memory.write(0x1fff7590, std::vector<uint8_t>(12, 0xee));
        return BoardModel::reset(memory);
    }

    uint32_t read(uint32_t address) override {
        if (address == kUsartStatus) return 0xc0;                                             // what was sent is sent
        if (address == kIdCode) return field(registers_[kRccApbEnable], 27, 27) * 0x20000467; // 40.10: revision, device
        if (!registers_.contains(address)) return BoardModel::read(address);
        return registers_[address];
    }

    void write(uint32_t address, uint32_t value) override {
        if (address == kUsartTransmit) return transmit(static_cast<char>(value));
        if (!registers_.contains(address)) return BoardModel::write(address, value);
        if (address == kRccPll && pll_on()) throw std::runtime_error("the PLL is changed while it runs (5.4.4)");
        registers_[address] = value;
        if (address == kRccControl && pll_on()) registers_[address] |= 1U << 25;
        if (address == kRccConfiguration) registers_[address] |= field(value, 2, 0) << 3;
        check_clock();
    }

private:
    [[nodiscard]] bool pll_on() const { return field(registers_.at(kRccControl), 24, 24) != 0; }

    /// 5.2.4 and the datasheet's table of PLL characteristics.
    [[nodiscard]] double pll_hz() const {
        const uint32_t pll = registers_.at(kRccPll);
        if (field(pll, 1, 0) != 2) throw std::runtime_error("the PLL is not fed by HSI16");
        if (field(pll, 28, 28) == 0) throw std::runtime_error("the PLL's output R is off");
        const double input_hz = kHsi16Hz / (field(pll, 6, 4) + 1);
        const double vco_hz = input_hz * field(pll, 14, 8);
        const double output_hz = vco_hz / (field(pll, 31, 29) + 1);
        if (input_hz < 2.66e6 || vco_hz < 96e6 || vco_hz > 344e6 || output_hz > 64e6)
            throw std::runtime_error(fmt::format("PLL out of its limits: {} MHz in, {} in the VCO, {} out",
                                                 input_hz / 1e6, vco_hz / 1e6, output_hz / 1e6));
        return output_hz;
    }

    [[nodiscard]] double clock_hz() const {
        switch (field(registers_.at(kRccConfiguration), 2, 0)) {
        case 0: return kHsi16Hz;
        case 2:
            if (!pll_on()) throw std::runtime_error("the system clock is a PLL that is off");
            return pll_hz();
        default: throw std::runtime_error("a system clock that the board does not have");
        }
    }

    /// 3.3.4 (voltage range 1).
    void check_clock() const {
        const double hz = clock_hz();
        const uint32_t wait_states = field(registers_.at(kFlashAccess), 2, 0);
        const uint32_t wanted = hz > 48e6 ? 2 : hz > 24e6 ? 1 : 0;
        if (wait_states < wanted)
            throw std::runtime_error(
                fmt::format("{} wait states at {} MHz: the flash needs {}", wait_states, hz / 1e6, wanted));
    }

    void transmit(char byte) {
        if (field(registers_[kRccIoEnable], 0, 0) == 0 || field(registers_[kRccApbEnable], 17, 17) == 0)
            throw std::runtime_error("GPIOA or USART2 has no clock");
        if (field(registers_[kGpioAMode], 7, 4) != 0xa || field(registers_[kGpioAFunctionLow], 15, 8) != 0x11)
            throw std::runtime_error("PA2 and PA3 are not the USART's");
        if ((registers_[kUsartControl] & 9) != 9) throw std::runtime_error("the USART is off");
        const double baud = clock_hz() / registers_[kUsartDivisor];
        if (std::abs(baud / kBaud - 1) > kBaudErrorMax)
            throw std::runtime_error(fmt::format("the console is at {:.0f} baud, not {}", baud, kBaud));
        console.put(byte);
    }

    /// What the image may touch, at its value after reset.
    std::map<uint32_t, uint32_t> registers_ = {
        {kRccControl, 0x500},  {kRccConfiguration, 0},   {kRccPll, 0x1000},      {kRccIoEnable, 0},  {kRccApbEnable, 0},
        {kFlashAccess, 0x600}, {kGpioAMode, 0xebffffff}, {kGpioAFunctionLow, 0}, {kUsartControl, 0}, {kUsartDivisor, 0},
    };
};

} // namespace

std::unique_ptr<BoardModel> make_stm32g0b1() { return std::make_unique<Stm32G0B1>(); }

} // namespace limpet::cycles
