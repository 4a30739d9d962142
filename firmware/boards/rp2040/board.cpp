/// \file
/// RP2040 (Raspberry Pi Pico): 125 MHz from the crystal, UART0 at 115200 baud on GPIO0 (out) and GPIO1 (in).
/// Registers: RP2040 datasheet, the section is named at each.
#include "../board.h"

#include "../common/registers.h"
#include "../common/serial.h"
#include "../common/start.h"

namespace {

using board::reg;
using board::wait_for;

// 2.1.2: writing at these distances from a register sets or clears bits of it.
constexpr uint32_t kSet = 0x2000;
constexpr uint32_t kClear = 0x3000;

// 2.14.3
constexpr uint32_t kResets = 0x4000c000;
constexpr uint32_t kResetsDone = 0x4000c008;
constexpr uint32_t kResetIoBank0 = 1U << 5;
constexpr uint32_t kResetPadsBank0 = 1U << 8;
constexpr uint32_t kResetPllSys = 1U << 12;
constexpr uint32_t kResetUart0 = 1U << 22;

// 2.16.7: 12 MHz crystal
constexpr uint32_t kXoscControl = 0x40024000;
constexpr uint32_t kXoscStatus = 0x40024004;
constexpr uint32_t kXoscStartup = 0x4002400c;
constexpr uint32_t kXoscEnable1To15MHz = 0xfabaa0;
constexpr uint32_t kXoscStable = 1U << 31;
constexpr uint32_t kXoscStartupDelay = 47; // 1 ms in units of 256 periods (2.16.3)

// 2.18.4: 12 MHz * 125 / (6 * 2) = 125 MHz
constexpr uint32_t kPllControl = 0x40028000;
constexpr uint32_t kPllPower = 0x40028004;
constexpr uint32_t kPllFeedback = 0x40028008;
constexpr uint32_t kPllPostDividers = 0x4002800c;
constexpr uint32_t kPllLock = 1U << 31;
constexpr uint32_t kPllPowerDown = 1U << 0;
constexpr uint32_t kPllPostDividersDown = 1U << 3;
constexpr uint32_t kPllVcoDown = 1U << 5;
constexpr uint32_t kPllMultiplier = 125;
constexpr uint32_t kPllDivider1 = 6;
constexpr uint32_t kPllDivider2 = 2;

// 2.15.7
constexpr uint32_t kClockRefControl = 0x40008030;
constexpr uint32_t kClockRefSelected = 0x40008038;
constexpr uint32_t kClockRefXosc = 2;
constexpr uint32_t kClockSysControl = 0x4000803c;
constexpr uint32_t kClockSysDivider = 0x40008040;
constexpr uint32_t kClockSysSelected = 0x40008044;
constexpr uint32_t kClockSysAux = 1; // whose source 0 is the PLL
constexpr uint32_t kClockPeriControl = 0x40008048;
constexpr uint32_t kClockPeriEnable = 1U << 11; // from clk_sys
constexpr uint32_t kDividerOne = 1U << 8;

// 2.19.6
constexpr uint32_t kGpio0Control = 0x40014004;
constexpr uint32_t kGpio1Control = 0x4001400c;
constexpr uint32_t kFunctionUart = 2;

// 4.2.8
constexpr uint32_t kUartData = 0x40034000;
constexpr uint32_t kUartFlags = 0x40034018;
constexpr uint32_t kUartDivisor = 0x40034024;
constexpr uint32_t kUartFraction = 0x40034028;
constexpr uint32_t kUartLine = 0x4003402c;
constexpr uint32_t kUartControl = 0x40034030;
constexpr uint32_t kUartTransmitFull = 1U << 5;
constexpr uint32_t kUartReceiveEmpty = 1U << 4;
constexpr uint32_t kUartEightBits = 3U << 5;
constexpr uint32_t kUartFifos = 1U << 4;
constexpr uint32_t kUartEnable = 1U << 0 | 1U << 8 | 1U << 9; // both directions

constexpr uint32_t kClockHz = 125'000'000;
constexpr uint32_t kBaud = 115200;
constexpr uint32_t kUartDivisor64 = (4 * kClockHz + kBaud / 2) / kBaud; // in 64ths (4.2.7.1)

constexpr uint32_t kChipId = 0x40000000; // 2.20.1

void release(uint32_t resets) {
    reg(kResets + kClear) = resets;
    while ((reg(kResetsDone) & resets) != resets) {
    }
}

void start_clocks() {
    reg(kXoscStartup) = kXoscStartupDelay;
    reg(kXoscControl) = kXoscEnable1To15MHz;
    wait_for(kXoscStatus, kXoscStable);
    reg(kClockRefControl) = kClockRefXosc;
    wait_for(kClockRefSelected, 1U << kClockRefXosc);
    // The boot ROM may have left the system on a PLL.
    reg(kClockSysControl + kClear) = kClockSysAux;
    wait_for(kClockSysSelected, 1U << 0);

    reg(kResets + kSet) = kResetPllSys;
    release(kResetPllSys);
    reg(kPllControl) = 1; // reference divider
    reg(kPllFeedback) = kPllMultiplier;
    reg(kPllPower + kClear) = kPllPowerDown | kPllVcoDown;
    wait_for(kPllControl, kPllLock);
    reg(kPllPostDividers) = kPllDivider1 << 16 | kPllDivider2 << 12;
    reg(kPllPower + kClear) = kPllPostDividersDown;

    reg(kClockSysDivider) = kDividerOne;
    reg(kClockSysControl) = 0; // the other source may be changed while this one is not in use (2.15.3.2)
    reg(kClockSysControl + kSet) = kClockSysAux;
    wait_for(kClockSysSelected, 1U << kClockSysAux);
    reg(kClockPeriControl) = kClockPeriEnable;
}

} // namespace

