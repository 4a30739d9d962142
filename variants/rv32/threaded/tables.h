/// \file
/// The instruction table of interp/rv32 packed for decoding: computed from it by the compiler. Rows tell the kind of an
/// instruction, formats where its registers and the pieces of its immediate are.
#pragma once

#include "../../../interp/rv32/decode.h"
#include "../../../interp/rv32/semantics.h"

namespace limpet::rv32_threaded {

using namespace limpet::rv32;

enum class Kind : uint8_t {
    kRegister,  ///< x[rd] = x[rs1] <f> x[rs2]; f as alu() counts it
    kImmediate, ///< x[rd] = x[rs1] <f> imm
    kConstant,  ///< x[rd] = imm
    kLoad,      ///< f: funct3
    kStore,     ///< f: funct3
    kBranch,    ///< f: funct3; imm: target
    kJump,      ///< imm: target
    kIndirect,
    kMultiply, ///< f: funct3
    kHostCall, ///< imm: id
    kNothing,
    kEnd ///< f: status that the run ends with
};

struct KindAndF {
    Kind kind;
    uint8_t f;
};

constexpr KindAndF kind_of(Op op) {
    const auto from = [&](Op first) { return static_cast<uint32_t>(op) - static_cast<uint32_t>(first); };
    const auto with = [](Kind kind, uint32_t f = 0) { return KindAndF{kind, static_cast<uint8_t>(f)}; };
    constexpr uint32_t branches[] = {kBeq, kBne, kBlt, kBge, kBltu, kBgeu};
    constexpr uint32_t loads[] = {kByte, kHalf, kWord, kByteUnsigned, kHalfUnsigned};
    constexpr uint32_t immediates[] = {kAdd, kSlt, kSltu, kXor, kOr, kAnd, kSll, kSr, kSr | kAlternate};
    constexpr uint32_t registers[] = {kAdd, kAdd | kAlternate, kSll, kSlt, kSltu, kXor,
                                      kSr,  kSr | kAlternate,  kOr,  kAnd};
    if (op <= Op::kAuipc) return with(Kind::kConstant);
    if (op == Op::kJal) return with(Kind::kJump);
    if (op == Op::kJalr) return with(Kind::kIndirect);
    if (op <= Op::kBgeu) return with(Kind::kBranch, branches[from(Op::kBeq)]);
    if (op <= Op::kLhu) return with(Kind::kLoad, loads[from(Op::kLb)]);
    if (op <= Op::kSw) return with(Kind::kStore, from(Op::kSb));
    if (op <= Op::kSrai) return with(Kind::kImmediate, immediates[from(Op::kAddi)]);
    if (op <= Op::kAnd) return with(Kind::kRegister, registers[from(Op::kAdd)]);
    if (op <= Op::kRemu) return with(Kind::kMultiply, from(Op::kMul));
    if (op == Op::kFence) return with(Kind::kNothing);
    if (op == Op::kHostCall) return with(Kind::kHostCall);
    return with(Kind::kEnd, op == Op::kEcall ? LIMPET_ECALL : LIMPET_BREAKPOINT);
}

/// Where a register's number is: bits 4:0 the lowest bit of the field; kShort: three bits, for x8 to x15; kFour: four.
/// Or kFixed, and the number itself.
inline constexpr uint8_t kFour = 0x20;
inline constexpr uint8_t kShort = 0x40;
inline constexpr uint8_t kFixed = 0x80;

constexpr uint32_t register_at(uint32_t insn, uint32_t where) {
    if ((where & kFixed) != 0) return where - kFixed;
    insn >>= where & 31;
    if ((where & kShort) != 0) return (insn & 7) + 8;
    return insn & ((where & kFour) != 0 ? 15 : 31);
}

/// A piece of an immediate: field(insn, high, low, at), or signed_field. Packed: high, low, at, 5 bits each; bit 15:
/// last. The first piece is the signed one, if any is: those of bit 12 or 31.
constexpr uint16_t packed(uint32_t high, uint32_t low, uint32_t at) {
    return static_cast<uint16_t>(high | low << 5 | at << 10);
}
inline constexpr uint16_t kLast = 0x8000;

/// In FormatRow::pieces: the first piece has the sign.
inline constexpr uint8_t kSigned = 0x80;

struct FormatRow {
    uint8_t rd = kFixed;
    uint8_t rs1 = kFixed;
    uint8_t rs2 = kFixed;
    uint8_t pieces = 0; ///< number of the first one
};

inline constexpr uint32_t kFormats = static_cast<uint32_t>(Format::kCXCall) + 1;

template <uint32_t pieces> struct Formats {
    FormatRow row[kFormats];
    uint16_t piece[pieces];
};

/// How a register of operands() depends on the bits of an instruction, found out by trying each bit.
constexpr uint8_t register_field(const Instruction& row, uint32_t Operands::*member) {
    const uint32_t none = operands(row, 0).*member;
    for (uint32_t bit = 0; bit < 28; ++bit) {
        if (operands(row, 1U << bit).*member == none) continue;
        const bool four = operands(row, 1U << (bit + 4)).*member == none;
        return static_cast<uint8_t>(bit | (none == 8 ? kShort : four ? kFour : 0));
    }
    return static_cast<uint8_t>(kFixed + none);
}

/// The pieces of one format's immediate, by trying each bit. (What c.x.li adds to them is immediate()'s business.)
struct Pieces {
    uint16_t piece[9]{};
    uint32_t count = 0;
    bool has_sign = false;
};
constexpr Pieces pieces_of(const Instruction& row) {
    Pieces found;
    const auto imm_of = [&](int bit) { return operands(row, 1U << bit).imm ^ operands(row, 0).imm; };
    for (int bit = 31; bit >= 0; --bit) {
        const uint32_t gives = imm_of(bit);
        if (gives == 0) continue;
        uint32_t to = 0; // a sign gives many bits, of which the lowest is its own
        while ((gives >> to & 1) == 0) ++to;
        if ((gives & (gives - 1)) != 0) found.has_sign = true;
        const int high = bit;
        while (bit > 0 && to > 0 && imm_of(bit - 1) == 1U << (to - 1)) --bit, --to;
        found.piece[found.count++] = packed(static_cast<uint32_t>(high), static_cast<uint32_t>(bit), to);
    }
    if (found.count == 0) found.count = 1; // no immediate: bit 0 of a number that is shifted out
    if (found.piece[0] == 0) found.piece[0] = packed(0, 0, 31);
    found.piece[found.count - 1] |= kLast;
    return found;
}

/// All formats. Immediates that consist of the same pieces share them. `count` becomes the number of pieces.
template <uint32_t pieces> constexpr Formats<pieces> make_formats(uint32_t& count) {
    Formats<pieces> formats{};
    count = 0;
    for (const Instruction& row : kInstructions) {
        FormatRow& format = formats.row[static_cast<uint32_t>(row.format)];
        format.rd = register_field(row, &Operands::rd);
        format.rs1 = register_field(row, &Operands::rs1);
        format.rs2 = register_field(row, &Operands::rs2);
        const Pieces its = pieces_of(row);
        uint32_t first = 0;
        const auto same = [&] {
            for (uint32_t i = 0; i < its.count; ++i)
                if (formats.piece[first + i] != its.piece[i]) return false;
            return true;
        };
        while (first < count && !(first + its.count <= count && same())) ++first;
        if (first == count)
            for (uint32_t i = 0; i < its.count; ++i) formats.piece[count++] = its.piece[i];
        format.pieces = static_cast<uint8_t>(first | (its.has_sign ? kSigned : 0));
    }
    return formats;
}
constexpr uint32_t count_pieces() {
    uint32_t count = 0;
    make_formats<128>(count);
    return count;
}
constexpr auto make_formats() {
    uint32_t count = 0;
    return make_formats<count_pieces()>(count);
}
inline constexpr auto kFormatTable = make_formats();

/// A 16-bit instruction.
struct ShortRow {
    uint16_t mask;
    uint16_t match;
    uint16_t nonzero; ///< not all of these bits are 0
    Format format;
    uint8_t kind_and_f; ///< kind | f << 4
};

/// The bits that a row's conditions speak of. That c.lui is not for sp needs none: c.addi16sp comes first.
constexpr uint16_t nonzero_bits(const Instruction& row) {
    uint32_t bits = 0;
    for (uint32_t bit = 1; bit < 0x10000; bit <<= 1) {
        const Operands with = operands(row, bit);
        const Operands without = operands(row, 0);
        if (((row.conditions & kRdNonzero) != 0 && with.rd != without.rd) ||
            ((row.conditions & kRs1Nonzero) != 0 && with.rs1 != without.rs1) ||
            ((row.conditions & kRs2Nonzero) != 0 && with.rs2 != without.rs2) ||
            ((row.conditions & kImmNonzero) != 0 && with.imm != without.imm))
            bits |= bit;
    }
    return static_cast<uint16_t>(bits != 0 ? bits : 0xffff);
}

/// 32-bit instructions of one opcode that differ in funct3, and in bit 30, only.
struct LongRow {
    uint8_t opcode;
    Format format;
    Kind kind;
    uint8_t functs; ///< bit n: funct3 may be n
};

template <uint32_t shorts, uint32_t longs> struct Rows {
    ShortRow short_row[shorts];
    LongRow long_row[longs];
};

template <uint32_t shorts_max, uint32_t longs_max>
constexpr Rows<shorts_max, longs_max> make_rows(Isa isa, uint32_t& shorts, uint32_t& longs) {
    Rows<shorts_max, longs_max> rows{};
    shorts = longs = 0;
    // M comes first: its rows are those of kRegister but for funct7.
    for (uint32_t pass = 0; pass < 2; ++pass)
        for (const Instruction& row : kInstructions) {
            const KindAndF its = kind_of(row.op);
            if (!has(isa, row.extension) || (pass == 0) != (its.kind == Kind::kMultiply)) continue;
            if ((row.match & 3) != 3) {
                rows.short_row[shorts++] = {.mask = static_cast<uint16_t>(row.mask),
                                            .match = static_cast<uint16_t>(row.match),
                                            .nonzero = nonzero_bits(row),
                                            .format = row.format,
                                            .kind_and_f =
                                                static_cast<uint8_t>(static_cast<uint32_t>(its.kind) | its.f * 16U)};
                continue;
            }
            if (its.kind == Kind::kEnd) continue; // ecall and ebreak have an opcode of their own
            const auto opcode = static_cast<uint8_t>(row.match & 0x7f);
            uint32_t at = 0;
            while (at < longs && !(rows.long_row[at].opcode == opcode && rows.long_row[at].format == row.format &&
                                   rows.long_row[at].kind == its.kind))
                ++at;
            if (at == longs)
                rows.long_row[longs++] = {.opcode = opcode, .format = row.format, .kind = its.kind, .functs = 0};
            rows.long_row[at].functs |= static_cast<uint8_t>((row.mask & 0x7000) == 0 ? 0xff : 1U << funct3(row.match));
        }
    return rows;
}
template <Isa isa, bool of_longs> constexpr uint32_t count_rows() {
    uint32_t shorts = 0;
    uint32_t longs = 0;
    make_rows<64, 64>(isa, shorts, longs);
    return of_longs ? longs : shorts;
}
template <Isa isa> constexpr auto make_rows() {
    uint32_t shorts = 0;
    uint32_t longs = 0;
    return make_rows<count_rows<isa, false>() + !isa.compressed, count_rows<isa, true>()>(isa, shorts, longs);
}
template <Isa isa> inline constexpr auto kRows = make_rows<isa>();

} // namespace limpet::rv32_threaded
