/// \file
/// Each row of the instruction table, thousands of times: a random instance with random registers and memory, held to
/// Unicorn's RV64. Fails when a backend computes, stores, jumps or traps otherwise, at any register, immediate or
/// address that chance and the special values reach.
#include "oracle.h"

#include <algorithm>
#include <cstring>

namespace limpet::conformance::bpf {
namespace {

using limpet::bpf::Format;

constexpr uint32_t kCasesPerRow = 1500; // 157 rows: 235,500
constexpr uint32_t kSlots = 8;
constexpr uint64_t kExit = 0x95;
constexpr uint32_t kFuel = 10;

/// Mostly inside the memory; often close to an edge of something; sometimes beyond 2^32.
uint64_t random_address(const Layout& layout, Random& random) {
    const uint32_t chance = random.below(100);
    if (chance < 45) return layout.base + random.below(layout.size);
    if (chance < 92) {
        const uint32_t edge = random.pick({layout.base, layout.base + layout.wall, layout.base + layout.size, 0});
        return edge + static_cast<uint64_t>(random.between(-9, 9));
    }
    return interesting_value(random);
}

/// Gives the base register of an access the value with which it reaches some address.
void aim(Case& c, const Layout& layout, Random& random) {
    const uint32_t head = limpet::bpf::head(c.insn);
    const Format format = c.row->format;
    if (format != Format::kLoad && format != Format::kStore && format != Format::kAtomic) return;
    const uint32_t base = format == Format::kLoad ? limpet::bpf::src(head) : limpet::bpf::dst(head);
    const uint64_t address = random_address(layout, random);
    c.r[base] = address - static_cast<uint64_t>(int64_t{limpet::bpf::offset(head)});
    // Half of the compare and exchanges find what they expect.
    static const std::vector<uint8_t> memories[] = {initial_memory(kLayouts[0]), initial_memory(kLayouts[1])};
    if (format == Format::kAtomic && base != 0 && random.chance(50) && layout.allows(address, 8, false))
        std::memcpy(&c.r[0], &memories[&layout - kLayouts][address - layout.base], 8);
}

Case random_case(const Instruction& row, const Layout& layout, Random& random) {
    Case c{.row = &row, .insn = random_instance(row, random), .second = 0, .r = {}};
    for (uint64_t& r : c.r) r = interesting_value(random);
    if (row.format == Format::kLoadImmediate) c.second = interesting_value(random) << 32;
    const uint32_t head = limpet::bpf::head(c.insn);
    if (random.chance(25)) c.r[limpet::bpf::dst(head)] = c.r[limpet::bpf::src(head)]; // so that jeq is taken
    if (random.chance(10)) {                                                          // and its form with an immediate
        c.r[limpet::bpf::dst(head)] = static_cast<uint64_t>(int64_t{limpet::bpf::imm(c.insn)});
    }
    aim(c, layout, random);
    return c;
}

/// `insn` at a random place between exits, and jumping to one.
struct Placed {
    Code code = Code(kSlots, kExit);
    uint32_t slot;
    uint32_t target; ///< of a jump

    Placed(const Case& c, Random& random) : slot(random.below(kSlots - 1)), target(slot) {
        while (target == slot) target = random.below(kSlots);
        const auto distance = static_cast<int32_t>(target - slot - 1);
        code[slot] = c.insn;
        if (c.row->offset.use == limpet::bpf::Use::kBranch)
            code[slot] = (c.insn & ~0xffff0000ULL) | static_cast<uint64_t>(static_cast<uint16_t>(distance)) << 16;
        if (c.row->imm.use == limpet::bpf::Use::kBranch)
            code[slot] |= static_cast<uint64_t>(static_cast<uint32_t>(distance)) << 32;
        if (c.row->format != Format::kLoadImmediate) return;
        code[slot + 1] = c.second;
        code.push_back(kExit);
        // Not into its second half.
        while (target == slot || target == slot + 1) target = random.below(kSlots);
    }
};

std::string describe(const Registers& r) {
    std::string text;
    char part[40];
    for (size_t i = 0; i < r.size(); ++i) {
        std::snprintf(part, sizeof part, " r%zu=%llx", i, static_cast<unsigned long long>(r[i]));
        text += part;
    }
    return text;
}

class OneInstruction : public testing::TestWithParam<std::string> {
protected:
    void compare(const Subject& subject, size_t layout, const Case& c, const Placed& placed, const Outcome& want,
                 std::span<const uint8_t> memory) {
        const std::unique_ptr<Guest> guest = make_guest(kLayouts[layout], placed.code);
        ASSERT_EQ(subject.backend->prepare(*guest), LIMPET_RETURN) << subject.name();
        set_registers(*guest, c.r);
        stand_at(*guest, placed.slot);
        const limpet_status status = subject.backend->resume(*guest, kFuel);
        const uint32_t size = limpet::bpf::slots(*c.row);
        const bool trapped = want.status != LIMPET_RETURN;
        const uint32_t pc = trapped ? placed.slot : want.taken ? placed.target : placed.slot + size;
        const std::string context = subject.name() + ": " + c.row->name + " in slot " + std::to_string(placed.slot) +
                                    ", before:" + describe(c.r) + "\nwant:" + describe(want.r) +
                                    "\ngot: " + describe(registers_of(*guest));
        ASSERT_EQ(status, want.status) << context;
        ASSERT_EQ(registers_of(*guest), want.r) << context;
        ASSERT_EQ(guest->vm.pc, pc * kSlotBytes) << context;
        if (trapped) {
            ASSERT_EQ(guest->vm.trap_address, want.trap_address) << context;
        }
        if (subject.backend->counts_exactly) {
            ASSERT_EQ(kFuel - guest->vm.fuel, trapped ? 0U : 2U) << context;
        }
        ASSERT_TRUE(std::ranges::equal(guest->memory(), memory)) << context;
    }
};

TEST_P(OneInstruction, AgreesWithUnicorn) {
    const Instruction& row = *std::ranges::find(kInstructions, GetParam(), &Instruction::name);
    Random random(row.opcode + row.imm.value * 256U + row.offset.value * 65536U);
    const uint32_t cases = scaled(kCasesPerRow);
    for (size_t layout = 0; layout < std::size(kLayouts); ++layout) {
        Oracle oracle(kLayouts[layout]);
        for (uint32_t i = 0; i < cases; ++i) {
            const Case c = random_case(row, kLayouts[layout], random);
            const Outcome want = oracle.run(c);
            const Placed placed(c, random);
            for (const Subject& subject : subjects()) {
                // An emulated case costs fifty times as much.
                if (subject.mcu && (layout != 0 || i % 8 != 0)) continue;
                compare(subject, layout, c, placed, want, oracle.memory());
                if (HasFatalFailure()) return;
            }
        }
    }
}

std::vector<std::string> row_names() {
    std::vector<std::string> names;
    for (const Instruction& row : kInstructions)
        if (row.format != Format::kCall && row.format != Format::kExit) names.emplace_back(row.name);
    return names;
}

INSTANTIATE_TEST_SUITE_P(Row, OneInstruction, testing::ValuesIn(row_names()),
                         [](const auto& row) { return row.param; });

} // namespace
} // namespace limpet::conformance::bpf
