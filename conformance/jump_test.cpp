/// \file
/// Where code may begin, go and end: jumps to the first, last, outside, odd and misaligned address, returns, entries,
/// running off the end, and instructions that the end cuts in two.
#include "support/trial.h"

namespace limpet::conformance {
namespace {

constexpr uint32_t kStart = kPlain.code_start;
constexpr uint32_t kEnd = kPlain.code_start + kPlain.code_size;
constexpr uint32_t kTarget = 5; ///< register that targets are in
constexpr uint32_t kLink = 6;

/// jalr kLink, imm(kTarget) at the start of the code, ready to run.
struct JalrTrial : Trial {
    JalrTrial(const Backend& backend, uint32_t target, uint32_t imm = 0)
        : Trial(backend, Code().add("jalr", {.rd = kLink, .rs1 = kTarget, .imm = imm})) {
        x(kTarget) = target - imm;
        x(kLink) = 0x1234;
    }
};

class Jumps : public SubjectTest {
protected:
    void expect_bad_jump(Trial& run, uint32_t target, uint32_t pc = kStart) {
        EXPECT_EQ(run.guest.vm.status, static_cast<uint32_t>(LIMPET_FETCH));
        EXPECT_EQ(run.pc(), pc);
        EXPECT_EQ(run.guest.vm.trap_address, target);
        EXPECT_EQ(run.x(kLink), 0x1234U);
    }

