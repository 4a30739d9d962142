/// \file
/// The text and the legality of every 16-bit encoding, and of a sample of the 32-bit ones, against llvm: an independent
/// reading of the specification. Where llvm reads it otherwise, the reason stands here, and nothing else may differ.
#include "../interp/rv32/disasm.h"
#include "support/encode.h"
#include "support/llvm.h"

#include <gtest/gtest.h>

namespace limpet::conformance {
namespace {

using rv32::c_imm;
using rv32::c_rd;
using rv32::c_rs2;

std::string text_of(uint32_t pc, uint32_t insn) { return rv32::disassemble(rv32::isa::rv32emc, pc, insn); }

/// Why llvm 19 prints another text for a 16-bit encoding; nullptr: no reason is known.
const char* reason16(uint32_t insn) {
    const uint32_t group = insn & 0xe003;
    if (insn == 0) return "llvm has a name, c.unimp, for the illegal instruction 0";
    if (group == 0x0001 && c_rd(insn) > 15 && c_imm(insn) == 0) return "llvm forgets RV32E in the hint c.addi rd, 0";
    if (group == 0x8002 && c_rd(insn) == 0 && c_rs2(insn) > 15) return "llvm forgets RV32E in the hint c.mv/c.add zero";
    if (group == 0x6001 && c_imm(insn) == 0 && c_rd(insn) < 16 && c_rd(insn) != 2)
        return "llvm accepts the reserved c.lui rd, 0";
    if ((insn & 0xf003) == 0x7001 && c_rd(insn) == 0) return "llvm prints the hint c.lui zero with a signed immediate";
    const bool shift = (insn & 0xf003) == 0x1002 || (insn & 0xf803) == 0x9001;
    if (shift && (group != 0x0002 || c_rd(insn) < 16)) return "llvm accepts shamt[5] on RV32";
    return nullptr;
}

/// The same for 32 bits.
const char* reason32(uint32_t insn) {
    const uint32_t opcode = insn & 0x707f;
    if (opcode == 0x000f) return "llvm refuses fences whose reserved fields are set; the specification ignores them";
    if ((insn & 0x7f) == 0x73) return "llvm knows privileged and CSR instructions";
    if ((insn & 0x000fffff) == 0x0b) return "llvm does not know host calls";
    if ((opcode == 0x1013 || opcode == 0x5013) && (insn & 0x02000000) != 0) return "llvm accepts shamt[5] on RV32";
    return nullptr;
}

TEST(Disassembler, PrintsAllShortEncodingsAsLlvmDoes) {
    std::vector<uint32_t> encodings;
    for (uint32_t insn = 0; insn < 0x10000; ++insn)
        if ((insn & 3) != 3) encodings.push_back(insn);
    const std::vector<std::string> texts = llvm_text(encodings, 2);
    uint32_t differences = 0;
    for (uint32_t i = 0; i < encodings.size(); ++i) {
        const bool same = text_of(i * 2, encodings[i]) == texts[i];
        EXPECT_EQ(same, reason16(encodings[i]) == nullptr)
            << std::hex << encodings[i] << ": " << text_of(i * 2, encodings[i]) << "; llvm: " << texts[i];
        differences += same ? 0 : 1;
    }
    EXPECT_EQ(differences, 1 + 16 + 32 + 15 + 1 + 31 + 512 + 512U);
}

TEST(Disassembler, PrintsLongEncodingsAsLlvmDoes) {
    Random random(2);
    std::vector<uint32_t> encodings;
    for (const rv32::Instruction& row : rv32::kInstructions)
        for (int i = 0; i < 500 && size_of(row) == 4; ++i) encodings.push_back(random_instance(row, random));
    for (int i = 0; i < 200000; ++i) {
        // Half with registers that exist, or most samples would be illegal for that alone. Not 48 bits and longer.
        const uint32_t insn = (random.bits() & (random.chance(50) ? ~0x01080800U : ~0U)) | 3;
        if ((insn & 0x1c) != 0x1c) encodings.push_back(insn);
    }
    const std::vector<std::string> texts = llvm_text(encodings, 4);
    for (uint32_t i = 0; i < encodings.size(); ++i) {
        if (reason32(encodings[i]) != nullptr) continue;
        EXPECT_EQ(text_of(i * 4, encodings[i]), texts[i]) << std::hex << encodings[i];
    }
}

TEST(Disassembler, PrintsWhatLlvmDoesNotKnow) {
    EXPECT_EQ(text_of(0, 0x0050000b), "limpet.call\t0x5");
    EXPECT_EQ(text_of(0, 0xfff0000b), "limpet.call\t0xfff");
    EXPECT_EQ(text_of(0, 0x0330008f), "fence\trw, rw");
    EXPECT_EQ(text_of(0, 0x00000073), "ecall");
    EXPECT_EQ(text_of(0, 0x00100073), "ebreak");
    EXPECT_EQ(text_of(0, 0x30200073), "<unknown>");
}

TEST(Disassembler, PrintsXlimpet) {
    const auto text = [](uint32_t insn) { return rv32::disassemble(rv32::isa::rv32ecx, 0x100, insn); };
    EXPECT_EQ(text(0x8060), "c.lbu\ts0, 0x3(s0)");
    EXPECT_EQ(text(0x89fc), "c.sb\ta5, 0x3(a1)");
    EXPECT_EQ(text(0x2424), "c.x.slli\ts1, s0, 0x5");
    EXPECT_EQ(text(0xbfbc), "c.x.srli\ta5, a5, 0x1d");
    EXPECT_EQ(text(0x60a4), "c.x.bltu\ts1, s1, 0x102");
    EXPECT_EQ(text(0xfce0), "c.x.bgeu\ts1, s0, 0x13e");
    EXPECT_EQ(text(0x3502), "c.x.li\ta0, 0x20");
    EXPECT_EQ(text(0x257e), "c.x.li\ta0, 0x5f");
    EXPECT_EQ(text(0x606a), "c.x.lbusp\ta0, 0x1(sp)");
    EXPECT_EQ(text(0x7faa), "c.x.sbsp\ta0, 0x3e(sp)");
    EXPECT_EQ(text(0xa016), "c.x.call\t0x5");
}

TEST(Disassembler, PrintsZcbAsLlvmDoes) {
    std::vector<uint32_t> encodings;
    std::vector<std::string> own;
    for (uint32_t insn = 0; insn < 0x10000; ++insn) {
        const rv32::Instruction* row = rv32::find_instruction(rv32::isa::rv32ecx, insn);
        if (row == nullptr || (row->format != rv32::Format::kZcbLoad && row->format != rv32::Format::kZcbStore))
            continue;
        encodings.push_back(insn);
        own.push_back(rv32::disassemble(rv32::isa::rv32ecx, 0, insn));
    }
    EXPECT_EQ(own.size(), 512U);
    EXPECT_EQ(own, llvm_text(encodings, 2, ",+zcb"));
}

TEST(Disassembler, WrapsTargetsAndKnowsProfiles) {
    EXPECT_EQ(text_of(0, 0xfe000ee3), "beq\tzero, zero, 0xfffffffc");
    EXPECT_EQ(text_of(0xfffffffe, 0xa011), "c.j\t0x2");
    EXPECT_EQ(rv32::disassemble(rv32::isa::rv32e, 0, 0xa011), "<unknown>");
    EXPECT_EQ(rv32::disassemble(rv32::isa::rv32ec, 0, 0x02b50533), "<unknown>");
    EXPECT_EQ(text_of(0, 0x02b50533), "mul\ta0, a0, a1");
}

} // namespace
} // namespace limpet::conformance
