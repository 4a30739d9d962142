/// \file
/// Each rule by which interp/bpf/map_rules.h rewrites arithmetic and comparisons, proved for all inputs by z3: for
/// operands that are anything of which the rule knows what it claims to know, the instructions for 32-bit registers
/// leave the half that they say, and the result is in the range that they say. What instructions mean is written down
/// once more here, from RFC 9669, sections 4.1 to 4.3.
#include "../../interp/bpf/map.h"
#include "../../interp/bpf/map_rules.h"

#include <gtest/gtest.h>
#include <span>
#include <vector>
#include <z3++.h>

namespace limpet::conformance::bpf {
namespace {

using namespace limpet::bpf;

/// What may be known of a register.
const Value kKnown[] = {
    {},
    {kZeroExtended, Half::kLow},
    {kSignExtended, Half::kLow},
    {kZeroExtended, Half::kHigh},
    // So far as second operands of jumps, too.
    {Range::between(0, 31), Half::kLow},
    {Range::between(0 - uint64_t{5}, 1000), Half::kLow},
    {Range{8, 4 * 99, 4}, Half::kLow},
    {Range::constant(0), Half::kLow},
    {Range::between(3, 77), Half::kHigh},
};
constexpr int32_t kImmediates[] = {0, 1, -1, 77, INT32_MIN};
constexpr int32_t kEasyImmediates[] = {0, 1, -1, 32}; ///< for products and quotients

class MapProof : public testing::Test {
protected:
    z3::expr number(uint64_t value, unsigned bits = 64) { return z3_.bv_val(value, bits); }
    static z3::expr low(const z3::expr& value) { return value.extract(31, 0); }
    static z3::expr high(const z3::expr& value) { return value.extract(63, 32); }

    /// A register that is in `range`; of a Value that keeps the upper half, that half is.
    z3::expr in(const z3::expr& x, const Range& range) {
        z3::expr holds = z3::ule(x - number(range.first), number(range.span));
        if (range.stride > 1) holds = holds && z3::urem(x - number(range.first), number(range.stride)) == number(0);
        return holds;
    }
    z3::expr is(const z3::expr& x, const Value& value) {
        if (value.half == Half::kLow) return in(x, value.range);
        return low(x) == number(0, 32) && in(z3::zext(high(x), 32), value.range);
    }
    /// What the 32-bit register holds for it.
    static z3::expr kept(const z3::expr& x, const Value& value) { return value.half == Half::kLow ? low(x) : high(x); }

    z3::expr divided(const z3::expr& a, const z3::expr& b, bool remainder, bool is_signed, unsigned bits) {
        const z3::expr zero = number(0, bits);
        const z3::expr quotient = is_signed ? a / b : z3::udiv(a, b);
        const z3::expr rest = is_signed ? z3::srem(a, b) : z3::urem(a, b);
        // The overflow of the least number by -1 needs no word: bit-vectors wrap as eBPF does.
        return z3::ite(b == zero, remainder ? a : zero, remainder ? rest : quotient);
    }
    z3::expr reversed(const z3::expr& a, unsigned bits) {
        z3::expr bytes = a.extract(7, 0);
        for (unsigned i = 8; i < bits; i += 8) bytes = z3::concat(bytes, a.extract(i + 7, i));
        return bytes;
    }
    z3::expr widened(const z3::expr& a, unsigned bits) {
        return a.get_sort().bv_size() == bits ? a : z3::zext(a, bits - a.get_sort().bv_size());
    }

