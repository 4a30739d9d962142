/// \file
/// The instruction table, and the verifiers made from it and held to it.
#include "../../interp/bpf/fault.h"
#include "../../interp/bpf/verify.h"
#include "subjects.h"

#include <set>

namespace limpet::conformance::bpf {
namespace {

using limpet::bpf::find_fault;
using limpet::bpf::find_instruction;
using limpet::bpf::is_instance;
using limpet::bpf::make;
using limpet::bpf::verify;

constexpr uint64_t kExit = 0x95;

TEST(BpfTable, NoEncodingIsOfTwoRowsAndNoTwoHaveOneName) {
    std::set<std::string> names;
    Random random(1);
    for (const Instruction& row : kInstructions) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        for (int i = 0; i < 100; ++i) {
            const uint64_t insn = random_instance(row, random);
            for (const Instruction& other : kInstructions)
                EXPECT_EQ(is_instance(other, insn), &other == &row) << row.name << ", " << other.name;
        }
    }
}

/// RFC 9669, appendix "Opcode Table", by classes: how many opcodes each has.
TEST(BpfTable, HasTheOpcodesOfTheSpecification) {
    std::set<uint32_t> opcodes[8];
    for (const Instruction& row : kInstructions) opcodes[row.opcode & 7].insert(row.opcode);
    EXPECT_EQ(opcodes[0].size(), 1U);          // lddw; without legacy packet access
    EXPECT_EQ(opcodes[1].size(), 4U + 3);      // sizes, sign-extending ones
    EXPECT_EQ(opcodes[2].size(), 4U);          //
    EXPECT_EQ(opcodes[3].size(), 4U + 2);      // atomic in two sizes
    EXPECT_EQ(opcodes[4].size(), 12U * 2 + 3); // neg, to little and to big endian
    EXPECT_EQ(opcodes[5].size(), 11U * 2 + 3); // ja, call, exit; without callx
    EXPECT_EQ(opcodes[6].size(), 11U * 2 + 1); // ja32
    EXPECT_EQ(opcodes[7].size(), 12U * 2 + 2); // neg, bswap
}

/// Every opcode with every pair of registers, offsets and immediates among which are all that mean something: what the
/// verifier of microcontrollers takes is what the table has.
TEST(BpfTable, TheSmallVerifierAgreesOnEveryOpcodeAndField) {
    constexpr int32_t offsets[] = {0, 1, 2, 7, 8, 9, 16, 32, 64, -1, -32768, 32767, 256};
    constexpr int32_t imms[] = {0,    1,    2,    16,   17,         32,    64,    -1,       0x40,
                                0x41, 0x50, 0x51, 0x60, 0xa0,       0xa1,  0xe0,  0xe1,     0xf0,
                                0xf1, 0xff, 0x10, 0x11, 0x7fffffff, 0x100, 0x1e1, INT32_MIN};
    uint32_t legal = 0;
    for (uint32_t opcode = 0; opcode < 256; ++opcode) {
        std::vector<const Instruction*> rows;
        for (const Instruction& row : kInstructions)
            if (row.opcode == opcode) rows.push_back(&row);
        for (uint32_t registers = 0; registers < 256; ++registers)
            for (const int32_t offset : offsets)
                for (const int32_t imm : imms) {
                    const uint64_t insn = make(opcode, registers & 15, registers >> 4, offset, imm);
                    bool expected = false;
                    for (const Instruction* row : rows) expected = expected || is_instance(*row, insn);
                    const bool got = limpet::bpf::legal(limpet::bpf::head(insn), static_cast<uint32_t>(imm));
                    ASSERT_EQ(got, expected) << std::hex << insn;
                    legal += got ? 1 : 0;
                }
    }
    EXPECT_GT(legal, 100000U);
}

std::string fault_of(const Code& code) {
    const auto fault = find_fault(bytes_of(code));
    return fault ? limpet::bpf::describe(*fault, bytes_of(code)) : "";
}

uint32_t verified(const Code& code) {
    std::vector<uint32_t> halves;
    for (const uint64_t slot : code) {
        halves.push_back(static_cast<uint32_t>(slot));
        halves.push_back(static_cast<uint32_t>(slot >> 32));
    }
    return verify(halves.data(), static_cast<uint32_t>(code.size()));
}

/// Programs that are mostly right: both verifiers find the same instruction at fault.
TEST(BpfTable, TheVerifiersFindTheSameFault) {
    Random random(2);
    uint32_t refused = 0;
    const uint32_t programs = scaled(40000);
    for (uint32_t i = 0; i < programs; ++i) {
        Code code;
        const uint32_t size = 1 + random.below(12);
        while (code.size() < size) {
            const Instruction& row = random.pick(std::span<const Instruction>(kInstructions));
            uint64_t insn = random_instance(row, random);
            if (row.offset.use == limpet::bpf::Use::kBranch)
                insn |= static_cast<uint64_t>(static_cast<uint16_t>(random.between(-9, 9))) << 16;
            if (row.imm.use == limpet::bpf::Use::kBranch)
                insn |= static_cast<uint64_t>(static_cast<uint32_t>(random.between(-9, 9))) << 32;
            if (random.chance(2)) insn ^= uint64_t{1} << random.below(64);
            code.push_back(insn);
            if (row.format == limpet::bpf::Format::kLoadImmediate && !random.chance(5))
                code.push_back(random.chance(95) ? random.next64() << 32 : random.next64());
        }
        if (random.chance(80)) code.push_back(kExit);
        const auto fault = find_fault(bytes_of(code));
        const uint32_t got = verified(code);
        // Both slots of an lddw at the end are the same place.
        const bool cut_lddw = fault && code.size() >= 2 && got == code.size() - 1 && fault->slot + 1 == got;
        ASSERT_TRUE(got == (fault ? fault->slot : code.size()) || cut_lddw) << fault_of(code) << ", small: " << got;
        refused += fault ? 1 : 0;
    }
    EXPECT_GT(refused, programs / 4);
    EXPECT_LT(refused, programs - programs / 8);
}

TEST(BpfTable, WhatIsRefusedAndWhy) {
    const uint64_t lddw = make(0x18, 1);
    EXPECT_EQ(fault_of({kExit}), "");
    EXPECT_EQ(fault_of({make(0x05, 0, 0, 1), kExit, make(0x05, 0, 0, -2)}), "");
    EXPECT_EQ(fault_of({make(0x06, 0, 0, 0, 1), kExit, make(0x06, 0, 0, 0, -2)}), "");
    EXPECT_EQ(fault_of({lddw, make(0, 0, 0, 0, 5), kExit}), "");
    EXPECT_EQ(fault_of({lddw, make(0, 0, 0, 0, 5)}),
              "instruction 0: r1 = 21474836480 ll: the program runs on behind its last instruction");
    EXPECT_EQ(fault_of({make(0x85, 0, 1, 0, 0), kExit}), "");
    EXPECT_EQ(fault_of({make(0x85, 0, 1, 0, 1), kExit}),
              "instruction 0: call 1: goes to instruction 2, outside the program");
    EXPECT_EQ(fault_of({make(0x85, 0, 2, 0, 1), kExit}),
              "instruction 0: <unknown>: a call of something that only a loader can resolve");
    EXPECT_EQ(fault_of({make(0x15, 1, 0, -2), kExit}),
              "instruction 0: if r1 == 0 goto -2: goes to instruction -1, outside the program");
    EXPECT_EQ(fault_of({make(0x05, 0, 0, 1), lddw, make(0), kExit}),
              "instruction 0: goto +1: goes into the middle of an instruction, 2");
    EXPECT_EQ(fault_of({make(0xdb, 1, 10, 0, 1), kExit}), "instruction 0: <unknown>: r10 is read-only");
    EXPECT_EQ(fault_of({make(0xdb, 1, 10, 0, 0xf1), kExit}), ""); // it fetches into r0
    EXPECT_EQ(fault_of({make(0x06, 0, 0, 0, 0x7fffffff), kExit}),
              "instruction 0: gotol +2147483647: goes to instruction 2147483648, outside the program");
}

/// Backends refuse what the verifier does, and run nothing of it.
class BpfVerifier : public SubjectTest {};

TEST_P(BpfVerifier, RefusesOneFieldOff) {
    Random random(3);
    uint32_t refused = 0;
    for (const Instruction& row : kInstructions)
        for (int i = 0; i < 8; ++i) {
            const uint64_t insn = random_instance(row, random) ^ uint64_t { 1 } << random.below(32);
            if (find_instruction(insn) != nullptr) continue;
            const auto guest = make_guest(kLayouts[0], {kExit, insn, kExit});
            ASSERT_EQ(backend().prepare(*guest), LIMPET_REFUSED) << std::hex << insn;
            ASSERT_EQ(guest->vm.pc, kSlotBytes) << std::hex << insn;
            ASSERT_EQ(backend().call(*guest, 0, 10), LIMPET_REFUSED) << std::hex << insn;
            ++refused;
        }
    EXPECT_GT(refused, 400U);
}

INSTANTIATE_FOR_ALL_SUBJECTS(BpfVerifier);

} // namespace
} // namespace limpet::conformance::bpf
