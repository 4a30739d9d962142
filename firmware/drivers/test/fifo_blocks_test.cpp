// Accelerometers whose FIFO goes to the PC in blocks of 8 samples: the same tests for each chip on each of its buses.
#include "chips/accelerometers.h"
#include "driver.h"

#include <functional>
#include <tuple>

namespace limpet::drivers {

namespace {

constexpr uint32_t kRest = 5000;

/// A chip on a bus, as the tests see it.
struct ChipOnBus {
    std::unique_ptr<SpiChip> spi;
    std::unique_ptr<I2cChip> i2c;
    std::function<void(const Sample&)> add;         ///< to the FIFO
    std::function<void()> overflow;                 ///< has happened
    std::vector<uint8_t> count_bytes;               ///< what asks for the count
    std::vector<std::vector<uint8_t>> status_bytes; ///< what `status` asks
    uint8_t data_byte;                              ///< what asks for the data
};

template <class Chip> ChipOnBus lis(bool lis3dh, bool on_i2c) {
    auto chip = std::make_unique<Chip>(lis3dh);
    ChipOnBus chip_on_bus;
    chip_on_bus.add = [raw = chip.get()](const Sample& sample) { raw->fifo.push_back(sample); };
    chip_on_bus.overflow = [raw = chip.get()] { raw->overrun = true; };
    chip_on_bus.count_bytes = on_i2c ? std::vector<uint8_t>{0x2f} : std::vector<uint8_t>{0xaf, 0};
    chip_on_bus.status_bytes = {chip_on_bus.count_bytes};
    chip_on_bus.data_byte = on_i2c ? (lis3dh ? 0xa8 : 0x28) : (lis3dh ? 0xe8 : 0xa8);
    if (on_i2c)
        chip_on_bus.i2c = std::move(chip);
    else
        chip_on_bus.spi = std::move(chip);
    return chip_on_bus;
}

ChipOnBus invensense(const InvenSense::Addresses& addresses, uint8_t overflow_flag) {
    auto chip = std::make_unique<InvenSense>(addresses);
    ChipOnBus chip_on_bus;
    chip_on_bus.add = [raw = chip.get()](const Sample& sample) { raw->fifo.add(sample); };
    chip_on_bus.overflow = [raw = chip.get(), overflow_flag] { raw->status = overflow_flag; };
    chip_on_bus.count_bytes = {addresses.fifo_count};
    chip_on_bus.status_bytes = {{addresses.overflow_status}, {addresses.fifo_count}};
    chip_on_bus.data_byte = addresses.fifo_data;
    chip_on_bus.i2c = std::move(chip);
    return chip_on_bus;
}

ChipOnBus bmi160(bool on_i2c) {
    auto chip = std::make_unique<Bmi160>();
    ChipOnBus chip_on_bus;
    chip_on_bus.add = [raw = chip.get()](const Sample& sample) { raw->fifo.add(sample); };
    chip_on_bus.overflow = [raw = chip.get()] { raw->fifo.bytes.resize(1026); };
    chip_on_bus.count_bytes = on_i2c ? std::vector<uint8_t>{0x22} : std::vector<uint8_t>{0xa2, 0, 0};
    chip_on_bus.status_bytes = {chip_on_bus.count_bytes};
    chip_on_bus.data_byte = on_i2c ? 0x24 : 0xa4;
    if (on_i2c)
        chip_on_bus.i2c = std::move(chip);
    else
        chip_on_bus.spi = std::move(chip);
    return chip_on_bus;
}

constexpr InvenSense::Addresses kMpu9250 = {.overflow_status = 0x3a, .fifo_count = 0x72, .fifo_data = 0x74};
constexpr InvenSense::Addresses kIcm20948 = {.overflow_status = 0x1b, .fifo_count = 0x70, .fifo_data = 0x72};

ChipOnBus chip_for(const std::string& name) {
    if (name == "lis2dw") return lis<Lis>(false, false);
    if (name == "lis2dw-i2c") return lis<Lis>(false, true);
    if (name == "lis3dh") return lis<Lis>(true, false);
    if (name == "lis3dh-i2c") return lis<Lis>(true, true);
    if (name == "mpu9250") return invensense(kMpu9250, 0x10);
    if (name == "icm20948") return invensense(kIcm20948, 0x02);
    if (name == "bmi160") return bmi160(false);
    if (name == "bmi160-i2c") return bmi160(true);
    throw std::logic_error("no chip for driver " + name);
}

constexpr const char* kDriversOnSpi[] = {"lis2dw", "lis3dh", "bmi160"};
constexpr const char* kDriversOnI2c[] = {"lis2dw-i2c", "lis3dh-i2c", "mpu9250", "icm20948", "bmi160-i2c"};

using Parameters = std::tuple<const Backend*, const char*>;

std::string test_name(const testing::TestParamInfo<Parameters>& info) {
    std::string name = std::get<1>(info.param);
    std::ranges::replace(name, '-', '_');
    return backend_name({std::get<0>(info.param), 0}) + "_" + name;
}

} // namespace

class FifoBlocks : public testing::TestWithParam<Parameters> {
protected:
    FifoBlocks()
        : chip_on_bus(chip_for(std::get<1>(GetParam()))), driver(*std::get<0>(GetParam()), std::get<1>(GetParam())) {
        if (chip_on_bus.spi) driver.firmware.spi = {chip_on_bus.spi.get()};
        if (chip_on_bus.i2c) driver.firmware.i2c = {chip_on_bus.i2c.get()};
    }