    /// What arithmetic `insn` makes of a and b, on registers of `bits`; 32-bit operations on wide ones, too.
    z3::expr meaning(uint64_t insn, const z3::expr& wide_a, const z3::expr& wide_b, unsigned bits) {
        const uint32_t h = head(insn);
        const uint32_t op = code(opcode(h));
        const unsigned width = (h & 7) == kAlu64 ? 64 : 32;
        const z3::expr a = wide_a.extract(width - 1, 0);
        const z3::expr b = wide_b.extract(width - 1, 0);
        if (op == kEnd) {
            const auto size = static_cast<unsigned>(imm(insn));
            const bool reverses = opcode(h) != alu_opcode(kAlu32, kEnd);
            const z3::expr part = wide_a.extract(size - 1, 0);
            return widened(reverses ? reversed(part, size) : part, bits);
        }
        const z3::expr amount = b & number(width - 1, width);
        const auto result = [&]() -> z3::expr {
            switch (op) {
            case kAdd: return a + b;
            case kSub: return a - b;
            case kMul: return a * b;
            case kDiv: return divided(a, b, false, offset(h) != 0, width);
            case kMod: return divided(a, b, true, offset(h) != 0, width);
            case kOr: return a | b;
            case kAnd: return a & b;
            case kXor: return a ^ b;
            case kLsh: return z3::shl(a, amount);
            case kRsh: return z3::lshr(a, amount);
            case kArsh: return z3::ashr(a, amount);
            case kNeg: return -a;
            default: break;
            }
            if (offset(h) == 0) return b;
            const auto from = static_cast<unsigned>(offset(h));
            return from == width ? b : z3::sext(b.extract(from - 1, 0), width - from);
        }();
        return widened(result, bits);
    }

    static z3::expr comparison(uint32_t op, const z3::expr& a, const z3::expr& b) {
        switch (op) {
        case kJeq: return a == b;
        case kJgt: return z3::ugt(a, b);
        case kJge: return z3::uge(a, b);
        case kJset: return (a & b) != 0;
        case kJne: return a != b;
        case kJsgt: return a > b;
        case kJsge: return a >= b;
        case kJlt: return z3::ult(a, b);
        case kJle: return z3::ule(a, b);
        case kJslt: return a < b;
        default: return a <= b;
        }
    }
    static z3::expr comparison(uint64_t insn, const z3::expr& a, const z3::expr& b) {
        const uint32_t op = code(opcode(head(insn)));
        return (head(insn) & 7) == kJmp ? comparison(op, a, b) : comparison(op, low(a), low(b));
    }

    /// Is `claim` true whenever `given` is?
    void prove(const z3::expr& given, const z3::expr& claim, const std::string& what) {
        z3::solver solver(z3_, "QF_BV");
        solver.add(given && !claim);
        const z3::check_result found = solver.check();
        ++proofs_;
        if (found == z3::unsat) return;
        ADD_FAILURE() << what << (found == z3::sat ? ": not if " + solver.get_model().to_string() : ": undecided");
    }

    void arithmetic(const Instruction& row, uint64_t insn, const Value& known_a, const Value& known_b) {
        const Mapped mapped = map_arithmetic(row, insn, known_a, known_b);
        if (!mapped.refusal.empty()) return;
        const z3::expr a = z3_.bv_const("a", 64);
        const z3::expr b =
            dst(head(insn)) == src(head(insn)) && (head(insn) & kSource) != 0 ? a : z3_.bv_const("b", 64);
        const z3::expr want = meaning(insn, a, b, 64);
        z3::expr got = kept(
            code(opcode(head(insn))) == kMov && row.src.use == Use::kRead && dst(head(insn)) == src(head(insn)) ? b : a,
            code(opcode(head(insn))) == kMov ? known_b : known_a);
        const z3::expr second = kept(b, known_b);
        for (const uint64_t narrow : mapped.code) {
            ASSERT_TRUE(is_narrow(narrow) && find_instruction(narrow) != nullptr) << row.name;
            const bool by_register = (head(narrow) & kSource) != 0 && code(opcode(head(narrow))) != kEnd;
            const z3::expr constant = number(static_cast<uint32_t>(imm(narrow)), 32);
            got = meaning(narrow, got, by_register ? second : constant, 32);
        }
        const std::string what = std::string(row.name) + " imm " + std::to_string(imm(insn));
        const z3::expr given = is(a, known_a) && is(b, known_b);
        prove(given, got == kept(want, mapped.result), what + ": the register");
        prove(given, is(want, mapped.result), what + ": the range");
    }

