/// \file
/// The dispatch tables of rv32-goto, computed from the instruction table while the backend is compiled.
///
/// A key is a few bits of an instruction, as a table index. A table says for each key which handler carries out the
/// instructions that have it; keys whose instructions differ in nothing that the handler cares about share one.
#pragma once

#include "../../../interp/rv32/decode.h"

namespace limpet::rv32_goto {

using namespace limpet::rv32;

/// What a handler is compiled for.
struct Handler {
    Format format = Format::kNone;
    Op op = Op::kEcall;  ///< of all instructions that share the handler, the last in the instruction table
    uint32_t funct3 = 0; ///< of a 32-bit instruction
    bool legal = false;  ///< false: no instruction has the key
    bool sign = false;   ///< of a 16-bit form's immediate: bit 12

    constexpr bool operator==(const Handler&) const = default;
};

/// Bits of an instruction: those set in `mask` are known, and their values are in `bits`.
struct Known {
    uint32_t mask;
    uint32_t bits;
};

/// Key of any instruction, in a profile with 16-bit ones. `rev16` (exchange the bytes of a halfword) brings bits 1:0
/// next to bits 15:10: the major opcode of 16-bit instructions, bit 5 or sign of their immediate, rd[4] and rd[3].
constexpr Known known_16(uint32_t key) { return {.mask = 0xfc03, .bits = (key & 0x3f) << 10 | key >> 6}; }

/// Key of a 32-bit instruction: funct3 (14:12) and the major opcode (6:2).
constexpr Known known_32(uint32_t key) { return {.mask = 0x707f, .bits = (key >> 5) << 12 | (key & 0x1f) << 2 | 3}; }

/// Is an instruction with these bits a legal instance of `row`? The bits that are not known are tried out: 9:2 and none
/// behind 15 of a 16-bit instruction, the register fields' upper bits of a 32-bit one.
constexpr bool possible(const Instruction& row, Isa isa, Known known) {
    if (((row.match ^ known.bits) & row.mask & known.mask) != 0) return false;
    const uint32_t rest = row.match & ~known.mask;
    if (row.mask > 0xffff || (row.match & 3) == 3) return is_instance(row, isa, known.bits | rest);
    for (uint32_t bits = 0; bits < 0x100; ++bits)
        if (is_instance(row, isa, known.bits | bits << 2)) return true;
    return false;
}

constexpr bool has_signed_immediate_16(Format format) {
    switch (format) {
    case Format::kCAddi:
    case Format::kCLi:
    case Format::kCAndi: return true;
    default: return false;
    }
}

constexpr Handler handler_of(Isa isa, Known known) {
    Handler handler;
    if (known.mask == 0xfc03 && (known.bits & 3) == 3) {
        handler.funct3 = funct3(known.bits);
        handler.legal = true;
        return handler;
    }
    for (const Instruction& row : kInstructions) {
        if (!possible(row, isa, known)) continue;
        handler = {.format = row.format, .op = row.op, .legal = true};
        if ((known.bits & 3) == 3)
            handler.funct3 = funct3(known.bits & row.mask);
        else if (has_signed_immediate_16(row.format))
            handler.sign = (known.bits & 0x1000) != 0;
    }
    return handler;
}

/// A dispatch table: for each key its handler, and the first key that has the same one.
struct Table {
    Handler handlers[256];
    uint8_t first[256];
};

template <auto known_of> constexpr Table make_table(Isa isa) {
    Table table{};
    for (uint32_t key = 0; key < 256; ++key) {
        table.handlers[key] = handler_of(isa, known_of(key));
        uint32_t first = 0;
        while (table.handlers[first] != table.handlers[key]) ++first;
        table.first[key] = static_cast<uint8_t>(first);
    }
    return table;
}

template <Isa isa> inline constexpr Table kTable16 = make_table<known_16>(isa);
template <Isa isa> inline constexpr Table kTable32 = make_table<known_32>(isa);

} // namespace limpet::rv32_goto
