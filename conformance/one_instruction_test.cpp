/// \file
/// Each row of the instruction table, thousands of times: a random instance with random registers and memory, held to
/// Unicorn. Fails when a backend computes, stores, links, jumps or traps otherwise, at any register, immediate or
/// address that chance and the special values below reach.
#include "support/encode.h"
#include "support/subjects.h"

#include <algorithm>

namespace limpet::conformance {
namespace {

constexpr uint32_t kCasesPerRow = 12288; // 86 rows: 1.06 million

uint32_t interesting_value(Random& random) {
    switch (random.below(6)) {
    case 0:
        return random.pick({0, 1, 2, 31, 32, 0xff, 0x80, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0x80000001});
    case 1: return 0 - random.pick({1, 2, 31, 32, 0x80, 0x81, 0x8000, 0x8001});
    case 2: return 1U << random.below(32);
    case 3: return random.bits() >> random.below(32);
    default: return random.bits();
    }
}

/// An address for a load or store: mostly inside the data window; often close to an edge of something.
uint32_t data_address(const Layout& layout, Random& random) {
    const uint32_t chance = random.below(100);
    if (chance < 45) return layout.base + random.below(layout.data_size);
    if (chance < 92) {
        const uint32_t edge = random.pick({layout.base, layout.base + layout.wall, layout.data_end(), layout.code_start,
                                           layout.code_end(), layout.read_only.start,
                                           layout.read_only.start + layout.read_only.size, 0, 0x80000000});
        return edge + static_cast<uint32_t>(random.between(-6, 6));
    }
    return random.bits();
}

/// A target for a jump: mostly inside the code.
uint32_t code_address(const Layout& layout, Random& random) {
    const uint32_t chance = random.below(100);
    if (chance < 50) return layout.code_start + random.below(layout.code_size);
    if (chance < 65) return layout.code_start + (random.below(layout.code_size) & ~3U);
    if (chance < 90)
        return random.pick({layout.code_start, layout.code_end(), LIMPET_RETURN_ADDRESS, layout.base, layout.gap.start,
                            layout.gap.start + layout.gap.size}) +
               static_cast<uint32_t>(random.between(-5, 5));
    return random.bits();
}

/// Gives the base register the value with which this load, store or jump reaches `address`.
void aim(Vector& v, const rv32::Operands& operands, uint32_t address) {
    if (operands.rs1 != 0) v.x[operands.rs1] = address - operands.imm;
}

/// Anywhere, but often first or last in the code, and mostly where rv32e can run it.
uint32_t code_place(const Layout& layout, uint32_t size, Random& random) {
    const uint32_t last = (layout.code_size - size) & ~1U;
    if (layout.gap.size != 0 && random.chance(5)) return layout.gap.start - size;
    const uint32_t offset = random.chance(10) ? 0 : random.chance(10) ? last : random.below(last / 2 + 1) * 2;
    return layout.code_start + (random.chance(60) ? offset & ~3U : offset);
}

Vector random_vector(const rv32::Instruction& row, Random& random) {
    Vector v;
    v.layout = &random.pick(layouts());
    const Layout& layout = *v.layout;
    for (uint32_t& x : v.x) x = interesting_value(random);
    const uint32_t insn = random_instance(row, random);
    const rv32::Operands operands = rv32::operands(row, insn);
    switch (row.op) {
    case rv32::Op::kJalr: aim(v, operands, code_address(layout, random)); break;
    case rv32::Op::kLb:
    case rv32::Op::kLh:
    case rv32::Op::kLw:
    case rv32::Op::kLbu:
    case rv32::Op::kLhu:
    case rv32::Op::kSb:
    case rv32::Op::kSh:
    case rv32::Op::kSw: aim(v, operands, data_address(layout, random)); break;
    default:
        if (operands.rs1 != 0 && random.chance(30)) v.x[operands.rs1] = v.x[operands.rs2]; // so that beq is taken
    }
    v.x[0] = 0;
    Code code;
    code.add_raw(insn);
    v.code.assign(code.bytes().begin(), code.bytes().end());
    do v.code_at = code_place(layout, code.size(), random);
    while (layout.code_left(v.code_at) < code.size());
    v.pc = v.code_at;
    v.fuel = 4; // one, the ebreak it comes to, and a jump to itself never ends
    return v;
}

class OneInstruction : public testing::TestWithParam<std::string> {};

TEST_P(OneInstruction, AgreesWithUnicorn) {
    const rv32::Instruction& row = row_named(GetParam());
    Bench bench(subjects(), Bench::Isas::kInTurn);
    Random random(row.match * 64 + row.mask);
    const uint32_t cases = scaled(kCasesPerRow);
    for (uint32_t tried = 0; bench.ran() < cases; ++tried) {
        ASSERT_LT(tried, 2 * cases) << "too few cases that the oracle can judge";
        const Vector v = random_vector(row, random);
        const std::string difference = bench.run(v);
        if (!difference.empty()) FAIL() << difference;
    }
}

std::vector<std::string> row_names() {
    std::vector<std::string> names;
    for (const rv32::Instruction& row : rv32::kInstructions) names.emplace_back(row.name);
    return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::ranges::replace(name, '.', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Row, OneInstruction, testing::ValuesIn(row_names()), test_name);

} // namespace
} // namespace limpet::conformance
