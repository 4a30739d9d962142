// Converters for load cells, HX711, HX717, ADS1220 and ADS131M0x: samples, the pace of looking for them, errors,
// homing.
#include "chips/converters.h"
#include "driver.h"

namespace limpet::drivers {

namespace {

constexpr uint32_t kPoll = 1000; // a tenth of the time between two samples

/// The words of the blocks, and of what is not sent yet.
std::vector<int32_t> words(const Firmware& firmware) {
    std::vector<uint8_t> bytes;
    for (const Block& block : firmware.blocks) {
        EXPECT_EQ(block.data.size(), 48U);
        bytes.insert(bytes.end(), block.data.begin(), block.data.end());
    }
    bytes.insert(bytes.end(), firmware.open_block().begin(), firmware.open_block().end());
    std::vector<int32_t> result;
    for (size_t i = 0; i + 3 < bytes.size(); i += 4)
        result.push_back(static_cast<int32_t>(bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 |
                                              static_cast<uint32_t>(bytes[i + 3]) << 24));
    return result;
}

constexpr int32_t kOutOfStep = INT32_MIN;
constexpr int32_t kTooLong = 0x40000000;

} // namespace

class Hx71xTest : public DriverTest {
protected:
    Hx71xTest() : driver(backend(), "hx71x") {
        driver.firmware.inputs = {[this] { return chip.data(); }};
        driver.firmware.outputs = {[this](bool level) { chip.clock(level); }};
        driver.firmware.on_time = [this](uint32_t clock) { chip.time(clock); };
        chip.clock(true); // as the PC leaves it
        driver.firmware.advance(Hx71x::kPowerDownTicks);
    }

    int32_t measure(int32_t value) {
        chip.convert(value);
        driver.run_once();
        return words(driver.firmware).back();
    }

    Hx71x chip;
    Driver driver;
};
LIMPET_TEST_ON_ALL_BACKENDS(Hx71xTest);

TEST_P(Hx71xTest, SamplesComeOutAsTheyWereAtEachGain) {
    for (uint32_t gain = 1; gain <= 4; ++gain) {
        driver.call("query", {0, gain});
        driver.firmware.advance(Hx71x::kPowerDownTicks);
        EXPECT_TRUE(chip.powered_down());
        driver.call("query", {kPoll, gain});
        EXPECT_FALSE(chip.powered_down());
        for (const int32_t value : {0, 1, -1, 0x7fffff, -0x800000, 0x123456, -0x123456}) {
            EXPECT_EQ(measure(value), value);
            EXPECT_EQ(chip.pulses(), 24 + gain);
        }
    }
    EXPECT_EQ(driver.firmware.trigger_samples.size(), 28U);
    EXPECT_EQ(driver.firmware.trigger_samples[6], -0x123456);
}

TEST_P(Hx71xTest, LooksAgainSoonButNotWhileASampleCannotBe) {
    driver.call("query", {kPoll, 1});
    const uint32_t start = driver.firmware.clock;
    driver.run_for(5 * kPoll + kPoll / 2);
    EXPECT_EQ(driver.runs(), 0U);
    EXPECT_EQ(driver.firmware.timer_clock(), start + 6 * kPoll);
    chip.convert(1);
    driver.run_once();
    EXPECT_EQ(driver.firmware.timer_clock(), start + 14 * kPoll);
}

TEST_P(Hx71xTest, OutOfStepUntilItIsStartedAgain) {
    driver.call("query", {kPoll, 2});
    EXPECT_EQ(measure(5), 5);
    chip.stuck = true;
    EXPECT_EQ(measure(6), kOutOfStep) << "the pin stays low";
    chip.stuck = false;
    EXPECT_EQ(measure(7), kOutOfStep);
    EXPECT_EQ(driver.firmware.trigger_samples, (std::vector<int32_t>{5}));
    driver.call("query", {kPoll, 2});
    EXPECT_EQ(measure(8), 8);
    EXPECT_EQ(driver.firmware.trigger_samples, (std::vector<int32_t>{5, 8}));
}

TEST_P(Hx71xTest, ASampleThatIsReadTooLate) {
    driver.call("query", {kPoll, 1});
    chip.convert(5);
    driver.firmware.advance(kPoll + 8 * kPoll - 40); // the next look comes while it is read
    driver.run_once();
    EXPECT_EQ(words(driver.firmware).back(), kTooLong);

    driver.call("query", {kPoll, 1});
    chip.convert(5);
    driver.firmware.advance(kPoll + 8 * kPoll + 10); // the next look has been
    driver.run_once();
    EXPECT_EQ(words(driver.firmware).back(), kTooLong);
    driver.call("status");
    EXPECT_EQ(driver.firmware.statuses.back().overflows, 1U);
    EXPECT_TRUE(driver.firmware.trigger_samples.empty());

    driver.call("query", {kPoll, 1});
    chip.convert(6);
    driver.firmware.advance(kPoll + 8 * kPoll - 80); // just in time
    driver.run_once();
    EXPECT_EQ(words(driver.firmware).back(), 6);
}

TEST_P(Hx71xTest, StatusTellsOfASampleThatWaits) {
    driver.call("query", {kPoll, 1});
    driver.call("status");
    chip.convert(1);
    driver.call("status");
    measure(2);
    driver.call("status");
    ASSERT_EQ(driver.firmware.statuses.size(), 3U);
    EXPECT_EQ(driver.firmware.statuses[0].buffered, 0U);
    EXPECT_EQ(driver.firmware.statuses[1].buffered, 4U);
    EXPECT_EQ(driver.firmware.statuses[2].buffered, 4U) << "one in the block, none in the chip";
    EXPECT_EQ(driver.firmware.statuses[0].query_ticks, 0U);
}

TEST_P(Hx71xTest, StopsAndPowersDown) {
    driver.call("query", {kPoll, 1});
    measure(1);
    driver.call("query", {0, 1});
    EXPECT_TRUE(chip.clock_level());
    driver.run_for(20 * kPoll);
    EXPECT_EQ(driver.runs(), 1U);
    EXPECT_TRUE(chip.powered_down());
}

class Ads1220Test : public DriverTest {
protected:
    Ads1220Test() : driver(backend(), "ads1220") {
        driver.firmware.spi = {&chip};
        driver.firmware.inputs = {[this] { return chip.data_ready_pin(); }};
    }

