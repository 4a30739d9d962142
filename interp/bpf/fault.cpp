#include "fault.h"

#include "decode.h"
#include "disasm.h"

namespace limpet::bpf {

namespace {

std::string hex_byte(uint32_t value) {
    constexpr const char* digits = "0123456789abcdef";
    return {'0', 'x', digits[value >> 4 & 15], digits[value & 15]};
}

std::string register_fault(Field field, uint32_t number) {
    if (satisfies(field, static_cast<int32_t>(number))) return "";
    if (field.use == Use::kFixed) return "";
    return number == kFramePointer ? "r10 is read-only" : "there is no r" + std::to_string(number);
}

/// What keeps `insn` from being an instance of `row`, which has its opcode.
std::string mismatch(const Instruction& row, uint64_t insn) {
    const uint32_t h = head(insn);
    if (auto fault = register_fault(row.dst, dst(h)); !fault.empty()) return fault;
    if (auto fault = register_fault(row.src, src(h)); !fault.empty()) return fault;
    const auto field = [](const char* name, int64_t value) {
        return std::string(name) + " " + std::to_string(value) + " has no meaning here";
    };
    if (!satisfies(row.dst, static_cast<int32_t>(dst(h)))) return field("destination register", dst(h));
    if (!satisfies(row.src, static_cast<int32_t>(src(h)))) return field("source register", src(h));
    if (!satisfies(row.offset, offset(h))) return field("offset", offset(h));
    return field("immediate", imm(insn));
}

/// Why `insn` is no instruction.
std::string why_illegal(uint64_t insn) {
    const uint32_t op = opcode(head(insn));
    if (op == jump_opcode(kJmp, kCall, kSource)) return "callx (a call through a register) is not supported";
    const uint32_t how = mode(op);
    if ((op & 7) == kLd && (how == 1 || how == 2)) return "the legacy packet instructions are not supported";
    if (op == kLddw && src(head(insn)) != 0) return "lddw of something that only a loader can resolve";
    if (op == jump_opcode(kJmp, kCall) && src(head(insn)) > 1)
        return "a call of something that only a loader can resolve";
    // Of the rows with this opcode, the one that it is meant to be, as far as that can be told.
    const Instruction* best = nullptr;
    for (const Instruction& row : kInstructions) {
        const bool meant = satisfies(row.offset, offset(head(insn))) && satisfies(row.imm, imm(insn));
        if (row.opcode == op && (best == nullptr || meant)) best = &row;
    }
    return best == nullptr ? "opcode " + hex_byte(op) + " is not one of eBPF" : mismatch(*best, insn);
}

} // namespace

uint64_t slot_at(std::span<const uint8_t> code, size_t slot) {
    uint64_t value = 0;
    for (size_t i = kSlotBytes; i-- > 0;) value = value << 8 | code[slot * kSlotBytes + i];
    return value;
}

std::optional<Fault> find_fault(std::span<const uint8_t> code) {
    if (code.empty()) return Fault{0, "the program is empty"};
    if (code.size() % kSlotBytes != 0) return Fault{0, "the program is not a multiple of 8 bytes long"};
    const auto count = static_cast<uint32_t>(code.size() / kSlotBytes);
    bool ends = false;
    uint32_t last = 0;
    for (uint32_t i = 0; i < count;) {
        const uint64_t insn = slot_at(code, i);
        const Instruction* row = find_instruction(insn);
        if (row == nullptr) return Fault{i, why_illegal(insn)};
        if (branches(*row)) {
            const int64_t target = i + distance(*row, insn);
            if (target < 0 || target >= count)
                return Fault{i, "goes to instruction " + std::to_string(target) + ", outside the program"};
            if (opcode(head(slot_at(code, static_cast<size_t>(target)))) == 0)
                return Fault{i, "goes into the middle of an instruction, " + std::to_string(target)};
        }
        if (slots(*row) == 2) {
            if (i + 1 == count) return Fault{i, "the second half of lddw is missing"};
            if (head(slot_at(code, i + 1)) != 0) return Fault{i, "the second half of lddw has more than an immediate"};
        }
        ends = is_end(*row);
        last = i;
        i += slots(*row);
    }
    if (!ends) return Fault{last, "the program runs on behind its last instruction"};
    return std::nullopt;
}

std::string describe(const Fault& fault, std::span<const uint8_t> code) {
    std::string text = "instruction " + std::to_string(fault.slot) + ": ";
    const size_t count = code.size() / kSlotBytes;
    if (fault.slot < count) {
        const uint64_t second = fault.slot + 1 < count ? slot_at(code, fault.slot + 1) : 0;
        text += disassemble(slot_at(code, fault.slot), second) + ": ";
    }
    return text + fault.reason;
}

} // namespace limpet::bpf
