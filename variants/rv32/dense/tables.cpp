/// \file
/// Prints the tables of rv32-dense as assembly, made from interp/rv32/dense_1.h (dense.S tells what their bits are).
/// Runs on the machine that builds; stops with status 1 when the table has what dense.S cannot do.
#include "../../../interp/rv32/dense_1.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace limpet::rv32;
using namespace limpet::rv32::dense;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "rv32-dense: %s\n", what);
    std::exit(1);
}

/// The label in handlers.inc, without h_: operations on registers and on immediates have the same.
const char* handler(Op op) {
    switch (op) {
    case Op::kAdd:
    case Op::kAddi: return "add";
    case Op::kSub: return "sub";
    case Op::kSll:
    case Op::kSlli: return "sll";
    case Op::kSlt:
    case Op::kSlti: return "slt";
    case Op::kSltu:
    case Op::kSltiu: return "sltu";
    case Op::kXor:
    case Op::kXori: return "xor";
    case Op::kSrl:
    case Op::kSrli: return "srl";
    case Op::kSra:
    case Op::kSrai: return "sra";
    case Op::kOr:
    case Op::kOri: return "or";
    case Op::kAnd:
    case Op::kAndi: return "and";
    case Op::kHostCall: return "call";
    default: break;
    }
    for (const Instruction& row : kInstructions)
        if (row.op == op) return row.name; // the first is that of 32 bits
    fail("an operation without a name");
}

/// A row without its handler, bits 7:0:
///     31     a signed immediate among the operands      19  it is among the operands
///     31..20 a fixed immediate                          18  the third register: its mode in bits 24:20
///     24..20 of one among the operands: 32 - bits       17..13 mode of the second register   12..8 of the first
unsigned row_of(const Component& component) {
    const uint8_t* registers = component.registers;
    unsigned row = registers[0] * (1U << 8) | registers[1] * (1U << 13);
    if (registers[0] == kSame) fail("no register before the first");
    if (is_register_alu(component.op)) {
        if (registers[2] == kThree) fail("a third register in three bits");
        return row | 1U << 18 | registers[2] * (1U << 20);
    }
    const Immediate& immediate = component.immediate;
    if (!immediate.in_operands()) {
        if (!sbits(12).fits(immediate.value)) fail("a fixed immediate of more than 12 bits");
        return row | static_cast<unsigned>(immediate.value) << 20;
    }
    if (immediate.value < 1 || immediate.value > 24) fail("an immediate of more than 24 bits");
    row |= 1U << 19 | (32U - static_cast<unsigned>(immediate.value)) << 20;
    return immediate.kind == Immediate::Kind::kSigned ? row | 1U << 31 : row;
}

/// The first code of so many instructions and bytes of operands; where there is none, of what follows in `order`.
unsigned first(unsigned length, std::vector<unsigned> order) {
    for (const unsigned operand_bytes : order)
        for (unsigned i = 0; i < kDense1Size; ++i)
            if (kDense1[i].length() == length && kDense1[i].size() - 1 == operand_bytes) return i;
    unsigned end = 0;
    while (end < kDense1Size && kDense1[end].length() <= length) ++end;
    return end;
}

/// Codes have to stand in the order in which dense.S looks for how long they are.
void check_order() {
    const auto place = [](const Code& code) {
        constexpr unsigned kSingles[] = {1, 0, 2, 3};
        constexpr unsigned kPairs[] = {2, 0, 1};
        const unsigned operand_bytes = code.size() - 1;
        if (operand_bytes > (code.length() == 1 ? 3U : 2U)) fail("too many operands");
        return code.length() == 1 ? kSingles[operand_bytes] : 4 + kPairs[operand_bytes];
    };
    for (unsigned i = 1; i < kDense1Size; ++i)
        if (place(kDense1[i - 1]) > place(kDense1[i])) fail("codes that are not in order");
    for (const Code& code : kDense1)
        if (code.length() == 2 && (is_relative(code.first.op) && code.first.op == Op::kJal)) fail("code behind a jump");
}

} // namespace

int main() {
    check_order();
    std::vector<Component> rows;
    std::vector<unsigned> pairs;
    for (const Code& code : kDense1)
        if (code.length() == 1) rows.push_back(code.first);
    const size_t singles = rows.size();
    for (const Code& code : kDense1) {
        if (code.length() == 1) continue;
        for (const Component& component : {code.first, code.second}) {
            const auto found = std::ranges::find(rows, component);
            pairs.push_back(static_cast<unsigned>(found - rows.begin()));
            if (found == rows.end()) rows.push_back(component);
        }
    }
    if (rows.size() > 256) fail("more than 256 rows");

    std::printf("@ Made by tables.cpp from interp/rv32/dense_1.h.\n");
    std::printf("    .equ FIRST_WITH_NONE, %u\n", first(1, {0, 2, 3}));
    std::printf("    .equ FIRST_WITH_TWO, %u\n", first(1, {2, 3}));
    std::printf("    .equ FIRST_WITH_THREE, %u\n", first(1, {3}));
    std::printf("    .equ FIRST_PAIR, %zu\n", singles);
    std::printf("    .equ PAIRS, %zu\n", kDense1Size - singles);
    std::printf("    .equ PAIRS_WITH_TWO, %zu\n", first(2, {2, 0}) - singles);
    std::printf("    .equ PAIRS_WITH_NONE, %zu\n", first(2, {0}) - singles);
    const auto* const load = std::ranges::find(kEscaped, Op::kLb);
    const auto* const store = std::ranges::find(kEscaped, Op::kSw);
    std::printf("    .equ ESCAPED_OPERATIONS, %zu\n", kEscapedCount);
    std::printf("    .equ ESCAPED_IMMEDIATE, %td\n", std::ranges::find(kEscaped, Op::kAddi) - std::begin(kEscaped));
    std::printf("    .equ ESCAPED_LOAD, %td\n", load - std::begin(kEscaped));
    std::printf("    .equ ESCAPED_LOADS_AND_STORES, %td\n", store - load + 1);
    std::printf("    .macro rows_of_table\n");
    for (const Component& row : rows)
        std::printf("    .word 0x%08x + (h_%s - handlers) / 2\n", row_of(row), handler(row.op));
    std::printf("    .endm\n    .macro pairs_of_table\n");
    for (const unsigned row : pairs) std::printf("    .byte %u\n", row);
    std::printf("    .endm\n    .macro escaped_operations\n");
    for (const Op op : kEscaped) std::printf("    .byte (h_%s - handlers) / 2\n", handler(op));
    std::printf("    .endm\n");
}
