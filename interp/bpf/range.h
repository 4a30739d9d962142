/// \file
/// What is known of a 64-bit number: an arc of the circle of all of them, with a stride. For PCs.
///
/// Signed and unsigned ranges are both arcs, so neither needs a domain of its own; the stride is what proves that a
/// loop by steps of 4 hits the bound that it compares with `!=`.
#pragma once

#include <cstdint>
#include <optional>

namespace limpet::bpf {

/// The numbers first, first + stride, .. first + span, modulo 2^64. span is a multiple of stride, which is 0 when there
/// is one number only.
struct Range {
    uint64_t first = 0;
    uint64_t span = ~uint64_t{0};
    uint64_t stride = 1;

    [[nodiscard]] static constexpr Range constant(uint64_t value) { return {value, 0, 0}; }
    /// All numbers from `low` up to `high`, going round if need be.
    [[nodiscard]] static constexpr Range between(uint64_t low, uint64_t high) {
        return {low, high - low, low == high ? 0U : 1U};
    }

    [[nodiscard]] constexpr uint64_t last() const { return first + span; }
    [[nodiscard]] constexpr bool is_constant() const { return span == 0; }
    /// Is each number of `other` on this arc (whose stride is not looked at)?
    [[nodiscard]] constexpr bool covers(const Range& other) const {
        const uint64_t start = other.first - first;
        return start <= span && other.span <= span - start;
    }
    /// Do the numbers, unsigned, grow from first to last?
    [[nodiscard]] constexpr bool is_unsigned() const { return last() >= first; }

    bool operator==(const Range&) const = default;
};

inline constexpr uint64_t kWordMax = 0xffffffff;
inline constexpr Range kAnything{};
/// What a 32-bit number is when it is extended.
inline constexpr Range kZeroExtended{0, kWordMax, 1};
inline constexpr Range kSignExtended{0 - (uint64_t{1} << 31), kWordMax, 1};

/// The shortest arc that has both.
[[nodiscard]] Range hull(const Range& a, const Range& b);
/// The numbers of `a` on the arc `b`; where that would be two arcs, all of `a`. None: there is no such number.
[[nodiscard]] std::optional<Range> meet(const Range& a, const Range& b);
/// The numbers of `a` but `value`, where it is the first or last.
[[nodiscard]] std::optional<Range> without(const Range& a, uint64_t value);

// What 64-bit arithmetic makes of any two numbers of a and b.
[[nodiscard]] Range sum(const Range& a, const Range& b);
[[nodiscard]] Range negated(const Range& a);
[[nodiscard]] Range product(const Range& a, const Range& b);
[[nodiscard]] Range both_bits(const Range& a, const Range& b);                   ///< and
[[nodiscard]] Range either_bits(const Range& a, const Range& b, bool exclusive); ///< or, xor
[[nodiscard]] Range shifted_left(const Range& a, uint32_t amount);
[[nodiscard]] Range shifted_right(const Range& a, uint32_t amount);
[[nodiscard]] Range shifted_right_signed(const Range& a, uint32_t amount);
/// The low `bits` (8, 16, 32) as a number.
[[nodiscard]] Range zero_extended(const Range& a, uint32_t bits = 32);
[[nodiscard]] Range sign_extended_low(const Range& a, uint32_t bits = 32);

} // namespace limpet::bpf
