/// \file
/// What map.cpp knows of a program before one of its instructions: of registers, of how they differ, and of numbers in
/// memory.
#pragma once

#include "map_rules.h"

#include <array>
#include <bitset>
#include <map>
#include <span>

namespace limpet::bpf {

/// Equations r_i = (r_j << k) + c, modulo 2^64, between r0..r9: what keeps pointers and counters of a loop in step.
class Relations {
public:
    static constexpr uint32_t kScales = 4; ///< k: elements of up to 8 bytes

    [[nodiscard]] std::optional<uint64_t> find(uint32_t i, uint32_t j, uint32_t k) const {
        const size_t at = place(i, j, k);
        return known_[at] ? std::optional(constants_[at]) : std::nullopt;
    }
    void set(uint32_t i, uint32_t j, uint32_t k, std::optional<uint64_t> constant) {
        const size_t at = place(i, j, k);
        known_[at] = constant.has_value();
        constants_[at] = constant.value_or(0);
    }
    void forget(uint32_t r);
    void add(uint32_t r, uint64_t number);                      ///< r += number
    void copy(uint32_t r, uint32_t from);                       ///< r = from
    void shift_left(uint32_t r, uint32_t amount);               ///< r <<= amount
    void offset_of(uint32_t r, uint32_t from, uint64_t number); ///< r = from + number; r is not from

    bool operator==(const Relations&) const = default;

private:
    static size_t place(uint32_t i, uint32_t j, uint32_t k) { return (i * kFramePointer + j) * kScales + k; }

    std::array<uint64_t, size_t{kFramePointer} * kFramePointer * kScales> constants_{};
    std::bitset<size_t{kFramePointer} * kFramePointer * kScales> known_;
};

/// A number in memory, where it was stored as a whole.
struct Stored {
    uint32_t size;
    Range range;

    bool operator==(const Stored&) const = default;
};

struct State {
    std::array<Value, kRegisters> r;
    Relations relations;
    std::map<uint64_t, Stored> memory; ///< by address

    /// r_i = (r_j << k) + c, told by an equation or by what both are.
    [[nodiscard]] std::optional<uint64_t> relation(uint32_t i, uint32_t j, uint32_t k) const;

    /// Nothing that was known of r's relations holds any more.
    void write(uint32_t r, const Value& value);

    /// Takes to heart that r is in `range`; false: then this is not reached.
    bool refine(uint32_t r, const Range& range);

    /// What was in any of the `size` bytes at `address` is not known any more.
    void forget_memory(const Range& address, uint32_t size);

    /// Makes this what is known where both may have come from; returns whether it changed. With thresholds, ranges that
    /// grow do so up to the next of them, so that loops come to an end; with one alone, whatever equations say.
    bool join(const State& other, std::span<const uint64_t> thresholds);

    bool operator==(const State&) const = default;
};

} // namespace limpet::bpf
