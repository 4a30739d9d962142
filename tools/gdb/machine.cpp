#include "machine.h"

#include "../../interp/rv32/decode.h"

#include <algorithm>

namespace limpet::gdb {

std::string_view target_description() {
    // gdb knows RV32E by x16 to x31 being absent ("RISC-V Features" in its manual).
    static const std::string text = [] {
        std::string xml = R"(<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">)"
                          R"(<architecture>riscv:rv32</architecture><feature name="org.gnu.gdb.riscv.cpu">)";
        for (uint32_t i = 0; i < kPc; ++i)
            xml += "<reg name=\"x" + std::to_string(i) + R"(" bitsize="32" type="int" regnum=")" + std::to_string(i) +
                   "\"/>";
        xml += R"(<reg name="pc" bitsize="32" type="code_ptr" regnum=")" + std::to_string(kPc) + "\"/>";
        return xml + "</feature></target>";
    }();
    return text;
}

uint32_t Machine::get_register(uint32_t number) const { return number == kPc ? guest_.vm.pc : guest_.vm.x[number]; }

bool Machine::set_register(uint32_t number, uint32_t value) {
    if (number == kPc) {
        if (value != guest_.vm.pc && !guest_.can_fetch(value, isa_.compressed)) return false;
        guest_.vm.pc = value;
    } else if (number != 0) {
        guest_.vm.x[number] = value;
    }
    return true;
}

std::string Machine::read(uint32_t address, uint32_t size) const {
    const auto part = [&](std::span<const uint8_t> window, uint32_t start) {
        const uint32_t offset = address - start;
        if (offset >= window.size()) return std::string();
        const auto bytes = window.subspan(offset, std::min<size_t>(size, window.size() - offset));
        return std::string(bytes.begin(), bytes.end());
    };
    std::string data = part(guest_.memory(), guest_.host.base);
    if (!data.empty()) return data;
    return part(guest_.code().first(guest_.vm.window.code_size), guest_.vm.window.code_start);
}

bool Machine::write(uint32_t address, std::string_view bytes) {
    const std::span<uint8_t> memory = guest_.memory();
    const uint32_t offset = address - guest_.host.base;
    if (offset > memory.size() || bytes.size() > memory.size() - offset) return false;
    std::ranges::copy(bytes, memory.begin() + offset);
    return true;
}

std::optional<Access> Machine::next_access() const {
    const rv32::Instruction* row = rv32::find_instruction(isa_, guest_.instruction_at(pc(), isa_.compressed));
    if (row == nullptr) return std::nullopt;
    const rv32::Operands o = rv32::operands(*row, guest_.instruction_at(pc(), isa_.compressed));
    const auto access = [&](uint32_t size, bool is_store) {
        return Access{.address = guest_.vm.x[o.rs1] + o.imm, .size = size, .is_store = is_store};
    };
    switch (row->op) {
    case rv32::Op::kLb:
    case rv32::Op::kLbu: return access(1, false);
    case rv32::Op::kLh:
    case rv32::Op::kLhu: return access(2, false);
    case rv32::Op::kLw: return access(4, false);
    case rv32::Op::kSb: return access(1, true);
    case rv32::Op::kSh: return access(2, true);
    case rv32::Op::kSw: return access(4, true);
    default: return std::nullopt;
    }
}

} // namespace limpet::gdb
