/// \file
/// The code that rv32-jit makes in RAM, looked at instruction by instruction (support/jit_audit.h). One-instruction and
/// program tests show that it does what it must; this shows, for code that need not run, that it can do no harm.
#include "support/generator.h"
#include "support/jit_audit.h"
#include "support/trial.h"

namespace limpet::conformance {
namespace {

bool is_compact(const Backend& backend) { return backend.name.ends_with("/compact"); }

/// The layout of prepared memory, as run.inc of rv32-jit has it, and compact/run.inc.
Translated translated(const Backend& backend, const Arena& arena) {
    const Guest& guest = arena.guest;
    const uint32_t sp_limit = static_cast<const uint32_t*>(guest.host.prepared)[3];
    const auto* const prepared = static_cast<const uint16_t*>(guest.host.prepared) + 8;
    const uint16_t* const code_start = prepared + 2 + 2 * prepared[0];
    Translated result;
    result.compact = is_compact(backend);
    for (const uint16_t* landing = prepared + 2; landing != code_start; landing += 2)
        result.landings.emplace(landing[0], landing[1]);
    result.halfwords.assign(code_start, code_start + prepared[1]);
    // What sweeps need is at the end of the memory, and stays there: bits of labels, then where each instruction
    // begins.
    const uint32_t code_size = guest.vm.window.code_size;
    const uint16_t* const places =
        static_cast<const uint16_t*>(guest.host.prepared) + guest.host.prepared_size / 4 * 2 - (code_size + 3) / 4 * 2;
    result.window = {guest.vm.window.writable_start, guest.vm.window.data_size & ~3U};
    result.slack = result.window.end - sp_limit;
    const std::span<const uint8_t> code = arena.code_and_guard();
    for (uint32_t i = 0; i < code_size; i += 2) {
        const uint32_t insn = code[i] | code[i + 1] << 8 | code[i + 2] << 16 | uint32_t{code[i + 3]} << 24;
        const rv32::Instruction* const row = rv32::find_instruction(backend.isa, insn);
        const bool cut = row != nullptr && i + size_of(*row) > code_size;
        result.guests.emplace_back();
        if (row != nullptr && !cut) result.guests.back() = {row->op, operands(*row, insn)};
    }
    for (uint32_t i = 0; i < code_size;) {
        const uint32_t bytes = !backend.isa.compressed || (code[i] & 3) == 3 ? 4 : 2;
        result.places.emplace(places[i / 2], i / 2);
        // A branch over an exit stands before an instruction whose middle is a label, behind the charge where that is.
        const uint32_t exit_halfwords = result.compact ? 3 : 2;
        const bool has_middle = bytes == 4 && i + 2 < code_size && places[i / 2 + 1] > places[i / 2];
        const uint32_t over = has_middle ? places[i / 2 + 1] - 1U : 0;
        const bool charged = over == places[i / 2] + 2U && result.halfwords[over - 2] == thumb::t::blx(9);
        if (has_middle && (over == places[i / 2] || (result.compact && charged)) &&
            result.halfwords[over] == thumb::t::b(exit_halfwords + 1)) {
            result.places.emplace(over + 1, i / 2 + 1);
            result.places.emplace(over + 1 + exit_halfwords, i / 2);
        }
        i += bytes;
    }
    return result;
}

/// With so many bytes above the stack, at least.
Translated translated(const Backend& backend, const Layout& layout, const Code& code, uint32_t above_stack = 0) {
    Arena arena(layout, backend.isa);
    arena.guest.host.stack_top -= above_stack;
    arena.write_code(layout.code_start, code.bytes());
    EXPECT_EQ(backend.prepare(arena.guest), LIMPET_RETURN);
    return translated(backend, arena);
}

constexpr uint32_t kPrograms = 200;
constexpr uint32_t kCodeBytes = 256; // translation is what takes time here

/// Read-only parts where comparisons have an immediate and where not, and a window that ends within a word.
constexpr Layout kLayouts[] = {
    kPlain,
    {.name = "immediate", .base = 0, .data_size = 509, .wall = 37, .code_start = 0x1000, .code_size = kCodeBytes},
    {.name = "no_wall", .base = 0, .data_size = 64, .wall = 0, .code_start = 0x10000, .code_size = kCodeBytes},
};

/// What is translated in the most ways: accesses through any register, with all sorts of distances; and what is seldom
/// hit on by chance.
Code accesses(Random& random) {
    static constexpr std::array kRows = {"lb", "lh", "lw", "lbu", "lhu", "sb", "sh", "sw"};
    Code code;
    for (uint32_t i = 0; i < 30; ++i) {
        const std::string name = kRows[random.below(kRows.size())];
        const uint32_t imm = random.pick({0U, 0U, 0U, 1U, 4U, 12U, 2U, 16U, 124U, 2047U, ~0U, 0U - 4});
        const uint32_t base = random.chance(3) ? 2 : random.below(16);
        const uint32_t value = random.below(16);
        if (name[0] == 's')
            code.add(name, {.rs1 = base, .rs2 = value, .imm = imm});
        else
            code.add(name, {.rd = value, .rs1 = base, .imm = imm});
        if (random.chance(8)) code.add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - 16});
        if (random.chance(8)) code.add("jal", {.rd = 1, .imm = 4});
        if (random.chance(5)) code.add("bne", {.rs1 = value, .rs2 = base, .imm = random.pick({8U, 8U, 12U, 0U - 12})});
        if (random.chance(8)) code.add("andi", {.rd = value, .rs1 = base, .imm = 255});
    }
    return code;
}