    void add(int count) {
        for (int i = 0; i < count; ++i, ++added_)
            chip_on_bus.add(sample_of(static_cast<int16_t>(added_ * 257), static_cast<int16_t>(-added_), 0x1234));
    }
    /// The bytes of samples first .. first + 7.
    static std::vector<uint8_t> block_from(int first) {
        std::vector<uint8_t> bytes;
        for (int i = first; i < first + 8; ++i) {
            const Sample sample = sample_of(static_cast<int16_t>(i * 257), static_cast<int16_t>(-i), 0x1234);
            bytes.insert(bytes.end(), sample.begin(), sample.end());
        }
        return bytes;
    }

    ChipOnBus chip_on_bus;
    Driver driver;

private:
    int added_ = 0;
};

class FifoBlocksOnI2c : public FifoBlocks {};

INSTANTIATE_TEST_SUITE_P(Spi, FifoBlocks,
                         testing::Combine(testing::ValuesIn(all_backends()), testing::ValuesIn(kDriversOnSpi)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(I2c, FifoBlocks,
                         testing::Combine(testing::ValuesIn(all_backends()), testing::ValuesIn(kDriversOnI2c)),
                         test_name);
INSTANTIATE_TEST_SUITE_P(I2c, FifoBlocksOnI2c,
                         testing::Combine(testing::ValuesIn(all_backends()), testing::ValuesIn(kDriversOnI2c)),
                         test_name);

TEST_P(FifoBlocks, SendsBlocksOfEightUntilLessIsLeft) {
    add(20);
    driver.call("query", {kRest});
    const uint32_t start = driver.firmware.clock;
    EXPECT_EQ(driver.firmware.timer_clock().value_or(0) - start, kRest);
    driver.run_once();
    EXPECT_EQ(driver.firmware.timer_clock().value_or(0) - driver.firmware.clock, 1U) << "12 are left";
    driver.run_once();
    EXPECT_EQ(driver.firmware.timer_clock().value_or(0) - driver.firmware.clock, kRest) << "4 are left";
    ASSERT_EQ(driver.firmware.blocks.size(), 2U);
    for (uint32_t i = 0; i < 2; ++i) {
        EXPECT_EQ(driver.firmware.blocks[i].sequence, i);
        EXPECT_EQ(driver.firmware.blocks[i].data, block_from(static_cast<int>(8 * i)));
    }
    driver.run_once();
    EXPECT_EQ(driver.firmware.blocks.size(), 2U);
    add(4);
    driver.run_once();
    ASSERT_EQ(driver.firmware.blocks.size(), 3U);
    EXPECT_EQ(driver.firmware.blocks[2].data, block_from(16));
}

TEST_P(FifoBlocks, AsksForTheCountOnlyWhenItKnowsOfNoBlock) {
    add(16);
    driver.call("query", {kRest});
    driver.run_once();
    EXPECT_EQ(driver.firmware.timer_clock().value_or(0) - driver.firmware.clock, 1U) << "just a block is left";
    for (int i = 0; i < 2; ++i) driver.run_once();
    std::vector<uint8_t> firsts;
    for (const auto& bytes : driver.firmware.bytes) firsts.push_back(bytes[0]);
    const uint8_t count = chip_on_bus.count_bytes[0];
    EXPECT_EQ(firsts, (std::vector<uint8_t>{count, chip_on_bus.data_byte, chip_on_bus.data_byte, count}));
    EXPECT_EQ(driver.firmware.bytes[0], chip_on_bus.count_bytes);
}

TEST_P(FifoBlocks, StatusTellsBytesInTheFifo) {
    add(5);
    driver.call("query", {kRest});
    driver.call("status");
    ASSERT_EQ(driver.firmware.statuses.size(), 1U);
    const BulkStatus& status = driver.firmware.statuses[0];
    EXPECT_EQ(status.buffered, 30U);
    EXPECT_EQ(status.next_sequence, 0U);
    EXPECT_EQ(status.overflows, 0U);
    EXPECT_GE(status.query_ticks, 2 * Firmware::kByteTicks);
    EXPECT_LE(status.query_ticks, 8 * Firmware::kByteTicks);
    EXPECT_EQ(driver.firmware.bytes, chip_on_bus.status_bytes);
}

TEST_P(FifoBlocks, NotesOverflows) {
    driver.call("query", {kRest});
    chip_on_bus.overflow();
    driver.call("status");
    ASSERT_EQ(driver.firmware.statuses.size(), 1U);
    EXPECT_EQ(driver.firmware.statuses[0].overflows, 1U);
}

TEST_P(FifoBlocks, StopsWhenToldAndForgetsWhatItKnew) {
    add(30);
    driver.call("query", {kRest});
    driver.run_once();
    driver.call("query", {0});
    driver.run_for(3 * kRest);
    EXPECT_EQ(driver.runs(), 1U);
    driver.call("query", {kRest});
    driver.run_once();
    EXPECT_EQ(driver.firmware.bytes[2], chip_on_bus.count_bytes);
    EXPECT_EQ(driver.firmware.blocks.back().sequence, 0U);
}

TEST_P(FifoBlocksOnI2c, AFailureStopsTheFirmware) {
    add(8);
    driver.call("query", {kRest});
    chip_on_bus.i2c->failure = 3;
    driver.run_once();
    EXPECT_EQ(driver.firmware.i2c_failure, 3);
    EXPECT_TRUE(driver.firmware.blocks.empty());
    EXPECT_FALSE(driver.firmware.pending());
}

} // namespace limpet::drivers
