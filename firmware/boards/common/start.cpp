/// \file
/// From reset to app_main on a Cortex-M: vector table, memory, SysTick. No interrupt is ever enabled.
#include "start.h"

#include "../board.h"
#include "registers.h"

extern "C" {
extern uint32_t board_data_start[];
extern uint32_t board_data_end[];
extern const uint32_t board_data_load[];
extern uint32_t board_bss_start[];
extern uint32_t board_bss_end[];
extern uint32_t board_stack_top[];
}

namespace {

constexpr int kFaulted = 99;

// ARM DDI0419C, section B3.3: SysTick, clocked as the core is, free-running over its 24 bits.
constexpr uint32_t kSysTickControl = 0xe000e010;
constexpr uint32_t kSysTickReload = 0xe000e014;
constexpr uint32_t kSysTickCoreClock = 1U << 2;
constexpr uint32_t kSysTickEnable = 1U << 0;

[[noreturn]] void fault() {
    board::print("FAULT the firmware took an exception\n");
    for (;;) board::finish(kFaulted);
}

} // namespace

/// Runs from where the image is stored: it copies what runs elsewhere, and calls nothing before that.
extern "C" [[noreturn, gnu::section(".start")]] void board_reset() {
    asm volatile("cpsid i");
    const uint32_t* from = board_data_load;
    for (uint32_t* to = board_data_start; to != board_data_end;) *to++ = *from++;
    for (uint32_t* to = board_bss_start; to != board_bss_end;) *to++ = 0;
    board::start();
    board::reg(kSysTickReload) = 0xffffff;
    board::reg(kSysTickControl) = kSysTickCoreClock | kSysTickEnable;
    for (;;) board::finish(app_main());
}

/// ARMv6-M exception vectors 0 to 15 (ARM DDI0419C, B1.5.2).
using Vector = void (*)();
extern "C" {
extern const Vector board_vectors[16]; // the name is for entry code in assembly
[[gnu::section(".vectors"), gnu::used]] const Vector board_vectors[16] = {
    reinterpret_cast<Vector>(board_stack_top),
    board_reset,
    fault, // NMI
    fault, // HardFault
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    fault, // SVCall
    nullptr,
    nullptr,
    fault, // PendSV
    fault, // SysTick
};
}