/// What one access tells another: through two registers, with host calls, jumps and writes of the register in between.
Code near_each_other(Random& random) {
    static constexpr std::array kRows = {"lw", "lw", "sw", "sw", "lhu", "sh", "lb", "sb"};
    Code code;
    for (uint32_t i = 0; i < 30; ++i) {
        const std::string name = kRows[random.below(kRows.size())];
        const uint32_t imm = random.pick({0U, 4U, 8U, 12U, 0U - 4, 0U - 8, 124U, 0U - 128, 6U});
        const uint32_t base = random.pick({10U, 10U, 10U, 11U});
        const uint32_t value = random.pick({5U, 8U, 10U, 12U, 12U, 13U, 13U});
        if (name[0] == 's')
            code.add(name, {.rs1 = base, .rs2 = value, .imm = imm});
        else
            code.add(name, {.rd = value, .rs1 = base, .imm = imm});
        if (random.chance(25)) code.add("bne", {.rs1 = value, .rs2 = base, .imm = random.pick({8U, 8U, 16U, 0U - 12})});
        if (random.chance(9)) code.add("addi", {.rd = base, .rs1 = base, .imm = 4});
        if (random.chance(9)) code.add("limpet.call", {.imm = 1});
    }
    return code;
}

/// Frames: sp goes up and down, accesses near it, and branches over all of that.
Code frames(Random& random) {
    Code code;
    for (uint32_t i = 0; i < 40; ++i) {
        const uint32_t imm = random.pick({0U, 4U, 12U, 13U, 16U, 28U, 60U});
        const uint32_t value = random.below(16);
        if (random.chance(5))
            code.add("addi", {.rd = 2, .rs1 = 2, .imm = random.pick({0U - 16, 0U - 32, 16U})});
        else if (random.chance(4))
            code.add("bne", {.rs1 = value, .rs2 = 10, .imm = random.pick({8U, 12U, 24U, 0U - 12})});
        else if (random.chance(2))
            code.add("sw", {.rs1 = 2, .rs2 = value, .imm = imm});
        else
            code.add("lbu", {.rd = value, .rs1 = 2, .imm = imm});
    }
    return code;
}

/// Accesses seldom, and in between what becomes long: branches to an exit that comes later must still reach it.
Code far_apart(Random& random) {
    Code code;
    for (uint32_t i = 0; i < 60; ++i) {
        if (random.chance(20))
            code.add("lw", {.rd = 10, .rs1 = 11});
        else
            code.add("slt", {.rd = 5, .rs1 = 6, .rs2 = random.pick({7U, 10U})});
    }
    return code;
}

/// Whatever programs do, much of it near the window's edges.
Code at_edges(rv32::Isa isa, Random& random, const Layout& layout) {
    for (;;) {
        Code code = Generator(isa, random, false, &layout).program(35);
        if (code.size() <= layout.code_size) return code;
    }
}

