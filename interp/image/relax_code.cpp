#include "relax_code.h"

#include "../rv32/encode.h"

#include <algorithm>
#include <optional>
#include <string>

namespace limpet {

namespace {

using rv32::Op;
using rv32::Operands;

constexpr uint32_t kLowMask = 0xfff;
/// The high part of `value` when the low 12 bits will be added as a signed number (unprivileged specification, "LUI").
uint32_t high_part(uint32_t value) { return (value + 0x800) & ~kLowMask; }
uint32_t low_part(uint32_t value) { return value - high_part(value); }

bool is_relative(Op op) { return op == Op::kJal || (op >= Op::kBeq && op <= Op::kBgeu); }

/// The instruction of `size` bytes that does this, if there is one.
std::optional<uint32_t> form(rv32::Isa isa, Op op, const Operands& operands, uint32_t size) {
    if (auto insn = rv32::encode(isa, op, operands, size)) return insn;
    // The same under another name.
    if (op == Op::kAddi && operands.imm == 0)
        return rv32::encode(isa, Op::kAdd, {.rd = operands.rd, .rs2 = operands.rs1}, size);
    if (op == Op::kLui && operands.imm == 0) return rv32::encode(isa, Op::kAddi, {.rd = operands.rd}, size);
    return std::nullopt;
}

} // namespace

RelaxedCode::RelaxedCode(std::span<const uint8_t> code, uint32_t start, rv32::Isa isa)
    : start_(start), end_(start + static_cast<uint32_t>(code.size())), isa_(isa) {
    const auto half = [&](size_t at) -> uint32_t { return at + 2 > code.size() ? 0 : code[at] | code[at + 1] << 8; };
    for (uint32_t at = 0; at < code.size();) {
        const bool is_short = isa.compressed && (code[at] & 3) != 3;
        const uint32_t insn = is_short ? half(at) : half(at) | half(at + 2) << 16;
        Item item{.was = start + at,
                  .size = is_short ? 2U : 4U,
                  .raw = insn,
                  .row = at + (is_short ? 2 : 4) <= code.size() ? rv32::find_instruction(isa, insn) : nullptr};
        const bool unreached = insn == 0 || insn == 0xc0001073; // unimp, of both lengths
        if (item.row == nullptr && !unreached)
            throw LoadError("code that is no instruction, at " + std::to_string(item.was));
        if (item.row != nullptr) {
            item.op = item.row->op;
            item.operands = operands(*item.row, insn);
            if (is_relative(item.op)) {
                item.holds = Holds::kDistance;
                item.address = item.was + item.operands.imm;
            }
        }
        items_.push_back(item);
        at += item.size;
    }
    place();
}

size_t RelaxedCode::index_of(uint32_t address) const {
    const auto behind = std::ranges::upper_bound(items_, address, {}, &Item::was);
    if (behind == items_.begin()) throw LoadError("address " + std::to_string(address) + " is not in the code");
    return static_cast<size_t>(behind - items_.begin()) - 1;
}

RelaxedCode::Item& RelaxedCode::item_at(uint32_t address) {
    Item& item = items_[index_of(address)];
    if (item.was != address || item.row == nullptr)
        throw LoadError("relocation of what is no instruction, at " + std::to_string(address));
    return item;
}

void RelaxedCode::hold(uint32_t pc, Holds holds, uint32_t address) {
    Item& item = item_at(pc);
    item.holds = holds;
    item.address = address;
}

void RelaxedCode::make_call(uint32_t pc, uint32_t target) {
    Item& high = item_at(pc);
    Item& low = item_at(pc + 4);
    if (high.op != Op::kAuipc || low.op != Op::kJalr || low.operands.rs1 != high.operands.rd)
        throw LoadError("relocation of a call where none is, at " + std::to_string(pc));
    high.op = Op::kJal;
    high.operands = {.rd = low.operands.rd};
    high.holds = Holds::kDistance;
    high.address = target;
    low.row = nullptr;
    low.size = 0;
}

/// Gives each item its address.
void RelaxedCode::place() {
    uint32_t at = start_;
    for (Item& item : items_) {
        item.at = at;
        at += item.size;
    }
}

uint32_t RelaxedCode::moved(uint32_t address) const {
    if (address < start_ || address > end_)
        throw LoadError("address " + std::to_string(address) + " is not in the code");
    if (address == end_) return items_.empty() ? end_ : items_.back().at + items_.back().size;
    const Item& item = items_[index_of(address)];
    return item.at + std::min(address - item.was, item.size);
}

/// What an item's immediate has to be where everything is now.
uint32_t RelaxedCode::immediate(const Item& item) const {
    switch (item.holds) {
    case Holds::kDistance: return moved(item.address) - item.at;
    case Holds::kHigh: return high_part(moved(item.address));
    case Holds::kLow: // from x0 as a whole, where the linker has left out the lui
        return item.operands.rs1 == 0 ? moved(item.address) : low_part(moved(item.address));
    case Holds::kHighFromPc: return high_part(moved(item.address) - item.at);
    case Holds::kHighFromPcData: return high_part(item.address - item.at);
    case Holds::kLowOfAuipc: {
        const Item& high = items_[index_of(item.address)];
        const bool in_code = high.holds == Holds::kHighFromPc;
        return low_part((in_code ? moved(high.address) : high.address) - high.at);
    }
    default: return item.operands.imm;
    }
}

bool RelaxedCode::fits(const Item& item, uint32_t size) const {
    Operands operands = item.operands;
    operands.imm = immediate(item);
    return form(isa_, item.op, operands, size).has_value();
}

/// Shortens what can be. Distances within the code only become smaller by that.
bool RelaxedCode::shrink_once() {
    bool changed = false;
    for (Item& item : items_) {
        if (item.row == nullptr || item.size != 4 || item.pinned || !fits(item, 2)) continue;
        item.size = 2;
        changed = true;
    }
    place();
    return changed;
}

/// An address has become another by the shortening, and so may its low part have become a number that is too large.
bool RelaxedCode::pin_once() {
    bool changed = false;
    for (Item& item : items_) {
        if (item.row == nullptr || item.size != 2 || fits(item, 2)) continue;
        item.size = 4;
        item.pinned = changed = true;
    }
    place();
    return changed;
}

void RelaxedCode::shrink() {
    // Each item is pinned at most once, so this ends.
    do {
        while (shrink_once()) {
        }
    } while (pin_once());
}

uint32_t RelaxedCode::encoded(const Item& item) const {
    Operands operands = item.operands;
    operands.imm = immediate(item);
    const std::optional<uint32_t> insn = form(isa_, item.op, operands, item.size);
    if (!insn) throw LoadError("an instruction at " + std::to_string(item.was) + " cannot reach what it did");
    return *insn;
}

std::vector<uint8_t> RelaxedCode::bytes() const {
    std::vector<uint8_t> result;
    for (const Item& item : items_) {
        const bool kept = item.holds == Holds::kNothing && item.size == ((item.raw & 3) == 3 ? 4 : 2);
        const uint32_t insn = item.row == nullptr || kept ? item.raw : encoded(item);
        for (uint32_t i = 0; i < item.size; ++i) result.push_back(static_cast<uint8_t>(insn >> 8 * i));
    }
    return result;
}

} // namespace limpet
