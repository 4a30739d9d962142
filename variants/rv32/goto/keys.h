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
    bool lean; ///< flash before speed: a handler for each format, the ends of handlers shared, tables of bytes
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

/// Key of an instruction's first halfword. rev16 (exchange the bytes of a halfword) brings bits 1:0 next to bits 15:10:
/// a 16-bit instruction's major opcode, bit 5 or sign of its immediate, rd[4] and rd[3]; a 32-bit one's funct3.
constexpr Known known_16(uint32_t key) { return {.mask = 0xfc03, .bits = (key & 0x3f) << 10 | key >> 6}; }

/// Key of a 32-bit instruction: funct3 (14:12) if the setting looks at it, and the major opcode (6:2).
constexpr Known known_32(Setting setting, uint32_t key) {
    const uint32_t opcode = (key & 0x1f) << 2 | 3;
    if (setting.lean) return {.mask = 0x7f, .bits = opcode};
    return {.mask = 0x707f, .bits = (key >> 5) << 12 | opcode};
}

/// Is any instruction with these bits a legal instance of `row`? A 16-bit one's other bits, 9:2, are tried out. A
/// 32-bit row has x0 where registers are not known.
constexpr bool possible(const Instruction& row, Isa isa, Known known) {
    if (((row.match ^ known.bits) & row.mask & known.mask) != 0) return false;
    if ((row.match & 3) == 3) return is_instance(row, isa, known.bits | (row.match & ~known.mask));
    for (uint32_t bits = 0; bits < 0x100; ++bits)
        if (is_instance(row, isa, known.bits | bits << 2)) return true;
    return false;
}

/// Is there a handler for each sign of the immediate? Where that is worth its flash.
constexpr bool has_sign(Setting setting, Format format) {
    return !setting.lean && (format == Format::kCAddi || format == Format::kCLi || format == Format::kCAndi);
}

/// The handler of the instructions of a key. Where they are instances of several rows (c.lui and c.addi16sp; c.jr and
/// c.mv), that of the last row carries out all.
constexpr Handler handler_of(Isa isa, Setting setting, Known known) {
    if (known.mask == 0xfc03 && (known.bits & 3) == 3)
        return {.kind = Kind::kHalf, .funct3 = setting.lean ? kAnyFunct3 : funct3(known.bits)};
    Handler handler;
    for (const Instruction& row : kInstructions) {
        if (!possible(row, isa, known) || row.format == Format::kNone || row.format == Format::kHostCall) continue;
        handler = {.kind = Kind::kShort, .format = row.format, .op = row.op};
        if ((known.bits & 3) == 3) {
            handler.kind = Kind::kLong;
            if (!setting.lean) handler.funct3 = funct3(known.bits & row.mask);
        } else if (has_sign(setting, row.format)) {
            handler.sign = (known.bits & 0x1000) != 0;
        } else if (setting.lean && row.format == Format::kCShift) {
            handler.op = Op::kSrli; // of srli and srai: the handler looks at bit 10
        }
    }
    return handler;
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
        all.by_key_16[key] = isa.compressed ? all.number(handler_of(isa, setting, known_16(key))) : 0;
    for (uint32_t key = 0; key < 256; ++key)
        all.by_key_32[key] = all.number(handler_of(isa, setting, known_32(setting, key)));
    return all;
}();

/// The first `count` bytes of a table. What of a table is looked up at run time is a constant of its own, because a
/// constant goes into flash as a whole.
template <uint32_t count> struct Bytes { uint8_t at[count]; };
template <uint32_t count> constexpr Bytes<count> first(const uint8_t (&table)[256]) {
    Bytes<count> bytes{};
    for (uint32_t i = 0; i < count; ++i) bytes.at[i] = table[i];
    return bytes;
}
template <Isa isa, Setting setting>
inline constexpr Bytes<256> kNumberByKey16 = first<256>(kHandlers<isa, setting>.by_key_16);
template <Isa isa, Setting setting>
inline constexpr Bytes<32> kNumberByOpcode = first<32>(kHandlers<isa, setting>.by_key_32);

} // namespace limpet::rv32_goto
