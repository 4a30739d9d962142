#include "range.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace limpet::bpf {

namespace {

constexpr uint64_t kTopBit = uint64_t{1} << 63;

/// The same arc with a stride that its span allows, whatever the numbers are.
Range made(uint64_t first, uint64_t span, uint64_t stride) {
    if (span == 0) return Range::constant(first);
    return {first, span, stride == 0 || span % stride != 0 ? 1 : stride};
}

/// The arc from a's first number on that reaches to the end of b; none: it would go round.
std::optional<Range> from_first(const Range& a, const Range& b) {
    const uint64_t start = b.first - a.first;
    uint64_t end = 0;
    if (__builtin_add_overflow(start, b.span, &end)) return std::nullopt;
    return made(a.first, std::max(a.span, end), std::gcd(std::gcd(a.stride, b.stride), start));
}

/// Low bits of `a` as an arc that starts at `first`, if none of its numbers leaves the `bits` that start at `lowest`.
Range low_part(const Range& a, uint64_t first, uint64_t lowest, uint32_t bits) {
    const uint64_t mask = (uint64_t{1} << bits) - 1;
    if (a.span <= mask && first - lowest <= mask - a.span) return made(first, a.span, a.stride);
    return {lowest, mask, 1};
}

} // namespace

Range hull(const Range& a, const Range& b) {
    const auto one = from_first(a, b);
    const auto other = from_first(b, a);
    if (!one && !other) return kAnything;
    if (!one || (other && other->span < one->span)) return *other;
    return *one;
}

std::optional<Range> meet(const Range& a, const Range& b) {
    if (a == kAnything) return b;
    const uint64_t start = b.first - a.first; // seen from a
    uint64_t low = 0;
    uint64_t high = a.span;
    if (start <= a.span) {
        uint64_t end = 0;
        if (__builtin_add_overflow(start, b.span, &end)) return a; // b comes round to where a starts
        low = start;
        high = std::min(high, end);
    } else {
        const uint64_t inside = a.first - b.first;
        if (inside > b.span) return std::nullopt;
        high = std::min(high, b.span - inside);
    }
    const uint64_t stride = std::max<uint64_t>(a.stride, 1);
    const uint64_t over = low % stride;
    if (over != 0) low += stride - over; // not beyond a.span, a multiple of stride
    high -= high % stride;
    if (low > high) return std::nullopt;
    return made(a.first + low, high - low, stride);
}

std::optional<Range> without(const Range& a, uint64_t value) {
    if (a.is_constant()) return a.first == value ? std::nullopt : std::optional(a);
    if (a.first == value) return made(a.first + a.stride, a.span - a.stride, a.stride);
    if (a.last() == value) return made(a.first, a.span - a.stride, a.stride);
    return a;
}

Range sum(const Range& a, const Range& b) {
    uint64_t span = 0;
    if (__builtin_add_overflow(a.span, b.span, &span)) return kAnything;
    return made(a.first + b.first, span, std::gcd(a.stride, b.stride));
}

Range negated(const Range& a) { return made(0 - a.last(), a.span, a.stride); }

Range product(const Range& a, const Range& b) {
    if (a.is_constant() && !b.is_constant()) return product(b, a);
    uint64_t span = 0;
    if (b.is_constant()) {
        if (__builtin_mul_overflow(a.span, b.first, &span)) return kAnything;
        return made(a.first * b.first, span, a.stride * b.first);
    }
    uint64_t highest = 0;
    if (!a.is_unsigned() || !b.is_unsigned() || __builtin_mul_overflow(a.last(), b.last(), &highest)) return kAnything;
    return Range::between(a.first * b.first, highest);
}

Range both_bits(const Range& a, const Range& b) {
    if (a.is_constant() && b.is_constant()) return Range::constant(a.first & b.first);
    uint64_t highest = ~uint64_t{0};
    if (a.is_unsigned()) highest = std::min(highest, a.last());
    if (b.is_unsigned()) highest = std::min(highest, b.last());
    if (highest <= kWordMax) return Range::between(0, highest);
    if (kSignExtended.covers(a) && kSignExtended.covers(b)) return kSignExtended;
    return Range::between(0, highest);
}

Range either_bits(const Range& a, const Range& b, bool exclusive) {
    if (a.is_constant() && b.is_constant()) return Range::constant(exclusive ? a.first ^ b.first : a.first | b.first);
    if (kSignExtended.covers(a) && kSignExtended.covers(b) && !(kZeroExtended.covers(a) && kZeroExtended.covers(b)))
        return kSignExtended;
    if (!a.is_unsigned() || !b.is_unsigned()) return kAnything;
    const int zeros = std::countl_zero(a.last() | b.last());
    return Range::between(0, zeros == 64 ? 0 : ~uint64_t{0} >> zeros);
}

Range shifted_left(const Range& a, uint32_t amount) {
    if (amount != 0 && a.span >> (64 - amount) != 0) return kAnything;
    return made(a.first << amount, a.span << amount, a.stride << amount);
}

Range shifted_right(const Range& a, uint32_t amount) {
    if (!a.is_unsigned()) return Range::between(0, ~uint64_t{0} >> amount);
    return Range::between(a.first >> amount, a.last() >> amount);
}

Range shifted_right_signed(const Range& a, uint32_t amount) {
    const auto shifted = [&](uint64_t value) { return static_cast<uint64_t>(static_cast<int64_t>(value) >> amount); };
    if (!made(a.first + kTopBit, a.span, a.stride).is_unsigned())
        return Range::between(shifted(kTopBit), shifted(kTopBit - 1));
    return Range::between(shifted(a.first), shifted(a.last()));
}

Range zero_extended(const Range& a, uint32_t bits) {
    return low_part(a, a.first & ((uint64_t{1} << bits) - 1), 0, bits);
}

Range sign_extended_low(const Range& a, uint32_t bits) {
    const uint32_t unused = 64 - bits;
    const auto first = static_cast<uint64_t>(static_cast<int64_t>(a.first << unused) >> unused);
    return low_part(a, first, 0 - (uint64_t{1} << (bits - 1)), bits);
}

} // namespace limpet::bpf
