/// \file
/// rv32dense. Random programs of rv32ec, as they are and as dense code, end alike: the same registers, memory, and trap
/// at the instruction that it was. And arbitrary bytes do on rv32-dense's object code what they mean (dense_model.h);
/// the machine that runs it stops at any access that is not allowed.
#include "support/dense_model.h"
#include "support/generator.h"
#include "support/host_calls.h"
#include "support/subjects.h"

#include "../interp/rv32/dense_1.h"
#include "../interp/rv32/disasm.h"
#include "../variants/thumb/backend.h"

#include <algorithm>
#include <bit>

namespace limpet::conformance {
namespace {

constexpr uint32_t kPrograms = 1000; // for each of the blocks, which run side by side
constexpr uint32_t kBytePrograms = 10000;
constexpr uint64_t kBlocks = 4;

/// Code where no number of a random program leads.
constexpr Layout kFar{
    .name = "far", .base = 0, .data_size = 1024, .wall = 256, .code_start = 0x00654320, .code_size = 1024};

const Backend& dense() { return *find_backend("rv32dense", "rv32-dense"); }

/// A guest with nothing in its code window but some code.
class Place {
public:
    Place()
        : guest_({.data_size = kFar.data_size,
                  .writable_start = kFar.wall,
                  .code_start = kFar.code_start,
                  .code_size = kFar.code_size},
                 0, {}, code_) {
        guest_.host.call = test_host_call;
    }

