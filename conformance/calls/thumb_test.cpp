/// \file
/// The same declared functions as Cortex-M0+ object code: every case must end as it does on the PC.
#include "thumb_firmware.h"
#include "world.h"

namespace limpet::conformance {
namespace {

struct Firmware {
    const char* name;
    limpet_host_call* call;
};

class Thumb : public testing::TestWithParam<Firmware> {
protected:
    void SetUp() override {
        firmware =
            std::make_unique<ThumbFirmware>(std::string(CALLS_THUMB_IMAGES) + "/calls-" + GetParam().name + ".bin");
    }

    /// Runs one call on both and compares what they leave.
    void try_call(const Judge& judge, uint32_t id, const Arguments& args, World& pc, World& mcu) {
        SCOPED_TRACE(text_of(judge.declaration(), args));
        test_last = {};
        firmware->record() = {};
        test_last.result = firmware->record().result = 0x8182f3f4 ^ args[0] << 3;
        Arguments pc_args = args;
        Arguments mcu_args = args;
        const limpet_status pc_status = GetParam().call(&pc.vm, &pc.host, id, pc_args.data());
        const limpet_status status = firmware->call(mcu.vm.window, {mcu.data.get(), mcu.size}, id, mcu_args);
        ASSERT_EQ(firmware->error(), "");
        ASSERT_EQ(status, pc_status);
        ASSERT_EQ(mcu_args, pc_args);
        ASSERT_EQ(std::memcmp(pc.data.get(), mcu.data.get(), pc.size), 0);
        ASSERT_EQ(firmware->record().calls, test_last.calls);
        ASSERT_EQ(firmware->record().count, test_last.count);
        ASSERT_EQ(firmware->record().sum, test_last.sum);
        const auto pc_data = reinterpret_cast<uintptr_t>(pc.data.get());
        for (size_t i = 0; i < test_last.count; ++i) {
            if (judge.arguments()[i].is_buffer())
                ASSERT_EQ(firmware->record().arguments[i] - ThumbFirmware::kData, test_last.arguments[i] - pc_data);
            else
                ASSERT_EQ(firmware->record().arguments[i], test_last.arguments[i]);
        }
        if (test_last.calls != 0) {
            pc.reset();
            mcu.reset();
        }
    }

    std::unique_ptr<ThumbFirmware> firmware;
};
INSTANTIATE_TEST_SUITE_P(All, Thumb, testing::Values(Firmware{"c", test_calls_c}, Firmware{"cpp", test_calls_cpp}),
                         [](const auto& test) { return test.param.name; });

TEST_P(Thumb, EveryEdgeOfEveryArgument) {
    for (const limpet_windows& window : kWindows) {
        World pc(window);
        World mcu(window);
        uint32_t id = 0;
        for (const Judge& judge : judges(test_declarations(), window)) {
            for (const Arguments& args : judge.cases()) {
                try_call(judge, id, args, pc, mcu);
                if (HasFatalFailure()) return;
            }
            ++id;
        }
    }
    RecordProperty("deepest_stack_bytes", static_cast<int>(firmware->deepest_stack_bytes()));
}

TEST_P(Thumb, UnknownIds) {
    World world(kWindows[0]);
    const auto known = static_cast<uint32_t>(test_declarations().size());
    for (const uint32_t id : {known, known + 1, 255U, 256U, 257U, 4095U, 0x80000000U, 0xffffffffU}) {
        Arguments args = {1, 2, 3, 4, 5};
        EXPECT_EQ(firmware->call(world.vm.window, {world.data.get(), world.size}, id, args), LIMPET_HOST_CALL);
        EXPECT_EQ(firmware->error(), "");
        EXPECT_EQ(args, (Arguments{1, 2, 3, 4, 5}));
        EXPECT_EQ(firmware->record().calls, 0U);
    }
}

TEST_P(Thumb, TheMachineSeesForbiddenAccesses) {
    World world(kWindows[0]);
    Arguments args = {0, 0, 0, 0, 0};
    limpet_windows too_large = world.vm.window; // the dispatcher is told of memory that is not there
    too_large.data_size += 1;
    args = {2048, 1};
    firmware->call(too_large, {world.data.get(), world.size}, 10, args); // in_bytes
    EXPECT_EQ(firmware->error(), "read of 1 bytes at 20010800");
}

} // namespace
} // namespace limpet::conformance
