// This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
/// \file
/// Chips on the buses and pins of Klipper's Linux MCU, which is started with this library preloaded: /dev/spidev0.0 is
/// a MAX31865, /dev/spidev0.1 an ADXL345, on /dev/i2c-0 is an MPU-9250, and on /dev/gpiochip0 an HX711 (data on line 1,
/// clock on line 2). What they measure depends on nothing but how often they have measured, so that two
/// microcontrollers have to report the same. Each transfer of a bus is a line of the file $LIMPET_BUS_LOG: device,
/// bytes sent, bytes received.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <linux/spi/spidev.h>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

/// A chip whose first byte is an address, and the next ones are registers.
class Chip {
public:
    virtual ~Chip() = default;

    /// On SPI: bytes are replaced by the answer.
    void transfer(std::span<uint8_t> bytes) {
        const uint8_t command = bytes[0];
        bytes[0] = 0;
        begin(command);
        for (uint8_t& byte : bytes.subspan(1)) byte = exchange(byte);
    }

    virtual void begin(uint8_t command) = 0;
    virtual uint8_t exchange(uint8_t byte) = 0; ///< on I2C what is read
};

/// What accelerometers measure: sample number n of this many different ones.
constexpr unsigned kSamples = 4000;
using Sample = std::array<int16_t, 3>;

Sample sample(unsigned number) {
    const auto n = static_cast<int16_t>(number % kSamples);
    return {n, static_cast<int16_t>(-n), static_cast<int16_t>(n / 2 - 1000)};
}

/// Maxim 19-6478: bit 7 of the address writes; registers follow each other.
class Max31865 : public Chip {
    static constexpr uint8_t kRtdHigh = 1;

    void begin(uint8_t command) override {
        writes_ = (command & 0x80) != 0;
        address_ = command & 7;
        if (writes_ || address_ != kRtdHigh) return;
        // 110 to 112 ohm with a reference of 430, above a fault bit that is 0.
        const unsigned value = (8400 + measured_++ % 100) << 1;
        registers_[kRtdHigh] = static_cast<uint8_t>(value >> 8);
        registers_[kRtdHigh + 1] = static_cast<uint8_t>(value);
    }
    uint8_t exchange(uint8_t byte) override {
        uint8_t& value = registers_[address_++ & 7];
        if (!writes_) return value;
        value = byte;
        return 0;
    }

    std::array<uint8_t, 8> registers_{};
    unsigned measured_ = 0;
    uint8_t address_ = 0;
    bool writes_ = false;
};

/// Accelerometers here measure slower than they are told, so that no FIFO overflows on a PC that is busy.
constexpr double kRateHz = 200;

/// Analog Devices ADXL345 rev. G: bit 7 of the address reads, bit 6 goes on to the next register.
class Adxl345 : public Chip {
    static constexpr uint8_t kDeviceId = 0x00, kPower = 0x2d, kData = 0x32, kDataEnd = 0x38, kFifoControl = 0x38,
                             kFifoStatus = 0x39;
    static constexpr size_t kFifoMax = 32;

    void begin(uint8_t command) override {
        reads_ = (command & 0x80) != 0;
        step_ = (command & 0x40) != 0 ? 1 : 0;
        address_ = command & 0x3f;
        measure();
        if (reads_ && address_ == kData && !fifo_.empty()) {
            std::memcpy(&registers_[kData], fifo_.front().data(), sizeof(Sample));
            fifo_.pop_front();
        }
    }
    uint8_t exchange(uint8_t byte) override {
        const uint8_t at = address_ & 0x3f;
        address_ += step_;
        if (reads_) {
            if (at == kDeviceId) return 0xe5;
            return at == kFifoStatus ? static_cast<uint8_t>(fifo_.size()) : registers_[at];
        }
        if (at == kPower) start(byte);
        registers_[at] = byte;
        return 0;
    }

    void start(uint8_t power) {
        if ((power & 8) != 0 && (registers_[kPower] & 8) == 0) {
            since_ = Clock::now();
            measured_ = 0;
        }
        if ((power & 8) == 0) fifo_.clear();
    }
    /// Puts what has been measured since the last time into the FIFO.
    void measure() {
        if ((registers_[kPower] & 8) == 0) return;
        const std::chrono::duration<double> passed = Clock::now() - since_;
        for (; measured_ < passed.count() * kRateHz; ++measured_) {
            fifo_.push_back(sample(measured_));
            if (fifo_.size() > kFifoMax) fifo_.pop_front();
        }
    }
    std::array<uint8_t, 64> registers_{};
    std::deque<Sample> fifo_;
    Clock::time_point since_;
    unsigned measured_ = 0;
    uint8_t address_ = 0, step_ = 0;
    bool reads_ = false;
};

