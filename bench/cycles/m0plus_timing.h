/// \file
/// Cycles of each Cortex-M0+ instruction at zero wait states: the only table of them, shared by both counters.
///
/// Source: ARM DDI0484C, Cortex-M0+ Technical Reference Manual r0p1, section 3.3, table 3-1; encodings: ARM DDI0419C,
/// ARMv6-M Architecture Reference Manual, section A5.2 and A5.3. The choices that the manual leaves to the part: the
/// multiplier takes one cycle (RP2040, STM32G0), and no access goes to a single-cycle I/O port.
#pragma once

#include <bit>
#include <cstdint>

namespace limpet::cycles {

/// What an instruction costs.
struct Timing {
    uint32_t cycles;  ///< 0: table 3-1 has no figure (bkpt, svc, undefined), so it must not run while cycles count
    bool conditional; ///< b<cond>: one cycle more when taken
};

/// Length in bytes of the instruction that starts with this halfword (A5.1).
constexpr uint32_t instruction_bytes(uint16_t first) { return first >> 11 >= 0x1d ? 4 : 2; }

namespace detail {

enum class Cost : uint8_t {
    kFixed,
    kPerRegister, ///< and one for each register in the list, bits 8:0 of push and pop, 7:0 of ldm and stm
    kConditional
};

struct Row {
    uint16_t mask;
    uint16_t value;
    uint8_t cycles;
    Cost cost = Cost::kFixed;
    uint16_t list = 0; ///< mask of the register list
};

/// The first row that matches counts.
inline constexpr Row kTable16[] = {
    {0xc000, 0x0000, 1},                            // shift, add, sub, mov, cmp with immediate or low registers
    {0xff87, 0x4487, 2},                            // add pc, rm
    {0xff87, 0x4687, 2},                            // mov pc, rm
    {0xff00, 0x4700, 2},                            // bx, blx rm
    {0xf800, 0x4000, 1},                            // data processing (muls too); add, cmp, mov of any register
    {0xf800, 0x4800, 2},                            // ldr literal
    {0xf000, 0x5000, 2},                            // load and store, register offset
    {0xe000, 0x6000, 2},                            // ldr, str, ldrb, strb, immediate offset
    {0xf000, 0x8000, 2},                            // ldrh, strh, immediate offset
    {0xf000, 0x9000, 2},                            // ldr, str from sp
    {0xf000, 0xa000, 1},                            // adr; add rd, sp, imm
    {0xff00, 0xb000, 1},                            // add, sub sp, imm
    {0xff00, 0xb200, 1},                            // sxth, sxtb, uxth, uxtb
    {0xfe00, 0xb400, 1, Cost::kPerRegister, 0x1ff}, // push
    {0xffef, 0xb662, 1},                            // cpsie, cpsid
    {0xff80, 0xba00, 1},                            // rev, rev16
    {0xffc0, 0xbac0, 1},                            // revsh
    {0xff00, 0xbc00, 1, Cost::kPerRegister, 0x0ff}, // pop
    {0xff00, 0xbd00, 3, Cost::kPerRegister, 0x1ff}, // pop with pc, which is one of the N registers
    {0xffff, 0xbf00, 1},                            // nop
    {0xffff, 0xbf10, 1},                            // yield
    {0xffff, 0xbf20, 2},                            // wfe
    {0xffff, 0xbf30, 2},                            // wfi
    {0xffff, 0xbf40, 1},                            // sev
    {0xf000, 0xc000, 1, Cost::kPerRegister, 0x0ff}, // stm, ldm
    {0xfe00, 0xde00, 0},                            // udf, svc
    {0xf000, 0xd000, 1, Cost::kConditional},        // b<cond>
    {0xf800, 0xe000, 2},                            // b
};

struct Row32 {
    uint32_t mask;
    uint32_t value; ///< first halfword in bits 31:16
    uint8_t cycles;
};

inline constexpr Row32 kTable32[] = {
    {0xf800d000, 0xf000d000, 3}, // bl
    {0xfff0ff00, 0xf3808800, 3}, // msr
    {0xfffff000, 0xf3ef8000, 3}, // mrs
    {0xfffffff0, 0xf3bf8f40, 3}, // dsb
    {0xfffffff0, 0xf3bf8f50, 3}, // dmb
    {0xfffffff0, 0xf3bf8f60, 3}, // isb
};

} // namespace detail

/// The cost of an instruction; `second` counts only when the instruction has 4 bytes.
constexpr Timing timing(uint16_t first, uint16_t second) {
    if (instruction_bytes(first) == 4) {
        const uint32_t insn = static_cast<uint32_t>(first) << 16 | second;
        for (const detail::Row32& row : detail::kTable32)
            if ((insn & row.mask) == row.value) return {row.cycles, false};
        return {0, false};
    }
    for (const detail::Row& row : detail::kTable16)
        if ((first & row.mask) == row.value) {
            const auto registers = static_cast<uint32_t>(std::popcount(static_cast<uint32_t>(first & row.list)));
            return {row.cycles + registers, row.cost == detail::Cost::kConditional};
        }
    return {0, false};
}

/// What an executed instruction took when the next one to run stood at `next`. (No conditional one has 4 bytes.)
constexpr uint32_t executed_cycles(Timing cost, uint32_t address, uint32_t next) {
    return cost.cycles + (cost.conditional && next != address + 2 ? 1 : 0);
}

} // namespace limpet::cycles