    Ads1220 chip;
    Driver driver;
};
LIMPET_TEST_ON_ALL_BACKENDS(Ads1220Test);

TEST_P(Ads1220Test, SamplesComeOutAsTheyWere) {
    const std::vector<int32_t> values = {0, 1, -1, 0x7fffff, -0x800000, 0x123456, -0x123456, 7, 8, 9, 10, 11, 12};
    driver.call("query", {kPoll});
    for (const int32_t value : values) {
        chip.sample = value;
        driver.run_once();
    }
    EXPECT_EQ(words(driver.firmware), values);
    EXPECT_EQ(driver.firmware.blocks.size(), 1U) << "12 make a block";
    EXPECT_EQ(driver.firmware.trigger_samples, values);
    EXPECT_EQ(driver.firmware.bytes.front(), (std::vector<uint8_t>{0, 0, 0}));
}

TEST_P(Ads1220Test, LooksForSamplesAtTheRightPaceAndStops) {
    driver.call("query", {kPoll});
    const uint32_t start = driver.firmware.clock;
    driver.run_for(2 * kPoll + kPoll / 2);
    EXPECT_EQ(driver.runs(), 0U);
    chip.sample = 1;
    driver.run_once();
    EXPECT_EQ(driver.firmware.timer_clock(), start + 11 * kPoll);
    chip.sample = 2;
    driver.run_for(8 * kPoll);
    EXPECT_EQ(driver.runs(), 2U);
    driver.call("query", {0});
    chip.sample = 3;
    driver.run_for(20 * kPoll);
    EXPECT_EQ(driver.runs(), 2U);
}

TEST_P(Ads1220Test, StatusTellsOfASampleThatWaits) {
    driver.call("query", {kPoll});
    const uint32_t before = driver.firmware.clock;
    driver.call("status");
    chip.sample = 1;
    driver.call("status");
    ASSERT_EQ(driver.firmware.statuses.size(), 2U);
    EXPECT_EQ(driver.firmware.statuses[0].clock, before + Firmware::kCallTicks);
    EXPECT_EQ(driver.firmware.statuses[0].buffered, 0U);
    EXPECT_EQ(driver.firmware.statuses[1].buffered, 4U);
}

class Ads131m0xTest : public DriverTest {
protected:
    Ads131m0xTest() : driver(backend(), "ads131m0x") { use(two_channels); }

