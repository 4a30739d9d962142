/// \file
/// The instruction table of RV32E with C, M and Xlimpet: what is legal, how it is written, and what a 16-bit form
/// abbreviates. The decoder, the disassembler, the legality tests and the dispatch table of rv32-goto are made from it.
///
/// An instruction `insn` is an instance of a row when (insn & mask) == match and its operands satisfy the row's
/// conditions (decode.h). No encoding is an instance of two rows; the conformance suite proves that.
/// Source of every row: the RISC-V unprivileged specification, "RV32/64G Instruction Set Listings" and, for the
/// 16-bit ones, the instruction listings at the end of the chapter on "C"; of c.lbu and c.sb the chapter on "Zcb"; of
/// those named c.x.* xlimpet.md.
#pragma once

#include <stdint.h>

namespace limpet::rv32 {

/// What instructions do: the 32-bit instructions, which the 16-bit ones abbreviate.
// clang-format off
enum class Op : uint8_t {
    kLui, kAuipc, kJal, kJalr,
    kBeq, kBne, kBlt, kBge, kBltu, kBgeu,
    kLb, kLh, kLw, kLbu, kLhu,
    kSb, kSh, kSw,
    kAddi, kSlti, kSltiu, kXori, kOri, kAndi, kSlli, kSrli, kSrai,
    kAdd, kSub, kSll, kSlt, kSltu, kXor, kSrl, kSra, kOr, kAnd,
    kMul, kMulh, kMulhsu, kMulhu, kDiv, kDivu, kRem, kRemu,
    kFence, kEcall, kEbreak,
    kHostCall ///< custom-0, I-format: immediate 11:0 is the id; Limpet's own
};
// clang-format on

/// Where the operands are (fields.h), and how they are written.
enum class Format : uint8_t {
    // 32-bit
    kR,        ///< rd, rs1, rs2
    kI,        ///< rd, rs1, imm
    kShift,    ///< rd, rs1, shamt
    kLoad,     ///< rd, imm(rs1)
    kStore,    ///< rs2, imm(rs1)
    kBranch,   ///< rs1, rs2, target
    kUpper,    ///< rd, imm[31:12]
    kJump,     ///< rd, target
    kFence,    ///< pred, succ
    kNone,     ///< no operand
    kHostCall, ///< id
    // 16-bit
    kCAddi4spn, ///< rd', sp, imm
    kCLw,       ///< rd', imm(rs1')
    kCSw,       ///< rs2', imm(rs1')
    kCNop,      ///< imm
    kCAddi,     ///< rd = rs1, imm
    kCJ,        ///< target
    kCJal,      ///< target; links in ra
    kCLi,       ///< rd, imm
    kCAddi16sp, ///< sp, imm
    kCLui,      ///< rd, imm[17:12]
    kCShift,    ///< rd' = rs1', shamt
    kCAndi,     ///< rd' = rs1', imm
    kCArith,    ///< rd' = rs1', rs2'
    kCBranch,   ///< rs1', target
    kCSlli,     ///< rd = rs1, shamt
    kCLwsp,     ///< rd, imm(sp)
    kCSwsp,     ///< rs2, imm(sp)
    kCJr,       ///< rs1
    kCJalr,     ///< rs1; links in ra
    kCMv,       ///< rd, rs2
    kCAdd,      ///< rd = rs1, rs2
    kCNone,     ///< no operand
    // 16-bit, of Xlimpet
    kZcbLoad,   ///< rd', imm(rs1')
    kZcbStore,  ///< rs2', imm(rs1')
    kCXShift,   ///< rd', rs1', shamt
    kCXBranch,  ///< rs1', rs2', target
    kCXLi,      ///< rd, imm
    kCXLoadSp,  ///< rd, imm(sp)
    kCXStoreSp, ///< rs2, imm(sp)
    kCXCall     ///< id
};

/// What a profile must have for a row to be legal.
enum class Extension : uint8_t { kBase, kCompressed, kMultiply, kXlimpet };

/// Values of operands that the mask cannot exclude.
enum Condition : uint8_t { kAny = 0, kRdNonzero = 1, kRdNotSp = 2, kRs1Nonzero = 4, kRs2Nonzero = 8, kImmNonzero = 16 };

struct Instruction {
    const char* name;
    uint32_t mask;
    uint32_t match;
    Format format;
    Op op;
    Extension extension = Extension::kBase;
    uint8_t conditions = kAny;
};

inline constexpr Instruction kInstructions[] = {
    {"lui", 0x0000007f, 0x00000037, Format::kUpper, Op::kLui},
    {"auipc", 0x0000007f, 0x00000017, Format::kUpper, Op::kAuipc},
    {"jal", 0x0000007f, 0x0000006f, Format::kJump, Op::kJal},
    {"jalr", 0x0000707f, 0x00000067, Format::kLoad, Op::kJalr},
    {"beq", 0x0000707f, 0x00000063, Format::kBranch, Op::kBeq},
    {"bne", 0x0000707f, 0x00001063, Format::kBranch, Op::kBne},
    {"blt", 0x0000707f, 0x00004063, Format::kBranch, Op::kBlt},
    {"bge", 0x0000707f, 0x00005063, Format::kBranch, Op::kBge},
    {"bltu", 0x0000707f, 0x00006063, Format::kBranch, Op::kBltu},
    {"bgeu", 0x0000707f, 0x00007063, Format::kBranch, Op::kBgeu},
    {"lb", 0x0000707f, 0x00000003, Format::kLoad, Op::kLb},
    {"lh", 0x0000707f, 0x00001003, Format::kLoad, Op::kLh},
    {"lw", 0x0000707f, 0x00002003, Format::kLoad, Op::kLw},
    {"lbu", 0x0000707f, 0x00004003, Format::kLoad, Op::kLbu},
    {"lhu", 0x0000707f, 0x00005003, Format::kLoad, Op::kLhu},
    {"sb", 0x0000707f, 0x00000023, Format::kStore, Op::kSb},
    {"sh", 0x0000707f, 0x00001023, Format::kStore, Op::kSh},
    {"sw", 0x0000707f, 0x00002023, Format::kStore, Op::kSw},
    {"addi", 0x0000707f, 0x00000013, Format::kI, Op::kAddi},
    {"slti", 0x0000707f, 0x00002013, Format::kI, Op::kSlti},
    {"sltiu", 0x0000707f, 0x00003013, Format::kI, Op::kSltiu},
    {"xori", 0x0000707f, 0x00004013, Format::kI, Op::kXori},
    {"ori", 0x0000707f, 0x00006013, Format::kI, Op::kOri},
    {"andi", 0x0000707f, 0x00007013, Format::kI, Op::kAndi},
    {"slli", 0xfe00707f, 0x00001013, Format::kShift, Op::kSlli},
    {"srli", 0xfe00707f, 0x00005013, Format::kShift, Op::kSrli},
    {"srai", 0xfe00707f, 0x40005013, Format::kShift, Op::kSrai},
    {"add", 0xfe00707f, 0x00000033, Format::kR, Op::kAdd},
    {"sub", 0xfe00707f, 0x40000033, Format::kR, Op::kSub},
    {"sll", 0xfe00707f, 0x00001033, Format::kR, Op::kSll},
    {"slt", 0xfe00707f, 0x00002033, Format::kR, Op::kSlt},
    {"sltu", 0xfe00707f, 0x00003033, Format::kR, Op::kSltu},
    {"xor", 0xfe00707f, 0x00004033, Format::kR, Op::kXor},
    {"srl", 0xfe00707f, 0x00005033, Format::kR, Op::kSrl},
    {"sra", 0xfe00707f, 0x40005033, Format::kR, Op::kSra},
    {"or", 0xfe00707f, 0x00006033, Format::kR, Op::kOr},
    {"and", 0xfe00707f, 0x00007033, Format::kR, Op::kAnd},
    {"mul", 0xfe00707f, 0x02000033, Format::kR, Op::kMul, Extension::kMultiply},
    {"mulh", 0xfe00707f, 0x02001033, Format::kR, Op::kMulh, Extension::kMultiply},
    {"mulhsu", 0xfe00707f, 0x02002033, Format::kR, Op::kMulhsu, Extension::kMultiply},
    {"mulhu", 0xfe00707f, 0x02003033, Format::kR, Op::kMulhu, Extension::kMultiply},
    {"div", 0xfe00707f, 0x02004033, Format::kR, Op::kDiv, Extension::kMultiply},
    {"divu", 0xfe00707f, 0x02005033, Format::kR, Op::kDivu, Extension::kMultiply},
    {"rem", 0xfe00707f, 0x02006033, Format::kR, Op::kRem, Extension::kMultiply},
    {"remu", 0xfe00707f, 0x02007033, Format::kR, Op::kRemu, Extension::kMultiply},
    {"fence", 0x0000707f, 0x0000000f, Format::kFence, Op::kFence}, // rd, rs1 and fm are reserved and ignored
    {"ecall", 0xffffffff, 0x00000073, Format::kNone, Op::kEcall},
    {"ebreak", 0xffffffff, 0x00100073, Format::kNone, Op::kEbreak},
    {"limpet.call", 0x000fffff, 0x0000000b, Format::kHostCall, Op::kHostCall},

    {"c.addi4spn", 0xe003, 0x0000, Format::kCAddi4spn, Op::kAddi, Extension::kCompressed, kImmNonzero},
    {"c.lw", 0xe003, 0x4000, Format::kCLw, Op::kLw, Extension::kCompressed},
    {"c.sw", 0xe003, 0xc000, Format::kCSw, Op::kSw, Extension::kCompressed},
    {"c.nop", 0xef83, 0x0001, Format::kCNop, Op::kAddi, Extension::kCompressed},
    {"c.addi", 0xe003, 0x0001, Format::kCAddi, Op::kAddi, Extension::kCompressed, kRdNonzero},
    {"c.jal", 0xe003, 0x2001, Format::kCJal, Op::kJal, Extension::kCompressed},
    {"c.li", 0xe003, 0x4001, Format::kCLi, Op::kAddi, Extension::kCompressed},
    {"c.addi16sp", 0xef83, 0x6101, Format::kCAddi16sp, Op::kAddi, Extension::kCompressed, kImmNonzero},
    {"c.lui", 0xe003, 0x6001, Format::kCLui, Op::kLui, Extension::kCompressed, kRdNotSp | kImmNonzero},
    {"c.srli", 0xfc03, 0x8001, Format::kCShift, Op::kSrli, Extension::kCompressed},
    {"c.srai", 0xfc03, 0x8401, Format::kCShift, Op::kSrai, Extension::kCompressed},
    {"c.andi", 0xec03, 0x8801, Format::kCAndi, Op::kAndi, Extension::kCompressed},
    {"c.sub", 0xfc63, 0x8c01, Format::kCArith, Op::kSub, Extension::kCompressed},
    {"c.xor", 0xfc63, 0x8c21, Format::kCArith, Op::kXor, Extension::kCompressed},
    {"c.or", 0xfc63, 0x8c41, Format::kCArith, Op::kOr, Extension::kCompressed},
    {"c.and", 0xfc63, 0x8c61, Format::kCArith, Op::kAnd, Extension::kCompressed},
    {"c.j", 0xe003, 0xa001, Format::kCJ, Op::kJal, Extension::kCompressed},
    {"c.beqz", 0xe003, 0xc001, Format::kCBranch, Op::kBeq, Extension::kCompressed},
    {"c.bnez", 0xe003, 0xe001, Format::kCBranch, Op::kBne, Extension::kCompressed},
    {"c.slli", 0xf003, 0x0002, Format::kCSlli, Op::kSlli, Extension::kCompressed},
    {"c.lwsp", 0xe003, 0x4002, Format::kCLwsp, Op::kLw, Extension::kCompressed, kRdNonzero},
    {"c.jr", 0xf07f, 0x8002, Format::kCJr, Op::kJalr, Extension::kCompressed, kRs1Nonzero},
    {"c.mv", 0xf003, 0x8002, Format::kCMv, Op::kAdd, Extension::kCompressed, kRs2Nonzero},
    {"c.ebreak", 0xffff, 0x9002, Format::kCNone, Op::kEbreak, Extension::kCompressed},
    {"c.jalr", 0xf07f, 0x9002, Format::kCJalr, Op::kJalr, Extension::kCompressed, kRs1Nonzero},
    {"c.add", 0xf003, 0x9002, Format::kCAdd, Op::kAdd, Extension::kCompressed, kRs2Nonzero},
    {"c.swsp", 0xe003, 0xc002, Format::kCSwsp, Op::kSw, Extension::kCompressed},

    // Where F, D and Zcmp would be; the first two are Zcb's.
    {"c.lbu", 0xfc03, 0x8000, Format::kZcbLoad, Op::kLbu, Extension::kXlimpet},
    {"c.sb", 0xfc03, 0x8800, Format::kZcbStore, Op::kSb, Extension::kXlimpet},
    {"c.x.slli", 0xe003, 0x2000, Format::kCXShift, Op::kSlli, Extension::kXlimpet},
    {"c.x.bltu", 0xe003, 0x6000, Format::kCXBranch, Op::kBltu, Extension::kXlimpet},
    {"c.x.srli", 0xe003, 0xa000, Format::kCXShift, Op::kSrli, Extension::kXlimpet},
    {"c.x.bgeu", 0xe003, 0xe000, Format::kCXBranch, Op::kBgeu, Extension::kXlimpet},
    {"c.x.li", 0xe003, 0x2002, Format::kCXLi, Op::kAddi, Extension::kXlimpet},
    {"c.x.lbusp", 0xf003, 0x6002, Format::kCXLoadSp, Op::kLbu, Extension::kXlimpet},
    {"c.x.sbsp", 0xf003, 0x7002, Format::kCXStoreSp, Op::kSb, Extension::kXlimpet},
    {"c.x.call", 0xe003, 0xa002, Format::kCXCall, Op::kHostCall, Extension::kXlimpet},
};

} // namespace limpet::rv32
