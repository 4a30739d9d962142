// LDC1612, with its pin INTB and without: samples, errors on the way and of the sensor, homing.
#include "chips/converters.h"
#include "driver.h"

namespace limpet::drivers {

namespace {

constexpr uint32_t kRest = 4000;

} // namespace

class Ldc1612Test : public DriverTest {
protected:
    void start(const char* name) {
        driver = std::make_unique<Driver>(backend(), name);
        driver->firmware.i2c = {&chip};
        driver->firmware.inputs = {[this] { return chip.intb_pin(); }};
        driver->call("query", {kRest});
    }

    /// The bytes of the last sample that was reported.
    std::vector<uint8_t> last() {
        const auto& open = driver->firmware.open_block();
        if (open.size() >= 4) return {open.end() - 4, open.end()};
        if (driver->firmware.blocks.empty()) return {};
        return {driver->firmware.blocks.back().data.end() - 4, driver->firmware.blocks.back().data.end()};
    }

    Ldc1612 chip;
    std::unique_ptr<Driver> driver;
};
LIMPET_TEST_ON_ALL_BACKENDS(Ldc1612Test);

TEST_P(Ldc1612Test, SamplesComeOutAsTheyWere) {
    for (const char* name : {"ldc1612", "ldc1612-intb"}) {
        start(name);
        chip.convert(0x01234567);
        driver->run_once();
        EXPECT_EQ(last(), (std::vector<uint8_t>{0x01, 0x23, 0x45, 0x67}));
        EXPECT_EQ(driver->firmware.bytes, (std::vector<std::vector<uint8_t>>{{0x18}, {0x00}, {0x01}}));
        chip.convert(0x1fffffff); // an error of the amplitude is none for homing
        driver->run_once();
        EXPECT_EQ(last(), (std::vector<uint8_t>{0x1f, 0xff, 0xff, 0xff}));
        EXPECT_EQ(driver->firmware.trigger_samples, (std::vector<int32_t>{0x01234567, 0x0fffffff}));
        EXPECT_TRUE(driver->firmware.trigger_errors.empty());
        for (int i = 0; i < 10; ++i) {
            chip.convert(1);
            driver->run_once();
        }
        EXPECT_EQ(driver->firmware.blocks.size(), 1U) << "12 make a block";
    }
}

TEST_P(Ldc1612Test, NothingIsReportedWhenNothingIsNew) {
    start("ldc1612");
    driver->run_once();
    EXPECT_EQ(driver->firmware.bytes, (std::vector<std::vector<uint8_t>>{{0x18}}));
    EXPECT_TRUE(driver->firmware.open_block().empty());
}

TEST_P(Ldc1612Test, ErrorsOfTheSensor) {
    start("ldc1612");
    for (const uint32_t flag : {0x20000000U, 0x40000000U, 0x80000000U}) {
        chip.convert(flag | 0x123456);
        driver->run_once();
        EXPECT_EQ(last()[0], flag >> 24) << "the PC gets what the chip said";
    }
    EXPECT_EQ(driver->firmware.trigger_errors, (std::vector<uint8_t>{0, 0, 0}));
    chip.convert(0xffff0000);
    driver->run_once();
    EXPECT_EQ(last(), (std::vector<uint8_t>{0xff, 0xff, 0x00, 3})) << "what looks like an error of the driver's";
    chip.convert(0xfffeffff);
    driver->run_once();
    EXPECT_EQ(last(), (std::vector<uint8_t>{0xff, 0xfe, 0xff, 0xff}));
    EXPECT_EQ(driver->firmware.trigger_errors, (std::vector<uint8_t>{0, 0, 0, 3, 0}));
    EXPECT_TRUE(driver->firmware.trigger_samples.empty());
}

TEST_P(Ldc1612Test, FailuresOfTheBus) {
    start("ldc1612");
    chip.convert(1);
    chip.failure = 2;
    driver->run_once();
    EXPECT_EQ(last(), (std::vector<uint8_t>{0xff, 0xff, 0x00, 1})) << "of the status";
    for (const int working : {1, 2}) { // then the upper, then the lower half of the data fails
        chip.failure = 0;
        chip.convert(1);
        chip.failures_after = working;
        driver->run_once();
        EXPECT_EQ(last(), (std::vector<uint8_t>{0xff, 0xff, 0x00, 2})) << working;
    }
    EXPECT_EQ(driver->firmware.trigger_errors, (std::vector<uint8_t>{1, 2, 2}));
    chip.failure = 0;
    chip.convert(9);
    driver->run_once();
    EXPECT_EQ(last(), (std::vector<uint8_t>{0, 0, 0, 9})) << "and it goes on";
    EXPECT_FALSE(driver->firmware.stopped());
}

TEST_P(Ldc1612Test, StatusByTheRegister) {
    start("ldc1612");
    const uint32_t before = driver->firmware.clock;
    driver->call("status");
    chip.convert(1);
    driver->call("status");
    chip.failure = 1;
    driver->call("status");
    ASSERT_EQ(driver->firmware.statuses.size(), 2U) << "no answer when the bus fails: the PC asks again";
    EXPECT_EQ(driver->firmware.statuses[0].clock, before + Firmware::kCallTicks);
    EXPECT_EQ(driver->firmware.statuses[0].query_ticks, 5 * Firmware::kByteTicks + 2 * Firmware::kCallTicks);
    EXPECT_EQ(driver->firmware.statuses[0].buffered, 0U);
    EXPECT_EQ(driver->firmware.statuses[1].buffered, 4U);
}

TEST_P(Ldc1612Test, StatusByThePin) {
    start("ldc1612-intb");
    driver->call("status");
    chip.convert(1);
    driver->call("status");
    ASSERT_EQ(driver->firmware.statuses.size(), 2U);
    EXPECT_EQ(driver->firmware.statuses[0].buffered, 0U);
    EXPECT_EQ(driver->firmware.statuses[1].buffered, 4U);
    EXPECT_EQ(driver->firmware.statuses[1].query_ticks, 0U);
    EXPECT_TRUE(driver->firmware.bytes.empty());
}

TEST_P(Ldc1612Test, RunsAtTheRightPaceAndStops) {
    start("ldc1612");
    const uint32_t first = driver->firmware.clock + kRest;
    EXPECT_NEAR(driver->firmware.timer_clock().value_or(0), first, 2 * Firmware::kCallTicks);
    driver->run_for(10 * kRest);
    EXPECT_NEAR(driver->runs(), 10, 1);
    driver->call("query", {0});
    const uint32_t runs = driver->runs();
    driver->run_for(3 * kRest);
    EXPECT_EQ(driver->runs(), runs);

    start("ldc1612-intb");
    driver->run_for(10 * kRest);
    EXPECT_EQ(driver->runs(), 0U) << "the pin says nothing";
    chip.convert(1);
    driver->run_for(2 * kRest);
    EXPECT_EQ(driver->runs(), 1U);
    driver->call("query", {0});
    chip.convert(1);
    driver->run_for(3 * kRest);
    EXPECT_EQ(driver->runs(), 1U);
}

} // namespace limpet::drivers
