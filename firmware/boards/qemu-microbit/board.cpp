/// \file
/// QEMU's microbit: start, console and exit. The last two go by semihosting (Arm, "Semihosting for AArch32 and
/// AArch64"), which QEMU offers with `-semihosting-config enable=on,target=native`.
#include "../board.h"

extern "C" {
extern uint32_t board_data_start[];
extern uint32_t board_data_end[];
extern const uint32_t board_data_load[];
extern uint32_t board_bss_start[];
extern uint32_t board_bss_end[];
extern uint32_t board_stack_top[];
}

namespace {

enum Operation : uint32_t { kWrite0 = 0x04, kExitExtended = 0x20 };
constexpr uint32_t kApplicationExit = 0x20026; // ADP_Stopped_ApplicationExit
constexpr int kFaulted = 99;

void semihosting(Operation operation, const void* argument) {
    register uint32_t r0 asm("r0") = operation;
    register const void* r1 asm("r1") = argument;
    asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

[[noreturn]] void leave(int status) {
    const uint32_t block[2] = {kApplicationExit, static_cast<uint32_t>(status)};
    semihosting(kExitExtended, block);
    for (;;) {
    }
}

[[noreturn]] void fault() {
    board::print("FAULT the firmware took an exception\n");
    leave(kFaulted);
}

} // namespace

void board::print(const char* text) { semihosting(kWrite0, text); }

extern "C" [[noreturn]] void board_reset() {
    const uint32_t* from = board_data_load;
    for (uint32_t* to = board_data_start; to != board_data_end;) *to++ = *from++;
    for (uint32_t* to = board_bss_start; to != board_bss_end;) *to++ = 0;
    leave(app_main());
}

/// ARMv6-M exception vectors 0 to 15 (ARM DDI0419C, B1.5.2). No interrupt is ever enabled.
using Vector = void (*)();
extern "C" {
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
