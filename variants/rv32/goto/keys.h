/// \file
/// Which handler carries out which instruction: tables computed from the instruction table while the backend is
/// compiled.
///
/// A key is a few bits of an instruction, as a table index. Keys whose instructions differ in nothing that a handler is
/// compiled for share a handler.
#pragma once

#include "../../../interp/rv32/decode.h"

namespace limpet::rv32_goto {

using namespace limpet::rv32;

/// What distinguishes rv32-goto from rv32-goto/lean.
struct Setting {
    bool lean; ///< flash before speed: a handler for each format, the ends of handlers shared, short keys
};
inline constexpr Setting kFast{.lean = false};
inline constexpr Setting kLean{.lean = true};

enum class Kind : uint8_t {
    kRare,  ///< no handler: illegal, or left to settle()
    kShort, ///< a 16-bit instruction
    kLong,  ///< a 32-bit instruction
    kHalf   ///< the first half of a 32-bit instruction, in a profile that has 16-bit ones
};

inline constexpr uint32_t kAnyFunct3 = 8;

/// What a handler is compiled for.
struct Handler {
    Kind kind = Kind::kRare;
    Format format = Format::kNone;
    Op op = Op::kEbreak;          ///< of the instructions that share the handler, the last in the instruction table
    uint32_t funct3 = kAnyFunct3; ///< of a 32-bit instruction
    bool sign = false;            ///< of a 16-bit form's immediate: bit 12, where has_sign()

    constexpr bool operator==(const Handler&) const = default;
};

/// Bits of an instruction: those set in `mask` are known, and their values are in `bits`.
struct Known {
    uint32_t mask;
    uint32_t bits;
};

/// Key of an instruction's first halfword. rev16 (exchange the bytes of a halfword) brings bits 1:0 next to the upper
/// bits: a 16-bit instruction's major opcode, bit 5 or sign of its immediate and, unless lean, rd[4] and rd[3]; a
/// 32-bit one's funct3.
constexpr Known known_16(Setting setting, uint32_t key) {
    if (setting.lean) return {.mask = 0xf003, .bits = (key & 0xf) << 12 | (key >> 4 & 3)};
    return {.mask = 0xfc03, .bits = (key & 0x3f) << 10 | key >> 6};
}

/// Key of a 32-bit instruction: funct3 (14:12) if the setting looks at it, and the major opcode (6:2).
constexpr Known known_32(Setting setting, uint32_t key) {
    const uint32_t opcode = (key & 0x1f) << 2 | 3;
    if (setting.lean) return {.mask = 0x7f, .bits = opcode};
    return {.mask = 0x707f, .bits = (key >> 5) << 12 | opcode};
}

/// Is any instruction with these bits a legal instance of `row`? A 16-bit one's other bits are tried out. A 32-bit row
/// has x0 where registers are not known.
constexpr bool possible(const Instruction& row, Isa isa, Known known) {
    if (((row.match ^ known.bits) & row.mask & known.mask) != 0) return false;
    if ((row.match & 3) == 3) return is_instance(row, isa, known.bits | (row.match & ~known.mask));
    const uint32_t others = ~known.mask & 0xffff;
    for (uint32_t bits = 0; bits <= others; bits += 4)
        if (is_instance(row, isa, known.bits | bits)) return true;
    return false;
}

/// Is there a handler for each sign of the immediate? Where that is worth its flash.
constexpr bool has_sign(Setting setting, Format format) {
    return !setting.lean && (format == Format::kCAddi || format == Format::kCLi || format == Format::kCAndi);
}

/// Is it left to settle()?
constexpr bool is_rare(Format format) {
    return format == Format::kNone || format == Format::kHostCall || format == Format::kCXCall ||
           format == Format::kFence;
}

/// The handler of the instructions of a key. Where they are instances of several rows (c.lui and c.addi16sp; c.jr and
/// c.mv), that of the last row carries out all.
constexpr Handler handler_of(Isa isa, Setting setting, Known known) {
    if ((known.mask & 0x7f) == 3 && (known.bits & 3) == 3)
        return {.kind = Kind::kHalf, .funct3 = setting.lean ? kAnyFunct3 : funct3(known.bits)};
    Handler handler;
    for (const Instruction& row : kInstructions) {
        if (!possible(row, isa, known) || is_rare(row.format)) continue;
        handler = {.kind = Kind::kShort, .format = row.format, .op = row.op};
        if ((known.bits & 3) == 3) {
            handler.kind = Kind::kLong;
            if (!setting.lean) handler.funct3 = funct3(known.bits & row.mask);
            if (setting.lean && row.format == Format::kUpper) handler.op = Op::kLui; // and auipc, by bit 5
        } else if (has_sign(setting, row.format)) {
            handler.sign = (known.bits & 0x1000) != 0;
        } else if (setting.lean && row.format == Format::kCJal) {
            handler.format = Format::kCJ; // the handler looks at bit 15
        }
    }
    return handler;
}

/// Is a handler carried out so often that it has a dispatch of its own? The others share one. (Which these are among
/// the 32-bit ones, where a profile has 16-bit ones: their funct3 is a bit of a set.)
constexpr bool is_often(Isa isa, Setting setting, const Handler& handler) {
    if (setting.lean) return false;
    if (!isa.compressed) return true;
    const auto is_in = [&](uint32_t set) { return (set >> handler.funct3 & 1) != 0; };
    switch (handler.format) {
    case Format::kI: return is_in(1 << 0 | 1 << 7);             // addi, andi
    case Format::kR: return is_in(1 << 0 | 1 << 3 | 1 << 5);    // add, sub, sltu, srl, sra
    case Format::kLoad: return is_in(1 << 2 | 1 << 4 | 1 << 5); // lw, lbu, lhu
    case Format::kStore: return is_in(1 << 0 | 1 << 2);         // sb, sw
    case Format::kUpper:
    case Format::kCAddi4spn:
    case Format::kCLui: return false;
    default: return true;
    }
}

/// All handlers of a backend, and the number of the one that each key has.
struct Handlers {
    uint32_t count = 0;
    Handler list[96];
    uint8_t by_key_16[256];
    uint8_t by_key_32[256];

    constexpr uint8_t number(const Handler& handler) {
        uint32_t i = 0;
        while (i < count && list[i] != handler) ++i;
        if (i == count) list[count++] = handler;
        return static_cast<uint8_t>(i);
    }
};

template <Isa isa, Setting setting> inline constexpr Handlers kHandlers = [] {
    Handlers all{};
    for (uint32_t key = 0; key < 256; ++key)
        all.by_key_16[key] = isa.compressed ? all.number(handler_of(isa, setting, known_16(setting, key))) : 0;
    for (uint32_t key = 0; key < 256; ++key)
        all.by_key_32[key] = all.number(handler_of(isa, setting, known_32(setting, key)));
    return all;
}();

} // namespace limpet::rv32_goto
