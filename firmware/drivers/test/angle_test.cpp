// Angle sensors: the time code, the angle, each kind of error, and what the PC asks the TLE5012B itself.
#include "chips/angle_sensors.h"
#include "driver.h"

namespace limpet::drivers {

namespace {

constexpr uint32_t kStart = 5000;
constexpr uint32_t kRest = 3000;
constexpr uint32_t kLimit = 200; // what an access may take: those here take less

/// Ticks from the time that a sample was due to the moment that a driver reads the time first.
constexpr uint32_t kFirstCall = Firmware::kCallTicks;

enum Error : uint32_t { kMissed, kSchedule, kSpiTime, kCrc, kDuplicate, kNoAngle };

struct Entry {
    uint32_t code, data;
    bool operator==(const Entry&) const = default;
};

Entry error(Error number) { return {.code = 0xff, .data = number}; }

} // namespace

class AngleTest : public DriverTest {
protected:
    void start(const char* name, SpiChip& chip, uint32_t time_shift = 0, uint32_t limit_ticks = kLimit) {
        driver = std::make_unique<Driver>(backend(), name);
        driver->firmware.spi = {&chip};
        driver->call("query", {kStart, kRest, time_shift, limit_ticks});
    }

    /// The next sample, after so many ticks in which the firmware does not come to run the driver.
    Entry next(uint32_t late_ticks = 0) {
        driver->firmware.advance(late_ticks);
        driver->run_once();
        return entries().back();
    }

    /// All so far. 17 make a block.
    std::vector<Entry> entries() {
        std::vector<uint8_t> bytes;
        for (const Block& block : driver->firmware.blocks) {
            EXPECT_EQ(block.data.size(), 51U);
            bytes.insert(bytes.end(), block.data.begin(), block.data.end());
        }
        const std::vector<uint8_t>& open = driver->firmware.open_block();
        bytes.insert(bytes.end(), open.begin(), open.end());
        std::vector<Entry> result;
        for (size_t i = 0; i + 2 < bytes.size(); i += 3)
            result.push_back({.code = bytes[i], .data = bytes[i + 1] | static_cast<uint32_t>(bytes[i + 2]) << 8});
        return result;
    }

