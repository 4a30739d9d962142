/// \file
/// The boards of firmware/boards as Unicorn runs them: memory, as much of the peripherals as the images use, and the
/// console. A model refuses what the part would not stand; it does not model wait states.
#pragma once

#include "firmware.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace limpet::cycles {

/// What an image prints, which goes to standard output; its last line ends the run (firmware/measure/measure.cpp).
class Console {
public:
    void put(char c);

    /// Of the line `end STATUS CRC`, or that of a fault; none before there was one.
    [[nodiscard]] std::optional<int> status() const { return status_; }

private:
    std::string line_;
    std::optional<int> status_;
};

/// Memory that is only memory.
struct Memory {
    uint32_t start;
    uint32_t bytes;
    bool writable;
};

/// Addresses whose accesses come to BoardModel::read and write: whole pages of 4 KiB.
struct PeripheralRange {
    uint32_t start;
    uint32_t bytes;
};

/// Where the core begins.
struct Start {
    uint32_t sp;
    uint32_t pc;
};

/// Memory as the core sees it, for a model that has to look into it.
class MemoryView {
public:
    virtual ~MemoryView() = default;
    [[nodiscard]] virtual uint32_t word(uint32_t address) const = 0;
    virtual void write(uint32_t address, std::span<const uint8_t> bytes) = 0;
};

/// One board. What the part would not stand throws std::runtime_error.
class BoardModel {
public:
    virtual ~BoardModel() = default;
    [[nodiscard]] virtual std::vector<Memory> memories() const = 0;
    [[nodiscard]] virtual std::vector<PeripheralRange> peripherals() const { return {}; }

    /// Where a plain binary goes.
    [[nodiscard]] virtual uint32_t flash_start() const { return memories().front().start; }

    /// What happens between reset and the image's first instruction; the table of vectors starts the flash.
    virtual Start reset(MemoryView& memory) { return {memory.word(flash_start()), memory.word(flash_start() + 4)}; }

    virtual uint32_t read(uint32_t address);
    virtual void write(uint32_t address, uint32_t value);

    Console console;
};

/// The model of a board by its folder in firmware/boards.
std::unique_ptr<BoardModel> make_board_model(const std::string& name);

/// STM32G0B1 with what has to be right before it may print: stm32g0b1_model.cpp.
std::unique_ptr<BoardModel> make_stm32g0b1();

/// RP2040: rp2040_model.cpp.
std::unique_ptr<BoardModel> make_rp2040();

} // namespace limpet::cycles
