/// \file
/// Post-link relaxation (interp/image/relax_code.h): random programs of rv32ec, as they are and relaxed for rv32ecx,
/// end alike: the same registers, memory, executed instructions, and trap at the instruction that it was.
#include "../interp/image/relax_code.h"
#include "support/generator.h"
#include "support/host_calls.h"
#include "support/subjects.h"

#include <algorithm>
#include <bit>

namespace limpet::conformance {
namespace {

constexpr uint32_t kPrograms = 12500; // for each of the blocks, which run side by side
constexpr uint64_t kBlocks = 8;

/// Code where no number of a random program leads.
constexpr Layout kFar{
    .name = "far", .base = 0, .data_size = 1024, .wall = 256, .code_start = 0x00654320, .code_size = 512};

Vector random_program(Random& random) {
    Vector v;
    v.layout = &kFar;
    for (uint32_t& x : v.x) x = random.bits() >> random.below(32);
    v.x[0] = 0;
    v.x[kLink] = LIMPET_RETURN_ADDRESS;
    v.x[kCounter] = random.below(5);
    for (const uint32_t pointer : kPointers) v.x[pointer] = kFar.wall + 64 + random.below(600);
    v.x[2] &= ~3U;
    const Code code = Generator(rv32::isa::rv32ec, random, true).program(20 + random.below(50));
    v.code.assign(code.bytes().begin(), code.bytes().end());
    v.pc = v.code_at = kFar.code_start;
    v.fuel = 500;
    return v;
}

const Backend& reference(std::string_view isa) { return *find_backend(isa, "rv32-switch"); }

class Relaxation : public testing::TestWithParam<uint64_t> {
protected:
    Relaxation() {
        for (Arena* arena : {&plain_, &short_}) arena->guest.host.call = test_host_call;
    }

    /// Runs both; "" when they end alike.
    std::string difference(const Vector& v, const Vector& relaxed, const RelaxedCode& code) {
        plain_.start(v);
        short_.start(relaxed);
        const limpet_status wanted = reference("rv32ec").resume(plain_.guest, v.fuel);
        const limpet_status got = reference("rv32ecx").resume(short_.guest, v.fuel);
        const limpet_vm& a = plain_.guest.vm;
        const limpet_vm& b = short_.guest.vm;
        std::string text;
        if (wanted != got) text += std::string(" status ") + status_name(wanted) + ", relaxed " + status_name(got);
        if (moved(code, v, a.pc) != b.pc) text += " pc";
        if (a.fuel != b.fuel) text += " executed";
        if (a.trap_address != b.trap_address) text += " trap address";
        for (uint32_t i = 0; i < 16; ++i)
            if (a.x[i] != b.x[i] && (i != kLink || moved(code, v, a.x[i]) != b.x[i])) text += " x" + std::to_string(i);
        if (!std::ranges::equal(plain_.data(), short_.data())) text += " memory";
        return text.empty() ? "" : describe(v, rv32::isa::rv32ec) + describe(relaxed, rv32::isa::rv32ecx) + text;
    }

    [[nodiscard]] uint32_t result() const { return plain_.guest.vm.status; }

private:
    static uint32_t moved(const RelaxedCode& code, const Vector& v, uint32_t address) {
        return address - v.code_at <= v.code.size() ? code.moved(address) : address;
    }

    Arena plain_{kFar, rv32::isa::rv32ec};
    Arena short_{kFar, rv32::isa::rv32ecx};
};

TEST_P(Relaxation, ChangesNothingButSizes) {
    Random random(300 + GetParam());
    uint64_t bytes = 0;
    uint64_t relaxed_bytes = 0;
    uint32_t ends = 0; // statuses that programs ended with, as a set
    const uint32_t programs = scaled(kPrograms);
    for (uint32_t i = 0; i < programs; ++i) {
        const Vector v = random_program(random);
        RelaxedCode code(v.code, v.code_at, rv32::isa::rv32ecx);
        code.shrink();
        Vector relaxed = v;
        relaxed.code = code.bytes();
        const std::string text = difference(v, relaxed, code);
        if (!text.empty()) FAIL() << text;
        ends |= 1U << result();
        bytes += v.code.size();
        relaxed_bytes += relaxed.code.size();
    }
    EXPECT_LT(relaxed_bytes, bytes * 95 / 100);
    // Programs that all end in the same way would prove little.
    if (programs >= 100) {
        EXPECT_EQ(std::popcount(ends), 9);
    }
}

INSTANTIATE_TEST_SUITE_P(Block, Relaxation, testing::Range(uint64_t{0}, kBlocks));

/// An address of code in lui and addi becomes another. Below 2 KiB lui loads 0, which c.lui cannot; and what was small
/// enough for c.addi may no longer be.
TEST(RelaxedAddresses, Follow) {
    for (const auto& [start, address] : {std::pair(0x830U, 0x1008U), std::pair(0x10U, 0xfd8U)}) {
        Code code;
        code.add("lui", {.rd = 10, .imm = 0x1000});
        code.add("addi", {.rd = 10, .rs1 = 10, .imm = address - 0x1000});
        while (start + code.size() < address) code.add("limpet.call", {.imm = 3});
        code.add("jalr", {.rs1 = 1});
        RelaxedCode relaxed(code.bytes(), start, rv32::isa::rv32ecx);
        relaxed.hold(start, Holds::kHigh, address);
        relaxed.hold(start + 4, Holds::kLow, address);
        relaxed.shrink();
        const std::vector<uint8_t> bytes = relaxed.bytes();
        const auto half = [&](size_t at) { return bytes[at] | static_cast<uint32_t>(bytes[at + 1]) << 8; };
        const uint32_t high = half(0);
        const uint32_t low = half(2) | half(4) << 16;
        EXPECT_EQ(relaxed.moved(address), start + bytes.size() - 2);
        const rv32::Instruction* row = rv32::find_instruction(rv32::isa::rv32ecx, high);
        ASSERT_NE(row, nullptr);
        EXPECT_EQ(operands(*row, high).imm + operands(row_named("addi"), low).imm, relaxed.moved(address));
    }
}

} // namespace
} // namespace limpet::conformance
