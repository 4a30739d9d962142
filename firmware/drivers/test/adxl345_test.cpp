// ADXL345: samples as Klipper's PC side unpacks them, errors, overflows, and the pace of reading.
#include "chips/accelerometers.h"
#include "driver.h"

namespace limpet::drivers {

namespace {

constexpr uint32_t kRest = 1000;

struct Axes {
    int x, y, z;
    bool operator==(const Axes&) const = default;
};

/// What the PC makes of 5 bytes; none: an error.
std::optional<Axes> unpack(const uint8_t* bytes) {
    const uint32_t x = bytes[0] | (bytes[3] & 0x1fU) << 8;
    const uint32_t y = bytes[1] | (bytes[4] & 0x1fU) << 8;
    const uint32_t z = bytes[2] | (bytes[3] & 0xe0U) << 3 | (bytes[4] & 0x60U) << 6;
    if ((bytes[4] & 0x80) != 0) return std::nullopt;
    const auto signed_13_bits = [](uint32_t value) { return static_cast<int>(value << 19) >> 19; };
    return Axes{signed_13_bits(x), signed_13_bits(y), signed_13_bits(z)};
}

std::vector<std::optional<Axes>> samples(const Firmware& firmware) {
    std::vector<std::optional<Axes>> all;
    uint32_t sequence = 0;
    for (const Block& block : firmware.blocks) {
        EXPECT_EQ(block.sequence, sequence++);
        EXPECT_EQ(block.data.size(), 50U);
        for (size_t i = 0; i < block.data.size(); i += 5) all.push_back(unpack(&block.data[i]));
    }
    return all;
}

} // namespace

class Adxl345Test : public DriverTest {
protected:
    Adxl345Test() : driver(backend(), "adxl345") { driver.firmware.spi = {&chip}; }

    Adxl345 chip;
    Driver driver;
};
LIMPET_TEST_ON_ALL_BACKENDS(Adxl345Test);

TEST_P(Adxl345Test, SamplesComeOutAsTheyWere) {
    std::vector<std::optional<Axes>> expected;
    for (const Axes axes : {Axes{0, 0, 0},
                            {1, 2, 3},
                            {-1, -2, -3},
                            {4095, -4096, 4095},
                            {-4096, 4095, -4096},
                            {0x155, 0x2aa, 0x7ff},
                            {256, -256, 2048},
                            {-2049, 2047, 1023},
                            {0x123, 0x456, 0x789},
                            {-0x123, -0x456, -0x789}}) {
        chip.fifo.push_back(
            sample_of(static_cast<int16_t>(axes.x), static_cast<int16_t>(axes.y), static_cast<int16_t>(axes.z)));
        expected.emplace_back(axes);
    }
    driver.call("query", {kRest});
    driver.run_for(5 * kRest);
    EXPECT_EQ(samples(driver.firmware), expected);
    EXPECT_EQ(driver.firmware.bytes.front().size(), 9U);
    EXPECT_EQ(driver.firmware.bytes.front()[0], 0xf2);
}

TEST_P(Adxl345Test, WhatIsNotFromTheChipIsAnError) {
    driver.call("query", {kRest});
    const auto read = [&](const Sample& sample) {
        chip.fifo = {sample, sample, sample};
        driver.run_once();
        return driver.firmware.timer_clock().value_or(0) - driver.firmware.clock;
    };
    EXPECT_EQ(read(sample_of(4096, 0, 0)), kRest) << "bit 12 set, the sign clear; then it sleeps";
    EXPECT_EQ(read(sample_of(0, -4097, 0)), kRest);
    EXPECT_EQ(read(sample_of(0, 0, 0x2000)), kRest);
    EXPECT_EQ(read(sample_of(0, 0, -0x7fff)), kRest);
    chip.fifo_control = 0x00;
    EXPECT_EQ(read(sample_of(1, 1, 1)), kRest);
    chip.fifo_control = 0x90;
    chip.fifo_status_glitch = 0x20 | 0x04; // 3 is read as 39
    EXPECT_EQ(read(sample_of(1, 1, 1)), kRest);
    chip.fifo_status_glitch = 0;
    chip.triggered = true;
    EXPECT_EQ(read(sample_of(1, 1, 1)), 1U) << "a trigger is none";
    for (int i = 0; i < 3; ++i) read(sample_of(2, 2, 2));
    std::vector<std::optional<Axes>> expected(6);
    expected.emplace_back(Axes{1, 1, 1});
    expected.insert(expected.end(), 3, Axes{2, 2, 2});
    EXPECT_EQ(samples(driver.firmware), expected);
}

TEST_P(Adxl345Test, ReadsOnUntilTheFifoIsEmptyThenSleeps) {
    driver.call("query", {kRest});
    const uint32_t start = driver.firmware.clock;
    EXPECT_EQ(driver.firmware.timer_clock().value_or(0) - start, kRest);
    for (int i = 0; i < 4; ++i) chip.fifo.push_back(sample_of(1, 2, 3));
    driver.run_for(kRest + 4 * 100);
    EXPECT_EQ(driver.runs(), 4U);
    EXPECT_TRUE(chip.fifo.empty());
    EXPECT_GT(driver.firmware.timer_clock().value_or(0), driver.firmware.clock + kRest / 2);
}

TEST_P(Adxl345Test, StatusTellsWhatIsInTheFifo) {
    for (int i = 0; i < 6; ++i) chip.fifo.push_back(sample_of(1, 2, 3));
    driver.call("query", {kRest});
    driver.run_once(); // of 6, 5 are left; 5 bytes are in the block
    const uint32_t before = driver.firmware.clock;
    driver.call("status");
    ASSERT_EQ(driver.firmware.statuses.size(), 1U);
    const BulkStatus& status = driver.firmware.statuses[0];
    EXPECT_EQ(status.clock, before + Firmware::kCallTicks);
    EXPECT_EQ(status.query_ticks, 2 * Firmware::kByteTicks + 2 * Firmware::kCallTicks);
    EXPECT_EQ(status.buffered, 5 * 5 + 5U);
    EXPECT_EQ(status.next_sequence, 0U);
    EXPECT_EQ(status.overflows, 0U);
    EXPECT_EQ(driver.firmware.bytes.back(), (std::vector<uint8_t>{0xb9, 0}));

    chip.fifo_status_glitch = 0x20 | 0x08;
    driver.call("status");
    EXPECT_EQ(driver.firmware.statuses.size(), 1U) << "no answer to a glitch: the PC asks again";
}

TEST_P(Adxl345Test, AFullFifoMayHaveOverflowed) {
    const auto overflows = [&](size_t entries) {
        chip.fifo.assign(entries, sample_of(1, 2, 3));
        driver.call("query", {0});
        driver.call("query", {kRest});
        driver.run_once();
        driver.call("status");
        return driver.firmware.statuses.back().overflows;
    };
    EXPECT_EQ(overflows(30), 0U);
    EXPECT_EQ(overflows(31), 1U);
    EXPECT_EQ(overflows(32), 1U);
}

TEST_P(Adxl345Test, StopsWhenTold) {
    chip.fifo.assign(32, sample_of(1, 2, 3));
    driver.call("query", {kRest});
    driver.run_once();
    driver.call("query", {0});
    driver.run_for(5 * kRest);
    EXPECT_EQ(driver.runs(), 1U);
}

} // namespace limpet::drivers
