#include "generator.h"

#include "host_calls.h"

namespace limpet::conformance {

using rv32::Instruction;
using rv32::Op;
using rv32::Operands;

namespace {

bool is_jump(const Instruction& row) { return row.op <= Op::kBgeu && row.op >= Op::kJal; }
bool is_access(const Instruction& row) { return row.op >= Op::kLb && row.op <= Op::kSw; }

} // namespace

Code Generator::program(uint32_t instructions) {
    while (items_.size() < instructions) {
        if (edges_ != nullptr && random_.chance(50))
            stretch();
        else if (edges_ != nullptr && random_.chance(20))
            frame();
        else if (random_.chance(4))
            loop();
        else if (random_.chance(3) && !movable_)
            computed_jump();
        else
            add_random();
    }
    end();
    Code code = link();
    if (random_.chance(5)) code.add_halfword(0).add_halfword(0); // illegal in every profile
    return code;
}

void Generator::add(const Instruction& row, uint32_t insn, size_t target) {
    items_.push_back({.row = &row, .insn = insn, .target = target});
}
void Generator::add(const char* name, Operands operands, size_t target) {
    add(row_named(name), encode(name, operands), target);
}

const Instruction& Generator::random_row() {
    for (;;) {
        const Instruction& row = random_.pick(std::span<const Instruction>(rv32::kInstructions));
        const bool ends = row.op == Op::kEcall || row.op == Op::kEbreak || row.op == Op::kJalr;
        if (rv32::has(isa_, row.extension) && (!ends || random_.chance(3))) return row;
    }
}

/// A register that the rest of the program relies on is rarely overwritten.
bool Generator::spoils(const Operands& o) {
    return o.rd == kCounter || ((o.rd == kLink || o.rd == 2 || o.rd == 8 || o.rd == 9) && !random_.chance(2));
}

/// May an instruction be part of the program, if that is movable?
bool Generator::moves(const Instruction& row, const Operands& o) const {
    if (!movable_) return true;
    if (row.op == Op::kAuipc || (is_jump(row) && o.rd > kLink)) return false;
    return row.op == Op::kJalr ? o.imm == 0 : o.rs1 != kLink && o.rs2 != kLink;
}

void Generator::add_random() {
    const Instruction& row = random_row();
    uint32_t insn = 0;
    do insn = random_instance(row, random_);
    while (row.op != Op::kJalr && spoils(rv32::operands(row, insn)));
    if (!moves(row, rv32::operands(row, insn))) return;
    if (is_access(row) && !random_.chance(3)) insn = aimed(row, insn);
    if (row.op == Op::kHostCall && !random_.chance(5)) // a known id
        insn = try_encode(row, {.imm = rv32::operands(row, insn).imm % kKnownIds}).value();
    if (is_jump(row) && row.op != Op::kJalr)
        add(row, insn, items_.size() + 1 + random_.below(6));
    else
        add(row, insn);
}

/// The same load or store, close to where a pointer points.
uint32_t Generator::aimed(const Instruction& row, uint32_t insn) {
    for (int i = 0; i < 20; ++i) {
        Operands o = rv32::operands(row, insn);
        if (o.rs1 != 2) o.rs1 = size_of(row) == 2 ? kPointers[1 + random_.below(2)] : kPointers[random_.below(3)];
        if (size_of(row) == 4) o.imm = static_cast<uint32_t>(random_.between(-40, 60));
        if (const auto encoded = try_encode(row, o)) return *encoded;
    }
    return insn;
}

void Generator::loop() {
    add("addi", {.rd = kCounter, .imm = 1 + random_.below(5)});
    const size_t start = items_.size();
    for (uint32_t i = 1 + random_.below(6); i > 0; --i) add_random();
    add("addi", {.rd = kCounter, .rs1 = kCounter, .imm = ~0U});
    add("blt", {.rs2 = kCounter}, start); // also ends when a jump came in without the first addi
}

void Generator::load_number(uint32_t rd, uint32_t number) {
    const uint32_t low = (number & 0xfff) - ((number & 0x800) << 1);
    if (number != low) add("lui", {.rd = rd, .imm = number - low});
    add("addi", {.rd = rd, .rs1 = number != low ? rd : 0, .imm = low});
}

/// A register points near an edge of the window: inside, so that what follows has something to do, or outside.
void Generator::point(uint32_t base, bool inside) {
    const uint32_t writable = edges_->base + edges_->wall;
    const uint32_t end = edges_->data_end() & ~3U;
    const uint32_t words = random_.below(12) * 4;
    uint32_t number = random_.pick({((writable + 3) & ~3U) + words, end - 4 - words, end - 4 - words});
    if (!inside) number = random_.pick({0U - 4 - words, writable - 4 - words, end - 4, end, end + words, number + 1});
    if (random_.chance(3)) number += random_.below(4);
    load_number(base, number);
}

/// Half of them are what the last one was, but through this register.
void Generator::access(uint32_t base) {
    static constexpr std::array kNames = {"lw", "sw", "lw", "sw", "lhu", "lh", "sh", "lb", "lbu", "sb", "c.lw", "c.sw"};
    if (last_access_ == nullptr || random_.chance(50)) {
        const char* name = kNames[random_.below(isa_.compressed ? kNames.size() : kNames.size() - 2)];
        if (base == 2 && name[0] == 'c') name = name[2] == 'l' ? "c.lwsp" : "c.swsp";
        last_access_ = &row_named(name);
        const Op op = last_access_->op;
        const uint32_t unit = op == Op::kLw || op == Op::kSw ? 4 : op == Op::kLb || op == Op::kSb ? 1 : 2;
        last_imm_ = random_.chance(40) ? 0 : unit * random_.below(12 / unit + 2);
        if (random_.chance(10)) last_imm_ = 0 - last_imm_;
        if (random_.chance(3)) last_imm_ = random_.pick({1U, 2U, 124U, 128U, 2047U, 0U - 2048});
    }
    // A load may take the base's place, a store may store it.
    const uint32_t value = random_.chance(5) ? base : 3 + random_.below(12);
    const bool is_store = last_access_->op >= Op::kSb;
    const auto insn = try_encode(
        *last_access_, {.rd = is_store ? 0 : value, .rs1 = base, .rs2 = is_store ? value : 0, .imm = last_imm_});
    if (insn) add(*last_access_, *insn);
}

/// The register points elsewhere, and mostly still inside.
void Generator::change(uint32_t base) {
    const uint32_t distance = random_.pick({4U, 4U, 8U, 8U, 16U, 0U - 4, 0U - 12, 2U});
    const uint32_t other = 3 + random_.below(12);
    switch (random_.below(7)) {
    case 0: add("andi", {.rd = base, .rs1 = base, .imm = 0U - 4}); break;
    case 1: add("addi", {.rd = base, .rs1 = other, .imm = distance}); break;
    case 2: add("addi", {.rd = other, .rs1 = base, .imm = distance}); break;
    case 3: add("limpet.call", {.imm = random_.below(kKnownIds)}); break;
    case 4: point(base, true); break;
    default: add("addi", {.rd = base, .rs1 = base, .imm = distance});
    }
}

/// The register points outside, or is not aligned any more.
void Generator::spoil(uint32_t base) {
    switch (random_.below(6)) {
    case 0: point(base, false); break;
    case 1: add("addi", {.rd = base, .rs1 = base, .imm = random_.pick({1U, 2U, 3U, 2044U, 0U - 2048})}); break;
    case 2: add("add", {.rd = base, .rs1 = base, .rs2 = random_.pick({base, 2, 10})}); break;
    case 3: add("lw", {.rd = base, .rs1 = base}); break;
    case 4: add("lui", {.rd = base, .imm = 0x80000000}); break;
    default: add("limpet.call", {.imm = random_.below(kKnownIds)}); // which writes x10
    }
}

void Generator::branch_over() {
    static constexpr std::array kNames = {"beq", "bne", "blt", "bgeu"};
    const uint32_t a = random_.below(15), b = random_.chance(50) ? a : random_.below(15);
    add(kNames[random_.below(kNames.size())], {.rs1 = a, .rs2 = b}, items_.size() + 1 + random_.below(6));
}

void Generator::near_edge(uint32_t base) {
    if (random_.chance(65))
        access(base);
    else if (random_.chance(50))
        change(base);
    else if (random_.chance(50))
        branch_over();
    else
        add_random();
}

/// Several accesses through one register, then some that must not be done: it points elsewhere, another register is
/// meant, the accesses before were jumped over, or it was another one in the loop's last round.
void Generator::stretch() {
    uint32_t base = random_.chance(60) ? random_.pick({10U, 11U, 12U, 14U}) : 3 + random_.below(7);
    const uint32_t kind = random_.below(5);
    point(base, kind != 0);
    const size_t before = items_.size();
    if (kind == 0) branch_over();
    if (kind == 1) add("addi", {.rd = kCounter, .imm = 2 + random_.below(5)});
    const size_t start = items_.size();
    for (uint32_t i = 1 + random_.below(5); i > 0; --i) near_edge(base);
    if (kind == 0) items_[before].target = items_.size();
    if (kind == 1) {
        add("addi", {.rd = base, .rs1 = base, .imm = random_.pick({2U, 4U, 64U, 400U, 0U - 64})});
        add("addi", {.rd = kCounter, .rs1 = kCounter, .imm = ~0U});
        add("blt", {.rs2 = kCounter}, start);
    }
    if (kind == 2) {
        base = 10 + (base + 1) % 5; // never the counter
        point(base, false);
    }
    if (kind == 3) spoil(base);
    access(base);
}

/// sp moves, in every way, and what is near it is accessed.
void Generator::frame() {
    const uint32_t bytes = random_.pick({16U, 32U, 48U, 4U, 252U, 256U, 2U});
    const auto move = [&](uint32_t distance) {
        const bool is_short = isa_.compressed && bytes % 16 == 0 && random_.chance(50);
        add(is_short ? "c.addi16sp" : "addi", {.rd = 2, .rs1 = 2, .imm = distance});
    };
    switch (random_.below(8)) {
    case 0: point(2, random_.chance(70)); break;
    case 1: change(2); break;
    case 2: spoil(2); break;
    case 3:
    case 4: move(bytes); break;
    default: move(0 - bytes);
    }
    for (uint32_t i = random_.below(6); i > 0; --i) {
        if (random_.chance(80))
            access(2);
        else
            near_edge(3 + random_.below(12));
    }
    if (random_.chance(50)) move(bytes);
    if (random_.chance(50)) access(2);
}

/// auipc and jalr over a few instructions.
void Generator::computed_jump() {
    const uint32_t through = random_.pick({5, 6, 7, 10, 11});
    add("auipc", {.rd = through});
    add("jalr", {.rd = random_.pick({0, 5, 6, through}), .rs1 = through}, items_.size() + 1 + random_.below(4));
}

void Generator::end() {
    const uint32_t kind = random_.below(10);
    if (kind < 5)
        add("jalr", {.rs1 = kLink});
    else if (kind < 7)
        add("ecall", {});
    else if (kind < 8 && isa_.compressed)
        add("c.jr", {.rs1 = kLink});
    // else the ebreak that fills the rest of the code
}

Code Generator::link() const {
    std::vector<uint32_t> at = {0};
    for (const Item& item : items_) at.push_back(at.back() + size_of(*item.row));
    Code code;
    for (size_t i = 0; i < items_.size(); ++i) {
        const Item& item = items_[i];
        if (item.target == 0) {
            code.add_raw(item.insn);
            continue;
        }
        Operands o = rv32::operands(*item.row, item.insn);
        const size_t target = std::min(item.target, items_.size());
        o.imm = at[target] - at[i] + (item.row->op == Op::kJalr ? 4 : 0); // from the auipc before it
        code.add_raw(encode(item.row->name, o));
    }
    return code;
}

} // namespace limpet::conformance