/// InvenSense RM-MPU-9250A-00, with a FIFO that has no end.
class Mpu9250 : public Chip {
    static constexpr uint8_t kFifoEnable = 0x23, kUserControl = 0x6a, kFifoCount = 0x72, kFifo = 0x74, kWhoAmI = 0x75;

public:
    void begin(uint8_t command) override {
        address_ = command;
        const std::chrono::duration<double> passed = Clock::now() - since_;
        for (; registers_[kFifoEnable] != 0 && measured_ < passed.count() * kRateHz; ++measured_)
            for (const int16_t axis : sample(measured_)) {
                fifo_.push_back(static_cast<uint8_t>(axis >> 8));
                fifo_.push_back(static_cast<uint8_t>(axis));
            }
        count_ = fifo_.size();
    }
    uint8_t exchange(uint8_t) override {
        const uint8_t at = address_;
        if (at != kFifo) ++address_;
        if (at == kFifoCount) return static_cast<uint8_t>(count_ >> 8);
        if (at == kFifoCount + 1) return static_cast<uint8_t>(count_);
        if (at == kWhoAmI) return 0x71;
        if (at != kFifo || fifo_.empty()) return registers_[at];
        const uint8_t byte = fifo_.front();
        fifo_.pop_front();
        return byte;
    }
    void write(uint8_t address, uint8_t value) {
        if (address == kFifoEnable && registers_[kFifoEnable] == 0) {
            since_ = Clock::now();
            measured_ = 0;
        }
        if (address == kUserControl) fifo_.clear();
        registers_[address] = value;
    }

private:
    std::array<uint8_t, 256> registers_{};
    std::deque<uint8_t> fifo_;
    Clock::time_point since_;
    size_t count_ = 0;
    unsigned measured_ = 0;
    uint8_t address_ = 0;
};

/// Avia Semiconductor HX711, "Serial Interface": a low data pin tells of a sample, and each rising edge of the clock
/// brings the next of its 24 bits, then of a pin that is high. Ten samples a second.
class Hx711 {
    static constexpr uint32_t kData = 1, kClock = 2, kBits = 24;
    static constexpr auto kPeriod = std::chrono::milliseconds(100);

public:
    void write(uint32_t line, bool level) {
        if (line == kClock && level && !clock_) {
            if (edges_ == 0) since_ = Clock::now();
            ++edges_;
        }
        if (line == kClock) clock_ = level;
    }
    bool read(uint32_t line) {
        if (line != kData) return false;
        // A clock that stops half-way has reset the chip.
        if (edges_ != 0 && Clock::now() - since_ > kPeriod) {
            if (edges_ > kBits) value_ += 1000;
            edges_ = 0;
        }
        if (edges_ == 0 || edges_ > kBits) return edges_ != 0;
        return (value_ >> (kBits - edges_) & 1) != 0;
    }

private:
    Clock::time_point since_;
    uint32_t edges_ = 0;
    uint32_t value_ = 0xff0000; // -65536
    bool clock_ = false;
};

constexpr const char* kGpioChip = "/dev/gpiochip0";
std::map<int, uint32_t>& lines() {
    static std::map<int, uint32_t> all; // by file descriptor
    return all;
}
Hx711& load_cell() {
    static Hx711 chip;
    return chip;
}

struct Device {
    std::string name;
    std::unique_ptr<Chip> chip;
};
std::map<int, Device>& devices() {
    static std::map<int, Device> all; // by file descriptor
    return all;
}

std::unique_ptr<Chip> make_chip(const std::string& name) {
    if (name == "/dev/spidev0.0") return std::make_unique<Max31865>();
    if (name == "/dev/spidev0.1") return std::make_unique<Adxl345>();
    if (name == "/dev/i2c-0") return std::make_unique<Mpu9250>();
    return nullptr;
}

int nothing() { return open("/dev/null", O_RDWR | O_CLOEXEC); }