    [[nodiscard]] uint32_t step() const { return isa().compressed ? 2 : 4; }
};

TEST_P(Jumps, InsideTheCode) {
    for (const uint32_t target : {kStart + 4, kStart + 256, kEnd - 4}) {
        JalrTrial run(backend(), target);
        EXPECT_EQ(run.run_from(kStart), LIMPET_BREAKPOINT) << std::hex << target;
        EXPECT_EQ(run.pc(), target);
        EXPECT_EQ(run.x(kLink), kStart + 4);
    }
}

TEST_P(Jumps, OutsideTheCode) {
    for (const uint32_t target : {kStart - step(), kStart - 4, kEnd, kEnd + 4, 0U, 4U, 0x80000000U, 0xffffffecU,
                                  0xfffffff4U, 0xfffffffcU, kStart + 0x80000000U, kStart + 0x10000U})
        for (const uint32_t imm : {0U, 0U - 2048, 2047U}) {
            JalrTrial run(backend(), target, imm);
            run.run_from(kStart);
            expect_bad_jump(run, target);
        }
}

TEST_P(Jumps, JalrClearsBitZero) {
    JalrTrial run(backend(), kStart + 65);
    EXPECT_EQ(run.run_from(kStart), LIMPET_BREAKPOINT);
    EXPECT_EQ(run.pc(), kStart + 64);
    Trial plain(backend(), Code().add("jalr", {.rs1 = kTarget})); // a return, which backends may treat by itself
    plain.x(kTarget) = kStart + 65;
    EXPECT_EQ(plain.run_from(kStart), LIMPET_BREAKPOINT);
    EXPECT_EQ(plain.pc(), kStart + 64);
    JalrTrial outside(backend(), kEnd + 1);
    outside.run_from(kStart);
    expect_bad_jump(outside, kEnd);
}

/// With C every halfword may begin an instruction; without, a target must be a multiple of 4.
TEST_P(Jumps, Halfwords) {
    JalrTrial run(backend(), kStart + 66);
    run.run_from(kStart);
    if (isa().compressed)
        EXPECT_EQ(run.pc(), kStart + 66);
    else
        expect_bad_jump(run, kStart + 66);

    Trial direct(backend(), Code().add("jal", {.rd = kLink, .imm = 66}));
    direct.x(kLink) = 0x1234;
    direct.run_from(kStart);
    if (isa().compressed)
        EXPECT_EQ(direct.pc(), kStart + 66);
    else
        expect_bad_jump(direct, kStart + 66);

    Trial branch(backend(), Code().add("bne", {.rs1 = kTarget, .imm = 66}));
    branch.x(kTarget) = 1;
    branch.x(kLink) = 0x1234;
    branch.run_from(kStart);
    if (isa().compressed)
        EXPECT_EQ(branch.pc(), kStart + 66);
    else
        expect_bad_jump(branch, kStart + 66);

    // A branch that is not taken may have any target.
    branch.x(kTarget) = 0;
    EXPECT_EQ(branch.run_from(kStart), LIMPET_BREAKPOINT);
    EXPECT_EQ(branch.pc(), kStart + 4);
}

/// Branches and jal at both ends of their reach, and 16-bit forms, out of the code and back to its ends.
TEST_P(Jumps, DirectTargets) {
    struct Case {
        const char* name;
        rv32::Operands operands;
    };
    const std::vector<Case> cases = {
        {"jal", {.imm = 0xfff00000}}, {"jal", {.imm = 0xffffe}},    {"beq", {.imm = 0U - 4096}},
        {"beq", {.imm = 4094}},       {"bgeu", {.imm = 0U - 4096}}, {"c.j", {.imm = 0U - 2048}},
        {"c.j", {.imm = 2046}},       {"c.jal", {.imm = 2046}},     {"c.beqz", {.rs1 = 8, .imm = 0U - 256}}};
    for (const Case& c : cases) {
        if (c.name[1] == '.' && !isa().compressed) continue;
        Trial run(backend(), Code().add(c.name, c.operands));
        run.x(kLink) = 0x1234;
        run.x(1) = 0x5678;
        run.run_from(kStart);
        expect_bad_jump(run, kStart + c.operands.imm);
        EXPECT_EQ(run.x(1), 0x5678U) << c.name;
    }
    for (const uint32_t target : {kStart, kEnd - 4}) {
        Trial run(backend());
        run.write_code(kStart + 128, Code().add("jal", {.rd = kLink, .imm = target - kStart - 128}).bytes());
        EXPECT_EQ(run.run_from(kStart + 128), LIMPET_BREAKPOINT);
        EXPECT_EQ(run.pc(), target);
        EXPECT_EQ(run.x(kLink), kStart + 132);
    }
}

TEST_P(Jumps, ToTheEndIsNotRunningOffIt) {
    Trial jump(backend());
    jump.write_code(kEnd - 4, Code().add("jal", {.rd = kLink, .imm = 4}).bytes());
    jump.x(kLink) = 0x1234;
    jump.run_from(kEnd - 4);
    expect_bad_jump(jump, kEnd, kEnd - 4);

    Trial off(backend());
    off.write_code(kEnd - 4, Code().add("addi", {.rd = kLink, .imm = 1}).bytes());
    EXPECT_EQ(off.run_from(kEnd - 4), LIMPET_FETCH);
    EXPECT_EQ(off.pc(), kEnd);
    EXPECT_EQ(off.x(kLink), 1U);
}

/// Every way to reach LIMPET_RETURN_ADDRESS ends the call, links, and leaves x0 alone.
TEST_P(Jumps, Return) {
    for (const uint32_t rd : {0U, 1U, kLink}) {
        Trial run(backend(), Code().add("jalr", {.rd = rd, .rs1 = 1}));
        EXPECT_EQ(run.call(), LIMPET_RETURN);
        EXPECT_EQ(run.pc(), LIMPET_RETURN_ADDRESS);
        EXPECT_EQ(run.x(rd), rd == 0 ? 0 : kStart + 4);
        EXPECT_EQ(run.x(0), 0U);
    }
    // 0xfffffff0 is in reach of branches and jal when the code starts low.
    const Layout low{.name = "low", .base = 0, .data_size = 0, .wall = 0, .code_start = 0, .code_size = 64};
    for (const char* name : {"jal", "beq", "c.j", "c.jal", "c.beqz"}) {
        if (name[1] == '.' && !isa().compressed) continue;
        rv32::Operands operands{.imm = 0U - 16};
        if (std::string_view(name) == "c.beqz") operands.rs1 = 8;
        Trial run(backend(), Code().add(name, operands), low);
        EXPECT_EQ(run.call_at(0), LIMPET_RETURN) << name;
        EXPECT_EQ(run.pc(), LIMPET_RETURN_ADDRESS);
        EXPECT_EQ(run.x(0), 0U);
        EXPECT_EQ(run.x(1), std::string_view(name) == "c.jal" ? 2 : LIMPET_RETURN_ADDRESS) << name;
    }
    if (!isa().compressed) return;
    Trial jr(backend(), Code().add("c.jr", {.rs1 = 1}));
    EXPECT_EQ(jr.call(), LIMPET_RETURN);
    EXPECT_EQ(jr.x(1), LIMPET_RETURN_ADDRESS);
    Trial jalr(backend(), Code().add("c.jalr", {.rs1 = 1}));
    EXPECT_EQ(jalr.call(), LIMPET_RETURN);
    EXPECT_EQ(jalr.x(1), kStart + 2);
}

TEST_P(Jumps, Entry) {
    for (const uint32_t entry : {kStart, kStart + 128, kEnd - 4}) {
        Trial run(backend());
        EXPECT_EQ(run.call_at(entry), LIMPET_BREAKPOINT);
        EXPECT_EQ(run.pc(), entry);
    }
    std::vector<uint32_t> bad = {0,          kStart - 4, kEnd,       kEnd + 4,
                                 kStart + 1, kEnd - 1,   0x80000000, LIMPET_RETURN_ADDRESS};
    if (!isa().compressed) bad.push_back(kStart + 2);
    for (const uint32_t entry : bad) {
        Trial run(backend());
        const Snapshot before(run);
        EXPECT_EQ(run.call_at(entry), LIMPET_FETCH) << std::hex << entry;
        EXPECT_EQ(run.pc(), entry);
        EXPECT_EQ(run.guest.vm.trap_address, entry);
        EXPECT_EQ(Snapshot(run).data, before.data);
    }
}

/// Into the second half of an instruction, which is ebreak: it runs, or the jump is refused; nothing else may happen.
TEST_P(Jumps, IntoTheMiddle) {
    if (!isa().compressed) return;
    constexpr uint32_t middle = kStart + 6;
    for (const Code& jump : {Code().add("jalr", {.rs1 = kTarget}), Code().add("jal", {.imm = 6})}) {
        Trial run(backend(), Code(jump).add("lui", {.rd = kLink, .imm = 0x90020000}));
        run.x(kTarget) = middle;
        run.x(kLink) = 0x1234;
        const limpet_status status = run.run_from(kStart);
        EXPECT_TRUE(status == LIMPET_FETCH || (status == LIMPET_BREAKPOINT && run.pc() == middle)) << status;
        EXPECT_EQ(run.x(kLink), 0x1234U);
    }
}

/// The last halfword of the code is the first half of a 4-byte instruction: every value that it can have (without C,
/// any: that profile knows no other length). What lies behind must not complete it.
TEST_P(Jumps, CutInstructions) {
    const Layout layout{.name = "cut", .base = 0, .data_size = 64, .wall = 0, .code_start = 0x1000, .code_size = 66};
    const uint32_t last = layout.code_start + 64;
    Trial run(backend(), {}, layout);
    for (uint32_t i = 1; i < 16; ++i) run.x(i) = 16 + i;
    const Snapshot before(run);
    // Where each value is translated in an emulator, it has to be some of them.
    const uint32_t stride = subject().mcu && run.guest.host.prepared_size != 0 ? 31 : 1;
    for (uint32_t half = 0; half < 0x10000; half += stride) {
        if (isa().compressed && (half & 3) != 3) continue;
        run.write_code(last, Code().add_halfword(half).bytes());
        ASSERT_EQ(run.run_from(last), LIMPET_FETCH) << std::hex << half;
        ASSERT_EQ(run.pc(), last) << std::hex << half;
        ASSERT_TRUE(Snapshot(run).same_registers_and_memory(before)) << std::hex << half;
        ASSERT_TRUE(run.guest.vm.fuel == 1000 || !backend().counts_exactly);
    }
}

/// A jump that is no instruction at all is illegal wherever it would lead: to the first instruction behind a gap, too.
TEST_P(Jumps, ThatLinkInX16AreIllegal) {
    for (const Layout& layout : layouts()) {
        if (!subject().can_run(layout)) continue;
        const uint32_t pc = layout.code_start + 16;
        Trial run(backend(), {}, layout);
        for (const uint32_t target : {layout.code_start, layout.gap.start + layout.gap.size, layout.gap.start,
                                      layout.code_end(), LIMPET_RETURN_ADDRESS}) {
            constexpr uint32_t x16 = 0x800; // bit 4 of rd
            run.x(kTarget) = target;
            const Snapshot before(run);
            for (const uint32_t insn :
                 {encode("jalr", {.rs1 = kTarget}) | x16, encode("jal", {.imm = layout.code_start - pc}) | x16}) {
                run.write_code(pc, Code().add_raw(insn).bytes());
                EXPECT_EQ(run.run_from(pc), LIMPET_ILLEGAL) << layout.name << std::hex << " to " << target;
                EXPECT_EQ(run.pc(), pc);
                EXPECT_TRUE(Snapshot(run).same_registers_and_memory(before));
            }
        }
    }
}

/// What an instruction leaves behind for the next one is not there for those who jump to that.
TEST_P(Jumps, OverWhatIsKnownOnlyBehindIt) {
    Code code;
    code.add("addi", {.rd = 8, .imm = 5}).add("addi", {.rd = 15, .imm = 7}).add("addi", {.rd = 9, .imm = 3});
    code.add("jal", {.imm = 8}).add("sw", {.rs1 = 10, .rs2 = 9, .imm = 1000}); // to the next but one
    code.add("sub", {.rd = 8, .rs1 = 8, .rs2 = 9}).add("addi", {.rd = 9, .imm = 1}).add("jal", {.imm = 8});
    code.add("addi", {.rd = 8, .rs1 = 8, .imm = 1}).add("add", {.rd = 10, .rs1 = 8, .rs2 = 10});
    Trial run(backend(), code.add("jalr", {.rs1 = 1}));
    EXPECT_EQ(run.call(), LIMPET_RETURN);
    EXPECT_EQ(run.x(8), 2U);
    EXPECT_EQ(run.x(10), 2U);
    EXPECT_EQ(run.x(15), 7U);
}

INSTANTIATE_FOR_ALL_SUBJECTS(Jumps);

} // namespace
} // namespace limpet::conformance