const uint32_t board::clock_hz = kClockHz;
const uint32_t board::chip_id_words = 1;

uint32_t board::chip_id(uint32_t /*word*/) { return reg(kChipId); }

void board::start() {
    start_clocks();
    release(kResetIoBank0 | kResetPadsBank0 | kResetUart0);
    reg(kGpio0Control) = kFunctionUart;
    reg(kGpio1Control) = kFunctionUart;
    reg(kUartDivisor) = kUartDivisor64 >> 6;
    reg(kUartFraction) = kUartDivisor64 & 63;
    reg(kUartLine) = kUartEightBits | kUartFifos;
    reg(kUartControl) = kUartEnable;
}

void board::write_byte(uint8_t byte) {
    while ((reg(kUartFlags) & kUartTransmitFull) != 0) {
    }
    reg(kUartData) = byte;
}

uint8_t board::read_byte() {
    while ((reg(kUartFlags) & kUartReceiveEmpty) != 0) {
    }
    return static_cast<uint8_t>(reg(kUartData));
}

/// The boot ROM's USB drive, by reset_to_usb_boot (2.8.3.1): functions are looked up by two letters.
void board::enter_boot_loader() {
    uint32_t rom = 0;
    asm("" : "+r"(rom)); // a compiler takes a constant as small as these for a null pointer
    const auto* const pointers = reinterpret_cast<const uint16_t*>(rom + 0x14);
    using Lookup = void* (*)(const uint16_t* table, uint32_t code);
    using ResetToUsbBoot = void (*)(uint32_t activity_led, uint32_t disabled_interfaces);
    const auto lookup = reinterpret_cast<Lookup>(static_cast<uintptr_t>(pointers[2]));
    const auto* const table = reinterpret_cast<const uint16_t*>(static_cast<uintptr_t>(pointers[0]));
    reinterpret_cast<ResetToUsbBoot>(lookup(table, 'U' | 'B' << 8))(0, 0);
}
