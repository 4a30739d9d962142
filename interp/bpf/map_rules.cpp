#include "map_rules.h"

#include <algorithm>

namespace limpet::bpf {

namespace {

constexpr uint64_t kTopBit = uint64_t{1} << 63;
constexpr const char* kUpperUnknown = "its result depends on the upper half of a register, of which nothing is known";

bool is_zero_extended(const Value& v) { return v.half == Half::kLow && kZeroExtended.covers(v.range); }
bool is_sign_extended(const Value& v) { return v.half == Half::kLow && kSignExtended.covers(v.range); }

Mapped refuse(const char* why) { return {{}, {}, why}; }

uint32_t op_of(uint64_t insn) { return opcode(head(insn)); }

/// `op` on 32 bits with the operands of `insn`.
uint64_t narrow(uint64_t insn, Alu op) {
    const uint32_t h = head(insn);
    const uint32_t source = h & kSource;
    return make(alu_opcode(kAlu32, op, source), dst(h), source != 0 ? src(h) : 0, 0, source != 0 ? 0 : imm(insn));
}
uint64_t narrow_imm(uint64_t insn, Alu op, uint32_t number) {
    return make(alu_opcode(kAlu32, op), dst(head(insn)), 0, 0, static_cast<int32_t>(number));
}
/// A shift by a constant; by 0, nothing.
std::vector<uint64_t> shift(uint64_t insn, Alu op, uint32_t amount) {
    if (amount == 0) return {};
    return {narrow_imm(insn, op, amount)};
}

Range quotient_range(bool remainder, bool is_signed, const Range& a, const Range& b) {
    if (is_signed) return kAnything;
    // A remainder is at most the dividend, also where the divisor is 0; and less than the divisor otherwise.
    const uint64_t highest = a.is_unsigned() ? a.last() : ~uint64_t{0};
    if (remainder && b.is_constant() && b.first != 0) return Range::between(0, std::min(highest, b.first - 1));
    return Range::between(0, highest);
}

/// What 64-bit arithmetic makes of numbers of a and b.
Range result_range(uint32_t op, int32_t form, const Range& a, const Range& b) {
    switch (op) {
    case kAdd: return sum(a, b);
    case kSub: return sum(a, negated(b));
    case kMul: return product(a, b);
    case kOr: return either_bits(a, b, false);
    case kXor: return either_bits(a, b, true);
    case kAnd: return both_bits(a, b);
    case kNeg: return negated(a);
    case kMov: return form == 0 ? b : sign_extended_low(b, static_cast<uint32_t>(form));
    case kDiv:
    case kMod: return quotient_range(op == kMod, form != 0, a, b);
    default: return kAnything;
    }
}

Range shift_range(uint32_t op, const Range& a, uint32_t amount) {
    if (op == kLsh) return shifted_left(a, amount);
    return op == kRsh ? shifted_right(a, amount) : shifted_right_signed(a, amount);
}

Mapped map_alu32(const Instruction& row, uint64_t insn, const Value& a, const Value& b) {
    const uint32_t op = code(op_of(insn));
    const bool as_signed = op == kArsh || row.offset.value == 1;
    const auto low = [&](const Range& range) { return as_signed ? sign_extended_low(range) : zero_extended(range); };
    Range result;
    if (op == kLsh || op == kRsh || op == kArsh) {
        const Range amount = both_bits(b.range, Range::constant(31));
        if (amount.is_constant())
            result = shift_range(op, low(a.range), static_cast<uint32_t>(amount.first));
        else if (op == kRsh)
            result = Range::between(0, low(a.range).last());
    } else {
        result = result_range(op, row.offset.value, low(a.range), low(b.range));
    }
    const bool nothing =
        op == kMov && row.offset.value == 0 && row.src.use == Use::kRead && dst(head(insn)) == src(head(insn));
    return {nothing ? std::vector<uint64_t>{} : std::vector{insn}, {zero_extended(result), Half::kLow}, ""};
}

/// A 64-bit shift by a constant.
Mapped map_shift(uint64_t insn, const Value& a, uint32_t amount) {
    const auto op = static_cast<Alu>(code(op_of(insn)));
    const bool is_high = a.half == Half::kHigh;
    const uint32_t rest = amount & 31;
    if (amount == 0) return {{}, a, ""};
    if (op == kLsh) {
        if (amount < 32)
            return {shift(insn, kLsh, amount),
                    {is_high ? zero_extended(shifted_left(a.range, amount)) : shifted_left(a.range, amount), a.half},
                    ""};
        if (is_high) return {{narrow_imm(insn, kMov, 0)}, {Range::constant(0), Half::kLow}, ""};
        const Range upper = zero_extended(a.range);
        return {shift(insn, kLsh, rest), {zero_extended(shifted_left(upper, rest)), Half::kHigh}, ""};
    }
    if (is_high) {
        if (amount < 32) return refuse("it shifts a part of the upper half into the lower one");
        const Range upper = op == kArsh ? sign_extended_low(a.range) : a.range;
        return {shift(insn, op, rest), {shift_range(op, upper, rest), Half::kLow}, ""};
    }
    const Range result = shift_range(op, a.range, amount);
    if (is_zero_extended(a)) {
        if (amount >= 32) return {{narrow_imm(insn, kMov, 0)}, {Range::constant(0), Half::kLow}, ""};
        return {shift(insn, kRsh, amount), {result, Half::kLow}, ""};
    }
    if (op == kArsh && is_sign_extended(a))
        return {shift(insn, kArsh, amount < 32 ? amount : 31), {result, Half::kLow}, ""};
    return refuse(kUpperUnknown);
}

Mapped map_divide(const Instruction& row, uint64_t insn, const Value& a, const Value& b) {
    const auto op = static_cast<Alu>(code(op_of(insn)));
    const bool is_signed = row.offset.value != 0;
    const bool both_zero = is_zero_extended(a) && is_zero_extended(b);
    const bool both_sign = is_sign_extended(a) && is_sign_extended(b);
    if (both_zero) // numbers that are not negative divide alike
        return {{narrow(insn, op)}, {quotient_range(op == kMod, false, a.range, b.range), Half::kLow}, ""};
    if (!is_signed || !both_sign) return refuse(kUpperUnknown);
    const uint64_t narrowed = narrow(insn, op) | uint64_t{1} << 16;
    // One quotient is beyond: -2^31 / -1.
    return {{narrowed}, {Range::between(kSignExtended.first, uint64_t{1} << 31), Half::kLow}, ""};
}

Mapped map_byte_order(const Instruction& row, uint64_t insn, const Value& a) {
    const uint32_t bits = row.imm.value;
    const bool keeps = op_of(insn) == alu_opcode(kAlu32, kEnd);
    if (bits == 64) {
        if (keeps) return {{}, a, ""};
        return refuse("it brings the upper half into the lower one");
    }
    const uint32_t opcode32 = alu_opcode(kAlu32, kEnd, keeps ? 0 : kSource); // machines are little-endian: bswap is be
    const Range result = keeps ? zero_extended(a.range, bits) : Range::between(0, (uint64_t{1} << bits) - 1);
    if (keeps && bits == 32) return {{}, {result, Half::kLow}, ""};
    return {{make(opcode32, dst(head(insn)), 0, 0, static_cast<int32_t>(bits))}, {result, Half::kLow}, ""};
}

Mapped map_move(const Instruction& row, uint64_t insn, const Value& b) {
    const uint32_t h = head(insn);
    if ((h & kSource) == 0) return {{narrow(insn, kMov)}, b, ""};
    const bool itself = dst(h) == src(h);
    if (row.offset.value == 0) return {itself ? std::vector<uint64_t>{} : std::vector{narrow(insn, kMov)}, b, ""};
    const uint32_t bits = row.offset.value;
    const Value result{sign_extended_low(b.range, bits), Half::kLow};
    if (bits == 32) return {itself ? std::vector<uint64_t>{} : std::vector{narrow(insn, kMov)}, result, ""};
    return {{narrow(insn, kMov) | uint64_t{bits} << 16}, result, ""};
}

/// A conditional jump with the same operands and distance on 32 bits.
uint64_t narrow_jump(uint64_t insn, uint32_t op) {
    return (insn & ~uint64_t{0xff}) | jump_opcode(kJmp32, static_cast<Jump>(op), head(insn) & kSource);
}

uint32_t unsigned_of(uint32_t op) {
    switch (op) {
    case kJsgt: return kJgt;
    case kJsge: return kJge;
    case kJslt: return kJlt;
    case kJsle: return kJle;
    default: return op;
    }
}

bool is_signed_jump(uint32_t op) { return unsigned_of(op) != op; }

/// The part of a on which the unsigned relation `op` to some number of b can hold.
std::optional<Range> related(uint32_t op, const Range& a, const Range& b) {
    const uint64_t low = b.is_unsigned() ? b.first : 0;
    const uint64_t high = b.is_unsigned() ? b.last() : ~uint64_t{0};
    switch (op) {
    case kJeq: return meet(a, b);
    case kJne: return b.is_constant() ? without(a, b.first) : std::optional(a);
    case kJgt: return low == ~uint64_t{0} ? std::nullopt : meet(a, Range::between(low + 1, ~uint64_t{0}));
    case kJge: return meet(a, Range::between(low, ~uint64_t{0}));
    case kJlt: return high == 0 ? std::nullopt : meet(a, Range::between(0, high - 1));
    case kJle: return meet(a, Range::between(0, high));
    default: return a;
    }
}

/// Of a jump that is not taken, the condition that holds; jset has none.
uint32_t opposite(uint32_t op) {
    switch (op) {
    case kJeq: return kJne;
    case kJne: return kJeq;
    case kJgt: return kJle;
    case kJge: return kJlt;
    case kJlt: return kJge;
    case kJle: return kJgt;
    case kJsgt: return kJsle;
    case kJsge: return kJslt;
    case kJslt: return kJsge;
    case kJsle: return kJsgt;
    default: return kJset;
    }
}

} // namespace

uint32_t mirrored(uint32_t op) {
    switch (op) {
    case kJgt: return kJlt;
    case kJge: return kJle;
    case kJlt: return kJgt;
    case kJle: return kJge;
    case kJsgt: return kJslt;
    case kJsge: return kJsle;
    case kJslt: return kJsgt;
    case kJsle: return kJsge;
    default: return op;
    }
}

Value immediate_value(uint64_t insn) {
    return {Range::constant(static_cast<uint64_t>(int64_t{imm(insn)})), Half::kLow};
}

Mapped map_arithmetic(const Instruction& row, uint64_t insn, const Value& a, const Value& b) {
    const uint32_t op = code(op_of(insn));
    const bool wide = (op_of(insn) & 7) == kAlu64;
    const bool reads_a = op != kMov;
    const bool reads_b = row.format != Format::kNeg && row.format != Format::kEnd;
    if ((reads_a && a.half == Half::kNone) || (reads_b && b.half == Half::kNone))
        return refuse("paths meet before it that keep different halves of a register");
    const bool high_a = reads_a && a.half == Half::kHigh;
    const bool high_b = reads_b && b.half == Half::kHigh;
    const bool shifts = op == kLsh || op == kRsh || op == kArsh;
    const bool adds = op == kAdd || op == kSub || op == kOr || op == kXor;
    if (wide && high_b && !high_a && adds) return {{}, {}, ""}; // 0 to the lower half
    if (high_b && !(wide && op == kMov && row.offset.value == 0))
        return refuse("it needs the lower half of a register that was shifted left by 32 or more");
    if (high_a && !(wide && shifts && b.range.is_constant()))
        return refuse("it needs the lower half of a register that was shifted left by 32 or more");
    if (row.format == Format::kEnd) return map_byte_order(row, insn, a);
    if (!wide) return map_alu32(row, insn, a, b);
    if (op == kMov) return map_move(row, insn, b);
    if (op == kDiv || op == kMod) return map_divide(row, insn, a, b);
    if (!shifts) return {{narrow(insn, static_cast<Alu>(op))}, {result_range(op, 0, a.range, b.range), Half::kLow}, ""};
    if (b.range.is_constant()) return map_shift(insn, a, static_cast<uint32_t>(b.range.first & 63));
    if (!Range::between(0, 31).covers(b.range)) return refuse("it may shift by 32 or more");
    if (op == kLsh) return {{narrow(insn, kLsh)}, {}, ""};
    if (is_zero_extended(a)) return {{narrow(insn, kRsh)}, {Range::between(0, a.range.last()), Half::kLow}, ""};
    if (op == kArsh && is_sign_extended(a)) return {{narrow(insn, kArsh)}, {kSignExtended, Half::kLow}, ""};
    return refuse(kUpperUnknown);
}

Mapped map_condition(uint64_t insn, const Value& a, const Value& b) {
    const uint32_t op = code(op_of(insn));
    const bool wide = (op_of(insn) & 7) == kJmp;
    if (a.half == Half::kNone || b.half == Half::kNone)
        return refuse("paths meet before it that keep different halves of a register");
    const bool zero_b = b.half == Half::kLow && b.range == Range::constant(0) && (head(insn) & kSource) == 0;
    if (a.half == Half::kHigh || b.half == Half::kHigh) {
        // Lower halves that are both 0 do not matter.
        if (wide && a.half == Half::kHigh && (b.half == Half::kHigh || zero_b))
            return {{narrow_jump(insn, op)}, {}, ""};
        return refuse("it compares a register that was shifted left by 32 or more with one that was not");
    }
    if (!wide) return {{insn}, {}, ""};
    const bool both_zero = is_zero_extended(a) && is_zero_extended(b);
    const bool both_sign = is_sign_extended(a) && is_sign_extended(b);
    const bool either_zero = is_zero_extended(a) || is_zero_extended(b);
    // Numbers less than 2^32 apart are equal when their lower halves are.
    const bool near = hull(a.range, b.range).span <= kWordMax;
    const bool same = ((op == kJeq || op == kJne) && near) || (op == kJset && either_zero) || both_sign;
    if (same) return {{narrow_jump(insn, op)}, {}, ""};
    if (both_zero) return {{narrow_jump(insn, unsigned_of(op))}, {}, ""};
    return refuse("it compares upper halves of which not enough is known");
}

std::optional<Range> refined(uint32_t op, bool wide, bool taken, const Range& a, const Range& b) {
    if (op == kJset) return a;
    const uint32_t relation = taken ? op : opposite(op);
    Range other = b;
    if (!wide) {
        // Where the 32-bit comparison is the 64-bit one.
        const Range positive = Range::between(0, is_signed_jump(op) ? kWordMax >> 1 : kWordMax);
        other = is_signed_jump(op) ? sign_extended_low(b) : zero_extended(b);
        if (!positive.covers(a)) return a;
    }
    if (!is_signed_jump(relation)) return related(relation, a, other);
    const auto turned = [](const Range& range) { return Range{range.first + kTopBit, range.span, range.stride}; };
    const auto part = related(unsigned_of(relation), turned(a), turned(other));
    return part ? std::optional(turned(*part)) : std::nullopt;
}

} // namespace limpet::bpf
