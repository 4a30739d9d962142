/// \file
/// What an audit of translated code knows before an instruction, and what follows from it.
#pragma once

#include "../../variants/bpf/alu32/thumb.h"

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <set>
#include <string>

namespace limpet::conformance {

/// What a register holds. A number is a symbol, which stands for some 32 bits, plus a constant; symbol 0 is zero.
struct Value {
    enum Kind : uint8_t {
        kNumber,
        kShifted, ///< a number << shift
        kFolded,  ///< a number << shift | itself: small only if the number is, and its low 32 - shift bits are 0
        kHost,    ///< a number + host.data
        kVm,
        kRuntime,  ///< + offset
        kEnd,      ///< bytes of the data window in whole words
        kWritable, ///< where the writable part starts
        kFuel,     ///< + offset
        kAny       ///< of the host, perhaps
    };
    Kind kind = kAny;
    uint32_t symbol = 0;
    uint32_t offset = 0;
    uint32_t shift = 0;

    bool operator==(const Value&) const = default;
    auto operator<=>(const Value&) const = default;
    [[nodiscard]] bool is_constant() const { return kind == kNumber && symbol == 0; }
    /// May a guest see it?
    [[nodiscard]] bool is_guests() const { return kind <= kFolded; }
    [[nodiscard]] Value plus(uint32_t distance) const { return {kind, symbol, offset + distance, shift}; }
};

/// Something that is known of a value, whatever the guest does.
struct Fact {
    enum Kind : uint8_t {
        kBelowEnd,
        kNotAboveEnd,
        kWritable, ///< not below the writable part
        kAligned   ///< to 1 << bits
    };
    Kind kind;
    Value value;
    uint32_t bits = 0;

    auto operator<=>(const Fact&) const = default;
};

/// What the last instruction that set the flags has told.
struct Flags {
    enum Kind : uint8_t { kNothing, kCompared, kShiftedOut, kSubtracted, kCharged };
    Kind kind = kNothing;
    Value a{}, b{};

    bool operator==(const Flags&) const = default;
};

/// What is known before an instruction.
struct Known {
    std::array<Value, 16> r{};
    Value sp{};             ///< x2
    bool sp_is_good = true; ///< the runtime has seen it
    bool charged = false;   ///< fuel, and there is some left
    Flags flags{};
    std::set<Fact> facts;

    /// The flags' last instruction and a branch tell that the condition holds.
    void learn(uint32_t condition) {
        namespace t = bpf_alu32::thumb;
        const auto& [kind, a, b] = flags;
        if (kind == Flags::kCharged && condition == t::kNotBelow) charged = true;
        if (kind == Flags::kShiftedOut && condition == t::kEqual)
            facts.insert({Fact::kAligned, {Value::kNumber, a.symbol, a.offset, 0}, 32 - a.shift});
        if (kind != Flags::kCompared) return;
        if (b.kind == Value::kEnd && condition == t::kBelow) facts.insert({Fact::kBelowEnd, a});
        if (b.kind == Value::kEnd && (condition == t::kNotAbove || condition == t::kBelow))
            facts.insert({Fact::kNotAboveEnd, a});
        if (b.kind == Value::kWritable && condition == t::kNotBelow) facts.insert({Fact::kWritable, a});
    }

    /// Why the bytes at the guest address `at` may not be the guest's, as far as is known; "": they are. Windows end at
    /// a multiple of 4, far below 2^31.
    [[nodiscard]] std::string problem_of_access(const Value& at, uint32_t bytes, bool needs_writable) const {
        const uint32_t bits = bytes / 2; // log2 of 1, 2 and 4
        // One comparison of all: a number whose low bits were folded into its high ones.
        const Value folded{Value::kFolded, at.symbol, at.offset, 32 - bits};
        const bool by_folding = bits != 0 && knows(Fact::kBelowEnd, folded);
        if (!by_folding && !is_aligned(at, bits)) return "the address may be misaligned";
        if (by_folding || knows(Fact::kBelowEnd, at)) {
            const bool writable = knows(Fact::kWritable, at) || (by_folding && knows(Fact::kWritable, folded));
            return needs_writable && !writable ? "the address may be read-only" : "";
        }
        // Between two that are known to be in the window or at its end.
        bool reaches = false, starts = false, writable = false;
        for (const Fact& fact : facts) {
            if (fact.value.kind != Value::kNumber || fact.value.symbol != at.symbol) continue;
            const auto distance = static_cast<int32_t>(fact.value.offset - at.offset);
            if (fact.kind != Fact::kNotAboveEnd || distance > 0xffff || distance < -0xffff) continue;
            reaches = reaches || distance >= static_cast<int32_t>(bytes);
            starts = starts || distance <= 0;
            writable = writable || (distance <= 0 && knows(Fact::kWritable, fact.value));
        }
        if (!reaches || !starts) return "the address may be out of the window";
        return needs_writable && !writable ? "the address may be read-only" : "";
    }

private:
    [[nodiscard]] bool knows(Fact::Kind kind, const Value& value) const { return facts.contains({kind, value}); }

    [[nodiscard]] bool is_aligned(const Value& at, uint32_t bits) const {
        const uint32_t mask = (1U << bits) - 1;
        if (at.symbol == 0 && (at.offset & mask) == 0) return true;
        return bits == 0 || std::any_of(facts.begin(), facts.end(), [&](const Fact& fact) {
                   return fact.kind == Fact::kAligned && fact.bits >= bits && fact.value.kind == Value::kNumber &&
                          fact.value.symbol == at.symbol && ((fact.value.offset - at.offset) & mask) == 0;
               });
    }
};

} // namespace limpet::conformance
