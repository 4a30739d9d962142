#include "dense.h"

#include "../rv32/dense_1.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <utility>

namespace limpet {

namespace {

using namespace rv32::dense;
using rv32::Op;
using rv32::Operands;

/// Distances are assumed, then measured; from this round on they only grow, which comes to an end.
constexpr int kFreeRounds = 6;
constexpr int kRoundsMax = 64;
/// Escapes with immediates of all sizes but the last can be too small for an address that is not known yet.
constexpr uint32_t kLongEscape = kEscapes - 1;
constexpr uint8_t kNoOperation = 0xff; ///< in an escape: illegal
/// Behind the last code, so that code ends evenly: an escape that the end cuts off.
constexpr uint8_t kFill = kDense1Size;

constexpr uint32_t high_part(uint32_t value) { return (value + 0x800) & ~0xfffU; }

uint32_t escaped_number(Op op) {
    const auto* const found = std::ranges::find(kEscaped, op);
    if (found == std::end(kEscaped)) throw LoadError("an instruction that rv32dense does not have");
    return static_cast<uint32_t>(found - std::begin(kEscaped));
}

bool fits_escape(uint32_t escape, int32_t number) {
    const uint32_t count = kEscapeImmediate[escape] * 8;
    return count == 32 || (count == 0 ? number == 0 : sbits(static_cast<int16_t>(count)).fits(number));
}

/// Codes by the operation of their first instruction.
const std::vector<uint32_t>& codes_of(Op op) {
    static const auto lists = [] {
        std::array<std::vector<uint32_t>, 64> all;
        for (uint32_t i = 0; i < kDense1Size; ++i) all[static_cast<size_t>(kDense1[i].first.op)].push_back(i);
        return all;
    }();
    return lists[static_cast<size_t>(op)];
}

/// A string of bits, the first in the lowest bit of the first byte.
class BitWriter {
public:
    void put(uint32_t value, uint32_t count) {
        string_ |= (value & ((uint64_t{1} << count) - 1)) << count_;
        count_ += count;
    }
    void append_to(std::vector<uint8_t>& bytes) const {
        for (uint32_t at = 0; at < count_; at += 8) bytes.push_back(static_cast<uint8_t>(string_ >> at));
    }

private:
    uint64_t string_ = 0;
    uint32_t count_ = 0;
};

class BitReader {
public:
    explicit BitReader(std::span<const uint8_t> bytes) {
        for (size_t i = bytes.size(); i-- > 0;) string_ = string_ << 8 | bytes[i];
    }
    uint32_t take(uint32_t count) {
        const auto value = static_cast<uint32_t>(string_ & ((uint64_t{1} << count) - 1));
        string_ >>= count;
        taken_ += count;
        return value;
    }
    int32_t take(const Immediate& immediate) {
        if (!immediate.in_operands()) return immediate.value;
        const auto count = static_cast<uint32_t>(immediate.value);
        const uint32_t unused = immediate.kind == Immediate::Kind::kSigned ? 32 - count : 0;
        return static_cast<int32_t>(take(count) << unused) >> unused;
    }
    uint32_t take_register(uint8_t mode, uint32_t before, uint32_t last) {
        switch (mode) {
        case kFour: return take(4);
        case kThree: return 8 + take(3);
        case kSame: return before;
        case kLast: return last;
        default: return mode;
        }
    }
    [[nodiscard]] uint32_t taken() const { return taken_; }

private:
    uint64_t string_ = 0;
    uint32_t taken_ = 0;
};

DenseInstruction read_escape(std::span<const uint8_t> code, uint32_t escape) {
    DenseInstruction result;
    if (code.size() < kEscapeHead + kEscapeImmediate[escape]) return result;
    result.size = kEscapeHead + kEscapeImmediate[escape];
    if (code[1] >= kEscapedCount) return result;
    const Op op = kEscaped[code[1]];
    result.length = 1;
    result.op[0] = op;
    result.id_at[0] = kEscapeHead;
    uint32_t imm = 0;
    for (uint32_t i = 0; i < kEscapeImmediate[escape]; ++i) imm |= uint32_t{code[kEscapeHead + i]} << 8 * i;
    const uint32_t unused = escape == 0 ? 0 : 32 - 8 * kEscapeImmediate[escape];
    imm = static_cast<uint32_t>(static_cast<int32_t>(imm << unused) >> unused);
    const Registers registers{{code[2] & 15U, uint32_t{code[2]} >> 4, imm & 15}};
    imm <<= escaped_scale_of(op);
    if (is_relative(op)) imm += result.size;
    result.operands[0] = operands_of(op, registers, has_immediate(op) ? imm : 0);
    return result;
}

} // namespace

DenseInstruction read_dense(std::span<const uint8_t> bytes) {
    DenseInstruction result;
    if (bytes.empty()) return result;
    if (bytes[0] >= kDense1Size) return read_escape(bytes, bytes[0] - kDense1Size);
    const Code& code = kDense1[bytes[0]];
    if (code.size() > bytes.size()) return result;
    result.size = code.size();
    result.length = code.length();
    BitReader operands(bytes.subspan(1, code.size() - 1));
    uint32_t last = 0;
    for (uint32_t i = 0; i < code.length(); ++i) {
        const Component& component = code.component(i);
        Registers registers{};
        for (uint32_t r = 0; r < register_count(component.op); ++r)
            registers.r[r] = operands.take_register(component.registers[r], r == 0 ? 0 : registers.r[r - 1], last);
        result.id_at[i] = 1 + operands.taken() / 8;
        uint32_t imm = static_cast<uint32_t>(operands.take(component.immediate)) << scale_of(component.op);
        if (is_relative(component.op)) imm += result.size;
        result.op[i] = component.op;
        result.operands[i] = operands_of(component.op, registers, imm);
        last = registers.r[0];
    }
    return result;
}

DenseCode::DenseCode(const RelaxedCode& plain, const std::set<uint32_t>& joins)
    : start_(plain.start()), end_(plain.end()) {
    take(plain, joins);
    bool settled = false;
    for (int round = 0; round < kRoundsMax && !settled; ++round) {
        split();
        settled = settle(round >= kFreeRounds);
    }
    if (!settled) throw LoadError("distances of branches do not settle");
    write();
}

/// The instructions of rv32ec, each by its longest name.
void DenseCode::take(const RelaxedCode& plain, const std::set<uint32_t>& joins) {
    std::set<uint32_t> targets = joins;
    for (const RelaxedCode::Item& from : plain.items()) {
        if (from.holds != Holds::kNothing) targets.insert(from.address);
        if (from.row == nullptr && from.size == 0) continue; // went into a jal
        Item item{.was = from.was, .legal = from.row != nullptr, .op = from.op, .operands = from.operands};
        item.holds = from.holds;
        item.address = from.address;
        Operands& o = item.operands;
        const bool commutes = item.op == Op::kAdd || item.op == Op::kXor || item.op == Op::kOr || item.op == Op::kAnd;
        if (item.op == Op::kFence) {
            item.op = Op::kAddi;
            o = {};
        } else if (item.op == Op::kAdd && o.rs1 == 0) {
            item.op = Op::kAddi;
            o = {.rd = o.rd, .rs1 = o.rs2};
        } else if (commutes && o.rs2 == o.rd)
            std::swap(o.rs1, o.rs2);
        // auipc and what goes with it become lui and the same with another number.
        if (item.holds == Holds::kHighFromPc || item.holds == Holds::kHighFromPcData) item.op = Op::kLui;
        const bool comes_back = !items_.empty() && (items_.back().op == Op::kJal || items_.back().op == Op::kJalr);
        item.joins = items_.empty() || comes_back;
        items_.push_back(item);
    }
    items_.push_back({.was = end_});
    for (const uint32_t target : targets)
        if (target >= start_ && target < end_) items_[index_of(target)].joins = true;
    for (Item& item : items_) {
        if (item.holds != Holds::kDistance) continue;
        item.target = index_of(item.address);
        item.distance = static_cast<int32_t>(item.target * 2) - static_cast<int32_t>((&item - items_.data()) * 2);
    }
}

size_t DenseCode::index_of(uint32_t was) const {
    const auto behind = std::ranges::upper_bound(items_, was, {}, &Item::was);
    if (behind == items_.begin() || was > end_)
        throw LoadError("address " + std::to_string(was) + " is not in the code");
    return static_cast<size_t>(behind - items_.begin()) - 1;
}

/// The immediate in the units of codes, where it is one.
int32_t DenseCode::number(const Item& item) const {
    return item.holds == Holds::kDistance ? item.distance
                                          : static_cast<int32_t>(item.operands.imm) >> scale_of(item.op);
}

/// Which of the escapes an instruction needs.
uint32_t DenseCode::escape(const Item& item) const {
    if (!item.legal) return 0;
    if (is_register_alu(item.op)) return 1;
    if (item.holds != Holds::kNothing && item.holds != Holds::kDistance) return kLongEscape;
    const int32_t value = item.holds == Holds::kDistance
                              ? item.distance
                              : static_cast<int32_t>(item.operands.imm) >> escaped_scale_of(item.op);
    uint32_t escape = 0;
    while (!fits_escape(escape, value)) ++escape;
    return escape;
}

bool DenseCode::matches(const Component& component, size_t at, size_t first) const {
    const Item& item = items_[at];
    if (!item.legal || item.op != component.op || (at != first && item.joins)) return false;
    const Registers registers = registers_of(item.op, item.operands);
    for (uint32_t i = 0; i < register_count(item.op); ++i) {
        const uint32_t found = registers.r[i];
        const uint8_t mode = component.registers[i];
        bool same = mode == found || mode == kFour || (mode == kThree && found >= 8);
        if (mode == kSame) same = i != 0 && found == registers.r[i - 1];
        if (mode == kLast) same = found == registers_of(items_[first].op, items_[first].operands).r[0];
        if (!same) return false;
    }
    if (!has_immediate(item.op)) return true;
    if (item.holds != Holds::kNothing && item.holds != Holds::kDistance) return false; // not known yet
    const uint32_t unit = 1U << (item.holds == Holds::kDistance ? 0 : scale_of(item.op));
    return (item.operands.imm & (unit - 1)) == 0 && component.immediate.fits(number(item));
}

bool DenseCode::matches(const Code& code, size_t at) const {
    if (at + code.length() >= items_.size()) return false;
    for (uint32_t i = 0; i < code.length(); ++i)
        if (!matches(code.component(i), at + i, at)) return false;
    return true;
}

/// Bytes of the code that begins with an item.
uint32_t DenseCode::size(const Item& item) const {
    return item.code >= 0 ? kDense1[item.code].size() : kEscapeHead + kEscapeImmediate[escape(item)];
}

/// The fewest bytes, were the distances what they are assumed to be.
void DenseCode::split() {
    const size_t count = items_.size() - 1;
    std::vector<uint32_t> best(count + 1);
    for (size_t at = count; at-- > 0;) {
        Item& item = items_[at];
        item.code = -1;
        best[at] = size(item) + best[at + 1];
        if (!item.legal) continue;
        for (const uint32_t number : codes_of(item.op)) {
            const Code& code = kDense1[number];
            if (at + code.length() > count || code.size() + best[at + code.length()] >= best[at] || !matches(code, at))
                continue;
            best[at] = code.size() + best[at + code.length()];
            item.code = static_cast<int>(number);
        }
    }
    uint32_t address = start_;
    for (size_t at = 0; at < count;) {
        Item& item = items_[at];
        item.at = address;
        item.second = false;
        address += size(item);
        const bool pair = item.code >= 0 && kDense1[item.code].length() == 2;
        if (pair) {
            items_[at + 1].at = item.at;
            items_[at + 1].second = true;
        }
        at += pair ? 2 : 1;
    }
    items_[count].at = address;
}

int32_t DenseCode::true_distance(size_t at, size_t first) const {
    return static_cast<int32_t>(items_[items_[at].target].at - (items_[first].at + size(items_[first])));
}

/// Are the assumed distances large enough? If not, they become the true ones.
bool DenseCode::settle(bool only_grow) {
    // Smaller than assumed does no harm.
    const auto held = [](const Item& item, int32_t distance) {
        return std::abs(distance) <= std::abs(item.distance) && (distance < 0) == (item.distance < 0);
    };
    bool settled = true;
    for (const bool changes : {false, true}) {
        for (size_t at = 0; at + 1 < items_.size(); ++at) {
            Item& item = items_[at];
            if (item.holds != Holds::kDistance) continue;
            const int32_t distance = true_distance(at, item.second ? at - 1 : at);
            if (!changes)
                settled &= held(item, distance);
            else if (!only_grow || !held(item, distance))
                item.distance = distance;
        }
        if (settled) break;
    }
    return settled;
}

/// What stands in the immediate of an item, where everything is now.
uint32_t DenseCode::value(const Item& item) const {
    const auto high_of = [&](const Item& i) {
        return high_part(i.holds == Holds::kHighFromPcData ? i.address : moved(i.address));
    };
    switch (item.holds) {
    case Holds::kHigh:
    case Holds::kHighFromPc:
    case Holds::kHighFromPcData: return high_of(item);
    case Holds::kLow: {
        const uint32_t address = moved(item.address);
        // From x0 as a whole, where the linker has left out the lui.
        return registers_of(item.op, item.operands).r[1] == 0 ? address : address - high_part(address);
    }
    case Holds::kLowOfAuipc: {
        const Item& high = items_[index_of(item.address)];
        const uint32_t address = high.holds == Holds::kHighFromPcData ? high.address : moved(high.address);
        return address - high_part(address);
    }
    default: return item.operands.imm;
    }
}

void DenseCode::write() {
    for (size_t at = 0; at + 1 < items_.size();) {
        const Item& item = items_[at];
        const uint32_t length = item.code >= 0 ? kDense1[item.code].length() : 1;
        const auto number_of = [&](size_t i, uint32_t scale) -> uint32_t {
            if (items_[i].holds == Holds::kDistance) return static_cast<uint32_t>(true_distance(i, at));
            return static_cast<uint32_t>(static_cast<int32_t>(value(items_[i])) >> scale);
        };
        BitWriter operands;
        if (item.code >= 0) {
            bytes_.push_back(static_cast<uint8_t>(item.code));
            for (uint32_t i = 0; i < length; ++i) {
                const Component& component = kDense1[item.code].component(i);
                const Registers registers = registers_of(component.op, items_[at + i].operands);
                for (uint32_t r = 0; r < register_count(component.op); ++r) {
                    if (component.registers[r] == kFour) operands.put(registers.r[r], 4);
                    if (component.registers[r] == kThree) operands.put(registers.r[r], 3);
                }
                if (component.immediate.in_operands())
                    operands.put(number_of(at + i, scale_of(component.op)),
                                 static_cast<uint32_t>(component.immediate.value));
            }
        } else {
            const uint32_t number = escape(item);
            const Registers registers = registers_of(item.op, item.operands);
            bytes_.push_back(static_cast<uint8_t>(kDense1Size + number));
            operands.put(item.legal ? escaped_number(item.op) : kNoOperation, 8);
            operands.put(item.legal ? registers.r[0] | registers.r[1] << 4 : 0, 8);
            const uint32_t last = is_register_alu(item.op) ? registers.r[2] : number_of(at, escaped_scale_of(item.op));
            operands.put(last, kEscapeImmediate[number] * 8);
        }
        operands.append_to(bytes_);
        at += length;
    }
    if (bytes_.size() % 2 != 0) bytes_.push_back(kFill);
}

uint32_t DenseCode::moved(uint32_t address) const {
    if (address == end_) return start_ + (items_.back().at - start_ + 1) / 2 * 2;
    if (address < start_ || address > end_)
        throw LoadError("address " + std::to_string(address) + " is not in the code");
    const size_t index = index_of(address);
    const Item& item = items_[index];
    if (address != item.was) return items_[index + 1].at; // in what is gone
    return item.at + (item.second && size(items_[index - 1]) > 1 ? 1 : 0);
}

uint32_t DenseCode::original(uint32_t address) const {
    const uint32_t code = address & ~kDenseSecond;
    if (code < start_ || code >= start_ + bytes_.size()) return code == start_ + bytes_.size() ? end_ : address;
    for (const Item& item : items_)
        if (item.at == code && item.second == (address != code)) return item.was;
    return address;
}

} // namespace limpet
