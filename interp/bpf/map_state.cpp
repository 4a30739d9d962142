#include "map_state.h"

#include <algorithm>

namespace limpet::bpf {

void Relations::forget(uint32_t r) {
    for (uint32_t i = 0; i < kFramePointer; ++i)
        for (uint32_t k = 0; k < kScales; ++k) {
            known_[place(i, r, k)] = known_[place(r, i, k)] = false;
            constants_[place(i, r, k)] = constants_[place(r, i, k)] = 0;
        }
}

void Relations::add(uint32_t r, uint64_t number) {
    for (uint32_t i = 0; i < kFramePointer; ++i)
        for (uint32_t k = 0; k < kScales; ++k) {
            if (const auto c = find(r, i, k)) set(r, i, k, *c + number);
            if (const auto c = find(i, r, k)) set(i, r, k, *c - (number << k));
        }
}

void Relations::offset_of(uint32_t r, uint32_t from, uint64_t number) {
    forget(r);
    for (uint32_t i = 0; i < kFramePointer; ++i)
        for (uint32_t k = 0; k < kScales && i != r; ++k) {
            if (const auto c = find(from, i, k)) set(r, i, k, *c + number);
            if (const auto c = find(i, from, k)) set(i, r, k, *c - (number << k));
        }
    set(r, from, 0, number);
    set(from, r, 0, 0 - number);
}

void Relations::copy(uint32_t r, uint32_t from) {
    if (r != from) offset_of(r, from, 0);
}

void Relations::shift_left(uint32_t r, uint32_t amount) {
    std::array<std::array<std::optional<uint64_t>, kScales>, kFramePointer> old{};
    for (uint32_t i = 0; i < kFramePointer; ++i)
        for (uint32_t k = 0; k < kScales; ++k) old[i][k] = find(r, i, k);
    forget(r);
    for (uint32_t i = 0; i < kFramePointer; ++i)
        for (uint32_t k = 0; k + amount < kScales; ++k)
            if (old[i][k]) set(r, i, k + amount, *old[i][k] << amount);
}

std::optional<uint64_t> State::relation(uint32_t i, uint32_t j, uint32_t k) const {
    if (const auto c = relations.find(i, j, k)) return c;
    const auto is_constant = [](const Value& v) { return v.half == Half::kLow && v.range.is_constant(); };
    if (!is_constant(r[i]) || !is_constant(r[j])) return std::nullopt;
    return r[i].range.first - (r[j].range.first << k);
}

void State::write(uint32_t number, const Value& value) {
    r[number] = value;
    relations.forget(number);
}

bool State::refine(uint32_t number, const Range& range) {
    const auto narrow = [](Value& value, const Range& by) {
        const auto part = meet(value.range, by);
        if (part) value.range = *part;
        return part.has_value();
    };
    if (!narrow(r[number], range)) return false;
    for (uint32_t i = 0; i < kFramePointer && number < kFramePointer; ++i)
        for (uint32_t k = 0; k < Relations::kScales; ++k)
            if (const auto c = relations.find(i, number, k); c && r[i].half == Half::kLow)
                if (!narrow(r[i], sum(shifted_left(r[number].range, k), Range::constant(*c)))) return false;
    return true;
}

void State::forget_memory(const Range& address, uint32_t size) {
    std::erase_if(memory, [&](const auto& entry) {
        return meet(address, Range::between(entry.first - size + 1, entry.first + entry.second.size - 1)).has_value();
    });
}

namespace {

/// `grown`, which has all of `old`, further on to the next thresholds where it is longer.
Range widened(const Range& old, Range grown, std::span<const uint64_t> thresholds) {
    const uint64_t stride = std::max<uint64_t>(grown.stride, 1);
    const auto next = [&](auto distance) { // the least that suffices, in whole strides
        std::optional<uint64_t> best;
        for (const uint64_t threshold : thresholds) {
            const uint64_t span = distance(threshold);
            if (span >= grown.span && (!best || span < *best)) best = span;
        }
        return best ? std::optional(*best - *best % stride) : std::nullopt;
    };
    if (grown.last() != old.last()) {
        const auto span = next([&](uint64_t threshold) { return threshold - grown.first; });
        if (!span) return kAnything;
        grown = {grown.first, *span, stride};
    }
    if (grown.first != old.first) {
        const uint64_t last = grown.last();
        const auto span = next([&](uint64_t threshold) { return last - threshold; });
        if (!span) return kAnything;
        grown = {last - *span, *span, stride};
    }
    return grown;
}

} // namespace

bool State::join(const State& other, std::span<const uint64_t> thresholds) {
    const State before = *this;
    for (uint32_t i = 0; i < kFramePointer; ++i)
        for (uint32_t j = 0; j < kFramePointer; ++j)
            for (uint32_t k = 0; k < Relations::kScales && i != j; ++k) {
                const auto c = before.relation(i, j, k);
                relations.set(i, j, k, c && c == other.relation(i, j, k) ? c : std::nullopt);
            }
    const auto joined = [&](const Range& old, const Range& range) {
        const Range grown = hull(old, range);
        return grown == old || thresholds.empty() ? grown : widened(old, grown, thresholds);
    };
    for (uint32_t i = 0; i < kRegisters; ++i) {
        if (r[i].half != other.r[i].half)
            r[i] = {kAnything, Half::kNone};
        else
            r[i].range = joined(r[i].range, other.r[i].range);
    }
    // What was widened too far, an equation may take back; but never behind what it is known to reach.
    for (uint32_t i = 0; i < kFramePointer && thresholds.size() != 1; ++i) {
        const Range reached = hull(before.r[i].range, other.r[i].range);
        for (uint32_t j = 0; j < kFramePointer && r[i].half == Half::kLow; ++j)
            for (uint32_t k = 0; k < Relations::kScales; ++k)
                if (const auto c = relations.find(i, j, k); c && r[j].half == Half::kLow)
                    if (const auto part = meet(r[i].range, sum(shifted_left(r[j].range, k), Range::constant(*c))))
                        r[i].range = hull(reached, *part);
    }
    std::erase_if(memory, [&](const auto& entry) {
        const auto found = other.memory.find(entry.first);
        return found == other.memory.end() || found->second.size != entry.second.size;
    });
    for (auto& [address, stored] : memory) stored.range = joined(stored.range, other.memory.at(address).range);
    return !(*this == before);
}

} // namespace limpet::bpf
