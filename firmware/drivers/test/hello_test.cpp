// The first driver that anybody writes.
#include "driver.h"

#include <string_view>

namespace limpet::drivers {

class HelloTest : public DriverTest {};
LIMPET_TEST_ON_ALL_BACKENDS(HelloTest);

TEST_P(HelloTest, SendsTheTextBackWithTheTime) {
    Driver driver(backend(), "hello");
    for (const std::string_view text :
         {"hello", "", "a text of just thirty-two chars.", "and one that is longer than the driver's"}) {
        driver.firmware.command.assign(text.begin(), text.end());
        const uint32_t clock = driver.firmware.clock + Firmware::kCallTicks;
        driver.call("command");
        const std::vector<uint8_t>& data = driver.firmware.messages.back().data;
        ASSERT_GE(data.size(), 4U);
        EXPECT_EQ(data[0] | data[1] << 8 | data[2] << 16 | data[3] << 24, static_cast<int>(clock));
        EXPECT_EQ(std::string(data.begin() + 4, data.end()), text.substr(0, 32));
    }
}

} // namespace limpet::drivers
