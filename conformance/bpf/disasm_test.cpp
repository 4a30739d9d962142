/// \file
/// The text of instances of each row against llvm: an independent reading of the specification.
#include "../../interp/bpf/disasm.h"

#include "../support/llvm.h"
#include "subjects.h"

namespace limpet::conformance::bpf {
namespace {

TEST(BpfDisassembler, PrintsAsLlvmDoes) {
    Random random(4);
    std::vector<std::string> texts;
    std::vector<uint8_t> bytes;
    for (const Instruction& row : kInstructions)
        for (int i = 0; i < 50; ++i) {
            uint64_t insn = random_instance(row, random);
            if (row.offset.use == limpet::bpf::Use::kBranch) insn |= random.next64() & 0xffff0000U;
            if (row.imm.use == limpet::bpf::Use::kBranch) insn |= random.next64() << 32;
            const bool two = limpet::bpf::slots(row) == 2;
            const uint64_t second = two ? random.next64() << 32 : 0;
            const std::vector<uint8_t> slots = bytes_of(two ? Code{insn, second} : Code{insn});
            bytes.insert(bytes.end(), slots.begin(), slots.end());
            texts.push_back(limpet::bpf::disassemble(insn, second));
        }
    const std::vector<std::string> llvm = llvm_bpf_text(bytes);
    ASSERT_EQ(texts.size(), llvm.size());
    for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(texts[i], llvm[i]);
}

TEST(BpfDisassembler, SaysWhatIsNoInstruction) {
    EXPECT_EQ(limpet::bpf::disassemble(0x8d), "<unknown>");
    EXPECT_EQ(limpet::bpf::disassemble(0x0a07), "<unknown>");
}

} // namespace
} // namespace limpet::conformance::bpf