    void jump(const Instruction& row, uint64_t insn, const Value& known_a, const Value& known_b) {
        const z3::expr a = z3_.bv_const("a", 64);
        const z3::expr b = z3_.bv_const("b", 64);
        const z3::expr given = is(a, known_a) && is(b, known_b);
        const z3::expr want = comparison(insn, a, b);
        const std::string what = std::string(row.name) + " imm " + std::to_string(imm(insn));
        const Mapped mapped = map_condition(insn, known_a, known_b);
        if (mapped.refusal.empty()) {
            ASSERT_EQ(mapped.code.size(), 1U);
            ASSERT_TRUE(is_narrow(mapped.code[0]));
            const uint32_t op = code(opcode(head(mapped.code[0])));
            prove(given, want == comparison(op, kept(a, known_a), kept(b, known_b)), what + ": the jump");
        }
        if (known_a.half != Half::kLow || known_b.half != Half::kLow) return;
        for (const bool taken : {false, true}) {
            const auto range = refined(code(row.opcode), (row.opcode & 7) == kJmp, taken, known_a.range, known_b.range);
            prove(given && (taken ? want : !want), range ? in(a, *range) : z3_.bool_val(false),
                  what + (taken ? ": taken" : ": not taken"));
        }
    }

    z3::context z3_;
    uint32_t proofs_ = 0;
};

/// Rows that are too hard for bit-blasting with two unknown numbers are proved with one.
bool is_hard(uint32_t op) { return op == kMul || op == kDiv || op == kMod; }

TEST_F(MapProof, Arithmetic) {
    for (const Instruction& row : kInstructions) {
        const uint32_t cls = row.opcode & 7U;
        if (cls != kAlu32 && cls != kAlu64) continue;
        const uint32_t op = code(row.opcode);
        const bool shifts = op == kLsh || op == kRsh || op == kArsh;
        const uint64_t plain = make(row.opcode, 1, row.src.use == Use::kRead ? 2 : 0, row.offset.value, row.imm.value);
        for (const Value& a : kKnown) {
            if (op == kMov && &a != kKnown) break; // what is overwritten does not matter
            if (row.src.use == Use::kRead) {
                for (const Value& b : kKnown)
                    if (!is_hard(op) || b.range.is_constant()) arithmetic(row, plain, a, b);
            } else if (row.imm.use == Use::kNumber) {
                const auto check = [&](int32_t imm) {
                    const uint64_t insn = make(row.opcode, 1, 0, row.offset.value, imm);
                    arithmetic(row, insn, a, immediate_value(insn));
                };
                for (const int32_t imm : is_hard(op) ? std::span<const int32_t>(kEasyImmediates) : kImmediates)
                    check(imm);
                const bool common = &a < kKnown + 4;
                for (int32_t amount = 2; shifts && common && amount < 64; ++amount) check(amount);
            } else {
                arithmetic(row, plain, a, immediate_value(plain));
            }
        }
    }
    EXPECT_GT(proofs_, 1000U);
}

TEST_F(MapProof, PairsOfShifts) {
    // Each left shift that keeps the upper half, and each right shift of that.
    const Instruction& left = *find_instruction(make(0x67, 1, 0, 0, 32));
    for (const uint8_t opcode : {0x77, 0xc7}) {
        const Instruction& right = *find_instruction(make(opcode, 1, 0, 0, 32));
        for (int32_t up = 1; up < 64; ++up)
            for (int32_t down = 1; down < 64; ++down) {
                const uint64_t insn = make(0x67, 1, 0, 0, up);
                const uint64_t back = make(opcode, 1, 0, 0, down);
                const Mapped middle = map_arithmetic(left, insn, {}, immediate_value(insn));
                const Mapped end = map_arithmetic(right, back, middle.result, immediate_value(back));
                EXPECT_TRUE(middle.refusal.empty());
                EXPECT_EQ(end.refusal.empty(), up >= 32 && down >= 32) << up << " " << down;
            }
    }
}

TEST_F(MapProof, Jumps) {
    for (const Instruction& row : kInstructions) {
        if (row.format != Format::kJump) continue;
        for (const Value& a : kKnown)
            if (row.src.use == Use::kRead)
                for (const Value& b : std::span(kKnown).first(4)) jump(row, make(row.opcode, 1, 2), a, b);
            else
                for (const int32_t imm : kImmediates) {
                    const uint64_t insn = make(row.opcode, 1, 0, 0, imm);
                    jump(row, insn, a, immediate_value(insn));
                }
    }
    EXPECT_GT(proofs_, 1000U);
}

} // namespace
} // namespace limpet::conformance::bpf
