/// \file
/// How much of the host's stack a run takes on Cortex-M0+, below limpet_call and without the frames of host calls.
/// Klipper gives 512 bytes to everything, so a backend gets 64 (ebpf: 96). Code is prepared
/// once, where more is free: 352.
#include "../variants/thumb/backend.h"
#include "support/trial.h"

namespace limpet::conformance {
namespace {

constexpr uint32_t kLimitBytes = 64;
constexpr uint32_t kPrepareLimitBytes = 352;

using HostStack = SubjectTest;

TEST_P(HostStack, IsSmall) {
    thumb::Machine& machine = dynamic_cast<const thumb::ThumbBackend&>(backend()).machine();
    Random random(5);
    // Most of the time goes into translation, where there is one.
    const int cases = Trial(backend()).guest.host.prepared_size == 0 ? 100 : 10;
    for (const rv32::Instruction& row : rv32::kInstructions) {
        if (!rv32::has(isa(), row.extension)) continue;
        for (int i = 0; i < cases; ++i) {
            Trial run(backend(), Code().add_raw(random_instance(row, random)).add("limpet.call").add("ecall"));
            // Half of the loads and stores hit the window, half of those misaligned.
            for (uint32_t number = 1; number < 16; ++number) run.x(number) = random.below(2 * kPlain.data_size);
            run.run_from(kPlain.code_start, 10);
        }
    }
    EXPECT_GT(machine.deepest_stack_bytes(), 0U);
    EXPECT_LE(machine.deepest_stack_bytes(), kLimitBytes);
    EXPECT_LE(machine.deepest_prepare_stack_bytes(), kPrepareLimitBytes);
    RecordProperty("host_stack_bytes", static_cast<int>(machine.deepest_stack_bytes()));
}

std::vector<Subject> mcu_subjects() {
    std::vector<Subject> mcu;
    std::ranges::copy_if(subjects(), std::back_inserter(mcu), [](const Subject& s) { return s.mcu; });
    return mcu;
}

INSTANTIATE_TEST_SUITE_P(All, HostStack, testing::ValuesIn(mcu_subjects()), subject_name);

} // namespace
} // namespace limpet::conformance
