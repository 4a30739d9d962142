/// \file
/// The instruction table itself: no encoding in two rows, each row sane, and the rows that are easy to get wrong held
/// to expectations written by hand from the unprivileged specification.
#include "support/encode.h"
#include "support/subjects.h"

#include <algorithm>
#include <set>

namespace limpet::conformance {
namespace {

using rv32::Instruction;
using rv32::kInstructions;

TEST(Table, RowsAreSane) {
    std::set<std::string> names;
    for (const Instruction& row : kInstructions) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name << " twice";
        EXPECT_EQ(row.match & ~row.mask, 0U) << row.name;
        EXPECT_EQ(row.mask & 3, 3U) << row.name;
        const bool compressed =
            row.extension == rv32::Extension::kCompressed || row.extension == rv32::Extension::kXlimpet;
        EXPECT_EQ(size_of(row), compressed ? 2U : 4U) << row.name;
        EXPECT_EQ(row.format >= rv32::Format::kCAddi4spn, compressed) << row.name;
        EXPECT_EQ(row.name[0] == 'c' && row.name[1] == '.', compressed) << row.name;
        EXPECT_TRUE(!compressed || row.mask <= 0xffff) << row.name;
    }
}

/// Two 32-bit rows overlap when they agree in every bit that both fix.
TEST(Table, LongRowsAreDisjoint) {
    for (const Instruction& a : kInstructions)
        for (const Instruction& b : kInstructions)
            if (&a != &b && size_of(a) == 4 && size_of(b) == 4) {
                EXPECT_NE((a.match ^ b.match) & a.mask & b.mask, 0U) << a.name << " and " << b.name;
            }
}

/// Conditions decide between some 16-bit rows (c.mv and c.jr), so each encoding is tried.
TEST(Table, ShortEncodingsHaveOneRow) {
    for (uint32_t insn = 0; insn < 0x10000; ++insn) {
        const auto rows = std::ranges::count_if(
            kInstructions, [&](const Instruction& row) { return rv32::is_instance(row, kEveryInstruction, insn); });
        EXPECT_LE(rows, 1) << std::hex << insn;
    }
}

TEST(Table, EncodeInvertsDecode) {
    Random random(1);
    for (const Instruction& row : kInstructions)
        for (int i = 0; i < 200; ++i) {
            const uint32_t insn = random_instance(row, random);
            EXPECT_EQ(rv32::find_instruction(kEveryInstruction, insn), &row) << row.name << std::hex << insn;
            if (row.format == rv32::Format::kFence) continue; // has fields that are no operands
            EXPECT_EQ(try_encode(row, rv32::operands(row, insn)), insn) << row.name;
        }
}

struct Expectation {
    uint32_t insn;
    const char* name; ///< in rv32emc; "" is illegal
    const char* why;
};

/// From the unprivileged specification, version 20240411; chapter "C" unless it says otherwise.
constexpr Expectation kExpectations[] = {
    {0x0000, "", "all bits zero is defined to be illegal"},
    {0x0004, "", "c.addi4spn with immediate 0 is reserved"},
    {0x0008, "", "so is LIMPET_GUARD"},
    {0x0040, "c.addi4spn", "immediate 4"},
    {0x1ffc, "c.addi4spn", "immediate 1020"},
    {0x2000, "", "c.fld needs D"},
    {0x6000, "", "c.flw needs F"},
    {0x8000, "", "reserved quadrant 0, funct3 100 (Zcb)"},
    {0xa000, "", "c.fsd needs D"},
    {0xe000, "", "c.fsw needs F"},
    {0x0001, "c.nop", ""},
    {0x0005, "c.nop", "immediate 1: hint"},
    {0x1001, "c.nop", "immediate -32: hint"},
    {0x0081, "c.addi", "ra, 0: hint"},
    {0x0801, "", "c.addi x16"},
    {0x1001 | 31 << 7, "", "c.addi x31"},
    {0x4001, "c.li", "zero, 0: hint"},
    {0x4801, "", "c.li x16"},
    {0x6101, "", "c.addi16sp with immediate 0 is reserved"},
    {0x7101, "c.addi16sp", "-512"},
    {0x7161, "c.addi16sp", "-432: bits 4 and 6 of the immediate"},
    {0x6105, "c.addi16sp", "32"},
    {0x6001, "", "c.lui zero, 0 is reserved"},
    {0x6005, "c.lui", "zero, 1: hint"},
    {0x6081, "", "c.lui ra, 0 is reserved"},
    {0x6181, "", "c.lui gp, 0 is reserved; with Zcmop c.mop.3"},
    {0x7081, "c.lui", "ra, 0xfffe0"},
    {0x6805, "", "c.lui x16"},
    {0x8001, "c.srli", "s0, 0: hint"},
    {0x9001, "", "c.srli with shamt[5] is custom on RV32"},
    {0x8401, "c.srai", "s0, 0: hint"},
    {0x9401, "", "c.srai with shamt[5]"},
    {0x9801, "c.andi", "s0, -32"},
    {0x8c01, "c.sub", ""},
    {0x9c01, "", "c.subw is RV64"},
    {0x9c21, "", "c.addw is RV64"},
    {0x9c41, "", "reserved"},
    {0x9c61, "", "reserved (Zcb: c.zext.b and others)"},
    {0x0002, "c.slli", "zero, 0: hint"},
    {0x0082, "c.slli", "ra, 0: hint"},
    {0x1082, "", "c.slli with shamt[5]"},
    {0x0802, "", "c.slli x16"},
    {0x2002, "", "c.fldsp needs D"},
    {0x4002, "", "c.lwsp zero is reserved"},
    {0x4082, "c.lwsp", "ra"},
    {0x4802, "", "c.lwsp x16"},
    {0x6002, "", "c.flwsp needs F"},
    {0x8002, "", "c.jr zero is reserved"},
    {0x8082, "c.jr", "ra: ret"},
    {0x8802, "", "c.jr x16"},
    {0x8006, "c.mv", "zero, ra: hint"},
    {0x8806, "", "c.mv x16, ra"},
    {0x80c2, "", "c.mv ra, x16"},
    {0x9002, "c.ebreak", ""},
    {0x9082, "c.jalr", "ra"},
    {0x9802, "", "c.jalr x16"},
    {0x9006, "c.add", "zero, ra: hint"},
    {0x90c2, "", "c.add ra, x16"},
    {0xa002, "", "c.fsdsp needs D (Zcmp)"},
    {0xc002, "c.swsp", "zero"},
    {0xc042, "", "c.swsp x16"},
    {0xe002, "", "c.fswsp needs F"},

    {0x00000073, "ecall", ""},
    {0x000000f3, "", "ecall has no rd"},
    {0x00008073, "", "nor rs1"},
    {0x00100073, "ebreak", ""},
    {0x001000f3, "", ""},
    {0x00200073, "", "uret"},
    {0x10500073, "", "wfi is privileged"},
    {0x30200073, "", "mret"},
    {0xc0001073, "", "csrrw: Zicsr is absent"},
    {0xc0102573, "", "rdtime"},
    {0x34011073, "", "csrw mscratch"},
    {0x00006073, "", "csrrsi"},
    {0x0000100f, "", "fence.i: Zifencei is absent"},
    {0x0000000f, "fence", "no predecessor, no successor"},
    {0x0ff0000f, "fence", "iorw, iorw"},
    {0x8330000f, "fence", "fence.tso"},
    {0x0100000f, "fence", "pause: hint"},
    {0xfffff00f & ~0x7000U, "fence", "reserved fields are ignored, x31 included"},
    {0x00000f8f, "fence", "rd is a reserved field"},
    {0x0000200f, "", "cbo"},
    {0x01051513, "slli", "a0, a0, 16"},
    {0x02051513, "", "slli with shamt[5]: RV64"},
    {0x40051513, "", "slli with bit 30 set"},
    {0x02055513, "", "srli with shamt[5]"},
    {0x41f55513, "srai", "a0, a0, 31"},
    {0x42055513, "", "srai with shamt[5]"},
    {0x60055513, "", "rori: Zbb is absent"},
    {0x02b50533, "mul", "a0, a0, a1"},
    {0x40b51533, "", "sll with bit 30 set"},
    {0x40b57533, "", "andn: Zbb is absent"},
    {0x40b50533, "sub", "a0, a0, a1"},
    {0x40b55533, "sra", "a0, a0, a1"},
    {0x04b50533, "", "OP with funct7 = 2"},
    {0x00b50833, "", "add x16, a0, a1"},
    {0x00b80533, "", "add a0, x16, a1"},
    {0x01050533, "", "add a0, a0, x16"},
    {0x01f50513, "addi", "immediate 31 is no register"},
    {0x00150813, "", "addi x16, a0, 1"},
    {0x00180513, "", "addi a0, x16, 1"},
    {0x00000837, "", "lui x16"},
    {0x000f8fb7 & ~0x800U, "lui", "bits 19:15 are immediate, not rs1"},
    {0x00000817, "", "auipc x16"},
    {0x0000086f, "", "jal x16"},
    {0x00008067, "jalr", "ret"},
    {0x00009067, "", "jalr with funct3 = 1"},
    {0x00080067, "", "jalr zero, 0(x16)"},
    {0x00b52063, "", "branch with funct3 = 2"},
    {0x00b53063, "", "branch with funct3 = 3"},
    {0x010500e3, "", "beq a0, x16"},
    {0x00b500e3, "beq", "an odd rd field is part of the target"},
    {0x00053503, "", "ld is RV64"},
    {0x00056503, "", "lwu is RV64"},
    {0x00057503, "", "load with funct3 = 7"},
    {0x00052803, "", "lw x16"},
    {0x00b53023, "", "sd is RV64"},
    {0x01052023, "", "sw x16"},
    {0x00b82023, "", "sw to x16"},
    {0x0000051b, "", "addiw is RV64"},
    {0x00b5053b, "", "addw is RV64"},
    {0x00b5252f, "", "AMO: A is absent"},
    {0x00052507, "", "flw: F is absent"},
    {0x00a50553, "", "OP-FP"},
    {0x0000000b, "limpet.call", "host call 0"},
    {0xfff0000b, "limpet.call", "host call 4095"},
    {0x0000008b, "", "host call with rd"},
    {0x0000100b, "", "host call with funct3"},
    {0x0000800b, "", "host call with rs1"},
    {0x0000002b, "", "custom-1"},
    {0x0000005b, "", "custom-2"},
    {0x0000007b, "", "custom-3"},
    {0x0000001f, "", "48-bit format"},
    {0xffffffff, "", "all ones is defined to be illegal"},
};

/// What is otherwise in rv32ecx (interp/rv32/xlimpet.md); c.lbu and c.sb are Zcb's, the rest is Limpet's own.
constexpr Expectation kExpectationsX[] = {
    {0x0000, "", "all bits zero stay illegal"},
    {0x0008, "", "so does LIMPET_GUARD"},
    {0x8000, "c.lbu", ""},
    {0x83fc, "c.lbu", "a5, 3(a5)"},
    {0x8400, "", "c.lhu is not part of it"},
    {0x8440, "", "nor c.lh"},
    {0x8800, "c.sb", ""},
    {0x8c00, "", "nor c.sh"},
    {0x9000, "", "reserved in Zcb"},
    {0x9c61, "", "nor c.zext.b"},
    {0x2000, "c.x.slli", "s0, s0, 0"},
    {0x6000, "c.x.bltu", "s0, s0, pc"},
    {0xa000, "c.x.srli", ""},
    {0xe000, "c.x.bgeu", ""},
    {0x2002, "c.x.li", "zero, 64: hint"},
    {0x2802, "", "c.x.li x16"},
    {0x6002, "c.x.lbusp", "zero, 0(sp)"},
    {0x7002, "c.x.sbsp", ""},
    {0xa002, "c.x.call", "0"},
    {0xbffe, "c.x.call", "2047"},
    {0xe002, "", "c.fswsp stays free"},
    {0xfffe, "", ""},
    {0x02b50533, "", "mul: M is absent"},
    {0x0000000b, "limpet.call", ""},
};

TEST(Table, TrickyEncodingsOfXlimpet) {
    for (const Expectation& e : kExpectationsX) {
        const Instruction* row = rv32::find_instruction(rv32::isa::rv32ecx, e.insn);
        EXPECT_STREQ(row == nullptr ? "" : row->name, e.name) << std::hex << e.insn << ": " << e.why;
    }
}

TEST(Table, TrickyEncodings) {
    for (const Expectation& e : kExpectations) {
        const Instruction* row = rv32::find_instruction(rv32::isa::rv32emc, e.insn);
        EXPECT_STREQ(row == nullptr ? "" : row->name, e.name) << std::hex << e.insn << ": " << e.why;
        // What profiles without C or M make of it.
        const bool wide = (e.insn & 3) == 3;
        const bool multiply = row != nullptr && row->extension == rv32::Extension::kMultiply;
        EXPECT_EQ(rv32::find_instruction(rv32::isa::rv32ec, e.insn), multiply ? nullptr : row) << std::hex << e.insn;
        EXPECT_EQ(rv32::find_instruction(rv32::isa::rv32e, e.insn), wide && !multiply ? row : nullptr)
            << std::hex << e.insn;
    }
}

} // namespace
} // namespace limpet::conformance
