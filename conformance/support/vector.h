/// \file
/// Test vectors: where a guest's memory lies, what it starts from, and what must come of it.
#pragma once

#include "../../interp/image/guest.h"
#include "../../interp/rv32/isa.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace limpet::conformance {

/// A guest's address space. Code is not part of the data window, as in an image; except where a test says otherwise,
/// what surrounds the code that is tested is filled with ebreak.
struct Layout {
    const char* name;
    uint32_t base;       ///< guest address of the data window
    uint32_t data_size;  ///< bytes of it
    uint32_t wall;       ///< bytes at its start that are read-only
    uint32_t code_start; ///< guest address, a multiple of 4
    uint32_t code_size;  ///< bytes
    Range read_only{};   ///< one more read-only part, behind the wall; size 0: none
    Range gap{};         ///< part of the code window that is not executable, in multiples of 4; size 0: none

    /// What no more than limpet_host can describe: what a microcontroller offers.
    [[nodiscard]] bool fits_mcu() const { return base == 0 && read_only.size == 0 && gap.size == 0; }
    [[nodiscard]] uint32_t data_end() const { return base + data_size; }
    [[nodiscard]] uint32_t code_end() const { return code_start + code_size; }
    /// May every byte of the access be loaded or stored? Written without regard to how interp does it.
    [[nodiscard]] bool allows(uint32_t address, uint32_t size, bool store) const;
    /// Bytes of code from address on, up to the next end; 0 outside the code.
    [[nodiscard]] uint32_t code_left(uint32_t address) const;
};

/// Address spaces that the differential tests use.
[[nodiscard]] std::span<const Layout> layouts();

using Registers = std::array<uint32_t, 16>;

/// What a run starts from. Data memory starts as initial_data(layout).
struct Vector {
    const Layout* layout = nullptr;
    Registers x{};
    uint32_t pc = 0;
    std::vector<uint8_t> code; ///< at code_at; the rest of the code window is ebreak
    uint32_t code_at = 0;      ///< guest address
    uint32_t fuel = 1000;
    uint32_t above_stack = 0; ///< bytes of the data window above the stack's top
};

/// What a run ended with. trap_address counts after load and store traps and bad jumps only.
struct Outcome {
    limpet_status status = LIMPET_RETURN;
    Registers x{};
    uint32_t pc = 0;
    bool has_trap_address = false;
    uint32_t trap_address = 0;
    uint64_t executed = 0;
};

[[nodiscard]] std::vector<uint8_t> initial_data(const Layout& layout);

/// Fills code with ebreak: 16 bits wide where the profile has it, so that every halfword stops a run.
void fill_with_ebreak(std::span<uint8_t> code, rv32::Isa isa);

/// A guest with a layout, which one vector after another is put into.
class Arena {
public:
    Arena(const Layout& layout, rv32::Isa isa);

    /// Ready for Backend::resume at v.pc, with every register as v says.
    void start(const Vector& v);
    void write_code(uint32_t address, std::span<const uint8_t> bytes);

    Guest guest;
    [[nodiscard]] std::span<uint8_t> data() { return guest.memory().first(layout_.data_size); }
    [[nodiscard]] std::span<const uint8_t> code_and_guard() const { return code_; }
    /// Is what lies behind the data window, and the code, as start left it?
    [[nodiscard]] bool surroundings_intact() const;

private:
    void write_guard(uint32_t offset, uint32_t size);

    const Layout& layout_;
    rv32::Isa isa_;
    std::vector<uint8_t> data_;        ///< initial
    std::vector<uint8_t> code_;        ///< with guard; what guest.host.code points to
    std::vector<uint8_t> code_before_; ///< as start left it
    std::array<Range, 2> executable_;  ///< before and behind a gap
    uint32_t dirty_start_ = 0;         ///< offsets of the code that the last vector brought
    uint32_t dirty_size_ = 0;
};

/// One line a register: for messages.
[[nodiscard]] std::string describe(const Vector& v, rv32::Isa isa);
[[nodiscard]] std::string describe(const Outcome& o);
[[nodiscard]] const char* status_name(limpet_status status);

} // namespace limpet::conformance
