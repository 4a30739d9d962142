/// \file
/// Prints the tables of rv32-tiny as assembly, made from the instruction table of interp/rv32 (README.md tells what
/// they mean). Runs on the machine that builds; stops with status 1 when the instruction table has outgrown what
/// tiny.S can do with tables.
#include "../../../interp/rv32/decode.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using namespace limpet::rv32;

constexpr unsigned kLongestRun = 7;  ///< bits that one byte of a format moves
constexpr unsigned kShortStart = 12; ///< where the engine begins to read a 16-bit instruction
constexpr unsigned kLongRows = 16;   ///< row_of_opcode

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "rv32-tiny: %s\n", what.c_str());
    std::exit(1);
}

bool is_short(const Instruction& row) { return (row.match & 3) != 3; }

/// The label in tiny.S, without h_, of what carries out a row.
std::string handler(const Instruction& row) {
    switch (row.format) {
    case Format::kR: return "op";
    case Format::kI:
    case Format::kShift: return "op_imm";
    case Format::kLoad: return row.op == Op::kJalr ? "jalr" : "load";
    case Format::kStore: return "store";
    case Format::kBranch: return "branch";
    case Format::kUpper: return row.op == Op::kLui ? "add" : "auipc";
    case Format::kJump: return "jal";
    case Format::kFence: return "fence";
    case Format::kNone: return "system";
    case Format::kHostCall: return "host_call";
    case Format::kCAddi4spn: return "c_addi4spn";
    case Format::kCLw: return "c_lw";
    case Format::kCSw: return "c_sw";
    case Format::kCNop:
    case Format::kCAddi:
    case Format::kCLi: return "add";
    case Format::kCJ: return "jal";
    case Format::kCJal: return "c_jal";
    case Format::kCAddi16sp:
    case Format::kCLui: return "c_lui";
    case Format::kCShift:
    case Format::kCAndi:
    case Format::kCArith: return "c_arith";
    case Format::kCBranch: return "c_branch";
    case Format::kCSlli: return "c_slli";
    case Format::kCLwsp: return "c_lwsp";
    case Format::kCSwsp: return "c_swsp";
    case Format::kZcbLoad:
    case Format::kZcbStore: return "zcb";
    case Format::kCXShift: return row.op == Op::kSlli ? "c_x_slli" : "c_x_srli";
    case Format::kCXBranch: return "c_x_branch";
    case Format::kCXLi: return "c_x_li";
    case Format::kCXLoadSp:
    case Format::kCXStoreSp: return "c_x_byte_sp";
    case Format::kCXCall: return "c_x_call";
    default: return "c_jump";
    }
}

/// What bit `bit` of an instruction adds to its operands.
Operands contribution(const Instruction& row, unsigned bit) {
    const Operands without = operands(row, row.match & ~(1U << bit));
    const Operands with = operands(row, row.match | 1U << bit);
    return {.rd = with.rd ^ without.rd,
            .rs1 = with.rs1 ^ without.rs1,
            .rs2 = with.rs2 ^ without.rs2,
            .imm = with.imm ^ without.imm};
}

/// Handlers shift by themselves: c.lui has the immediate of c.li 12 places higher, c.x.bltu that of c.x.slli by one.
uint32_t immediate_bit(const Instruction& row, unsigned bit) {
    const uint32_t imm = contribution(row, bit).imm;
    const unsigned higher = row.format == Format::kCLui ? 12 : row.format == Format::kCXBranch ? 1 : 0;
    return static_cast<uint32_t>(static_cast<int32_t>(imm) >> higher);
}

/// Where the bits of an immediate come from: to[i] is the immediate's bit that bit i of the instruction is, or -1.
struct Immediate {
    std::array<int, 32> to{};
    unsigned width = 0; ///< bits of the immediate
    bool is_signed = false;
};

Immediate immediate_of(const Instruction& row) {
    Immediate result;
    for (unsigned bit = 0; bit < 32; ++bit) {
        const uint32_t mask = is_short(row) && bit > 15 ? 0 : immediate_bit(row, bit);
        result.to[bit] = mask == 0 ? -1 : std::countr_zero(mask);
        if (!std::has_single_bit(mask) && mask != 0) result.is_signed = true;
        if (mask != 0) result.width = std::max(result.width, static_cast<unsigned>(std::countr_zero(mask)) + 1);
    }
    // The upper bit of a 16-bit form's shift amount is 0 when it is legal, so it is read as the other immediates there.
    if (row.format == Format::kCShift || row.format == Format::kCSlli) result.is_signed = true;
    return result;
}