    void use(Ads131m0x& its_chip) {
        chip = &its_chip;
        driver.firmware.spi = {chip};
        driver.firmware.inputs = {[this] { return chip->data_ready_pin(); }};
    }
    int32_t measure(int32_t value, size_t channel) {
        chip->convert(value, channel);
        driver.run_once();
        return words(driver.firmware).back();
    }

    static constexpr int32_t kCrc = 1 << 24, kReset = 2 << 24;

    Ads131m0x two_channels{2};
    Ads131m0x four_channels{4};
    Ads131m0x* chip = nullptr;
    Driver driver;
};
LIMPET_TEST_ON_ALL_BACKENDS(Ads131m0xTest);

TEST_P(Ads131m0xTest, SamplesOfTheChosenChannelComeOutAsTheyWere) {
    const std::vector<int32_t> values = {0, 1, -1, 0x7fffff, -0x800000, 0x123456, -0x123456};
    for (auto& its_chip : {&two_channels, &four_channels}) {
        use(*its_chip);
        const size_t channels = chip->samples.size();
        for (const size_t channel : {size_t{0}, channels - 1}) {
            driver.firmware.trigger_samples.clear();
            driver.call("query", {kPoll, static_cast<uint32_t>(channel), static_cast<uint32_t>(channels)});
            for (const int32_t value : values) EXPECT_EQ(measure(value, channel), value);
            EXPECT_EQ(driver.firmware.trigger_samples, values);
        }
        EXPECT_EQ(driver.firmware.bytes.back(), std::vector<uint8_t>(3 * (channels + 2)));
    }
    EXPECT_TRUE(driver.firmware.trigger_errors.empty());
}

TEST_P(Ads131m0xTest, EachBitOfTheCrc) {
    driver.call("query", {kPoll, 0, 2});
    for (uint32_t bit = 0; bit < 16; ++bit) {
        chip->flipped = 1U << bit;
        EXPECT_EQ(measure(5, 0), kCrc);
    }
    chip->was_reset = true; // what is not known to be true does not count
    EXPECT_EQ(measure(5, 0), kCrc);
    chip->was_reset = false;
    chip->flipped = 0;
    EXPECT_EQ(measure(6, 0), 6);
    EXPECT_EQ(driver.firmware.trigger_errors, std::vector<uint8_t>(17, 1));
    EXPECT_EQ(driver.firmware.trigger_samples, (std::vector<int32_t>{6}));
}

TEST_P(Ads131m0xTest, AResetCountsUntilItIsStartedAgain) {
    driver.call("query", {kPoll, 0, 2});
    EXPECT_EQ(measure(5, 0), 5);
    chip->was_reset = true;
    EXPECT_EQ(measure(6, 0), kReset);
    chip->was_reset = false;
    EXPECT_EQ(measure(7, 0), kReset);
    EXPECT_EQ(driver.firmware.trigger_errors, (std::vector<uint8_t>{2, 2}));
    EXPECT_EQ(driver.firmware.trigger_samples, (std::vector<int32_t>{5}));
    driver.call("query", {kPoll, 0, 2});
    EXPECT_EQ(measure(8, 0), 8);
}

TEST_P(Ads131m0xTest, LooksForSamplesAtTheRightPaceAndStops) {
    driver.call("query", {kPoll, 0, 2});
    const uint32_t start = driver.firmware.clock;
    driver.run_for(2 * kPoll + kPoll / 2);
    EXPECT_EQ(driver.runs(), 0U);
    driver.call("status");
    chip->convert(1, 0);
    driver.call("status");
    driver.run_once();
    EXPECT_EQ(driver.firmware.timer_clock(), start + 11 * kPoll);
    driver.call("query", {0, 0, 2});
    chip->convert(2, 0);
    driver.run_for(20 * kPoll);
    EXPECT_EQ(driver.runs(), 1U);
    ASSERT_EQ(driver.firmware.statuses.size(), 2U);
    EXPECT_EQ(driver.firmware.statuses[0].buffered, 0U);
    EXPECT_EQ(driver.firmware.statuses[1].buffered, 4U);
}

} // namespace limpet::drivers