/// One legal instruction after another, of every row.
Code any_instructions(rv32::Isa isa, Random& random) {
    Code code;
    while (code.size() < kCodeBytes - 4) {
        const rv32::Instruction& row = random.pick(std::span<const rv32::Instruction>(rv32::kInstructions));
        if (rv32::has(isa, row.extension)) code.add_raw(random_instance(row, random));
    }
    return code;
}

/// Jumps farther than one halfword says.
Code far_jumps() {
    constexpr uint32_t between = 150;
    Code code;
    code.add("jal", {.imm = 4 + 4 * between});
    for (uint32_t i = 0; i < between; ++i) code.add("slt", {.rd = 5, .rs1 = 6, .rs2 = 7});
    return code.add("jal", {.rd = 1, .imm = 0U - 4 * between});
}

using JitCode = SubjectTest;

/// And each row of the table is emitted, or it would not belong there.
TEST_P(JitCode, OfRandomProgramsIsHarmless) {
    Random random(7);
    std::set<const thumb::Form*> forms;
    Layout large = kPlain;
    large.code_size = 1024;
    const Translated with_far_jumps = translated(backend(), large, far_jumps());
    Audit far(with_far_jumps);
    ASSERT_EQ(far.run(), "");
    forms.insert(far.forms().begin(), far.forms().end());
    const uint32_t programs = scaled(kPrograms);
    for (uint32_t i = 0; i < programs; ++i) {
        Layout layout = kLayouts[random.below(std::size(kLayouts))];
        layout.code_size = kCodeBytes;
        const Code code = i % 6 == 0   ? at_edges(isa(), random, layout)
                          : i % 6 == 1 ? accesses(random)
                          : i % 6 == 2 ? frames(random)
                          : i % 6 == 3 ? far_apart(random)
                          : i % 6 == 4 ? near_each_other(random)
                                       : any_instructions(isa(), random);
        const Translated made = translated(backend(), layout, code, random.pick({0U, 0U, 16U, 32U, 64U, 80U}));
        Audit audit(made);
        ASSERT_EQ(audit.run(), "") << "program " << i << ", " << layout.wall;
        forms.insert(audit.forms().begin(), audit.forms().end());
    }
    if (programs < kPrograms || is_compact(backend())) return; // which emits less
    for (const thumb::Form& form : thumb::kForms) {
        const bool can_be = form.bits != thumb::t::muls(0, 0) || isa().multiply;
        EXPECT_EQ(forms.contains(&form), can_be) << form.mnemonic << " " << std::hex << form.bits;
    }
}

/// A guest with every check: accesses of all sizes, stores above and at the wall, frames, jumps back. Each base is
/// another number than before, or one check would do for several accesses.
Code everything() {
    Code code;
    const auto access = [&](const char* name, const rv32::Operands& operands) {
        code.add(name, operands).add("xor", {.rd = operands.rs1, .rs1 = operands.rs1, .rs2 = 13});
    };
    for (const uint32_t imm : {0U, 4U}) {
        for (const char* name : {"lw", "lhu", "lb"}) access(name, {.rd = 10, .rs1 = 11, .imm = imm});
        for (const char* name : {"sw", "sh", "sb"}) access(name, {.rs1 = 11, .rs2 = 12, .imm = imm});
    }
    access("lhu", {.rd = 9, .rs1 = 5, .imm = 4});
    access("sw", {.rs1 = 6, .rs2 = 5, .imm = 400});
    access("sh", {.rs1 = 8, .rs2 = 9, .imm = 2});
    code.add("lw", {.rd = 10, .rs1 = 12, .imm = 4}).add("lw", {.rd = 10, .rs1 = 12});
    code.add("sw", {.rs1 = 12, .rs2 = 10}).add("sw", {.rs1 = 12, .rs2 = 10, .imm = 8});
    code.add("lb", {.rd = 10, .imm = 100}).add("lw", {.rd = 10, .rs1 = 11, .imm = 5});
    code.add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - 16}).add("sw", {.rs1 = 2, .rs2 = 1, .imm = 12});
    code.add("sb", {.rs1 = 2, .rs2 = 10, .imm = 3}).add("lw", {.rd = 10, .rs1 = 2, .imm = 16});
    code.add("lw", {.rd = 10, .rs1 = 2, .imm = 28});
    code.add("addi", {.rd = 10, .rs1 = 10, .imm = 1}).add("bne", {.rs1 = 10, .rs2 = 11, .imm = 0U - 4});
    code.add("blt", {.rs1 = 10, .rs2 = 11, .imm = 8}).add("addi", {.rd = 10, .rs1 = 10, .imm = 1});
    code.add("addi", {.rd = 11, .rs1 = 10, .imm = 1}).add("limpet.call", {.imm = 1});
    code.add("jal", {.rd = 1, .imm = 12}).add("jalr", {.rd = 1, .rs1 = 11}).add("jalr", {.rs1 = 11});
    code.add("addi", {.rd = 2, .rs1 = 2, .imm = 16}).add("jalr", {.rs1 = 1}).add("jal", {.imm = 0U - 100});
    return code;
}

