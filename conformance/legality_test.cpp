/// \file
/// Does a backend execute exactly the encodings that are legal? All of 16 bits, and of 32 bits every combination of
/// opcode, funct3, funct7 and the bits that name x16 to x31, with the rest at random. An illegal encoding must trap
/// and leave everything as it was; a legal one may do anything else.
#include "support/encode.h"
#include "support/subjects.h"

#include <algorithm>
#include <memory>

namespace limpet::conformance {
namespace {

class Legality : public SubjectTest {
protected:
    /// Empty when the backend agrees with the table about insn.
    std::string judge(uint32_t insn) {
        const rv32::Instruction* row = rv32::find_instruction(isa(), insn);
        if (row != nullptr && size_of(*row) == 4 && row->op <= rv32::Op::kBgeu) {
            const rv32::Operands o = rv32::operands(*row, insn);
            const bool is_indirect = row->op == rv32::Op::kJalr;
            const uint32_t distance = is_indirect ? ((vector_.x[o.rs1] + o.imm) & ~1U) - vector_.pc : o.imm;
            if (distance == 2) return ""; // a jump into itself: what it comes to need not be an instruction
        }
        vector_.code = {static_cast<uint8_t>(insn), static_cast<uint8_t>(insn >> 8), static_cast<uint8_t>(insn >> 16),
                        static_cast<uint8_t>(insn >> 24)};
        if (isa().compressed && (insn & 3) != 3) vector_.code.resize(2);
        arena_->start(vector_);
        if (translates_ && backend().prepare(arena_->guest) != LIMPET_RETURN) return "prepare refused";
        const limpet_status status = backend().resume(arena_->guest, 4);
        const bool legal = row != nullptr;
        if ((status != LIMPET_ILLEGAL) != legal)
            return describe(vector_, isa()) + (legal ? "\n  is legal, but: " : "\n  is illegal, but: ") +
                   status_name(status);
        const limpet_vm& vm = arena_->guest.vm;
        if (!legal && (vm.pc != vector_.pc || !std::ranges::equal(vm.x, vector_.x) || !data_intact()))
            return describe(vector_, isa()) + "\n  was refused but changed something";
        return "";
    }

    void SetUp() override {
        Random random(3);
        use(layouts()[0]);
        // Values that loads, stores and jumps can do something with.
        for (uint32_t& x : vector_.x) x = 256 + random.below(700);
        vector_.x[0] = 0;
        ASSERT_EQ(backend().prepare(arena_->guest), LIMPET_RETURN);
        translates_ = arena_->guest.host.prepared_size != 0;
        if (translates_) use(kShort);
    }

    /// Is each case translated in an emulator? That takes much longer than to run it.
    [[nodiscard]] bool is_slow() const { return translates_ && subject().mcu; }
    /// Does a profile with more than rv32ec take these 16 bits as that does?
    [[nodiscard]] bool is_as_in_rv32ec(uint32_t insn) const {
        constexpr rv32::Isa less = rv32::isa::rv32ec;
        return isa().compressed && isa() != less &&
               rv32::find_instruction(isa(), insn) == rv32::find_instruction(less, insn);
    }

private:
    /// Like layouts()[0], with little code: all of it is translated for each case.
    static constexpr Layout kShort{
        .name = "short", .base = 0, .data_size = 1024, .wall = 256, .code_start = 1024, .code_size = 12};

    void use(const Layout& layout) {
        vector_.layout = &layout;
        vector_.pc = vector_.code_at = layout.code_start + 4;
        arena_ = std::make_unique<Arena>(layout, isa());
        data_ = initial_data(layout);
    }

    bool data_intact() { return std::ranges::equal(arena_->data(), data_); }

    Vector vector_;
    std::unique_ptr<Arena> arena_;
    std::vector<uint8_t> data_;
    bool translates_ = false;
};

TEST_P(Legality, AllShortEncodings) {
    for (uint32_t insn = 0; insn < 0x10000; ++insn) {
        if ((insn & 3) == 3) continue; // the first half of a longer one
        if (is_slow() && is_as_in_rv32ec(insn) && insn % 32 > 3) continue;
        const std::string wrong = judge(insn);
        ASSERT_TRUE(wrong.empty()) << wrong;
    }
}

TEST_P(Legality, LongEncodings) {
    Random random(4);
    const uint32_t samples = subject().mcu ? 1 : 8; // an emulated case costs 50 times as much
    const uint32_t stride = is_slow() || (subject().mcu && isa().xlimpet) ? 16 : 1; // of Xlimpet all have 16 bits
    for (uint32_t first = 0; first < 1U << 18; first += stride) {
        const uint32_t key = first + random.below(stride);
        const uint32_t fixed = (key & 0x1f) << 2 | ((key >> 5) & 7) << 12 | (key >> 8 & 0x7f) << 25 |
                               (key >> 15 & 1) << 11 | (key >> 16 & 1) << 19 | (key >> 17 & 1) << 24 | 3;
        for (uint32_t i = 0; i < samples; ++i) {
            const uint32_t rest = random.bits() & 0x00f70780; // rd, rs1 and rs2 but for their top bits
            const std::string wrong = judge(fixed | rest);
            ASSERT_TRUE(wrong.empty()) << wrong;
        }
    }
}

/// SYSTEM and custom-0 have two legal encodings, and one per id: bits that no field of the sample above isolates.
TEST_P(Legality, SystemAndHostCallsOneBitOff) {
    for (const uint32_t legal : {0x00000073U, 0x00100073U, 0x0000000bU, 0xfff0000bU, 0x0000000fU, 0x00008067U})
        for (uint32_t a = 0; a < 32; ++a)
            for (uint32_t b = a; b < 32; ++b) {
                const std::string wrong = judge(legal ^ 1U << a ^ (a == b ? 0 : 1U << b));
                ASSERT_TRUE(wrong.empty()) << wrong;
            }
}

INSTANTIATE_FOR_ALL_SUBJECTS(Legality);

} // namespace
} // namespace limpet::conformance
