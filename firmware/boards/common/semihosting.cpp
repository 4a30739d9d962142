/// \file
/// Console and exit of boards that exist in QEMU only, by semihosting (Arm, "Semihosting for AArch32 and AArch64"),
/// which QEMU offers with `-semihosting-config enable=on,target=native`. Its SysTick follows the PC's clock and not the
/// instructions, so nothing is timed by it: cycles are counted from outside.
#include "../board.h"
#include "registers.h"
#include "start.h"

namespace {

enum Operation : uint32_t { kWrite0 = 0x04, kExitExtended = 0x20 };
constexpr uint32_t kApplicationExit = 0x20026; // ADP_Stopped_ApplicationExit

// A Cortex-M3 lets a misaligned access pass unless it is told not to (ARM DDI0403E, B3.2.8); of a Cortex-M0 the bit is
// always set (ARM DDI0419C, B3.2.8).
constexpr uint32_t kConfigurationAndControl = 0xe000ed14;
constexpr uint32_t kUnalignedTrap = 1U << 3;

void semihosting(Operation operation, const void* argument) {
    register uint32_t r0 asm("r0") = operation;
    register const void* r1 asm("r1") = argument;
    asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

} // namespace

const char* const board::name = BOARD_NAME;
const uint32_t board::clock_hz = 0;
const uint32_t board::chip_id_words = 0;

uint32_t board::chip_id(uint32_t /*word*/) { return 0; }

void board::print(const char* text) { semihosting(kWrite0, text); }

void board::start() { board::reg(kConfigurationAndControl) = board::reg(kConfigurationAndControl) | kUnalignedTrap; }

void board::finish(int status) {
    const uint32_t block[2] = {kApplicationExit, static_cast<uint32_t>(status)};
    semihosting(kExitExtended, block);
}