class JitAudit : public JitCode {
protected:
    /// Replaces a halfword, and returns what the audit says.
    static std::string after(Translated code, uint32_t position, uint32_t halfword) {
        code.halfwords[position] = static_cast<uint16_t>(halfword);
        return Audit(code).run();
    }
    static constexpr uint32_t kNothing = thumb::t::mov_high(0, 0);
};

/// Each branch around or to a way out is a check. Without it, or with another condition, the audit must fail.
TEST_P(JitAudit, NoticesEachMissingCheck) {
    for (const Layout& layout : {kLayouts[0], kLayouts[1]}) {
        const Translated code = translated(backend(), layout, everything());
        Audit sound(code);
        ASSERT_EQ(sound.run(), "");
        uint32_t checks = 0, also_good = 0;
        for (const uint32_t at : sound.reached()) {
            const auto leaves = [&](uint32_t position) { return code.halfwords[position] == thumb::t::blx(9); };
            const auto insn = thumb::taken_apart(code.halfwords[at], 0);
            if (code.compact) { // its checks are calls, of which exits are none
                const bool is_call = insn && insn->form->does == thumb::Does::kCall;
                if (!is_call || code.halfwords[at - 1] == thumb::t::mov_high(6, 11)) continue;
                Translated without = code;
                without.halfwords[at + 1] = kNothing;
                EXPECT_NE(after(without, at, kNothing), "") << layout.wall << ": halfword " << at;
                ++checks;
                continue;
            }
            if (!insn || insn->form->shape != thumb::Shape::kCondition) continue;
            std::string said;
            if (leaves(at + 1))
                said = after(code, at, thumb::t::b(insn->distance));
            else if (leaves(at + insn->distance))
                said = after(code, at, kNothing);
            else
                continue;
            EXPECT_NE(said, "") << layout.wall << ": halfword " << at << " " << thumb::text(*insn);
            for (uint32_t other = 0; other < 14; ++other) {
                // The opposite of when to leave, if the exit comes next. What leaves more often does no harm.
                const uint32_t exit_if = leaves(at + 1) ? 1 : 0;
                const uint32_t left_if = insn->imm ^ exit_if, leaves_if = other ^ exit_if;
                if (other == insn->imm || (left_if == thumb::t::kAbove && leaves_if == thumb::t::kNotBelow)) continue;
                said = after(code, at, (code.halfwords[at] & 0xf0ffU) | other << 8);
                // What is as high as the end is known to be below it if what comes next is.
                also_good += static_cast<uint32_t>(said.empty() && leaves_if == thumb::t::kAbove);
                EXPECT_TRUE(!said.empty() || leaves_if == thumb::t::kAbove) << "halfword " << at << ", " << other;
            }
            ++checks;
        }
        EXPECT_GT(checks, code.compact ? 20U : 35U);
        EXPECT_LE(also_good, 1U);
    }
}

/// rv32-jit/compact's routine for accesses leaves for the end of the window as address, but accesses the last word.
TEST_P(JitAudit, NoticesAccessesNearTheEnd) {
    if (!is_compact(backend())) return; // its exits are calls of something else
    const Translated code = translated(backend(), kPlain, everything());
    Audit sound(code);
    ASSERT_EQ(sound.run(), "");
    uint32_t accesses = 0;
    for (const uint32_t at : sound.reached()) {
        const bool two_before = sound.reached().contains(at - 1) && sound.reached().contains(at - 2);
        const uint32_t to_the_end = thumb::t::mov_high(6, 11);
        if (code.halfwords[at] != thumb::t::blx(12) || !two_before || code.halfwords[at - 1] == to_the_end) continue;
        Translated near_the_end = code;
        near_the_end.halfwords[at - 2] = static_cast<uint16_t>(to_the_end);
        near_the_end.halfwords[at - 1] = static_cast<uint16_t>(thumb::t::subs_imm8(6, 4));
        EXPECT_NE(Audit(near_the_end).run().find("no address"), std::string::npos) << "halfword " << at;
        ++accesses;
    }
    EXPECT_GT(accesses, 5U);
}

