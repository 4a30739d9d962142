/// \file
/// Fuel: at least the budget is run, then the run stops within a bound, whatever the guest does; and a run in time
/// slices ends as one that was not interrupted.
#include "support/trial.h"

namespace limpet::conformance {
namespace {

/// How far a backend that does not charge each instruction may go on: to the next jump, that is, through the code once.
constexpr uint32_t kSlack = kPlain.code_size / 2;

class Fuel : public SubjectTest {
protected:
    [[nodiscard]] uint32_t slack() const { return backend().counts_exactly ? 0 : kSlack; }
    /// A pass through a loop costs one unit, however long it is.
    [[nodiscard]] bool charges_passes() const { return backend().name == "rv32-jit/compact"; }
};

/// a0 counts instructions: every one but the last of the code adds one.
Code counting_code(uint32_t instructions) {
    Code code;
    for (uint32_t i = 0; i < instructions; ++i) code.add("addi", {.rd = 10, .rs1 = 10, .imm = 1});
    return code;
}

TEST_P(Fuel, StraightCode) {
    constexpr uint32_t length = 30;
    for (uint32_t fuel = 0; fuel <= length; ++fuel) {
        Trial run(backend(), counting_code(length).add("ecall"));
        const limpet_status status = run.call(fuel);
        if (status == LIMPET_FUEL) {
            EXPECT_GE(run.x(10), fuel);
            EXPECT_LE(run.x(10), fuel + slack());
            EXPECT_EQ(run.pc(), kPlain.code_start + 4 * run.x(10));
            EXPECT_EQ(run.resume(1000), LIMPET_ECALL);
        } else {
            EXPECT_EQ(status, LIMPET_ECALL);
            EXPECT_FALSE(backend().counts_exactly && fuel <= length);
        }
        EXPECT_EQ(run.x(10), length);
        EXPECT_EQ(run.pc(), kPlain.code_start + 4 * length);
    }
}

/// Loops of each make that would end by themselves, but not so soon: whoever forgets to charge one is told so, while
/// what follows might never end.
TEST_P(Fuel, EachWayBackIsCharged) {
    constexpr uint32_t rounds = 200;
    Code start;
    start.add("addi", {.rd = 11, .imm = rounds}).add("jal", {.imm = 8}).add("ecall");
    start.add("addi", {.rd = 12, .rs1 = 12, .imm = 1}).add("bgeu", {.rs1 = 12, .rs2 = 11, .imm = 0U - 8});
    const auto by_register = [&](uint32_t link, uint32_t target) {
        Code code = start;
        code.add("auipc", {.rd = target}).add("addi", {.rd = target, .rs1 = target, .imm = 0U - 8});
        return code.add("jalr", {.rd = link, .rs1 = target});
    };
    const std::pair<const char*, Code> ways[] = {
        {"jump", Code(start).add("jal", {.imm = 0U - 8})},
        {"branch", Code(start).add("bgeu", {.rs1 = 11, .rs2 = 12, .imm = 0U - 8})},
        {"call", Code(start).add("jal", {.rd = 1, .imm = 0U - 8})},
        {"return", by_register(0, 1)},
        {"jump by register", by_register(0, 5)},
        {"call by register", by_register(1, 5)},
        {"host call, jump", Code(start).add("limpet.call", {.imm = 1}).add("jal", {.imm = 0U - 12})}};
    for (const auto& [name, code] : ways) {
        Trial run(backend(), code);
        EXPECT_EQ(run.call(rounds / 4), LIMPET_FUEL) << name;
        EXPECT_LT(run.x(12), rounds) << name;
        EXPECT_EQ(run.resume(100000), LIMPET_ECALL) << name;
        EXPECT_EQ(run.x(12), rounds) << name;
    }
}

/// Endless loops of every make. Each must come back, and again when it is resumed.
TEST_P(Fuel, EndlessLoops) {
    struct Loop {
        const char* name;
        Code code;
    };
    std::vector<Loop> loops;
    loops.push_back({"jal to itself", Code().add("jal")});
    loops.push_back({"jal back", Code().add("addi").add("jal", {.imm = 0U - 4})});
    loops.push_back({"branch to itself", Code().add("beq")});
    loops.push_back({"branch back", Code().add("addi").add("bgeu", {.imm = 0U - 4})});
    loops.push_back({"jalr to itself", Code().add("auipc", {.rd = 5}).add("jalr", {.rs1 = 5, .imm = 4})});
    loops.push_back({"jalr back", Code().add("auipc", {.rd = 5}).add("jalr", {.rs1 = 5})});
    loops.push_back({"jalr that overwrites its base", Code()
                                                          .add("auipc", {.rd = 5})
                                                          .add("jalr", {.rd = 5, .rs1 = 5, .imm = 4})
                                                          .add("ecall")
                                                          .add("jal", {.imm = 0U - 12})});
    loops.push_back({"forward and back", Code().add("jal", {.imm = 8}).add("ecall").add("jal", {.imm = 0U - 8})});
    loops.push_back({"calls itself", Code().add("jal", {.rd = 1})});
    loops.push_back({"jal that links elsewhere", Code().add("jal", {.rd = 5})});
    loops.push_back({"jalr that links elsewhere", Code().add("auipc", {.rd = 5}).add("jalr", {.rd = 6, .rs1 = 5})});
    loops.push_back({"return to itself", Code()
                                             .add("jal", {.imm = 8})
                                             .add("jalr", {.rs1 = 1})
                                             .add("auipc", {.rd = 1})
                                             .add("addi", {.rd = 1, .rs1 = 1, .imm = 0U - 4})
                                             .add("jal", {.imm = 0U - 12})});
    loops.push_back({"host calls", Code().add("limpet.call", {.imm = 1}).add("jal", {.imm = 0U - 4})});
    loops.push_back(
        {"loads and stores",
         Code().add("lw", {.rd = 6, .imm = 256}).add("sw", {.rs2 = 6, .imm = 257}).add("jal", {.imm = 0U - 8})});
    if (isa().compressed) {
        // What a backend may leave to slower code must be charged there: with less than a whole instruction in between.
        loops.push_back({"host calls, c.j", Code().add("limpet.call", {.imm = 1}).add("c.j", {.imm = 0U - 4})});
        loops.push_back({"misaligned loads, c.j", Code().add("lw", {.rd = 6, .imm = 257}).add("c.j", {.imm = 0U - 4})});
        loops.push_back({"c.j .", Code().add("c.j")});
        loops.push_back({"c.beqz .", Code().add("c.beqz", {.rs1 = 8})});
        loops.push_back({"c.jal .", Code().add("c.jal")});
        loops.push_back({"c.jr", Code().add("auipc", {.rd = 5}).add("c.jr", {.rs1 = 5})});
        loops.push_back({"c.jalr", Code().add("auipc", {.rd = 5}).add("c.jalr", {.rs1 = 5})});
        loops.push_back({"c.nop, c.j", Code().add("c.nop").add("c.j", {.imm = 0U - 2})});
    }
    for (const Loop& loop : loops) {
        Trial run(backend(), loop.code);
        EXPECT_EQ(run.call(0), LIMPET_FUEL) << loop.name;
        EXPECT_EQ(run.resume(10000), LIMPET_FUEL) << loop.name;
        EXPECT_EQ(run.resume(1), LIMPET_FUEL) << loop.name;
        EXPECT_LT(run.pc() - kPlain.code_start, loop.code.size()) << loop.name;
    }
}

/// A loop runs as often as the budget pays for, and little more.
TEST_P(Fuel, BoundIsKept) {
    for (const uint32_t body : {1U, 2U, 7U, 50U}) {
        const Code code = counting_code(body).add("jal", {.imm = 0U - 4 * body});
        for (uint32_t fuel = 0; fuel < 300; fuel += 7) {
            Trial run(backend(), code);
            ASSERT_EQ(run.call(fuel), LIMPET_FUEL);
            const uint32_t position = (run.pc() - kPlain.code_start) / 4;
            const uint32_t rounds = (run.x(10) - position) / body;
            const uint32_t executed = rounds * (body + 1) + position;
            EXPECT_EQ(run.x(10), rounds * body + position);
            EXPECT_GE(executed, fuel);
            EXPECT_LE(executed, charges_passes() ? (fuel + 1) * (body + 1) : fuel + slack());
        }
    }
}

TEST_P(Fuel, LargestBudget) {
    Trial run(backend(), counting_code(5).add("jalr", {.rs1 = 1}));
    EXPECT_EQ(run.call(~0U), LIMPET_RETURN);
    EXPECT_EQ(run.x(10), 5U);
    EXPECT_EQ(run.call(0x80000000), LIMPET_RETURN);
    EXPECT_EQ(run.call(LIMPET_FUEL_MAX), LIMPET_RETURN);
    EXPECT_EQ(run.x(10), 15U);
}

/// Bytes summed and stored, with calls: all slices must come to the same.
TEST_P(Fuel, SlicesEndAsOneRun) {
    Code code;
    code.add("addi", {.rd = 5, .imm = 256});
    code.add("addi", {.rd = 6, .imm = 40});
    code.add("addi", {.rd = 7, .rs1 = 1}); // the return address, while ra links the calls
    code.add("lbu", {.rd = 8, .rs1 = 5});
    code.add("jal", {.rd = 1, .imm = 24});
    code.add("sh", {.rs1 = 5, .rs2 = 10, .imm = 301});
    code.add("addi", {.rd = 5, .rs1 = 5, .imm = 1});
    code.add("addi", {.rd = 6, .rs1 = 6, .imm = ~0U});
    code.add("bne", {.rs1 = 6, .imm = 0U - 20});
    code.add("jalr", {.rs1 = 7});
    code.add("add", {.rd = 10, .rs1 = 10, .rs2 = 8});
    code.add("addi", {.rd = 10, .rs1 = 10, .imm = 3});
    code.add("jalr", {.rs1 = 1});
    const auto result = [&](uint32_t slice) {
        Trial run(backend(), code);
        for (uint32_t i = 0; i < 500; ++i) run.arena.data()[256 + i] = static_cast<uint8_t>(i * 37);
        uint32_t stops = 0;
        limpet_status status = run.call(slice);
        for (; status == LIMPET_FUEL && stops < 1000; ++stops) status = run.resume(slice);
        EXPECT_EQ(stops > 0, slice <= 100) << slice;
        EXPECT_EQ(status, LIMPET_RETURN) << slice;
        run.guest.vm.fuel = 0; // what is left of the last budget
        return Snapshot(run);
    };
    const Snapshot whole = result(100000);
    for (const uint32_t slice : {1U, 2U, 3U, 5U, 16U, 100U}) EXPECT_EQ(result(slice), whole) << slice;
}

using ExactFuel = SubjectTest;

/// What ends a run is no instruction that was executed; a jump to the return address is one.
TEST_P(ExactFuel, IsWhatWasExecuted) {
    struct Case {
        const char* name;
        rv32::Operands operands;
        limpet_status status;
        uint32_t executed;
    };
    for (const Case& c : {Case{"ecall", {}, LIMPET_ECALL, 2}, Case{"ebreak", {}, LIMPET_BREAKPOINT, 2},
                          Case{"jalr", {.rs1 = 1}, LIMPET_RETURN, 3}, Case{"jalr", {.rs1 = 10}, LIMPET_FETCH, 2},
                          Case{"lw", {.rd = 10, .imm = ~3U}, LIMPET_LOAD, 2}, Case{"sw", {}, LIMPET_STORE, 2},
                          Case{"limpet.call", {.imm = kKnownIds}, LIMPET_HOST_CALL, 2}}) {
        Trial run(backend(), counting_code(2).add(c.name, c.operands));
        EXPECT_EQ(run.call(100), c.status) << c.name;
        EXPECT_EQ(100 - run.guest.vm.fuel, c.executed) << c.name;
    }
}

std::vector<Subject> exact_subjects() {
    std::vector<Subject> exact;
    std::ranges::copy_if(subjects(), std::back_inserter(exact),
                         [](const Subject& s) { return s.backend->counts_exactly; });
    return exact;
}

INSTANTIATE_FOR_ALL_SUBJECTS(Fuel);
INSTANTIATE_TEST_SUITE_P(All, ExactFuel, testing::ValuesIn(exact_subjects()), subject_name);

} // namespace
} // namespace limpet::conformance
