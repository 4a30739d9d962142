/// \file
/// Random programs (support/generator.h): what one instruction leaves behind for the next. Held to Unicorn, in one run
/// and in time slices. And those about the edges of the data window, for what is known of an address from one access to
/// the next.
#include "support/generator.h"
#include "support/subjects.h"

#include <array>

namespace limpet::conformance {
namespace {

constexpr uint32_t kPrograms = 2500; // for each of the blocks, which run side by side
constexpr uint64_t kBlocks = 8;
constexpr uint32_t kEdgePrograms = 300; // for each subject

Vector random_program(Random& random) {
    static const std::array<rv32::Isa, 4> isas = {rv32::isa::rv32e, rv32::isa::rv32ec, rv32::isa::rv32emc,
                                                  rv32::isa::rv32ecx};
    Vector v;
    do v.layout = &random.pick(layouts());
    while (v.layout->data_size < 256);
    const Layout& layout = *v.layout;
    for (uint32_t& x : v.x) x = random.bits() >> random.below(32);
    v.x[0] = 0;
    v.x[kLink] = LIMPET_RETURN_ADDRESS;
    v.x[kCounter] = random.below(5);
    for (const uint32_t pointer : kPointers)
        v.x[pointer] = layout.base + layout.wall + 64 + random.below(layout.data_size - layout.wall - 256);
    v.x[2] &= ~3U;
    Generator generator(isas[random.below(isas.size())], random);
    const Code code = generator.program(20 + random.below(50));
    v.code.assign(code.bytes().begin(), code.bytes().end());
    // Some end where the code does: then the last one runs off it.
    v.code_at = layout.code_start + (random.chance(20) ? (layout.code_size - code.size()) & ~3U : random.below(8) * 4);
    v.pc = v.code_at;
    v.fuel = 2000;
    return v;
}

/// Small ones, so that there is little to prepare, for what backends may know of an address: near the window's edges,
/// which lie where comparisons have an immediate and where not, and not always at a word's end.
constexpr std::array kEdges = {
    Layout{.name = "edges", .base = 0, .data_size = 320, .wall = 64, .code_start = 0x400, .code_size = 192},
    Layout{.name = "odd_edges", .base = 0, .data_size = 253, .wall = 41, .code_start = 0x400, .code_size = 192},
    Layout{.name = "far_wall", .base = 0, .data_size = 800, .wall = 420, .code_start = 0x400, .code_size = 192}};

Vector program_at_edges(rv32::Isa isa, Random& random) {
    Vector v;
    v.layout = &random.pick(std::span<const Layout>(kEdges));
    const Layout& layout = *v.layout;
    v.above_stack = random.pick({0, 0, 12, 64, 130});
    for (uint32_t& x : v.x) x = random.below(layout.data_size) & (random.chance(20) ? ~0U : ~3U);
    v.x[0] = 0;
    v.x[kLink] = LIMPET_RETURN_ADDRESS;
    v.x[2] = (layout.data_size - (random.chance(70) ? v.above_stack : 0)) & ~3U;
    v.x[2] -= 4 * random.below(10);
    for (const uint32_t pointer : {kPointers[1], kPointers[2]})
        v.x[pointer] = (layout.wall + 48 + random.below(layout.data_size - layout.wall - 112)) & ~3U;
    Code code;
    do code = Generator(isa, random, false, &layout).program(12 + random.below(20));
    while (code.size() > layout.code_size);
    v.code.assign(code.bytes().begin(), code.bytes().end());
    v.code_at = layout.code_start;
    v.pc = v.code_at;
    v.fuel = 2000;
    return v;
}

class Programs : public testing::TestWithParam<uint64_t> {};

TEST_P(Programs, AgreeWithUnicorn) {
    Bench bench(subjects());
    Random random(100 + GetParam());
    const uint32_t programs = scaled(kPrograms);
    std::array<uint32_t, LIMPET_RUNNING> ends{};
    uint64_t executed = 0;
    for (uint32_t i = 0; i < programs; ++i) {
        const Vector v = random_program(random);
        const std::string difference = bench.run(v, random.chance(30) ? 1 + random.below(9) : 0);
        if (!difference.empty()) FAIL() << difference;
        ++ends[bench.last().status];
        executed += bench.last().executed;
    }
    // Programs that all end at once would prove nothing.
    EXPECT_GT(executed, uint64_t{programs} * 10);
    if (programs < 1000) return;
    for (const limpet_status end : {LIMPET_RETURN, LIMPET_ILLEGAL, LIMPET_LOAD, LIMPET_STORE, LIMPET_FETCH,
                                    LIMPET_BREAKPOINT, LIMPET_HOST_CALL, LIMPET_ECALL})
        EXPECT_GT(ends[end], programs / 500) << status_name(end);
}

using EdgePrograms = SubjectTest;

TEST_P(EdgePrograms, AgreeWithUnicorn) {
    Bench bench({subject()});
    Random random(7);
    const uint32_t programs = scaled(kEdgePrograms);
    std::array<uint32_t, LIMPET_RUNNING> ends{};
    uint64_t executed = 0;
    for (uint32_t i = 0; i < programs; ++i) {
        const std::string difference = bench.run(program_at_edges(isa(), random));
        if (!difference.empty()) FAIL() << difference;
        ++ends[bench.last().status];
        executed += bench.last().executed;
    }
    EXPECT_GT(executed, uint64_t{programs} * 10);
    if (programs < 100) return;
    for (const limpet_status end : {LIMPET_LOAD, LIMPET_STORE}) EXPECT_GT(ends[end], programs / 5) << status_name(end);
}

INSTANTIATE_FOR_ALL_SUBJECTS(EdgePrograms);
INSTANTIATE_TEST_SUITE_P(Block, Programs, testing::Range(uint64_t{0}, kBlocks));

} // namespace
} // namespace limpet::conformance
