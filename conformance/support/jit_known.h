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
        kHost,    ///< a number + host.data
        kVm,
        kRuntime,  ///< + offset
        kEnd,      ///< bytes of the data window in whole words, + offset: less, but not below 0
        kWritable, ///< where the writable part starts, + offset
        kFuel,     ///< + offset
        kAny       ///< of the host, perhaps
    };
    Kind kind = kAny;
    uint32_t symbol = 0;
    uint32_t offset = 0;
    uint32_t shift = 0;

    auto operator<=>(const Value&) const = default;
    [[nodiscard]] bool is_constant() const { return kind == kNumber && symbol == 0; }
    /// May a guest see it?
    [[nodiscard]] bool is_guests() const { return kind <= kShifted; }
    [[nodiscard]] Value plus(uint32_t distance) const { return {kind, symbol, offset + distance, shift}; }
    /// Of a number that is a guest address: where that is.
    [[nodiscard]] Value in_host() const { return {kHost, symbol, offset, 0}; }
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

/// The data window: what may be stored starts here, and its whole words end there. Ends are far below 2^31.
struct Window {
    uint32_t writable_start = 0;
    uint32_t end = 0;
};

/// What is known before an instruction.
struct Known {
    static constexpr uint32_t kNear = 0x10000; ///< from one address to another that is compared with

    std::array<Value, 16> r{};
    std::array<Value, 10> x{}; ///< the guest's registers in vm.x
    Value native_sp{};
    bool charged = false; ///< fuel since the last place where nothing is known, and there is some left
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
        if (b.kind == Value::kEnd && condition == t::kBelow) learn_end(a, b, true);
        if (b.kind == Value::kEnd && condition == t::kNotAbove) learn_end(a, b, false);
        if (a.kind == Value::kEnd && condition == t::kAbove) learn_end(b, a, true);
        if (a.kind == Value::kEnd && condition == t::kNotBelow) learn_end(b, a, false);
        if (b.kind != Value::kWritable || condition != t::kNotBelow || b.offset >= kNear) return;
        // What is so far above can be lowered by that, without getting below 0.
        facts.insert({Fact::kWritable, a});
        facts.insert({Fact::kWritable, a.plus(0 - b.offset)});
        if (is_not_above_end(a)) facts.insert({Fact::kNotAboveEnd, a.plus(0 - b.offset)});
    }

    /// Why the bytes at the guest address `at` may not be the guest's, as far as is known; "": they are.
    [[nodiscard]] std::string problem_of_access(const Window& window, const Value& at, uint32_t bytes,
                                                bool store) const {
        if (!is_aligned(at, bytes / 2)) return "the address may be misaligned"; // log2 of 1, 2 and 4
        if (store && !is_writable(window, at)) return "the address may be read-only";
        if (at.is_constant() && at.offset < window.end && bytes <= window.end - at.offset) return "";
        if (knows(Fact::kBelowEnd, at)) return "";
        return is_not_above_end(at) && is_not_above_end(at.plus(bytes)) ? "" : "the address may be out of the window";
    }

    /// May x2 hold it while translated code runs? So many bytes from it on must be in the window.
    [[nodiscard]] bool is_good_sp(const Window& window, const Value& sp, uint32_t slack) const {
        return sp.kind == Value::kNumber && is_aligned(sp, 2) && is_not_above_end(sp) &&
               is_not_above_end(sp.plus(slack)) && is_writable(window, sp);
    }
    void assume_good_sp(uint32_t slack) {
        native_sp = x[2].in_host();
        for (const Fact::Kind kind : {Fact::kNotAboveEnd, Fact::kWritable}) facts.insert({kind, x[2]});
        facts.insert({Fact::kNotAboveEnd, x[2].plus(slack)});
        facts.insert({Fact::kAligned, x[2], 2});
    }
    /// Bytes from a good sp on that are known to be in the window.
    [[nodiscard]] uint32_t room() const {
        uint32_t most = 0;
        for (const Fact& fact : facts) {
            const uint32_t distance = fact.value.offset - x[2].offset;
            if (fact.kind == Fact::kNotAboveEnd && is_near(fact.value, x[2]) && distance < kNear)
                most = std::max(most, distance);
        }
        return most;
    }

    /// To 1 << bits.
    [[nodiscard]] bool is_aligned(const Value& at, uint32_t bits) const {
        const uint32_t mask = (1U << bits) - 1;
        if (bits == 0 || (at.symbol == 0 && (at.offset & mask) == 0)) return true;
        return std::any_of(facts.begin(), facts.end(), [&](const Fact& fact) {
            return fact.kind == Fact::kAligned && fact.bits >= bits && fact.value.kind == Value::kNumber &&
                   fact.value.symbol == at.symbol && ((fact.value.offset - at.offset) & mask) == 0;
        });
    }

private:
    [[nodiscard]] bool knows(Fact::Kind kind, const Value& value) const { return facts.contains({kind, value}); }

    /// `number` is below the end less some bytes, or that itself: so is what is as many bytes above it, without getting
    /// beyond 2^32, as the end less these bytes is not below 0.
    void learn_end(const Value& number, const Value& end, bool below) {
        for (const Value& value : {number, number.plus(0 - end.offset)}) {
            facts.insert({Fact::kNotAboveEnd, value});
            if (!below) continue;
            facts.insert({Fact::kBelowEnd, value});
            // The end is that of whole words.
            const uint32_t bytes = is_aligned(value, 2) ? 4 : is_aligned(value, 1) ? 2 : 1;
            facts.insert({Fact::kNotAboveEnd, value.plus(bytes)});
        }
    }

    /// It is between two that are: there is no 0 in between, as they are near each other and the end is far from 2^32.
    [[nodiscard]] bool is_not_above_end(const Value& value) const {
        bool one_above = false, one_below = false;
        for (const Fact& fact : facts) {
            if (fact.kind != Fact::kNotAboveEnd || !is_near(fact.value, value)) continue;
            const auto distance = static_cast<int32_t>(fact.value.offset - value.offset);
            one_above = one_above || distance >= 0;
            one_below = one_below || distance <= 0;
        }
        return one_above && one_below;
    }

    [[nodiscard]] static bool is_near(const Value& a, const Value& b) {
        return a.kind == Value::kNumber && a.symbol == b.symbol && a.offset - b.offset + kNear < 2 * kNear;
    }

    /// It is known itself, or that of one below which is in the window, so that there is no 0 in between.
    [[nodiscard]] bool is_writable(const Window& window, const Value& at) const {
        if (window.writable_start == 0 || knows(Fact::kWritable, at)) return true;
        if (at.is_constant()) return at.offset >= window.writable_start;
        return std::any_of(facts.begin(), facts.end(), [&](const Fact& fact) {
            return fact.kind == Fact::kWritable && is_near(fact.value, at) && at.offset - fact.value.offset < kNear &&
                   is_not_above_end(fact.value);
        });
    }
};

} // namespace limpet::conformance
