/// \file
/// Random numbers that are the same on every machine, so that a failing case can be run again.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

namespace limpet::conformance {

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}

    uint64_t next64() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    uint32_t bits() { return static_cast<uint32_t>(next64() >> 32); }

    /// 0 .. bound - 1
    uint32_t below(uint32_t bound) { return static_cast<uint32_t>((next64() >> 32) * bound >> 32); }
    /// low .. high
    int32_t between(int32_t low, int32_t high) {
        return low + static_cast<int32_t>(below(static_cast<uint32_t>(high - low) + 1));
    }
    bool chance(uint32_t percent) { return below(100) < percent; }

    template <class T> const T& pick(std::span<const T> values) {
        return values[below(static_cast<uint32_t>(values.size()))];
    }
    uint32_t pick(std::initializer_list<uint32_t> values) {
        return values.begin()[below(static_cast<uint32_t>(values.size()))];
    }

private:
    uint64_t state_;
};

} // namespace limpet::conformance
