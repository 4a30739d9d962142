/// \file
/// Writes random programs of about 50 instructions: loads and stores, mostly in the window, forward branches, bounded
/// loops, calls and computed jumps, host calls; ends of every kind. Where the window's edges are known: several
/// accesses through one register, which points near an edge and changes in between, and frames of a stack near its top.
#pragma once

#include "encode.h"
#include "vector.h"

#include <array>

namespace limpet::conformance {

inline constexpr std::array<uint32_t, 3> kPointers = {2, 8, 9}; ///< registers that point into the data window
inline constexpr uint32_t kCounter = 15;                        ///< of loops
inline constexpr uint32_t kLink = 1;                            ///< keeps the return address

class Generator {
public:
    /// A program that is `movable` does the same wherever its instructions are: nothing looks at an address of code but
    /// returns, by x1.
    Generator(rv32::Isa isa, Random& random, bool movable = false, const Layout* edges = nullptr)
        : isa_(isa), random_(random), movable_(movable), edges_(edges) {}

    Code program(uint32_t instructions);

private:
    struct Item {
        const rv32::Instruction* row;
        uint32_t insn;
        size_t target = 0; ///< index of the item that a jump goes to; 0: none
    };

    void add(const rv32::Instruction& row, uint32_t insn, size_t target = 0);
    void add(const char* name, rv32::Operands operands, size_t target = 0);
    const rv32::Instruction& random_row();
    bool spoils(const rv32::Operands& o);
    [[nodiscard]] bool moves(const rv32::Instruction& row, const rv32::Operands& o) const;
    void add_random();
    uint32_t aimed(const rv32::Instruction& row, uint32_t insn);
    void loop();
    void computed_jump();
    void load_number(uint32_t rd, uint32_t number);
    void point(uint32_t base, bool inside);
    void access(uint32_t base);
    void change(uint32_t base);
    void spoil(uint32_t base);
    void branch_over();
    void near_edge(uint32_t base);
    void stretch();
    void frame();
    void end();
    [[nodiscard]] Code link() const;

    rv32::Isa isa_;
    Random& random_;
    bool movable_;
    const Layout* edges_;
    const rv32::Instruction* last_access_ = nullptr;
    uint32_t last_imm_ = 0;
    std::vector<Item> items_;
};

} // namespace limpet::conformance
