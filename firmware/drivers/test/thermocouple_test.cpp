// Thermocouple and RTD converters: what is asked on the bus, what the PC gets, and when the firmware is stopped.
#include "chips/thermocouples.h"
#include "driver.h"

namespace limpet::drivers {

namespace {

constexpr uint32_t kStart = 5000;
constexpr uint32_t kRest = 2000;

struct Result {
    uint32_t next_clock;
    uint32_t value;
    uint32_t fault;
    bool operator==(const Result&) const = default;
};

uint32_t word_at(const std::vector<uint8_t>& data, size_t offset) {
    return data.at(offset) | data.at(offset + 1) << 8 | data.at(offset + 2) << 16 |
           static_cast<uint32_t>(data.at(offset + 3)) << 24;
}

std::vector<Result> results(const Firmware& firmware) {
    std::vector<Result> all;
    for (const Message& message : firmware.messages) {
        EXPECT_EQ(message.id, 0);
        EXPECT_EQ(message.data.size(), 12U);
        all.push_back({word_at(message.data, 0), word_at(message.data, 4), word_at(message.data, 8)});
    }
    return all;
}

using Bytes = std::vector<std::vector<uint8_t>>;

/// A MAX31865 that is set up and measures `rtd` (a ratio, shifted, and the fault bit).
class Max31865 : public RegisterChip {
public:
    explicit Max31865(uint32_t rtd) : RegisterChip(8) { set(rtd, 0x03); }
    /// The lower two bits of the status are not used.
    void set(uint32_t rtd, uint8_t status) {
        registers[0x01] = static_cast<uint8_t>(rtd >> 8);
        registers[0x02] = static_cast<uint8_t>(rtd);
        registers[0x07] = status;
    }
};

} // namespace

class Thermocouple : public DriverTest {};
LIMPET_TEST_ON_ALL_BACKENDS(Thermocouple);

TEST_P(Thermocouple, Max31865ReadsRatioAndFaultStatus) {
    Max31865 chip(0x4321 << 1);
    Driver driver(backend(), "max31865");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0, 0xffff, 3});
    driver.run_for(kStart + 2 * kRest - driver.firmware.clock + 100);
    EXPECT_EQ(driver.firmware.bytes,
              (Bytes{{0x01, 0, 0}, {0x07, 0}, {0x01, 0, 0}, {0x07, 0}, {0x01, 0, 0}, {0x07, 0}}));
    EXPECT_EQ(results(driver.firmware),
              (std::vector<Result>{
                  {kStart + kRest, 0x8642, 0}, {kStart + 2 * kRest, 0x8642, 0}, {kStart + 3 * kRest, 0x8642, 0}}));
}

TEST_P(Thermocouple, Max31865FaultIsThatOfTheReadingAndOfTheStatus) {
    Max31865 chip(0x2001);
    Driver driver(backend(), "max31865");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0, 0xffff, 100});
    driver.run_once();
    chip.set(0x2000, 0x9f);
    driver.run_once();
    chip.set(0x2001, 0xff);
    driver.run_once();
    EXPECT_EQ(results(driver.firmware), (std::vector<Result>{{kStart + kRest, 0x2001, 0x01},
                                                             {kStart + 2 * kRest, 0x2000, 0x9c},
                                                             {kStart + 3 * kRest, 0x2001, 0xfd}}));
    EXPECT_TRUE(driver.firmware.shutdowns.empty());
}

TEST_P(Thermocouple, StopsTheFirmwareAfterEnoughInvalidReadingsInARow) {
    Max31865 chip(0x1000);
    Driver driver(backend(), "max31865");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0x1000, 0x3000, 3});
    const auto read = [&](uint32_t rtd) {
        chip.set(rtd, 0);
        driver.run_once();
    };
    for (const uint32_t rtd : {0x1000, 0x0ffe, 0x3002, 0x3000, 0x0ffe, 0x3002}) read(rtd);
    EXPECT_TRUE(driver.firmware.shutdowns.empty()) << "two in a row, a valid one, two in a row";
    read(0x2001); // the chip's own fault counts as well
    EXPECT_EQ(driver.firmware.shutdowns, (std::vector<uint8_t>{0}));
    EXPECT_EQ(driver.firmware.messages.size(), 7U) << "the reading that stops the firmware is sent, too";
}

TEST_P(Thermocouple, CountsFromZeroAfterAShutdownAndAfterAQuery) {
    Max31865 chip(0x2001);
    Driver driver(backend(), "max31865");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0, 0xffff, 2});
    driver.run_once();
    driver.call("query", {driver.firmware.clock + kRest, kRest, 0, 0xffff, 2});
    driver.run_once();
    EXPECT_TRUE(driver.firmware.shutdowns.empty());
    driver.run_once();
    EXPECT_EQ(driver.firmware.shutdowns.size(), 1U);
    driver.firmware.shutdowns.clear(); // as when the PC has ended the shutdown
    driver.run_once();
    EXPECT_TRUE(driver.firmware.shutdowns.empty());
    driver.run_once();
    EXPECT_EQ(driver.firmware.shutdowns.size(), 1U);
}

