/// \file
/// A VM from prepare to its end: what a call starts with and leaves, what may follow what, and that a trap freezes the
/// guest until it is initialised again.
#include "support/trial.h"

namespace limpet::conformance {
namespace {

constexpr uint32_t kStart = kPlain.code_start;

class Lifecycle : public SubjectTest {};

TEST_P(Lifecycle, CallStartsWithWhatTheAbiSays) {
    Trial run(backend(), Code().add("ecall"));
    for (uint32_t i = 1; i < 16; ++i) run.x(i) = 0xdead0000 + i;
    EXPECT_EQ(run.call(), LIMPET_ECALL);
    Registers expected{};
    expected[1] = LIMPET_RETURN_ADDRESS;
    expected[2] = kPlain.data_size;
    for (uint32_t i = 10; i < 16; ++i) expected[i] = 0xdead0000 + i;
    EXPECT_TRUE(std::ranges::equal(run.guest.vm.x, expected));
    EXPECT_EQ(run.pc(), kStart);
}

TEST_P(Lifecycle, DataPersistsAndCallsCanBeRepeated) {
    // a0 = ++*(uint32_t*)512
    Code code;
    code.add("lw", {.rd = 10, .imm = 512}).add("addi", {.rd = 10, .rs1 = 10, .imm = 1});
    code.add("sw", {.rs2 = 10, .imm = 512}).add("jalr", {.rs1 = 1});
    Trial run(backend(), code);
    for (uint32_t i = 1; i < 5; ++i) {
        EXPECT_EQ(run.call(), LIMPET_RETURN);
        EXPECT_EQ(run.x(10), i);
    }
}

struct End {
    const char* name;
    Code code;
    limpet_status status;
    bool refused; ///< may nothing follow?
};

std::vector<End> ends() {
    return {
        {"illegal", Code().add("addi", {.rd = 11, .imm = 1}).add_raw(0xffffffff), LIMPET_ILLEGAL, true},
        {"load", Code().add("addi", {.rd = 11, .imm = 1}).add("lw", {.rd = 11, .imm = ~0U}), LIMPET_LOAD, true},
        {"store", Code().add("addi", {.rd = 11, .imm = 1}).add("sw", {.rs2 = 1}), LIMPET_STORE, true},
        {"fetch", Code().add("addi", {.rd = 11, .imm = 1}).add("jalr", {.rd = 11}), LIMPET_FETCH, true},
        {"breakpoint", Code().add("addi", {.rd = 11, .imm = 1}).add("ebreak"), LIMPET_BREAKPOINT, true},
        {"host call", Code().add("addi", {.rd = 11, .imm = 1}).add("limpet.call", {.imm = kKnownIds}), LIMPET_HOST_CALL,
         true},
        {"ecall", Code().add("addi", {.rd = 11, .imm = 1}).add("ecall"), LIMPET_ECALL, false},
    };
}

/// pc is that of the instruction, and what came before it is all that was done.
TEST_P(Lifecycle, EndsShowTheInstructionAndLeaveItUndone) {
    for (const End& end : ends()) {
        Trial run(backend(), end.code);
        const std::vector<uint8_t> data(run.arena.data().begin(), run.arena.data().end());
        EXPECT_EQ(run.call(), end.status) << end.name;
        EXPECT_EQ(run.guest.vm.status, static_cast<uint32_t>(end.status)) << end.name;
        EXPECT_EQ(run.pc(), kStart + 4) << end.name;
        EXPECT_EQ(run.x(11), 1U) << end.name;
        EXPECT_TRUE(std::ranges::equal(run.arena.data(), data)) << end.name;
    }
}

TEST_P(Lifecycle, ATrapFreezesTheGuest) {
    for (const End& end : ends()) {
        Trial run(backend(), end.code);
        ASSERT_EQ(run.call(), end.status) << end.name;
        const Snapshot before(run);
        EXPECT_EQ(run.resume(), LIMPET_REFUSED) << end.name;
        EXPECT_EQ(Snapshot(run), before) << end.name;
        if (end.refused) {
            EXPECT_EQ(run.call(), LIMPET_REFUSED) << end.name;
            EXPECT_EQ(run.call_at(0), LIMPET_REFUSED) << end.name;
            EXPECT_EQ(Snapshot(run), before) << end.name;
        } else {
            EXPECT_EQ(run.call(), end.status) << end.name;
        }
        rv32::init(run.guest.vm, before.vm.window);
        EXPECT_EQ(run.call(), end.status) << end.name;
    }
}

/// How far it is from where a jump may come to does not matter.
TEST_P(Lifecycle, ATrapBehindMuchCodeShowsItsInstruction) {
    constexpr uint32_t length = 300;
    constexpr Layout large{
        .name = "large", .base = 0, .data_size = 1024, .wall = 256, .code_start = 0x1000, .code_size = 4 * length + 4};
    Code code;
    for (uint32_t i = 0; i < length; ++i) code.add("addi", {.rd = 10, .rs1 = 10, .imm = 1});
    Trial run(backend(), code.add("lw", {.rd = 10, .imm = 0U - 4}), large);
    EXPECT_EQ(run.call(), LIMPET_LOAD);
    EXPECT_EQ(run.pc(), large.code_start + 4 * length);
    EXPECT_EQ(run.x(10), length);
}

TEST_P(Lifecycle, OnlyAFuelStopCanBeResumed) {
    Trial run(backend(), Code().add("jal", {.imm = 8}).add("ecall").add("jalr", {.rs1 = 1}));
    const Snapshot fresh(run);
    EXPECT_EQ(run.resume(), LIMPET_REFUSED);
    EXPECT_EQ(Snapshot(run), fresh);
    ASSERT_EQ(run.call(0), LIMPET_FUEL);
    const Snapshot stopped(run);
    EXPECT_EQ(run.call(), LIMPET_REFUSED);
    EXPECT_EQ(Snapshot(run), stopped);
    EXPECT_EQ(run.resume(), LIMPET_RETURN);
    EXPECT_EQ(run.resume(), LIMPET_REFUSED);
}

/// After a bad entry too.
TEST_P(Lifecycle, ABadEntryFreezesTheGuest) {
    Trial run(backend());
    EXPECT_EQ(run.call_at(kStart + 1), LIMPET_FETCH);
    EXPECT_EQ(run.call(), LIMPET_REFUSED);
    EXPECT_EQ(run.resume(), LIMPET_REFUSED);
}

TEST_P(Lifecycle, PrepareDemandsTheGuard) {
    for (uint32_t i = 0; i < LIMPET_GUARD_BYTES; ++i)
        for (const uint32_t bit : {0U, 3U, 7U}) {
            Trial run(backend());
            std::vector<uint8_t> code(run.arena.code_and_guard().begin(), run.arena.code_and_guard().end());
            code[kPlain.code_size + i] ^= static_cast<uint8_t>(1U << bit);
            run.guest.host.code = code.data();
            EXPECT_EQ(backend().prepare(run.guest), LIMPET_REFUSED) << "byte " << i << " bit " << bit;
        }
}

TEST_P(Lifecycle, PrepareDemandsWholeHalfwords) {
    Trial run(backend());
    run.guest.vm.window.code_size -= 1;
    EXPECT_EQ(backend().prepare(run.guest), LIMPET_REFUSED);
}

class InProcess : public Lifecycle {};

/// Addresses in the host: of the machine that the emulator is, the harness chooses them.
TEST_P(InProcess, PrepareDemandsAlignedMemory) {
    Trial run(backend());
    ++run.guest.host.code;
    EXPECT_EQ(backend().prepare(run.guest), LIMPET_REFUSED);
    --run.guest.host.code;
    for (int i = 1; i < 4; ++i) {
        ++run.guest.host.data;
        EXPECT_EQ(backend().prepare(run.guest), LIMPET_REFUSED);
    }
}

/// Each register reaches the next instruction and the host, wherever a backend may keep it.
TEST_P(Lifecycle, RegistersAreTheSameForAllInstructions) {
    for (uint32_t reg = 1; reg < 16; ++reg) {
        const uint32_t other = reg == 5 ? 6 : 5;
        Code code;
        code.add("addi", {.rd = reg, .imm = 7}).add("xori", {.rd = other, .rs1 = reg, .imm = 5});
        code.add("xori", {.rd = reg, .rs1 = reg, .imm = 9}).add("addi", {.rd = reg, .rs1 = reg, .imm = 1}).add("ecall");
        Trial run(backend(), code);
        EXPECT_EQ(run.run_from(kStart), LIMPET_ECALL);
        EXPECT_EQ(run.x(other), 2U) << reg;
        EXPECT_EQ(run.x(reg), 15U) << reg;
    }
}

/// x0 is 0 after every instruction that could write it, to the next instruction and to the host.
TEST_P(Lifecycle, X0IsNeverWritten) {
    for (const rv32::Instruction& row : rv32::kInstructions) {
        if (!rv32::has(isa(), row.extension)) continue;
        rv32::Operands o;
        if (row.op == rv32::Op::kJal || (row.op >= rv32::Op::kBeq && row.op <= rv32::Op::kBgeu)) o.imm = size_of(row);
        if (row.op == rv32::Op::kJalr || (row.op >= rv32::Op::kLb && row.op <= rv32::Op::kSw)) o.rs1 = 5;
        const auto insn = try_encode(row, o);
        if (!insn || !rv32::is_instance(row, isa(), *insn) || rv32::operands(row, *insn).rd != 0) continue;
        Trial run(backend(), Code().add_raw(*insn).add("add", {.rd = 6}).add("ecall"));
        for (uint32_t i = 1; i < 16; ++i) run.x(i) = i * 0x01010101;
        run.x(5) = row.op == rv32::Op::kJalr ? kStart + size_of(row) : 512;
        std::ranges::fill(run.arena.data(), uint8_t{0x5a});
        const limpet_status status = run.run_from(kStart);
        EXPECT_EQ(run.x(0), 0U) << row.name;
        const bool went_on = status == LIMPET_ECALL && run.pc() != kStart;
        EXPECT_EQ(went_on, row.op != rv32::Op::kEcall && row.op != rv32::Op::kEbreak) << row.name;
        EXPECT_EQ(run.x(6), went_on ? 0 : 0x06060606U) << row.name;
    }
}

std::vector<Subject> in_process() {
    std::vector<Subject> list;
    std::ranges::copy_if(subjects(), std::back_inserter(list), [](const Subject& s) { return !s.mcu; });
    return list;
}

INSTANTIATE_FOR_ALL_SUBJECTS(Lifecycle);
INSTANTIATE_TEST_SUITE_P(All, InProcess, testing::ValuesIn(in_process()), subject_name);

} // namespace
} // namespace limpet::conformance
