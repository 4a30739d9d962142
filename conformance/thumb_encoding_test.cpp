/// \file
/// The Thumb encoders of bpf-alu32, each with every register and the edges of its immediate, as llvm reads them; and
/// the table by which rv32-jit's code is taken apart.
#include "support/llvm.h"
#include "support/thumb_forms.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace limpet::conformance {
namespace {

namespace t = bpf_alu32::thumb;

std::string name(uint32_t r) {
    if (r == 13) return "sp";
    return r == 14 ? "lr" : "r" + std::to_string(r);
}
std::string immediate(int32_t value) { return "#" + std::to_string(value); }

/// Encodings, and the text that each must have.
class Encodings {
public:
    void add(uint32_t encoding, const std::string& text) {
        EXPECT_LE(encoding, 0xffffU) << text;
        code_.push_back(static_cast<uint16_t>(encoding));
        texts_.push_back(text);
    }
    void add(uint32_t first, uint32_t second, const std::string& text) {
        code_.push_back(static_cast<uint16_t>(first));
        add(second, text);
    }
    void expect_as_llvm_reads() const {
        const std::vector<std::string> read = llvm_thumb_text(code_);
        ASSERT_EQ(read.size(), texts_.size());
        for (size_t i = 0; i < read.size(); ++i) EXPECT_EQ(read[i], texts_[i]);
    }

private:
    std::vector<uint16_t> code_;
    std::vector<std::string> texts_;
};

TEST(ThumbEncoding, OfTwoLowRegisters) {
    using Encoder = uint32_t(uint32_t, uint32_t);
    struct Row {
        Encoder* encode;
        const char* mnemonic;
        const char* rest = "";
    };
    Encodings encodings;
    for (const Row& row : {Row{t::movs, "movs"}, Row{t::ands, "ands"}, Row{t::eors, "eors"}, Row{t::lsls_by, "lsls"},
                           Row{t::lsrs_by, "lsrs"}, Row{t::asrs_by, "asrs"}, Row{t::sbcs, "sbcs"}, Row{t::cmp, "cmp"},
                           Row{t::negs, "rsbs", ", #0"}, Row{t::orrs, "orrs"}, Row{t::bics, "bics"},
                           Row{t::mvns, "mvns"}, Row{t::tst, "tst"}, Row{t::uxth, "uxth"}, Row{t::rev, "rev"},
                           Row{t::rev16, "rev16"}, Row{t::sxth, "sxth"}, Row{t::sxtb, "sxtb"}, Row{t::uxtb, "uxtb"}})
        for (uint32_t d = 0; d < 8; ++d)
            for (uint32_t m = 0; m < 8; ++m)
                encodings.add(row.encode(d, m), std::string(row.mnemonic) + "\t" + name(d) + ", " + name(m) + row.rest);
    for (uint32_t d = 0; d < 8; ++d)
        for (uint32_t m = 0; m < 8; ++m)
            encodings.add(t::muls(d, m), "muls\t" + name(d) + ", " + name(m) + ", " + name(d));
    encodings.expect_as_llvm_reads();
}

TEST(ThumbEncoding, OfThreeLowRegisters) {
    using Encoder = uint32_t(uint32_t, uint32_t, uint32_t);
    struct Row {
        Encoder* encode;
        const char* mnemonic;
        bool memory;
    };
    Encodings encodings;
    for (const Row& row : {Row{t::adds, "adds", false}, Row{t::subs, "subs", false}, Row{t::str_at, "str", true},
                           Row{t::strh_at, "strh", true}, Row{t::strb_at, "strb", true}, Row{t::ldr_at, "ldr", true},
                           Row{t::ldrh_at, "ldrh", true}, Row{t::ldrb_at, "ldrb", true},
                           Row{t::ldrsh_at, "ldrsh", true}, Row{t::ldrsb_at, "ldrsb", true}})
        for (uint32_t d = 0; d < 8; ++d)
            for (uint32_t n = 0; n < 8; ++n)
                for (uint32_t m = 0; m < 8; ++m) {
                    const std::string operands =
                        row.memory ? "[" + name(n) + ", " + name(m) + "]" : name(n) + ", " + name(m);
                    encodings.add(row.encode(d, n, m), std::string(row.mnemonic) + "\t" + name(d) + ", " + operands);
                }
    encodings.expect_as_llvm_reads();
}

TEST(ThumbEncoding, OfImmediates) {
    Encodings encodings;
    for (uint32_t d = 0; d < 8; ++d) {
        const uint32_t m = (d + 3) % 8;
        const std::string both = "\t" + name(d) + ", " + name(m) + ", ";
        for (uint32_t imm = 1; imm < 32; ++imm) {
            encodings.add(t::lsls(d, m, imm), "lsls" + both + immediate(imm));
            encodings.add(t::lsrs(d, m, imm), "lsrs" + both + immediate(imm));
            encodings.add(t::asrs(d, m, imm), "asrs" + both + immediate(imm));
        }
        for (uint32_t imm = 1; imm < 8; ++imm) {
            encodings.add(t::adds_imm3(d, m, imm), "adds" + both + immediate(imm));
            encodings.add(t::subs_imm3(d, m, imm), "subs" + both + immediate(imm));
        }
        for (const uint32_t imm : {0U, 1U, 127U, 128U, 255U}) {
            const std::string operands = "\t" + name(d) + ", " + immediate(imm);
            encodings.add(t::movs_imm8(d, imm), "movs" + operands);
            encodings.add(t::cmp_imm8(d, imm), "cmp" + operands);
            encodings.add(t::adds_imm8(d, imm), "adds" + operands);
            encodings.add(t::subs_imm8(d, imm), "subs" + operands);
        }
        encodings.add(t::ldr_literal(d, 8 * d),
                      "ldr\t" + name(d) + ", [pc, " + immediate(8 * static_cast<int32_t>(d)) + "]");
        for (uint32_t i = 1; i < 32; ++i) {
            const auto at = [&](uint32_t size) {
                return "\t" + name(d) + ", [" + name(m) + ", " + immediate(i * size) + "]";
            };
            encodings.add(t::ldr(d, m, 4 * i), "ldr" + at(4));
            encodings.add(t::str(d, m, 4 * i), "str" + at(4));
            encodings.add(t::ldrh(d, m, 2 * i), "ldrh" + at(2));
            encodings.add(t::strh(d, m, 2 * i), "strh" + at(2));
            encodings.add(t::ldrb(d, m, i), "ldrb" + at(1));
            encodings.add(t::strb(d, m, i), "strb" + at(1));
        }
    }
    encodings.expect_as_llvm_reads();
}

TEST(ThumbEncoding, OfHighRegisters) {
    Encodings encodings;
    for (uint32_t d = 0; d < 15; ++d) {
        if (d == 13) continue; // the translator leaves sp alone
        encodings.add(t::blx(d), "blx\t" + name(d));
        for (uint32_t m = 0; m < 15; ++m) {
            if (m == 13) continue;
            const std::string operands = "\t" + name(d) + ", " + name(m);
            encodings.add(t::mov_high(d, m), "mov" + operands);
            encodings.add(t::add_high(d, m), "add" + operands);
            if (d > 7 || m > 7) encodings.add(t::cmp_high(d, m), "cmp" + operands);
        }
    }
    encodings.expect_as_llvm_reads();
}

TEST(ThumbEncoding, OfBranches) {
    const auto reach = [](int32_t halfwords) { return "\t" + immediate(2 * halfwords - 4); };
    Encodings encodings;
    const std::pair<uint32_t, const char*> conditions[] = {
        {t::kEqual, "beq"},   {t::kNotEqual, "bne"},  {t::kNotBelow, "bhs"}, {t::kBelow, "blo"},
        {t::kAbove, "bhi"},   {t::kNotAbove, "bls"},  {t::kNotLess, "bge"},  {t::kLess, "blt"},
        {t::kGreater, "bgt"}, {t::kNotGreater, "ble"}};
    for (const auto& [condition, mnemonic] : conditions)
        for (const int32_t halfwords : {-126, -1, 0, 1, 2, 3, 129})
            encodings.add(t::b_if(condition, static_cast<uint32_t>(halfwords)), mnemonic + reach(halfwords));
    for (const int32_t halfwords : {-1022, -1, 0, 3, 1025})
        encodings.add(t::b(static_cast<uint32_t>(halfwords)), "b" + reach(halfwords));
    for (const int32_t halfwords : {-2097150, -2000, -1, 0, 3, 5000, 2097153}) {
        const auto distance = static_cast<uint32_t>(halfwords);
        EXPECT_TRUE(t::is_bl_second(t::bl_second(distance)));
        encodings.add(t::bl_first(distance), t::bl_second(distance), "bl" + reach(halfwords));
    }
    EXPECT_FALSE(t::is_bl_second(t::b(0)) || t::is_bl_second(t::b_if(t::kNotBelow, 0)));
    encodings.expect_as_llvm_reads();
}

/// Every halfword that the table takes for an instruction is that one to llvm, which knows ARMv6-M only.
TEST(ThumbForms, AreAsLlvmReadsThem) {
    Encodings encodings;
    uint32_t count = 0;
    for (uint32_t halfword = 0; halfword < 0x10000; ++halfword) {
        const std::optional<thumb::Instruction> i = thumb::taken_apart(halfword, 0);
        if (i) encodings.add(halfword, thumb::text(*i));
        count += i.has_value();
    }
    EXPECT_GT(count, 35000U);
    for (const uint32_t distance : {0U, 2U, 0x12345U, ~0U, 0x200001U, 0U - 0x1ffffeU}) {
        const std::optional<thumb::Instruction> i = thumb::taken_apart(t::bl_first(distance), t::bl_second(distance));
        ASSERT_TRUE(i);
        EXPECT_EQ(i->distance, distance);
        encodings.add(t::bl_first(distance), t::bl_second(distance), thumb::text(*i));
    }
    encodings.expect_as_llvm_reads();
}

} // namespace
} // namespace limpet::conformance
