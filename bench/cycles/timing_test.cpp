/// \file
/// The table of timings against cycle counts written down by hand from ARM DDI0484C, table 3-1. What would make these
/// fail: a wrong figure, a mask that catches a neighbour's encoding, or a row in the wrong order.
#include "m0plus_timing.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

using limpet::cycles::executed_cycles;
using limpet::cycles::timing;

struct Expected {
    const char* text;
    uint16_t first;
    uint16_t second;
    uint32_t cycles; ///< not taken, if it is a conditional branch
};

// Encodings: arm-none-eabi-as.
constexpr Expected kInstructions[] = {
    {"movs r0, #1", 0x2001, 0, 1},
    {"movs r0, r1", 0x0008, 0, 1},
    {"mov r8, r0", 0x4680, 0, 1},
    {"mov pc, r3", 0x469f, 0, 2},
    {"adds r0, r1, #3", 0x1cc8, 0, 1},
    {"adds r0, r1, r2", 0x1888, 0, 1},
    {"add r0, r8", 0x4440, 0, 1},
    {"add pc, r0", 0x4487, 0, 2},
    {"adcs r0, r1", 0x4148, 0, 1},
    {"add sp, #8", 0xb002, 0, 1},
    {"sub sp, #8", 0xb082, 0, 1},
    {"add r0, sp, #4", 0xa801, 0, 1},
    {"adr r0, .+8", 0xa001, 0, 1},
    {"rsbs r0, r1, #0", 0x4248, 0, 1},
    {"muls r0, r1", 0x4348, 0, 1},
    {"cmp r0, r1", 0x4288, 0, 1},
    {"cmp r8, r0", 0x4580, 0, 1},
    {"ands r0, r1", 0x4008, 0, 1},
    {"tst r0, r1", 0x4208, 0, 1},
    {"lsls r0, r1, #4", 0x0108, 0, 1},
    {"asrs r0, r1", 0x4108, 0, 1},
    {"rors r0, r1", 0x41c8, 0, 1},
    {"ldr r0, [pc, #4]", 0x4801, 0, 2},
    {"ldr r0, [r1, r2]", 0x5888, 0, 2},
    {"ldrsh r0, [r1, r2]", 0x5e88, 0, 2},
    {"str r0, [r1, #4]", 0x6048, 0, 2},
    {"ldrb r0, [r1, #1]", 0x7848, 0, 2},
    {"ldrh r0, [r1, #2]", 0x8848, 0, 2},
    {"ldr r0, [sp, #4]", 0x9801, 0, 2},
    {"ldm r0!, {r1}", 0xc802, 0, 2},
    {"ldm r6!, {r3, r4}", 0xce18, 0, 3},
    {"stm r0!, {r1-r7}", 0xc0fe, 0, 8},
    {"push {r4}", 0xb410, 0, 2},
    {"push {r4, lr}", 0xb510, 0, 3},
    {"push {r0-r7, lr}", 0xb5ff, 0, 10},
    {"pop {r4}", 0xbc10, 0, 2},
    {"pop {pc}", 0xbd00, 0, 4},
    {"pop {r4, pc}", 0xbd10, 0, 5},
    {"pop {r4-r7, pc}", 0xbdf0, 0, 8},
    {"beq .+8", 0xd002, 0, 1},
    {"ble .+8", 0xdd02, 0, 1},
    {"b .+8", 0xe002, 0, 2},
    {"bl .+8", 0xf000, 0xf802, 3},
    {"bx lr", 0x4770, 0, 2},
    {"blx r3", 0x4798, 0, 2},
    {"sxtb r0, r1", 0xb248, 0, 1},
    {"uxth r0, r1", 0xb288, 0, 1},
    {"rev r0, r1", 0xba08, 0, 1},
    {"rev16 r0, r1", 0xba48, 0, 1},
    {"revsh r0, r1", 0xbac8, 0, 1},
    {"cpsid i", 0xb672, 0, 1},
    {"mrs r0, apsr", 0xf3ef, 0x8000, 3},
    {"msr primask, r0", 0xf380, 0x8810, 3},
    {"nop", 0xbf00, 0, 1},
    {"wfi", 0xbf30, 0, 2},
    {"dsb", 0xf3bf, 0x8f4f, 3},
    {"dmb", 0xf3bf, 0x8f5f, 3},
    {"isb", 0xf3bf, 0x8f6f, 3},
};

TEST(Timing, IsThatOfTheManual) {
    for (const Expected& expected : kInstructions)
        EXPECT_EQ(timing(expected.first, expected.second).cycles, expected.cycles) << expected.text;
}

TEST(Timing, OnlyConditionalBranchesDependOnWhatFollows) {
    for (uint32_t first = 0; first < 0x10000; ++first) {
        const bool conditional = first >> 12 == 0xd && (first >> 8 & 0xf) < 14;
        EXPECT_EQ(timing(static_cast<uint16_t>(first), 0).conditional, conditional) << std::hex << first;
    }
}

TEST(Timing, ATakenBranchCostsOneMore) {
    const limpet::cycles::Timing beq = timing(0xd0fe, 0);
    EXPECT_EQ(executed_cycles(beq, 0x100, 0x102), 1U);
    EXPECT_EQ(executed_cycles(beq, 0x100, 0x100), 2U);
    EXPECT_EQ(executed_cycles(timing(0xe7fe, 0), 0x100, 0x102), 2U); // b
}

TEST(Timing, WhatTheManualGivesNoFigureForHasNone) {
    // bkpt, svc, udf; then cbz, it, the 32-bit ldr of ARMv7-M, which this core does not have
    for (const uint16_t first : {0xbe00, 0xdf00, 0xde00, 0xb100, 0xbf08, 0xf8d0})
        EXPECT_EQ(timing(first, 0).cycles, 0U) << std::hex << first;
}

} // namespace
