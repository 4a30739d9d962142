/// \file
/// The guest as a debugger sees it: registers, memory, and what the next instruction will access.
#pragma once

#include "../../interp/image/guest.h"
#include "../../interp/rv32/isa.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace limpet::gdb {

/// x0..x15, then pc.
inline constexpr uint32_t kRegisters = 17;
inline constexpr uint32_t kPc = 16;

/// What gdb has to know of the machine (target.xml).
[[nodiscard]] std::string_view target_description();

/// A load or store.
struct Access {
    uint32_t address;
    uint32_t size; ///< bytes
    bool is_store;
};

class Machine {
public:
    Machine(Guest& guest, rv32::Isa isa) : guest_(guest), isa_(isa) {}

    [[nodiscard]] uint32_t pc() const { return guest_.vm.pc; }
    /// `number` is below kRegisters.
    [[nodiscard]] uint32_t get_register(uint32_t number) const;
    /// False, without a change, for a pc that no instruction starts at: an interpreter relies on it. x0 stays 0.
    bool set_register(uint32_t number, uint32_t value);

    /// Up to `size` bytes, fewer where memory ends: data, and code where there is no data.
    [[nodiscard]] std::string read(uint32_t address, uint32_t size) const;
    /// False, without a change, unless all of it is data.
    bool write(uint32_t address, std::string_view bytes);

    /// What the instruction at pc will load or store, if it does.
    [[nodiscard]] std::optional<Access> next_access() const;

private:
    Guest& guest_;
    rv32::Isa isa_;
};

} // namespace limpet::gdb