TEST_P(Thermocouple, StopsReadingWhenTold) {
    Max31865 chip(0x2000);
    Driver driver(backend(), "max31865");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0, 0xffff, 3});
    driver.run_for(kStart);
    EXPECT_EQ(driver.runs(), 1U);
    driver.call("query", {0, 0, 0, 0, 0});
    driver.run_for(5 * kRest);
    EXPECT_EQ(driver.runs(), 1U);
}

TEST_P(Thermocouple, Max31865WithoutLimitsOnlyReports) {
    Max31865 chip(0x2001);
    Driver driver(backend(), "max31865-report-only");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest});
    for (int i = 0; i < 20; ++i) driver.run_once();
    EXPECT_EQ(results(driver.firmware).back(), (Result{kStart + 20 * kRest, 0x2001, 0x01}));
    EXPECT_TRUE(driver.firmware.shutdowns.empty());
}

TEST_P(Thermocouple, Max31855SendsTheWholeWord) {
    WordChip chip(4);
    chip.word = 0x01904c00; // 25 C
    Driver driver(backend(), "max31855");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0x01000000, 0x7fffffff, 2});
    driver.run_once();
    chip.word = 0x0190'4c01 | 0x10000; // open circuit
    driver.run_once();
    chip.word = 0xfff0'0000; // below 0 C: above the maximum, as the PC has it
    driver.run_once();
    EXPECT_EQ(driver.firmware.bytes, (Bytes(3, {0, 0, 0, 0})));
    EXPECT_EQ(results(driver.firmware), (std::vector<Result>{{kStart + kRest, 0x01904c00, 0},
                                                             {kStart + 2 * kRest, 0x01914c01, 1},
                                                             {kStart + 3 * kRest, 0xfff00000, 0}}));
    EXPECT_EQ(driver.firmware.shutdowns.size(), 1U);
}

TEST_P(Thermocouple, Max31856ReadsTemperatureThenFaultStatus) {
    RegisterChip chip(16);
    chip.registers[0x0c] = 0x12;
    chip.registers[0x0d] = 0x34;
    chip.registers[0x0e] = 0x56;
    chip.registers[0x0f] = 0x00;
    Driver driver(backend(), "max31856");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0, 0x123456, 2});
    driver.run_once();
    chip.registers[0x0f] = 0x41;
    driver.run_once();
    EXPECT_EQ(driver.firmware.bytes, (Bytes{{0x0c, 0, 0, 0}, {0x0f, 0}, {0x0c, 0, 0, 0}, {0x0f, 0}}));
    EXPECT_EQ(results(driver.firmware),
              (std::vector<Result>{{kStart + kRest, 0x123456, 0}, {kStart + 2 * kRest, 0x123456, 0x41}}));
    EXPECT_TRUE(driver.firmware.shutdowns.empty());
    driver.run_once();
    EXPECT_EQ(driver.firmware.shutdowns.size(), 1U);
}

TEST_P(Thermocouple, Max6675SendsItsWord) {
    WordChip chip(2);
    chip.word = 0x0c80; // 100 C
    Driver driver(backend(), "max6675");
    driver.firmware.spi = {&chip};
    driver.call("query", {kStart, kRest, 0, 0x7ff8, 1});
    driver.run_once();
    EXPECT_TRUE(driver.firmware.shutdowns.empty());
    chip.word = 0x0c84; // the thermocouple is open
    driver.run_once();
    EXPECT_EQ(driver.firmware.bytes, (Bytes(2, {0, 0})));
    EXPECT_EQ(results(driver.firmware),
              (std::vector<Result>{{kStart + kRest, 0x0c80, 0}, {kStart + 2 * kRest, 0x0c84, 4}}));
    EXPECT_EQ(driver.firmware.shutdowns.size(), 1U);
}

TEST_P(Thermocouple, Max31865IsToldItsBusAndMessageAtRunTime) {
    Max31865 another(0x1000);
    Max31865 chip(0x2000);
    Driver driver(backend(), "max31865-unbound");
    driver.firmware.spi = {&another, &chip};
    driver.call("config", {1, 7});
    driver.call("query", {kStart, kRest, 0, 0xffff, 3});
    driver.run_once();
    ASSERT_EQ(driver.firmware.messages.size(), 1U);
    EXPECT_EQ(driver.firmware.messages[0].id, 7);
    EXPECT_EQ(word_at(driver.firmware.messages[0].data, 4), 0x2000U);
}

TEST_P(Thermocouple, WithoutABusIsAHostCallTrap) {
    Driver driver(backend(), "max31865-report-only");
    driver.call("query", {kStart, kRest});
    driver.firmware.advance(kStart);
    driver.expected_status = LIMPET_HOST_CALL;
    driver.run_once();
}

} // namespace limpet::drivers
