/// \file
/// What a guest takes of the host's memory on Cortex-M0+.
///
/// Of its stack, below limpet_call and without the frames of host calls: Klipper gives 512 bytes to everything, so a
/// backend gets 64 (ebpf: 96). Code is prepared once, where more is free: 352.
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

using PreparedMemory = SubjectTest;

/// limpet_prepare makes do with what it is given, or refuses; the machine ends the test when it writes behind that.
TEST_P(PreparedMemory, IsEnoughOrRefused) {
    thumb::Machine& machine = dynamic_cast<const thumb::ThumbBackend&>(backend()).machine();
    Layout layout = kPlain;
    layout.code_size = 64;
    Code code;
    code.add("addi", {.rd = 10, .rs1 = 10, .imm = 1}).add("sw", {.rs1 = 2, .rs2 = 10, .imm = 0U - 4});
    code.add("bltu", {.rs1 = 10, .rs2 = 11, .imm = 0U - 8}).add("ecall").add("jal", {.rd = 1, .imm = 0U - 16});
    Trial run(backend(), code, layout);
    const uint32_t demanded = run.guest.host.prepared_size;
    bool was_enough = false;
    for (uint32_t bytes = 0; bytes <= demanded; ++bytes) {
        const limpet_status status = machine.prepare_in(run.guest, bytes);
        ASSERT_EQ(status, was_enough || status == LIMPET_RETURN ? LIMPET_RETURN : LIMPET_REFUSED) << bytes;
        if (status != LIMPET_RETURN) continue;
        was_enough = true;
        EXPECT_LE(machine.prepared_kept(run.guest), bytes);
        run.x(2) = layout.data_size;
        run.x(10) = 0;
        run.x(11) = 5;
        EXPECT_EQ(run.run_from(layout.code_start), LIMPET_ECALL) << bytes;
        EXPECT_EQ(run.x(10), 5U);
    }
    EXPECT_TRUE(was_enough);
}

/// What is found to be enough is, wherever the stack's top is.
TEST_P(PreparedMemory, IsEnoughForAnyStack) {
    Layout layout = kPlain;
    layout.code_size = 64;
    for (const uint32_t room : {4U, 16U, 32U, 64U})
        for (uint32_t above = 0; above <= 80; above += 16) {
            Arena arena(layout, isa());
            Code code;
            for (uint32_t i = 0; i < 5; ++i)
                code.add("lw", {.rd = 10, .rs1 = 2, .imm = room - 4}).add("addi", {.rd = 2, .rs1 = 2, .imm = room});
            arena.write_code(layout.code_start, code.bytes());
            arena.guest.host.stack_top -= above;
            EXPECT_EQ(backend().prepare(arena.guest), LIMPET_RETURN) << room << ' ' << above;
        }
}

/// Whoever prepares code counts instructions and places in few bits, and relies on where memory lies.
TEST_P(PreparedMemory, IsForLittleCodeInAlignedMemory) {
    thumb::Machine& machine = dynamic_cast<const thumb::ThumbBackend&>(backend()).machine();
    const Trial run(backend());
    const uint32_t demanded = run.guest.host.prepared_size;
    if (demanded == 0) return;
    EXPECT_EQ(machine.prepare_in(run.guest, demanded), LIMPET_RETURN);
    for (uint32_t bytes = 1; bytes < 4; ++bytes) {
        EXPECT_EQ(machine.prepare_in(run.guest, demanded, {.data = bytes}), LIMPET_REFUSED);
        EXPECT_EQ(machine.prepare_in(run.guest, demanded, {.prepared = bytes}), LIMPET_REFUSED);
    }
    EXPECT_EQ(machine.prepare_in(run.guest, demanded, {.code = 1}), LIMPET_REFUSED);
    Layout large = kPlain;
    large.code_size = 0x10000;
    Arena arena(large, isa());
    EXPECT_EQ(machine.prepare_in(arena.guest, 16 * large.code_size), LIMPET_REFUSED);
}

std::vector<Subject> mcu_subjects() {
    std::vector<Subject> mcu;
    std::ranges::copy_if(subjects(), std::back_inserter(mcu), [](const Subject& s) { return s.mcu; });
    return mcu;
}

INSTANTIATE_TEST_SUITE_P(All, HostStack, testing::ValuesIn(mcu_subjects()), subject_name);
INSTANTIATE_TEST_SUITE_P(All, PreparedMemory, testing::ValuesIn(mcu_subjects()), subject_name);

} // namespace
} // namespace limpet::conformance