/// What is asked of a GPIO chip, or of a line that it has given out.
void gpio(int descriptor, unsigned long request, void* argument) {
    if (request == GPIO_GET_LINEHANDLE_IOCTL) {
        auto& wanted = *static_cast<gpiohandle_request*>(argument);
        wanted.fd = nothing();
        lines()[wanted.fd] = wanted.lineoffsets[0];
        if ((wanted.flags & GPIOHANDLE_REQUEST_OUTPUT) != 0)
            load_cell().write(wanted.lineoffsets[0], wanted.default_values[0] != 0);
        return;
    }
    auto& level = static_cast<gpiohandle_data*>(argument)->values[0];
    if (request == GPIOHANDLE_SET_LINE_VALUES_IOCTL) load_cell().write(lines()[descriptor], level != 0);
    if (request == GPIOHANDLE_GET_LINE_VALUES_IOCTL) level = load_cell().read(lines()[descriptor]) ? 1 : 0;
}

void log(const std::string& device, std::span<const uint8_t> sent, std::span<const uint8_t> received) {
    static std::FILE* const file = std::fopen(std::getenv("LIMPET_BUS_LOG"), "w");
    std::fprintf(file, "%s ", device.c_str() + std::strlen("/dev/"));
    for (const uint8_t byte : sent) std::fprintf(file, "%02x", byte);
    std::fputc(' ', file);
    for (const uint8_t byte : received) std::fprintf(file, "%02x", byte);
    std::fputc('\n', file);
    std::fflush(file);
}

/// One transfer: what is written, a register first, and what is read.
void transfer(Device& device, const i2c_rdwr_ioctl_data& data) {
    auto& chip = dynamic_cast<Mpu9250&>(*device.chip);
    const std::span<const i2c_msg> messages(data.msgs, data.nmsgs);
    const std::span<uint8_t> sent(messages[0].buf, messages[0].len);
    const std::span<uint8_t> received(messages.back().buf, messages.size() > 1 ? messages.back().len : 0);
    if (sent.size() > 1) chip.write(sent[0], sent[1]);
    chip.begin(sent[0]);
    for (uint8_t& byte : received) byte = chip.exchange(0);
    log(device.name, sent, received);
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
    std::unique_ptr<Chip> chip = make_chip(path);
    if (chip == nullptr && path != std::string(kGpioChip)) return real(path, flags, mode);
    const int descriptor = nothing();
    if (chip == nullptr)
        lines()[descriptor] = 0;
    else
        devices()[descriptor] = {path, std::move(chip)};
    return descriptor;
}

int access(const char* path, int mode) noexcept {
    static auto* const real = next<int(const char*, int)>("access");
    return path == std::string(kGpioChip) ? 0 : real(path, mode);
}

int close(int descriptor) {
    static auto* const real = next<int(int)>("close");
    lines().erase(descriptor);
    devices().erase(descriptor);
    return real(descriptor);
}

int ioctl(int descriptor, unsigned long request, ...) noexcept {
    std::va_list arguments;
    va_start(arguments, request);
    void* const argument = va_arg(arguments, void*);
    va_end(arguments);
    static auto* const real = next<int(int, unsigned long, ...)>("ioctl");
    if (lines().contains(descriptor)) {
        gpio(descriptor, request, argument);
        return 0;
    }
    const auto device = devices().find(descriptor);
    if (device == devices().end()) return real(descriptor, request, argument);
    if (request == I2C_FUNCS) *static_cast<unsigned long*>(argument) = I2C_FUNC_I2C;
    if (request == I2C_RDWR) transfer(device->second, *static_cast<const i2c_rdwr_ioctl_data*>(argument));
    if (request != SPI_IOC_MESSAGE(1)) return 0;
    const auto& message = *static_cast<const spi_ioc_transfer*>(argument);
    std::span bytes(reinterpret_cast<uint8_t*>(message.rx_buf), message.len);
    const std::string sent(bytes.begin(), bytes.end());
    device->second.chip->transfer(bytes);
    log(device->second.name, {reinterpret_cast<const uint8_t*>(sent.data()), sent.size()}, bytes);
    return static_cast<int>(message.len);
}

ssize_t write(int descriptor, const void* data, size_t size) {
    static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
    const auto device = devices().find(descriptor);
    if (device == devices().end()) return real(descriptor, data, size);
    const auto* const begin = static_cast<const uint8_t*>(data);
    std::string bytes(begin, begin + size);
    device->second.chip->transfer({reinterpret_cast<uint8_t*>(bytes.data()), size});
    log(device->second.name, {begin, size}, {});
    return static_cast<ssize_t>(size);
}
}
