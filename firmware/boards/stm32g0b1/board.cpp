/// \file
/// STM32G0B1 (Nucleo-G0B1RE): 64 MHz from the internal oscillator, USART2 at 115200 baud on PA2 (out) and PA3 (in),
/// which the board's ST-LINK offers as a serial port. Registers: RM0444, the section is named at each.
#include "../board.h"

#include "../common/registers.h"
#include "../common/serial.h"
#include "../common/start.h"

namespace {

using board::reg;
using board::wait_for;

// 3.7.1
constexpr uint32_t kFlashAccess = 0x40022000;
constexpr uint32_t kFlashLatencyMask = 7;
constexpr uint32_t kFlashLatency = 2; // wait states; above 48 MHz (3.3.4)
constexpr uint32_t kFlashPrefetch = 1U << 8;

// 5.4
constexpr uint32_t kRccControl = 0x40021000;
constexpr uint32_t kRccConfiguration = 0x40021008;
constexpr uint32_t kRccPll = 0x4002100c;
constexpr uint32_t kRccIoEnable = 0x40021034;
constexpr uint32_t kRccApbEnable = 0x4002103c;
constexpr uint32_t kPllOn = 1U << 24;
constexpr uint32_t kPllReady = 1U << 25;
constexpr uint32_t kPllFromHsi16 = 2;
constexpr uint32_t kPllMultiplier = 8;       // 16 MHz * 8 / 2 = 64 MHz
constexpr uint32_t kPllDivideBy2 = 1U << 29; // for output R
constexpr uint32_t kPllOutputR = 1U << 28;
constexpr uint32_t kSystemClockPll = 2;
constexpr uint32_t kSystemClockIsPll = 2U << 3;
constexpr uint32_t kGpioA = 1U << 0;
constexpr uint32_t kUsart2 = 1U << 17;
constexpr uint32_t kDebug = 1U << 27;

// 7.4: PA2 and PA3 as alternate function 1 (STM32G0B1 datasheet, table 13)
constexpr uint32_t kGpioAMode = 0x50000000;
constexpr uint32_t kGpioAFunctionLow = 0x50000020;
constexpr uint32_t kModeMask = 0xf0;
constexpr uint32_t kModeAlternate = 0xa0;
constexpr uint32_t kFunctionMask = 0xff00;
constexpr uint32_t kFunctionUsart2 = 0x1100;

// 33.8
constexpr uint32_t kUsartControl = 0x40004400;
constexpr uint32_t kUsartDivisor = 0x4000440c;
constexpr uint32_t kUsartStatus = 0x4000441c;
constexpr uint32_t kUsartReceived = 0x40004424;
constexpr uint32_t kUsartTransmit = 0x40004428;
constexpr uint32_t kUsartEnable = 1U << 0 | 1U << 2 | 1U << 3; // both directions
constexpr uint32_t kUsartReceiveFull = 1U << 5;
constexpr uint32_t kUsartTransmitEmpty = 1U << 7;

constexpr uint32_t kClockHz = 64'000'000;
constexpr uint32_t kBaud = 115200;

constexpr uint32_t kUniqueId = 0x1fff7590; // 41.1
constexpr uint32_t kIdCode = 0x40015800;   // 40.10
constexpr uint32_t kIdCodeDevice = 0xfff;
constexpr uint32_t kStm32G0B1 = 0x467;

void start_clocks() {
    // Without prefetch: it spoils branches from one flash bank to the other (ES0548, 2.2.10), and the image stays the
    // same wherever it lies. Wait states first, then the speed that needs them.
    reg(kFlashAccess) = (reg(kFlashAccess) & ~(kFlashLatencyMask | kFlashPrefetch)) | kFlashLatency;
    while ((reg(kFlashAccess) & kFlashLatencyMask) != kFlashLatency) {
    }
    reg(kRccPll) = kPllFromHsi16 | kPllMultiplier << 8 | kPllOutputR | kPllDivideBy2;
    reg(kRccControl) = reg(kRccControl) | kPllOn;
    wait_for(kRccControl, kPllReady);
    reg(kRccConfiguration) = kSystemClockPll;
    wait_for(kRccConfiguration, kSystemClockIsPll);
}

} // namespace

const uint32_t board::clock_hz = kClockHz;
const uint32_t board::chip_id_words = 3;

uint32_t board::chip_id(uint32_t word) { return reg(kUniqueId + 4 * word); }

void board::start() {
    start_clocks();
    reg(kRccIoEnable) = kGpioA;
    reg(kRccApbEnable) = kUsart2 | kDebug;
    reg(kGpioAFunctionLow) = (reg(kGpioAFunctionLow) & ~kFunctionMask) | kFunctionUsart2;
    reg(kGpioAMode) = (reg(kGpioAMode) & ~kModeMask) | kModeAlternate;
    reg(kUsartDivisor) = (kClockHz + kBaud / 2) / kBaud;
    reg(kUsartControl) = kUsartEnable;
    // Its relatives would take the image, too.
    if ((reg(kIdCode) & kIdCodeDevice) != kStm32G0B1)
        for (;;) {
            print("FAULT this chip is no STM32G0B1\n");
            read_byte();
        }
}

void board::write_byte(uint8_t byte) {
    wait_for(kUsartStatus, kUsartTransmitEmpty);
    reg(kUsartTransmit) = byte;
}

uint8_t board::read_byte() {
    wait_for(kUsartStatus, kUsartReceiveFull);
    return static_cast<uint8_t>(reg(kUsartReceived));
}

/// The debug probe on the Nucleo flashes it at any time.
void board::enter_boot_loader() {}