/// The bytes that move an immediate into place: (bits << 5 | rotation to the right) for each run of bits from the
/// instruction's top on, then how far to shift the result to the left and, with its sign, back.
std::vector<unsigned> format_of(const Instruction& row) {
    const Immediate imm = immediate_of(row);
    if (imm.width == 0) return {0};
    std::vector<unsigned> bytes;
    int lowest = 0;
    while (imm.to[static_cast<unsigned>(lowest)] < 0) ++lowest;
    bool skips = false;
    for (int bit = is_short(row) ? kShortStart : 31; bit >= lowest;) {
        const int first = imm.to[static_cast<unsigned>(bit)];
        unsigned length = 1;
        while (length < kLongestRun && bit - static_cast<int>(length) >= lowest &&
               imm.to[static_cast<unsigned>(bit) - length] == (first < 0 ? -1 : first - static_cast<int>(length)))
            ++length;
        // What is no part of the immediate stays at the top, where the last shift removes it.
        const int rotation = first < 0 ? 0 : 32 - first - 1;
        bytes.push_back(length << 5 | (static_cast<unsigned>(rotation) & 31));
        if (first < 0) skips = true;
        bit -= static_cast<int>(length);
    }
    const unsigned kept = imm.is_signed ? imm.width : skips ? imm.width + 1 : 32;
    if (skips && 32 - kept < kLongestRun) fail(std::string(row.name) + ": no room for bits to skip");
    bytes.push_back(32 - kept);
    return bytes;
}

/// A row: what tiny.S has to know before it goes to a handler.
struct Row {
    bool flag = false; ///< 16-bit: registers x8 to x15 in three bits; 32-bit: bit 6
    bool rd = false;   ///< are these operands registers that a field names?
    bool rs1 = false;
    bool rs2 = false;
    unsigned format = 0;
    std::string label = "illegal";
};

/// All formats, numbered.
class Formats {
public:
    unsigned number(const std::vector<unsigned>& bytes) {
        for (unsigned i = 0; i < list_.size(); ++i)
            if (list_[i] == bytes) return i;
        list_.push_back(bytes);
        return static_cast<unsigned>(list_.size() - 1);
    }

    void print() const {
        if (list_.size() > 16) fail("more than 16 formats of immediates");
        // The one without an immediate is the last byte of another.
        std::vector<unsigned> all;
        std::vector<size_t> starts;
        for (const auto& bytes : list_) {
            starts.push_back(all.size());
            if (bytes.size() > 1) all.insert(all.end(), bytes.begin(), bytes.end());
        }
        for (size_t i = 0; i < list_.size(); ++i)
            if (list_[i].size() == 1) starts[i] = static_cast<size_t>(std::ranges::find(all, 0U) - all.begin());
        std::printf("\n    .macro formats_of_immediates\n    .byte");
        for (size_t i = 0; i < starts.size(); ++i) std::printf("%s%zu", i == 0 ? " " : ", ", starts.size() + starts[i]);
        for (size_t i = 0; i < all.size(); ++i)
            std::printf("%s0x%02x", std::ranges::count(starts, i) != 0 ? "\n    .byte " : ", ", all[i]);
        std::printf("\n    .endm\n");
    }

private:
    std::vector<std::vector<unsigned>> list_;
};

/// The two fields of 16-bit instructions that name registers, by their lowest bit: A is bits 11:7, B is 6:2; primed,
/// 9:7 and 4:2.
constexpr unsigned kFieldA = 7;
constexpr unsigned kFieldB = 2;

/// Is the register an operand that the whole field of 5 or, primed, 3 bits names? (Not bits 5:2 of c.x.lbusp, which its
/// handler finds by itself.)
bool names(const Instruction& row, unsigned field_at, uint32_t Operands::*which) {
    const bool primed = operands(row, row.match).*which == 8;
    return (contribution(row, field_at).*which & 1) != 0 &&
           (primed || (contribution(row, field_at + 4).*which & 16) != 0);
}

/// Does the handler find the immediate by itself?
bool finds_immediate(Format format) {
    return format == Format::kHostCall || format == Format::kCXCall || format == Format::kCXLoadSp ||
           format == Format::kCXStoreSp;
}

