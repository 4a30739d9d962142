#include "board_model.h"

#include <fmt/core.h>

#include <cstdio>
#include <stdexcept>

namespace limpet::cycles {
namespace {

constexpr int kFaulted = 99;

/// QEMU's microbit (nRF51822 product specification, "Memory"); semihosting is its console.
class Microbit : public BoardModel {
    [[nodiscard]] std::vector<Memory> memories() const override {
        return {{0, 0x40000, false}, {0x20000000, 0x4000, true}};
    }
};

/// QEMU's mps2-an385 (Arm DAI0385, "Memory map"), as far as its linker script uses it.
class Mps2 : public BoardModel {
    [[nodiscard]] std::vector<Memory> memories() const override {
        return {{0, 0x400000, false}, {0x20000000, 0x400000, true}};
    }
};

} // namespace

void Console::put(char c) {
    std::fputc(c, stdout);
    if (c != '\n') {
        line_ += c;
        return;
    }
    if (line_.starts_with("end ")) status_ = static_cast<int>(std::stoul(line_.substr(4), nullptr, 16));
    if (line_.starts_with("FAULT ")) status_ = kFaulted;
    line_.clear();
}

uint32_t BoardModel::read(uint32_t address) {
    throw std::runtime_error(fmt::format("a read of {:08x}, where this board has nothing", address));
}

void BoardModel::write(uint32_t address, uint32_t value) {
    throw std::runtime_error(fmt::format("a write of {:x} to {:08x}, where this board has nothing", value, address));
}

std::unique_ptr<BoardModel> make_board_model(const std::string& name) {
    if (name == "qemu-microbit") return std::make_unique<Microbit>();
    if (name == "qemu-mps2-an385") return std::make_unique<Mps2>();
    if (name == "stm32g0b1") return make_stm32g0b1();
    if (name == "rp2040") return make_rp2040();
    throw std::runtime_error(fmt::format("unknown board '{}'", name));
}

} // namespace limpet::cycles
