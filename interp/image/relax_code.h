/// \file
/// Code whose instructions become shorter while what they refer to stays the same: the part of relax.h that knows
/// instructions, and nothing of files.
#pragma once

#include "guest.h"

#include "../rv32/decode.h"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace limpet {

/// What an instruction's immediate is made from, as relocations tell it.
enum class Holds : uint8_t {
    kNothing,        ///< a number
    kDistance,       ///< where a branch or jump leads to, from its own address
    kHigh,           ///< bits 31:12 of an address of code, so that a signed low part can be added
    kLow,            ///< bits 11:0 of an address of code, signed
    kHighFromPc,     ///< auipc: as kHigh, from its own address to an address of code
    kHighFromPcData, ///< the same, to an address that does not move
    kLowOfAuipc      ///< the low part that goes with an auipc
};

/// Code that is written in another way than it was.
class MovedCode {
public:
    MovedCode() = default;
    MovedCode(const MovedCode&) = default;
    MovedCode& operator=(const MovedCode&) = delete;
    virtual ~MovedCode() = default;

    /// Where an address inside the code, or right behind it, is now.
    [[nodiscard]] virtual uint32_t moved(uint32_t address) const = 0;
    [[nodiscard]] virtual std::vector<uint8_t> bytes() const = 0;
};

class RelaxedCode : public MovedCode {
public:
    struct Item {
        uint32_t was;                 ///< address before anything moved
        uint32_t size;                ///< bytes now; 0: gone
        uint32_t raw;                 ///< its bits, where row is nullptr
        const rv32::Instruction* row; ///< nullptr: what is never reached
        rv32::Op op{};
        rv32::Operands operands{};
        Holds holds = Holds::kNothing;
        uint32_t address = 0; ///< that its immediate is made from, before anything moved
        uint32_t at = 0;      ///< address now
        bool pinned = false;  ///< what it holds has once become too large for the short form
    };

    /// Takes the code apart. Throws LoadError when it contains what is no instruction.
    RelaxedCode(std::span<const uint8_t> code, uint32_t start, rv32::Isa isa);

    // All addresses given here are those before anything moved.

    /// The immediate of the instruction at `pc` is made from `address` (kLowOfAuipc: the address of the auipc).
    void hold(uint32_t pc, Holds holds, uint32_t address);
    /// The instructions at `pc` are auipc and jalr: a call of `target`, which one instruction can do.
    void make_call(uint32_t pc, uint32_t target);

    /// Gives each instruction the shortest form that there is.
    void shrink();

    [[nodiscard]] uint32_t moved(uint32_t address) const override;
    [[nodiscard]] std::vector<uint8_t> bytes() const override;

    [[nodiscard]] const std::vector<Item>& items() const { return items_; } ///< by address
    [[nodiscard]] uint32_t start() const { return start_; }
    [[nodiscard]] uint32_t end() const { return end_; } ///< before anything moved

private:
    [[nodiscard]] size_t index_of(uint32_t address) const;
    [[nodiscard]] Item& item_at(uint32_t address);
    [[nodiscard]] uint32_t immediate(const Item& item) const;
    [[nodiscard]] uint32_t encoded(const Item& item) const;
    [[nodiscard]] bool fits(const Item& item, uint32_t size) const;
    void place();
    bool shrink_once();
    bool pin_once();

    const uint32_t start_;
    const uint32_t end_; ///< before anything moved
    const rv32::Isa isa_;
    std::vector<Item> items_; ///< by address
};

} // namespace limpet
