/// \file
/// Random programs of about 50 instructions: what one instruction leaves behind for the next. Loads and stores, mostly
/// in the window, forward branches, bounded loops, calls and computed jumps, host calls; ends of every kind. Held to
/// Unicorn, in one run and in time slices.
#include "support/encode.h"
#include "support/subjects.h"

#include <array>

namespace limpet::conformance {
namespace {

using rv32::Instruction;
using rv32::Op;
using rv32::Operands;

constexpr uint32_t kPrograms = 2500; // for each of the blocks, which run side by side
constexpr uint64_t kBlocks = 8;
constexpr std::array<uint32_t, 3> kPointers = {2, 8, 9}; ///< registers that point into the data window
constexpr uint32_t kCounter = 15;                        ///< of loops
constexpr uint32_t kLink = 1;                            ///< keeps the return address

bool is_jump(const Instruction& row) { return row.op <= Op::kBgeu && row.op >= Op::kJal; }
bool is_access(const Instruction& row) { return row.op >= Op::kLb && row.op <= Op::kSw; }

/// Writes programs instruction by instruction. Jumps get their distance when all sizes are known.
class Generator {
public:
    Generator(rv32::Isa isa, Random& random) : isa_(isa), random_(random) {}

    Code program(uint32_t instructions) {
        while (items_.size() < instructions) {
            if (random_.chance(4))
                loop();
            else if (random_.chance(3))
                computed_jump();
            else
                add_random();
        }
        end();
        Code code = link();
        if (random_.chance(5)) code.add_halfword(0).add_halfword(0); // illegal in every profile
        return code;
    }

private:
    struct Item {
        const Instruction* row;
        uint32_t insn;
        size_t target = 0; ///< index of the item that a jump goes to; 0: none
    };

    void add(const Instruction& row, uint32_t insn, size_t target = 0) {
        items_.push_back({.row = &row, .insn = insn, .target = target});
    }
    void add(const char* name, Operands operands, size_t target = 0) {
        add(row_named(name), encode(name, operands), target);
    }

    const Instruction& random_row() {
        for (;;) {
            const Instruction& row = random_.pick(std::span<const Instruction>(rv32::kInstructions));
            const bool ends = row.op == Op::kEcall || row.op == Op::kEbreak || row.op == Op::kJalr;
            if (rv32::has(isa_, row.extension) && (!ends || random_.chance(3))) return row;
        }
    }

    /// A register that the rest of the program relies on is rarely overwritten.
    bool spoils(const Operands& o) {
        return o.rd == kCounter || ((o.rd == kLink || o.rd == 2 || o.rd == 8 || o.rd == 9) && !random_.chance(2));
    }

    void add_random() {
        const Instruction& row = random_row();
        uint32_t insn = 0;
        do insn = random_instance(row, random_);
        while (row.op != Op::kJalr && spoils(rv32::operands(row, insn)));
        if (is_access(row) && !random_.chance(3)) insn = aimed(row, insn);
        if (row.op == Op::kHostCall && !random_.chance(5)) insn &= 0x7fffffff; // a known id
        if (is_jump(row) && row.op != Op::kJalr)
            add(row, insn, items_.size() + 1 + random_.below(6));
        else
            add(row, insn);
    }

    /// The same load or store, close to where a pointer points.
    uint32_t aimed(const Instruction& row, uint32_t insn) {
        for (int i = 0; i < 20; ++i) {
            Operands o = rv32::operands(row, insn);
            if (o.rs1 != 2) o.rs1 = size_of(row) == 2 ? kPointers[1 + random_.below(2)] : kPointers[random_.below(3)];
            if (size_of(row) == 4) o.imm = static_cast<uint32_t>(random_.between(-40, 60));
            if (const auto encoded = try_encode(row, o)) return *encoded;
        }
        return insn;
    }

    void loop() {
        add("addi", {.rd = kCounter, .imm = 1 + random_.below(5)});
        const size_t start = items_.size();
        for (uint32_t i = 1 + random_.below(6); i > 0; --i) add_random();
        add("addi", {.rd = kCounter, .rs1 = kCounter, .imm = ~0U});
        add("blt", {.rs2 = kCounter}, start); // also ends when a jump came in without the first addi
    }

    /// auipc and jalr over a few instructions.
    void computed_jump() {
        const uint32_t through = random_.pick({5, 6, 7, 10, 11});
        add("auipc", {.rd = through});
        add("jalr", {.rd = random_.pick({0, 5, 6, through}), .rs1 = through}, items_.size() + 1 + random_.below(4));
    }

    void end() {
        const uint32_t kind = random_.below(10);
        if (kind < 5)
            add("jalr", {.rs1 = kLink});
        else if (kind < 7)
            add("ecall", {});
        else if (kind < 8 && isa_.compressed)
            add("c.jr", {.rs1 = kLink});
        // else the ebreak that fills the rest of the code
    }

    Code link() {
        std::vector<uint32_t> at = {0};
        for (const Item& item : items_) at.push_back(at.back() + size_of(*item.row));
        Code code;
        for (size_t i = 0; i < items_.size(); ++i) {
            const Item& item = items_[i];
            if (item.target == 0) {
                code.add_raw(item.insn);
                continue;
            }
            Operands o = rv32::operands(*item.row, item.insn);
            const size_t target = std::min(item.target, items_.size());
            o.imm = at[target] - at[i] + (item.row->op == Op::kJalr ? 4 : 0); // from the auipc before it
            code.add_raw(encode(item.row->name, o));
        }
        return code;
    }

    rv32::Isa isa_;
    Random& random_;
    std::vector<Item> items_;
};

Vector random_program(Random& random) {
    static const std::array<rv32::Isa, 3> isas = {rv32::isa::rv32e, rv32::isa::rv32ec, rv32::isa::rv32emc};
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

INSTANTIATE_TEST_SUITE_P(Block, Programs, testing::Range(uint64_t{0}, kBlocks));

} // namespace
} // namespace limpet::conformance