    Guest& start(const Registers& x, std::span<const uint8_t> code) {
        code_.assign(code.begin(), code.end());
        for (uint32_t i = 0; i < LIMPET_GUARD_BYTES; ++i) code_.push_back(i % 2 == 0 ? LIMPET_GUARD : 0);
        guest_.host.code = code_.data();
        guest_.vm.window.code_size = static_cast<uint32_t>(code.size());
        std::ranges::copy(initial_, guest_.memory().begin());
        std::ranges::copy(x, guest_.vm.x);
        guest_.vm.pc = kFar.code_start;
        guest_.vm.trap_address = 0;
        guest_.vm.status = LIMPET_FUEL;
        return guest_;
    }

private:
    std::vector<uint8_t> code_ = std::vector<uint8_t>(kFar.code_size);
    std::vector<uint8_t> initial_ = initial_data(kFar);
    Guest guest_;
};

Registers random_registers(Random& random) {
    Registers x{};
    for (uint32_t& r : x) r = random.bits() >> random.below(32);
    x[0] = 0;
    x[kLink] = LIMPET_RETURN_ADDRESS;
    x[kCounter] = random.below(5);
    for (const uint32_t pointer : kPointers) x[pointer] = kFar.wall + 64 + random.below(600);
    if (random.chance(20)) x[kPointers[1]] = (random.chance(50) ? kFar.data_size : kFar.wall) - random.below(8);
    return x;
}

bool has_trap_address(limpet_status status) {
    return status == LIMPET_LOAD || status == LIMPET_STORE || status == LIMPET_FETCH;
}

/// What of b is not as in a; `original` tells what addresses of code in b are in a.
std::string difference(const Guest& a, const Guest& b, auto&& original) {
    std::string text;
    const auto status = static_cast<limpet_status>(a.vm.status);
    if (a.vm.status != b.vm.status)
        text += std::string(" status ") + status_name(status) + ", dense " +
                status_name(static_cast<limpet_status>(b.vm.status));
    if (a.vm.pc != original(b.vm.pc))
        text += std::string(" ") + status_name(status) + " pc " + std::to_string(a.vm.pc - kFar.code_start) +
                ", dense " + std::to_string(b.vm.pc - kFar.code_start);
    if (has_trap_address(status) && (a.vm.trap_address | 1) != (original(b.vm.trap_address) | 1))
        text += " trap address";
    for (uint32_t i = 0; i < 16; ++i)
        if (a.vm.x[i] != b.vm.x[i] && (i != kLink || a.vm.x[i] != original(b.vm.x[i])))
            text += " x" + std::to_string(i);
    if (!std::ranges::equal(a.memory(), b.memory())) text += " memory";
    return text;
}

std::string listing(std::span<const uint8_t> code) {
    std::string text;
    for (size_t at = 0; at < code.size();) {
        const DenseInstruction found = read_dense(code.subspan(at));
        for (uint32_t i = 0; i < found.length; ++i)
            text += "\n    " + std::to_string(at) + ": " +
                    rv32::disassemble(found.op[i], found.operands[i], static_cast<uint32_t>(at));
        if (found.length == 0) text += "\n    " + std::to_string(at) + ": " + std::to_string(code[at]);
        at += std::max(found.size, 1U);
    }
    return text;
}

class Dense : public testing::TestWithParam<uint64_t> {
protected:
    Place plain_;
    Place dense_;
};

TEST_P(Dense, DoesWhatItWasMadeFrom) {
    Random random(700 + GetParam());
    uint32_t ends = 0; // statuses that programs ended with, as a set
    const uint32_t programs = scaled(kPrograms);
    for (uint32_t i = 0; i < programs; ++i) {
        const Registers x = random_registers(random);
        Code source = Generator(rv32::isa::rv32ec, random, true).program(20 + random.below(50));
        source.add("ebreak", {}); // dense code may be filled up, so that a jump behind its end is inside
        const RelaxedCode plain(source.bytes(), kFar.code_start, rv32::isa::rv32ec);
        const DenseCode code(plain, {});
        Guest& a = plain_.start(x, source.bytes());
        if (find_backend("rv32ec", "rv32-switch")->resume(a, 500) == LIMPET_FUEL) continue;
        Guest& b = dense_.start(x, code.bytes());
        ASSERT_EQ(dense().prepare(b), LIMPET_RETURN);
        (void)dense().resume(b, 500);
        // rv32dense leaves bit 0 of what jalr jumps to.
        if (b.vm.status == LIMPET_FETCH && b.vm.trap_address == (LIMPET_RETURN_ADDRESS | 1)) continue;
        const std::string text = difference(a, b, [&](uint32_t address) { return code.original(address); });
        ASSERT_EQ(text, "") << listing(code.bytes());
        ends |= 1U << a.vm.status;
    }
    // Programs that all end in the same way would prove little.
    if (programs >= 1000) {
        EXPECT_EQ(std::popcount(ends), 8);
    }
}

TEST_P(Dense, IsWhatItsBytesSay) {
    Random random(800 + GetParam());
    uint32_t ends = 0;
    const uint32_t programs = scaled(kBytePrograms);
    for (uint32_t i = 0; i < programs; ++i) {
        const Registers x = random_registers(random);
        std::vector<uint8_t> code(2 + 2 * random.below(15));
        for (uint8_t& byte : code) byte = static_cast<uint8_t>(random.bits());
        // Escapes name all operations seldom by themselves.
        if (random.chance(50)) {
            const size_t at = random.below(static_cast<uint32_t>(code.size() - 1));
            code[at] = static_cast<uint8_t>(rv32::dense::kDense1Size + random.below(rv32::dense::kEscapes));
            code[at + 1] = static_cast<uint8_t>(random.below(rv32::dense::kEscapedCount + 2));
        }
        Guest& a = plain_.start(x, code);
        const uint32_t budget = random.chance(20) ? random.below(10) : 40;
        const limpet_status wanted = DenseModel(a).resume(budget);
        Guest& b = dense_.start(x, code);
        uint32_t left = budget;
        const uint32_t slice = random.chance(10) ? 1 + random.below(3) : budget;
        do {
            const uint32_t fuel = std::min(left, slice);
            ASSERT_EQ(dense().resume(b, fuel), b.vm.status);
            left -= fuel - b.vm.fuel;
        } while (b.vm.status == LIMPET_FUEL && left != 0);
        b.vm.fuel = left;
        std::string text = difference(a, b, [](uint32_t address) { return address; });
        if (a.vm.fuel != b.vm.fuel) text += " fuel";
        ASSERT_EQ(text, "") << listing(code);
        ends |= 1U << wanted;
    }
    if (programs >= 1000) {
        EXPECT_EQ(std::popcount(ends), 9);
    }
}

INSTANTIATE_TEST_SUITE_P(Block, Dense, testing::Range(uint64_t{0}, kBlocks));

/// Loads and stores of each width at the ends of what may be loaded and stored.
TEST(DenseMemory, EndsWhereItEnds) {
    using rv32::dense::kEscaped;
    Place model;
    Place place;
    for (uint32_t op = 0; op < rv32::dense::kEscapedCount; ++op) {
        if (!rv32::dense::is_load_or_store(kEscaped[op])) continue;
        for (const uint32_t edge : {kFar.data_size, kFar.wall, 0U})
            for (uint32_t address = edge - 5; address != edge + 2; ++address) {
                Registers x{};
                x[9] = address;
                x[10] = 0x81828384;
                const std::vector<uint8_t> code = {rv32::dense::kDense1Size, static_cast<uint8_t>(op), 0x9a, 0};
                Guest& a = model.start(x, code);
                Guest& b = place.start(x, code);
                (void)DenseModel(a).resume(1);
                (void)dense().resume(b, 1);
                ASSERT_EQ(difference(a, b, [](uint32_t same) { return same; }), "") << op << " at " << address;
            }
    }
}

/// What limpet.h says of when a guest may be called, and what limpet_prepare refuses.
TEST(DenseLifecycle, IsThatOfEveryBackend) {
    const std::vector<uint8_t> source = {0x05, 0x05, 0x82, 0x80}; // c.addi a0, 1; c.jr ra
    const DenseCode code(RelaxedCode(source, kFar.code_start, rv32::isa::rv32ec), {});
    Place place;
    Guest& guest = place.start({}, code.bytes());
    EXPECT_EQ(dense().prepare(guest), LIMPET_RETURN);
    EXPECT_EQ(dense().call(guest, kFar.code_start, 10), LIMPET_REFUSED);
    guest.vm.status = LIMPET_RETURN;
    for (uint32_t& x : guest.vm.x) x = 5;
    EXPECT_EQ(dense().call(guest, kFar.code_start, 0), LIMPET_FUEL);
    EXPECT_EQ(guest.vm.x[1], LIMPET_RETURN_ADDRESS);
    EXPECT_EQ(guest.vm.x[2], guest.host.stack_top);
    for (unsigned i = 3; i < 10; ++i) EXPECT_EQ(guest.vm.x[i], 0U) << i;
    EXPECT_EQ(dense().resume(guest, 10), LIMPET_RETURN);
    EXPECT_EQ(guest.vm.x[10], 6U);
    EXPECT_EQ(guest.vm.pc, LIMPET_RETURN_ADDRESS);
    EXPECT_EQ(dense().resume(guest, 10), LIMPET_REFUSED);
    for (const uint32_t entry : {kFar.code_start - 1, kFar.code_start + static_cast<uint32_t>(code.bytes().size())}) {
        guest.vm.status = LIMPET_ECALL;
        EXPECT_EQ(dense().call(guest, entry, 10), LIMPET_FETCH);
        EXPECT_EQ(guest.vm.trap_address, entry);
        EXPECT_EQ(dense().call(guest, entry, 10), LIMPET_REFUSED);
    }
    guest.vm.window.code_size -= 2; // where no guard is
    EXPECT_EQ(dense().prepare(guest), LIMPET_REFUSED);
    const auto& library = dynamic_cast<const thumb::ThumbBackend&>(dense());
    EXPECT_LE(library.machine().deepest_stack_bytes(), 64U);
    EXPECT_GE(library.machine().deepest_stack_bytes(), 20U);
}

/// Each code of the table is read as it was written down.
TEST(DenseTable, IsOnePageOfCodes) {
    for (uint32_t number = 0; number < 256; ++number) {
        std::vector<uint8_t> code(8);
        code[0] = static_cast<uint8_t>(number);
        const DenseInstruction found = read_dense(code);
        EXPECT_GE(found.size, 1U);
        EXPECT_GE(found.length, 1U) << number;
        EXPECT_EQ(read_dense(std::span(code).first(found.size - 1)).size, 0U) << number;
    }
}

} // namespace
} // namespace limpet::conformance
