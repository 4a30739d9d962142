// This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
/// \file
/// Klipper's Linux MCU is started with this library preloaded: instead of /dev/spidev*, /dev/i2c-* and /dev/gpiochip0
/// it finds the chips of chips.h. Each transfer of a bus is a line of the file $LIMPET_BUS_LOG: device, bytes sent,
/// bytes that the chip answers.
#include "chips.h"

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <linux/spi/spidev.h>
#include <sys/ioctl.h>
#include <unistd.h>

using namespace limpet::chips;

namespace {

/// What is connected to what.
struct Wiring {
    std::map<std::string, std::unique_ptr<SpiChip>> spi;
    std::map<std::string, std::unique_ptr<I2cDevice>> i2c;
    std::map<uint32_t, std::function<bool()>> inputs; ///< lines of the GPIO chip
    std::map<uint32_t, std::function<void(bool)>> outputs;

    Wiring();

private:
    void connect_thermocouples();
    void connect_accelerometers();
    void connect_angle_sensors();
    void connect_converters();
    template <class Chip> Chip& add(const std::string& bus, std::unique_ptr<Chip> chip) {
        Chip& result = *chip;
        if constexpr (std::is_base_of_v<SpiChip, Chip>)
            spi["/dev/spidev0." + bus] = std::move(chip);
        else
            i2c["/dev/i2c-" + bus] = std::move(chip);
        return result;
    }
};

void Wiring::connect_thermocouples() {
    // 110 to 112 ohm with a reference of 430, above a fault bit that is 0; the others from 100 degrees on.
    const auto max31865 = [](RegisterChip& chip, uint32_t n) {
        const uint32_t value = (8400 + n % 100) << 1;
        chip.registers[1] = static_cast<uint8_t>(value >> 8);
        chip.registers[2] = static_cast<uint8_t>(value);
    };
    const auto max31856 = [](RegisterChip& chip, uint32_t n) {
        const uint32_t value = (100 + n % 100) * 128 << 5;
        for (const uint32_t i : {0, 1, 2}) chip.registers[0x0c + i] = static_cast<uint8_t>(value >> (16 - 8 * i));
    };
    const auto max31855 = [](WordChip& chip, uint32_t n) { chip.word = (400 + n % 100) << 18; };
    const auto max6675 = [](WordChip& chip, uint32_t n) { chip.word = (400 + n % 100) << 3; };
    add("0", measures_when_read<RegisterChip>(begins_with(0x01), max31865, 8));
    add("1", measures_when_read<RegisterChip>(begins_with(0x0c), max31856, 16));
    add("2", measures_when_read<WordChip>(always, max31855, 4));
    add("3", measures_when_read<WordChip>(always, max6675, 2));
}

void Wiring::connect_accelerometers() {
    const Registers adxl345 = {0x00, 0xe5, 0x2d, 0x08, {0x32, 0x39}, 0x3f};
    const Registers lis2dw = {0x0f, 0x44, 0x2e, 0xc0, {0x28, 0x2f}, 0x3f};
    const Registers lis3dh = {0x0f, 0x33, 0x2e, 0xc0, {0x28, 0x2f}, 0x3f};
    const Registers bmi160 = {0x00, 0xd1, 0x7e, 0x80, {0x22, 0x24}, 0x7f};
    const Registers mpu9250 = {0x75, 0x71, 0x23, 0xff, {0x3a, 0x72, 0x74}};
    const Registers icm20948 = {0x00, 0xea, 0x67, 0xff, {0x1b, 0x70, 0x72}};
    add("4", std::make_unique<OnSpi<Adxl345>>(adxl345, new Adxl345));
    add("5", std::make_unique<OnSpi<Lis>>(lis2dw, new Lis(false)));
    add("6", std::make_unique<OnSpi<Lis>>(lis3dh, new Lis(true)));
    add("7", std::make_unique<OnSpi<Bmi160>>(bmi160, new Bmi160));
    add("0", std::make_unique<OnI2c<Lis>>(lis2dw, new Lis(false)));
    add("1", std::make_unique<OnI2c<Lis>>(lis3dh, new Lis(true)));
    add("2", std::make_unique<OnI2c<Bmi160>>(bmi160, new Bmi160));
    add("3", std::make_unique<OnI2c<InvenSense>>(mpu9250, new InvenSense({0x3a, 0x72, 0x74})));
    add("4", std::make_unique<OnI2c<InvenSense>>(icm20948, new InvenSense({0x1b, 0x70, 0x72})));
}

void Wiring::connect_angle_sensors() {
    const auto turn = [](uint32_t bits) {
        return [bits](auto& chip, uint32_t number) { chip.angle = angle_of(number, bits); };
    };
    add("8", measures_when_read<A1333>(begins_with(0x32), turn(15)));
    add("9", measures_when_read<As5047d>(begins_with(0x7f), turn(14)));
    auto& tle5012b = add("10", std::make_unique<Tle5012bOnBus>());
    add("11", measures_when_read<Mt6816>(begins_with(0x83), turn(14)));
    add("12", measures_when_read<Mt6826s>([](Bytes sent) { return sent[1] == 0x03; }, turn(15)));
    for (const uint32_t line : {8, 9, 11, 12}) outputs[line] = [](bool) {}; // CS
    outputs[10] = [&](bool level) { tle5012b.select(level); };
}

void Wiring::connect_converters() {
    auto& ads1220 = add("13", std::make_unique<Ads1220OnBus>());
    auto& ads131m02 = add("14", std::make_unique<Ads131m0xOnBus>(2));
    auto& ads131m04 = add("15", std::make_unique<Ads131m0xOnBus>(4));
    add("5", std::make_unique<Ldc1612OnBus>());
    auto& ldc1612_with_intb = add("6", std::make_unique<Ldc1612OnBus>());
    inputs[13] = [&] { return ads1220.data_ready_pin(); };
    inputs[14] = [&] { return ads131m02.data_ready_pin(); };
    inputs[15] = [&] { return ads131m04.data_ready_pin(); };
    inputs[6] = [&] { return ldc1612_with_intb.intb_pin(); };
    for (const uint32_t line : {20, 22}) {
        const auto hx71x = std::make_shared<Hx71xOnPins>();
        inputs[line] = [hx71x] { return hx71x->data(); };
        outputs[line + 1] = [hx71x](bool level) { hx71x->clock(level); };
    }
}

Wiring::Wiring() {
    connect_thermocouples();
    connect_accelerometers();
    connect_angle_sensors();
    connect_converters();
}

Wiring& wiring() {
    static Wiring all;
    return all;
}

constexpr const char* kGpioChip = "/dev/gpiochip0";

/// What a file descriptor of ours stands for: a path, or a line of the GPIO chip.
struct Handle {
    std::string path;
    uint32_t line = 0;
};
std::map<int, Handle>& handles() {
    static std::map<int, Handle> all;
    return all;
}

int give_out(Handle handle) {
    const int descriptor = open("/dev/null", O_RDWR | O_CLOEXEC);
    handles()[descriptor] = std::move(handle);
    return descriptor;
}

/// What is asked of the GPIO chip, or of a line that it has given out.
void gpio(uint32_t line, unsigned long request, void* argument) {
    auto& level = static_cast<gpiohandle_data*>(argument)->values[0];
    if (request == GPIOHANDLE_SET_LINE_VALUES_IOCTL) wiring().outputs.at(line)(level != 0);
    if (request == GPIOHANDLE_GET_LINE_VALUES_IOCTL) level = wiring().inputs.at(line)() ? 1 : 0;
    if (request != GPIO_GET_LINEHANDLE_IOCTL) return;
    auto& wanted = *static_cast<gpiohandle_request*>(argument);
    const uint32_t offset = wanted.lineoffsets[0];
    wanted.fd = give_out({kGpioChip, offset});
    if ((wanted.flags & GPIOHANDLE_REQUEST_OUTPUT) != 0) wiring().outputs.at(offset)(wanted.default_values[0] != 0);
}

void log(const std::string& path, Bytes sent, Bytes answer) {
    static std::FILE* const file = std::fopen(std::getenv("LIMPET_BUS_LOG"), "w");
    std::fprintf(file, "%s ", path.c_str() + std::strlen("/dev/"));
    for (const uint8_t byte : sent) std::fprintf(file, "%02x", byte);
    std::fputc(' ', file);
    for (const uint8_t byte : answer) std::fprintf(file, "%02x", byte);
    std::fputc('\n', file);
    std::fflush(file);
}

std::vector<uint8_t> spi_transfer(const std::string& path, Bytes sent) {
    std::vector<uint8_t> answer = wiring().spi.at(path)->transfer(sent);
    answer.resize(sent.size(), kFloating);
    log(path, sent, answer);
    return answer;
}

/// What is written, a register first, and what is read.
void i2c_transfer(const std::string& path, const i2c_rdwr_ioctl_data& data) {
    I2cDevice& chip = *wiring().i2c.at(path);
    const std::span<const i2c_msg> messages(data.msgs, data.nmsgs);
    const Bytes sent(messages[0].buf, messages[0].len);
    std::vector<uint8_t> answer;
    if (messages.size() > 1) {
        answer = chip.read(sent[0], messages[1].len);
        answer.resize(messages[1].len, kFloating);
        std::ranges::copy(answer, messages[1].buf);
    } else {
        chip.write(sent);
    }
    log(path, sent, answer);
}

template <class Function> Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" {

int open(const char* path, int flags, ...) {
    std::va_list arguments;
    va_start(arguments, flags);
    const int mode = va_arg(arguments, int);
    va_end(arguments);
    static auto* const real = next<int(const char*, int, ...)>("open");
    if (path != std::string(kGpioChip) && !wiring().spi.contains(path) && !wiring().i2c.contains(path))
        return real(path, flags, mode);
    return give_out({path});
}

int access(const char* path, int mode) noexcept {
    static auto* const real = next<int(const char*, int)>("access");
    return path == std::string(kGpioChip) ? 0 : real(path, mode);
}

int close(int descriptor) {
    static auto* const real = next<int(int)>("close");
    handles().erase(descriptor);
    return real(descriptor);
}

int ioctl(int descriptor, unsigned long request, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    static auto* const real = next<int(int, unsigned long, ...)>("ioctl");
    const auto found = handles().find(descriptor);
    if (found == handles().end()) return real(descriptor, request, argument);
    const Handle handle = found->second;
    if (handle.path == kGpioChip) gpio(handle.line, request, argument);
    if (request == I2C_FUNCS) *static_cast<unsigned long*>(argument) = I2C_FUNC_I2C;
    if (request == I2C_RDWR) i2c_transfer(handle.path, *static_cast<const i2c_rdwr_ioctl_data*>(argument));
    if (request != SPI_IOC_MESSAGE(1)) return 0;
    const auto& message = *static_cast<const spi_ioc_transfer*>(argument);
    const Bytes sent(reinterpret_cast<const uint8_t*>(message.tx_buf), message.len);
    std::ranges::copy(spi_transfer(handle.path, sent), reinterpret_cast<uint8_t*>(message.rx_buf));
    return static_cast<int>(message.len);
}

ssize_t write(int descriptor, const void* data, size_t size) {
    static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
    const auto found = handles().find(descriptor);
    if (found == handles().end()) return real(descriptor, data, size);
    spi_transfer(found->second.path, {static_cast<const uint8_t*>(data), size});
    return static_cast<ssize_t>(size);
}
}