/// Takes from a row of the instruction table what its key has to say; a key may stand for several.
void add(Row& to, const Instruction& row, Formats& formats) {
    if (is_short(row)) {
        const bool quadrant0 = (row.match & 3) == 0;
        to.rd |= names(row, quadrant0 ? kFieldB : kFieldA, &Operands::rd);
        to.rs1 |= names(row, kFieldA, &Operands::rs1);
        to.rs2 |= names(row, kFieldB, &Operands::rs2);
        const Operands first = operands(row, row.match);
        to.flag |= first.rd == 8 || first.rs1 == 8 || first.rs2 == 8;
    } else {
        to.rd |= names(row, 7, &Operands::rd);
        to.rs1 |= names(row, 15, &Operands::rs1);
        to.rs2 |= names(row, 20, &Operands::rs2);
    }
    const std::string label = handler(row);
    if (to.label != "illegal" && to.label != label) fail(std::string(row.name) + " shares its key with " + to.label);
    to.label = label;
    // c.addi16sp's format is number 0, which h_c_lui asks for. Shift amounts are what they are in the immediate of
    // other instructions with the key.
    if (row.format == Format::kCAddi16sp || row.format == Format::kShift) return;
    if (finds_immediate(row.format) || immediate_of(row).width == 0) return;
    const unsigned format = formats.number(format_of(row));
    if (to.format != 0 && to.format != format) fail(std::string(row.name) + " has another format than its key");
    to.format = format;
}

/// Of the 32 major opcodes those that exist fall on 16 rows, without two on the same; the rest is told from them by
/// the row's flag.
unsigned row_of_opcode(uint32_t insn) { return field(insn, 5, 2) ^ field(insn, 6, 5); }

/// Without Xlimpet, quadrants 0 and 2 have no instruction with an odd funct3, and four rows each.
unsigned row_of_short(const Instruction& row, Isa isa) {
    const unsigned funct3 = c_funct3(row.match);
    if (isa.xlimpet || (row.match & 3) == 1) return funct3;
    if (funct3 % 2 != 0) fail(std::string(row.name) + " has an odd funct3");
    return funct3 / 2;
}

void print(const char* macro, const std::vector<Row>& rows) {
    std::printf("\n    .macro %s\n", macro);
    for (const Row& row : rows)
        std::printf("    row %d%d%d%d, %u, %s\n", row.flag ? 1 : 0, row.rd ? 1 : 0, row.rs1 ? 1 : 0, row.rs2 ? 1 : 0,
                    row.format, row.label.c_str());
    std::printf("    .endm\n");
}

void print_tables(Isa isa) {
    Formats formats;
    const size_t odd_too = isa.xlimpet ? 8 : 4;
    std::array<std::vector<Row>, 3> short_rows = {std::vector<Row>(odd_too), std::vector<Row>(8),
                                                  std::vector<Row>(odd_too)};
    std::vector<Row> long_rows(kLongRows);
    std::array<int, kLongRows> opcode_of{};
    for (const Instruction& row : kInstructions)
        if (row.format == Format::kCAddi16sp) formats.number(format_of(row));
    const unsigned none = formats.number({0});
    for (const Instruction& row : kInstructions) {
        if (!has(isa, row.extension)) continue;
        if (is_short(row)) {
            add(short_rows[row.match & 3][row_of_short(row, isa)], row, formats);
            continue;
        }
        const unsigned at = row_of_opcode(row.match);
        const int opcode = static_cast<int>(row.match & 0x7f);
        if (opcode_of[at] != 0 && opcode_of[at] != opcode) fail(std::string(row.name) + ": its opcode has no row");
        opcode_of[at] = opcode;
        long_rows[at].flag = field(row.match, 6, 6) != 0;
        add(long_rows[at], row, formats);
    }
    for (auto* rows : {&short_rows[0], &short_rows[1], &short_rows[2], &long_rows})
        for (Row& row : *rows)
            if (row.format == 0) row.format = none;
    formats.print();
    print("rows_of_quadrant_0", short_rows[0]);
    print("rows_of_quadrant_1", short_rows[1]);
    print("rows_of_quadrant_2", short_rows[2]);
    print("rows_of_long_instructions", long_rows);
}

} // namespace

int main() {
    std::printf("@ Made by tables.cpp from interp/rv32/table.h.\n\n    .if XLIMPET\n");
    print_tables({.compressed = true, .multiply = true, .xlimpet = true});
    std::printf("\n    .else\n");
    print_tables({.compressed = true, .multiply = true});
    std::printf("\n    .endif\n");
}