/// An exit's index is that of the instruction which it is part of, wherever it stands.
TEST_P(JitAudit, NoticesExitsForOtherInstructions) {
    const Translated code = translated(backend(), kPlain, everything());
    Audit sound(code);
    ASSERT_EQ(sound.run(), "");
    for (const uint32_t at : sound.reached()) {
        const auto insn = thumb::taken_apart(code.halfwords[at], 0);
        if (!insn || insn->form->does != thumb::Does::kCall) continue;
        const uint32_t index = code.halfwords[at + 1];
        for (const uint32_t other : {index + 1, index - 1, index + 2, index - 2})
            EXPECT_NE(after(code, at + 1, other), "") << "halfword " << at << ": " << index;
    }
}

TEST_P(JitAudit, NoticesLandingsOfOtherInstructions) {
    const Translated code = translated(backend(), kPlain, everything());
    ASSERT_GT(code.landings.size(), 5U);
    for (const auto& [index, position] : code.landings)
        for (const int32_t distance : {-2, -1, 1, 2}) {
            Translated moved = code;
            moved.landings[index] += distance;
            EXPECT_NE(Audit(moved).run(), "") << index << " " << distance;
            moved = code;
            moved.landings.erase(index);
            if (!moved.landings.emplace(index + distance, position).second) continue;
            EXPECT_NE(Audit(moved).run(), "") << index << " " << distance;
        }
}

/// Wherever control comes, what a guest must never be able to do.
TEST_P(JitAudit, NoticesEachHarmfulInstruction) {
    namespace t = thumb::t;
    const Translated code = translated(backend(), kPlain, everything());
    Audit sound(code);
    ASSERT_EQ(sound.run(), "");
    EXPECT_GT(sound.reached().size(), 150U);
    for (const uint32_t at : sound.reached())
        for (const uint32_t harmful : {t::mov_high(7, 0),
                                       t::mov_high(9, 0),
                                       t::mov_high(10, 0),
                                       t::mov_high(11, 0),
                                       t::mov_high(12, 0),
                                       t::mov_high(13, 0),
                                       t::mov_high(15, 0),
                                       t::add_high(7, 0),
                                       t::str(0, 7, 60),
                                       t::str(0, 7, 80),
                                       t::ldr(0, 7, 76),
                                       t::ldr(0, 0, 0),
                                       t::strb(0, 7, 4),
                                       t::ldr_at(0, 0, 1),
                                       t::str_at(0, 7, 0),
                                       t::blx(0),
                                       t::b(0),
                                       t::b_if(t::kEqual, 0),
                                       t::b(0x3ff),
                                       0x4770U /* bx lr */,
                                       0xbd00U /* pop {pc} */,
                                       0xdf00U /* svc */,
                                       0xbe00U /* bkpt */,
                                       0xb662U /* cpsie i */,
                                       0xf3efU /* mrs */,
                                       0xe800U /* 32 bits */})
            EXPECT_NE(after(code, at, harmful), "") << "halfword " << at << ": " << std::hex << harmful;
}

std::vector<Subject> jits() {
    std::vector<Subject> found;
    std::ranges::copy_if(subjects(), std::back_inserter(found),
                         [](const Subject& s) { return s.mcu && s.backend->name.starts_with("rv32-jit"); });
    return found;
}

INSTANTIATE_TEST_SUITE_P(All, JitCode, testing::ValuesIn(jits()), subject_name);
/// What the audit notices does not depend on the profile.
std::vector<Subject> one_of_each_jit() {
    std::vector<Subject> all = jits();
    const auto same = [](const Subject& a, const Subject& b) { return a.backend->name == b.backend->name; };
    all.erase(std::unique(all.begin(), all.end(), same), all.end());
    return all;
}
INSTANTIATE_TEST_SUITE_P(All, JitAudit, testing::ValuesIn(one_of_each_jit()), subject_name);

} // namespace
} // namespace limpet::conformance