    std::unique_ptr<Driver> driver;
};
LIMPET_TEST_ON_ALL_BACKENDS(AngleTest);

TEST_P(AngleTest, A1333) {
    A1333 chip;
    start("a1333", chip);
    for (const uint32_t angle : {0U, 1U, 0x5555U, 0x7fffU}) {
        chip.angle = angle;
        EXPECT_EQ(next(), (Entry{kFirstCall, angle << 1})) << "of the time before the access";
    }
    chip.failed = true;
    EXPECT_EQ(next(), error(kCrc));
    EXPECT_EQ(driver->firmware.bytes, std::vector<std::vector<uint8_t>>(5, {0x32, 0x00}));
}

TEST_P(AngleTest, As5047d) {
    As5047d chip;
    start("as5047d", chip);
    // The time after the request: the second time that is read.
    const uint32_t code = 3 * Firmware::kCallTicks + 2 * Firmware::kByteTicks;
    for (const uint32_t angle : {0U, 1U, 0x1555U, 0x2aaaU, 0x3fffU}) {
        chip.angle = angle;
        EXPECT_EQ(next(), (Entry{code, angle << 2}));
    }
    EXPECT_EQ(driver->firmware.bytes[0], (std::vector<uint8_t>{0x7f, 0xfe}));
    EXPECT_EQ(driver->firmware.bytes[1], (std::vector<uint8_t>{0xc0, 0x00}));
    for (uint32_t bit = 0; bit < 16; ++bit) {
        chip.flipped = 1U << bit;
        EXPECT_EQ(next(), error(kCrc)) << bit;
    }
    chip.flipped = 0;
    chip.error_flag = true;
    EXPECT_EQ(next(), error(kNoAngle));
}

TEST_P(AngleTest, Mt6816) {
    Mt6816 chip;
    start("mt6816", chip);
    const uint32_t code = 3 * Firmware::kCallTicks + 3 * Firmware::kByteTicks;
    for (const uint32_t angle : {0U, 1U, 0x1555U, 0x2aaaU, 0x3fffU}) {
        chip.angle = angle;
        EXPECT_EQ(next(), (Entry{code, angle << 2}));
    }
    for (uint32_t bit = 0; bit < 16; ++bit) {
        chip.flipped = 1U << bit;
        EXPECT_EQ(next(), error(kCrc)) << bit;
    }
    chip.flipped = 0;
    chip.no_magnet = true;
    EXPECT_EQ(next(), error(kNoAngle));
    EXPECT_EQ(driver->firmware.bytes[0], (std::vector<uint8_t>{0x83, 0, 0}));
}

TEST_P(AngleTest, Mt6826s) {
    Mt6826s chip;
    start("mt6826s", chip);
    const uint32_t code = 3 * Firmware::kCallTicks + 6 * Firmware::kByteTicks;
    for (const uint32_t angle : {0U, 1U, 0x5555U, 0x2aaaU, 0x7fffU}) {
        chip.angle = angle;
        chip.status = static_cast<uint8_t>(angle & 1); // a bit that does not matter
        EXPECT_EQ(next(), (Entry{code, angle << 1}));
    }
    for (uint32_t bit = 0; bit < 32; ++bit) {
        chip.flipped = 1U << bit;
        EXPECT_EQ(next(), error(kCrc)) << bit;
    }
    chip.flipped = 0;
    chip.status = 0x02;
    EXPECT_EQ(next(), error(kNoAngle));
    EXPECT_EQ(driver->firmware.bytes[0], (std::vector<uint8_t>{0x30, 0x03, 0, 0, 0, 0}));
}

TEST_P(AngleTest, Tle5012b) {
    Tle5012b chip;
    start("tle5012b", chip);
    for (const uint32_t angle : {0U, 1U, 0x5555U, 0x2aaaU, 0x7fffU}) {
        chip.angle = angle;
        chip.frame_counter = angle & 0x3f;
        EXPECT_EQ(next(), (Entry{angle & 0x3f, angle << 1}));
    }
    EXPECT_EQ(driver->firmware.bytes[0], (std::vector<uint8_t>{0x84, 0x23, 0, 0, 0, 0, 0, 0, 0, 0}));
    for (uint32_t bit = 0; bit < 8; ++bit) {
        chip.flipped = 1U << bit;
        EXPECT_EQ(next(), error(kCrc)) << bit;
    }
    chip.flipped = 0;
    chip.valid = false;
    EXPECT_EQ(next(), error(kNoAngle));
}

TEST_P(AngleTest, Tle5012bAngleThatIsNotNewOrTooLate) {
    Tle5012b chip;
    chip.angle = 0x5555;
    chip.stopped = true;
    start("tle5012b", chip);
    EXPECT_EQ(next(), error(kDuplicate));
    chip.stopped = false;

    start("tle5012b", chip, 0, 100);
    driver->run_once();
    EXPECT_EQ(entries().back().code, 0U);
    driver->firmware.advance(kRest - (driver->firmware.clock - kStart)); // the timer goes off
    EXPECT_EQ(next(100), error(kSchedule));
}

TEST_P(AngleTest, Tle5012bTransfersWhatThePcAsks) {
    Tle5012b chip;
    start("tle5012b", chip);
    driver->firmware.command = {0x84, 0x42, 0, 0, 0, 0, 0, 0}; // frame counter and temperature, latched
    chip.frame_counter = 0x15;
    const uint32_t before = driver->firmware.clock;
    driver->call("transfer");
    ASSERT_EQ(driver->firmware.messages.size(), 1U);
    const std::vector<uint8_t>& data = driver->firmware.messages[0].data;
    ASSERT_EQ(data.size(), 4 + 8U);
    const uint32_t clock = data[0] | data[1] << 8 | data[2] << 16 | static_cast<uint32_t>(data[3]) << 24;
    EXPECT_EQ(clock, before + 2 * Firmware::kCallTicks + Firmware::kByteTicks);
    EXPECT_EQ(data[4 + 2], 0x80 | 0x15 << 1 | 1);
    EXPECT_EQ(data[4 + 5], 0x42);
    const std::array<uint8_t, 6> covered = {0x84, 0x42, data[6], data[7], data[8], data[9]};
    EXPECT_EQ(data[11], static_cast<uint8_t>(~crc8(covered, 0x1d, 0xff))) << "as the PC checks it";
}

TEST_P(AngleTest, TheTimeCodeIsShiftedAndRounded) {
    A1333 chip;
    start("a1333", chip, 3);
    driver->run_once(); // at the moment
    EXPECT_EQ(entries().back().code, 0U);
    for (const uint32_t late : {3U, 4U, 11U, 12U, 2000U, 2035U}) {
        while (!driver->firmware.pending()) driver->firmware.advance(1);
        EXPECT_EQ(next(late - kFirstCall).code, (late + 4) / 8) << late;
    }
    while (!driver->firmware.pending()) driver->firmware.advance(1);
    EXPECT_EQ(next(2036 - kFirstCall), error(kSchedule)) << "255 tells of errors";
}

TEST_P(AngleTest, AnAccessThatTakesTooLong) {
    for (const char* name : {"a1333", "as5047d", "mt6816", "mt6826s"}) {
        A1333 chip; // any: its answer is not looked at
        start(name, chip, 0, 10);
        EXPECT_EQ(next(), error(kSpiTime)) << name;
    }
}

TEST_P(AngleTest, MissedTimesKeepTheirPlaces) {
    A1333 chip;
    chip.angle = 0x1234;
    start("a1333", chip);
    driver->firmware.advance(kStart + 2 * kRest - driver->firmware.clock + 10);
    driver->run_once();
    const Entry sample = {.code = 10 + 2 * Firmware::kCallTicks + kFirstCall, .data = 0x2468}; // two calls come before
    EXPECT_EQ(entries(), (std::vector<Entry>{error(kMissed), error(kMissed), sample}));
    for (int i = 0; i < 31; ++i) driver->run_once();
    ASSERT_EQ(driver->firmware.blocks.size(), 2U);
    EXPECT_EQ(driver->firmware.blocks[1].sequence, 1U);
    driver->call("query", {0, 0, 0, 0});
    driver->run_for(3 * kRest);
    EXPECT_EQ(driver->runs(), 32U);
}

} // namespace limpet::drivers
