#include "map.h"

#include "map_state.h"

#include <algorithm>
#include <deque>
#include <set>

namespace limpet::bpf {

namespace {

constexpr uint32_t kSlotsMax = 1U << 14;    ///< more than any machine with 32-bit registers has room for
constexpr uint32_t kVisitsPrecise = 3;      ///< of a place where paths meet, before ranges are widened
constexpr uint32_t kVisitsByThreshold = 90; ///< before they are given up
constexpr uint64_t kBeyond = uint64_t{1} << 32;

struct Refusal {
    Fault fault;
};

Value any_word() { return {kZeroExtended, Half::kLow}; }

/// One instruction of the program.
struct Slot {
    uint64_t insn = 0;
    const Instruction* row = nullptr; ///< nullptr: the second half of lddw
    uint32_t next = 0;
    uint32_t target = 0; ///< of a jump or local call
    bool leads = false;  ///< paths may meet here
};

/// What is written: an instruction, and which slot of the program it goes to, if it jumps.
struct Written {
    uint64_t insn;
    uint32_t origin;
    std::optional<uint32_t> target;
};

class Mapper {
public:
    Mapper(std::span<const uint8_t> code, const MapLayout& layout) : layout_(layout) {
        read(code);
        find_functions();
        collect_thresholds();
    }

    MappedProgram map() {
        for (const uint32_t entry : layout_.entries) reach(entry, entry_state());
        while (!waiting_.empty()) {
            const uint32_t leader = waiting_.front();
            waiting_.pop_front();
            is_waiting_.erase(leader);
            walk(leader);
        }
        writing_ = true;
        for (const auto& [leader, state] : states_) walk(leader);
        return link();
    }

private:
    // The program.

    void read(std::span<const uint8_t> code) {
        const auto count = static_cast<uint32_t>(code.size() / kSlotBytes);
        if (count > kSlotsMax) throw Refusal{{0, "the program is too large"}};
        slots_.resize(count);
        for (uint32_t i = 0; i < count; i = slots_[i].next) {
            Slot& slot = slots_[i];
            slot.insn = slot_at(code, i);
            slot.row = find_instruction(slot.insn);
            slot.next = i + slots(*slot.row);
            if (slots(*slot.row) == 2) upper_[i] = slot_at(code, i + 1) >> 32;
            if (branches(*slot.row)) slot.target = static_cast<uint32_t>(i + distance(*slot.row, slot.insn));
        }
        for (const Slot& slot : slots_)
            if (slot.row != nullptr && branches(*slot.row)) slots_[slot.target].leads = true;
        for (const uint32_t entry : layout_.entries) {
            if (entry >= count || slots_[entry].row == nullptr) throw Refusal{{0, "no instruction to start at"}};
            slots_[entry].leads = true;
        }
    }

    static bool is_local_call(const Slot& slot) {
        return slot.row->format == Format::kCall && slot.row->src.value == 1;
    }

    /// Which exits belong to which functions. (Nothing forbids that functions share code.)
    void find_functions() {
        std::set<uint32_t> starts(layout_.entries.begin(), layout_.entries.end());
        for (const Slot& slot : slots_)
            if (slot.row != nullptr && is_local_call(slot)) starts.insert(slot.target);
        const std::set<uint32_t> entries(layout_.entries.begin(), layout_.entries.end());
        for (const uint32_t start : starts) {
            std::vector<uint32_t> left = {start};
            std::set<uint32_t> seen = {start};
            while (!left.empty()) {
                const uint32_t at = left.back();
                left.pop_back();
                const Slot& slot = slots_[at];
                if (slot.row->format == Format::kExit) {
                    functions_of_exit_[at].insert(start);
                    if (entries.contains(start)) outermost_exits_.insert(at);
                }
                const auto follow = [&](uint32_t to) {
                    if (seen.insert(to).second) left.push_back(to);
                };
                if (branches(*slot.row) && !is_local_call(slot)) follow(slot.target);
                if (!is_end(*slot.row)) follow(slot.next);
            }
        }
    }

    void collect_thresholds() {
        thresholds_ = {0, kWordMax, kWordMax >> 1, kSignExtended.first, ~uint64_t{0}};
        for (const Slot& slot : slots_) {
            if (slot.row == nullptr || slot.row->format != Format::kJump || slot.row->src.use == Use::kRead) continue;
            const auto wide = static_cast<uint64_t>(int64_t{imm(slot.insn)});
            for (const uint64_t number : {wide, wide & kWordMax})
                for (const uint64_t near : {number - 1, number, number + 1}) thresholds_.push_back(near);
        }
    }

    // What is known.

    [[nodiscard]] State entry_state() const {
        State state;
        for (uint32_t i = 0; i < kFramePointer; ++i) {
            if (i < layout_.registers.size())
                state.r[i].range = Range::constant(layout_.registers[i]);
            else
                state.r[i].range = i >= 1 && i <= 5 ? kZeroExtended : Range::constant(0);
        }
        state.r[kFramePointer].range = Range::constant(layout_.stack_top);
        return state;
    }

    void wait_for(uint32_t leader) {
        if (is_waiting_.insert(leader).second) waiting_.push_back(leader);
    }

    void reach(uint32_t slot, const State& state) {
        if (writing_) return;
        const auto [found, is_new] = states_.try_emplace(slot, state);
        const uint32_t visits = visits_[slot]++;
        if (is_new) return wait_for(slot);
        static constexpr uint64_t kNoThreshold[] = {0};
        std::span<const uint64_t> thresholds = thresholds_;
        if (visits < kVisitsPrecise) thresholds = {};
        if (visits > kVisitsByThreshold) thresholds = kNoThreshold;
        if (found->second.join(state, thresholds)) wait_for(slot);
    }

    [[noreturn]] void refuse(const std::string& reason) const { throw Refusal{{at_, reason}}; }
    /// While states still grow, what is not known yet is no reason to refuse.
    void demand(bool holds, const std::string& reason) const {
        if (writing_ && !holds) refuse(reason);
    }

    void write(uint64_t insn, std::optional<uint32_t> target = std::nullopt) {
        if (writing_) written_.push_back({insn, at_, target});
    }
    void write_all(const Mapped& mapped) {
        demand(mapped.refusal.empty(), mapped.refusal);
        for (const uint64_t insn : mapped.code) write(insn);
    }

    // The instructions.

    /// From a place where paths may meet to the next.
    void walk(uint32_t leader) {
        state_ = states_.at(leader);
        for (at_ = leader;;) {
            if (writing_) places_[at_] = static_cast<uint32_t>(written_.size());
            const Slot& slot = slots_[at_];
            if (!step(slot)) return;
            if (slots_[slot.next].leads || slot.row->format == Format::kJump || is_local_call(slot)) {
                reach(slot.next, state_);
                return;
            }
            at_ = slot.next;
        }
    }

    /// False: it does not go on with the next.
    bool step(const Slot& slot) {
        const uint32_t h = head(slot.insn);
        switch (slot.row->format) {
        case Format::kLoadImmediate: {
            const uint64_t number = static_cast<uint32_t>(imm(slot.insn)) | upper_.at(at_) << 32;
            state_.write(dst(h), {Range::constant(number), Half::kLow});
            write(make(alu_opcode(kAlu32, kMov), dst(h), 0, 0, imm(slot.insn)));
            return true;
        }
        case Format::kLoad:
        case Format::kStore:
        case Format::kAtomic: return access(slot);
        case Format::kJa:
            write(make(jump_opcode(kJmp, kJa)), slot.target);
            reach(slot.target, state_);
            return false;
        case Format::kJump: return jump(slot);
        case Format::kCall:
            if (is_local_call(slot)) return call(slot);
            for (uint32_t i = 1; i <= 5; ++i)
                demand(state_.r[i].half == Half::kLow, "of r" + std::to_string(i) + ", only the upper half is kept");
            write(slot.insn);
            state_.write(0, any_word());
            state_.memory.clear();
            return true;
        case Format::kExit: leave(); return false;
        default: compute(slot); return true;
        }
    }

    void compute(const Slot& slot) {
        const uint32_t h = head(slot.insn);
        const uint32_t d = dst(h);
        const Value a = state_.r[d];
        const Value b =
            (h & kSource) != 0 && slot.row->src.use == Use::kRead ? state_.r[src(h)] : immediate_value(slot.insn);
        const Mapped mapped = map_arithmetic(*slot.row, slot.insn, a, b);
        write_all(mapped);
        relate(slot, a, b, mapped.result);
        state_.r[d] = mapped.refusal.empty() ? mapped.result : Value{};
    }

    /// What arithmetic does to equations.
    void relate(const Slot& slot, const Value& a, const Value& b, const Value& result) {
        const uint32_t h = head(slot.insn);
        const uint32_t d = dst(h);
        const uint32_t op = code(opcode(h));
        Relations& relations = state_.relations;
        const auto is_word = [](const Value& v) { return v.half == Half::kLow && kZeroExtended.covers(v.range); };
        const bool narrow = (h & 7) == kAlu32;
        const bool plain = slot.row->format == Format::kAlu && slot.row->offset.value == 0;
        // On 32 bits it is the same if nothing is carried out of them.
        const auto exact = [&](const Range& wide) {
            return !narrow || ((op == kMov || is_word(a)) && kZeroExtended.covers(wide) && wide == result.range);
        };
        const bool by_register = (h & kSource) != 0;
        if (plain && op == kMov && by_register && src(h) < kFramePointer && exact(b.range)) {
            relations.copy(d, src(h));
        } else if (plain && (op == kAdd || op == kSub) && b.half == Half::kLow && b.range.is_constant() &&
                   exact(sum(a.range, op == kAdd ? b.range : negated(b.range)))) {
            relations.add(d, op == kAdd ? b.range.first : 0 - b.range.first);
        } else if (plain && !narrow && op == kAdd && a.half == Half::kLow && a.range.is_constant() &&
                   src(h) < kFramePointer && src(h) != d) {
            relations.offset_of(d, src(h), a.range.first);
        } else if (plain && op == kLsh && b.half == Half::kLow && b.range.is_constant() && b.range.first < 32 &&
                   exact(shifted_left(a.range, static_cast<uint32_t>(b.range.first & 31)))) {
            relations.shift_left(d, static_cast<uint32_t>(b.range.first));
        } else {
            relations.forget(d);
        }
    }

    bool access(const Slot& slot) {
        const uint32_t h = head(slot.insn);
        const bool loads = slot.row->format == Format::kLoad;
        const uint32_t base = loads ? src(h) : dst(h);
        const uint32_t size = size_bytes(size_code(opcode(h)));
        const Value& pointer = state_.r[base];
        const int32_t distance = offset(h);
        const auto far = static_cast<uint64_t>(int64_t{distance});
        const Range address = sum(pointer.range, Range::constant(far));
        demand(pointer.half == Half::kLow, "the address is in half a register");
        // From here to there, the lower half of an address is no address of memory either, unless it is the address.
        const Range harmless = Range::between(layout_.memory_end - kBeyond, kWordMax);
        demand(harmless.covers(address) && (distance <= 0 || kZeroExtended.covers(pointer.range)),
               "the address may have an upper half");
        if (slot.row->format == Format::kAtomic) {
            state_.forget_memory(address, size);
            if (update(slot, size) == base) return true;
        } else if (!loads) {
            store(slot, address, size);
        } else {
            load(slot, address, size);
            if (dst(h) == base) return true;
        }
        // It has not trapped.
        if (layout_.memory_end - layout_.memory_start < size) return false;
        return state_.refine(base, Range::between(layout_.memory_start - far, layout_.memory_end - size - far));
    }

    /// Does an access of 8 bytes there certainly not trap?
    [[nodiscard]] bool certain(const Range& address, bool stores) const {
        const uint64_t start = stores ? layout_.writable_start : layout_.memory_start;
        return layout_.memory_end >= start + 8 && Range::between(start, layout_.memory_end - 8).covers(address);
    }

    void load(const Slot& slot, const Range& address, uint32_t size) {
        const uint32_t h = head(slot.insn);
        const bool extends_sign = mode(opcode(h)) == kMemorySigned;
        if (size == 8) demand(certain(address, false), "a load of 8 bytes, of which some may be outside of memory");
        const auto narrow = static_cast<Size>(size >= 4 ? kWord : size_code(opcode(h)));
        write(make(memory_opcode(kLdx, kMemory, narrow), dst(h), src(h), offset(h)));
        Range range = size == 8 ? kAnything : Range::between(0, (uint64_t{1} << 8 * size) - 1);
        const auto stored = address.is_constant() ? state_.memory.find(address.first) : state_.memory.end();
        if (stored != state_.memory.end() && stored->second.size == size) range = stored->second.range;
        if (extends_sign) {
            range = sign_extended_low(range, 8 * size);
            if (size < 4)
                write(make(alu_opcode(kAlu32, kMov, kSource), dst(h), dst(h), static_cast<int32_t>(8 * size)));
        }
        state_.write(dst(h), {range, Half::kLow});
    }

    void store(const Slot& slot, const Range& address, uint32_t size) {
        const uint32_t h = head(slot.insn);
        const bool by_register = (h & 7) == kStx;
        const Value value = by_register ? state_.r[src(h)] : immediate_value(slot.insn);
        if (size == 8) {
            demand(certain(address, true), "a store of 8 bytes, of which some may be outside of memory");
            store_double(slot, value);
        } else {
            demand(value.half == Half::kLow, "of the register, only the upper half is kept");
            write(slot.insn);
        }
        state_.forget_memory(address, size);
        if (!address.is_constant() || value.half != Half::kLow) return;
        const Range range = size == 8 ? value.range : zero_extended(value.range, 8 * size);
        state_.memory.insert({address.first, {size, range}});
    }

    void store_double(const Slot& slot, const Value& value) {
        const uint32_t h = head(slot.insn);
        const auto half = [&](int32_t distance, std::optional<uint32_t> number) {
            if (number)
                write(make(memory_opcode(kSt, kMemory, kWord), dst(h), 0, distance, static_cast<int32_t>(*number)));
            else
                write(make(memory_opcode(kStx, kMemory, kWord), dst(h), src(h), distance));
        };
        const int32_t low = offset(h);
        demand(low <= INT16_MAX - 4, "the offset is too large for two stores of 4 bytes");
        demand(value.half != Half::kNone, "paths meet before it that keep different halves of a register");
        if (value.half == Half::kHigh) {
            half(low, 0);
            return half(low + 4, std::nullopt);
        }
        demand(value.range.is_unsigned() && value.range.first >> 32 == value.range.last() >> 32,
               "it stores an upper half of which not enough is known");
        if ((h & 7) == kSt)
            half(low, static_cast<uint32_t>(value.range.first));
        else
            half(low, std::nullopt);
        half(low + 4, static_cast<uint32_t>(value.range.first >> 32));
    }

    /// Returns which register it writes, if any.
    std::optional<uint32_t> update(const Slot& slot, uint32_t size) {
        const uint32_t h = head(slot.insn);
        const auto operation = static_cast<uint32_t>(imm(slot.insn));
        demand(size == 4, "an atomic operation on 8 bytes");
        demand(state_.r[src(h)].half == Half::kLow, "of the register, only the upper half is kept");
        write(slot.insn);
        if (operation == kCompareExchange) {
            demand(state_.r[0].half == Half::kLow, "of r0, only the upper half is kept");
            state_.write(0, any_word());
            return 0;
        }
        if ((operation & kFetch) == 0) return std::nullopt;
        state_.write(src(h), any_word());
        return src(h);
    }

    bool jump(const Slot& slot) {
        const uint32_t h = head(slot.insn);
        const uint32_t op = code(opcode(h));
        const bool wide = (h & 7) == kJmp;
        const bool by_register = (h & kSource) != 0;
        const Value a = state_.r[dst(h)];
        const Value b = by_register ? state_.r[src(h)] : immediate_value(slot.insn);
        const bool known = a.half == Half::kLow && b.half == Half::kLow;
        const auto after = [&](bool taken) -> std::optional<State> {
            if (!known) return state_;
            State state = state_;
            const auto range_a = refined(op, wide, taken, a.range, b.range);
            if (!range_a || !state.refine(dst(h), *range_a)) return std::nullopt;
            if (!by_register || src(h) == dst(h)) return state;
            const auto range_b = refined(mirrored(op), wide, taken, b.range, a.range);
            if (!range_b || !state.refine(src(h), *range_b)) return std::nullopt;
            return state;
        };
        const auto taken = after(true);
        const auto not_taken = after(false);
        if (taken && not_taken) {
            const Mapped mapped = map_condition(slot.insn, a, b);
            demand(mapped.refusal.empty(), mapped.refusal);
            if (mapped.refusal.empty()) write(mapped.code[0], slot.target);
        } else if (taken) {
            write(make(jump_opcode(kJmp, kJa)), slot.target);
        }
        if (taken) reach(slot.target, *taken);
        if (not_taken) state_ = *not_taken;
        return not_taken.has_value();
    }

    /// The called function gets all registers; of those, r6..r9 come back as they were.
    bool call(const Slot& slot) {
        write(slot.insn, slot.target);
        callers_[slot.target].insert(leader_of(at_));
        State inside = state_;
        const uint64_t deepest = uint64_t{layout_.frame_bytes} * layout_.frame_count;
        if (layout_.frame_count == 0) return false; // traps
        // Of any depth. Frame pointers wrap at 2^32.
        const uint64_t shallowest = layout_.stack_top - layout_.frame_bytes;
        const Range any_depth{layout_.stack_top - deepest, deepest - layout_.frame_bytes, layout_.frame_bytes};
        inside.r[kFramePointer].range =
            zero_extended(any_depth.is_constant() ? Range::constant(shallowest) : any_depth);
        reach(slot.target, inside);
        const auto returned = returned_.find(slot.target);
        if (returned == returned_.end()) return false; // so far
        for (uint32_t i = 0; i <= 5; ++i) state_.write(i, returned->second.r[i]);
        state_.memory.clear();
        return true;
    }

    void leave() {
        const Value& result = state_.r[0];
        if (outermost_exits_.contains(at_)) {
            demand(result.half == Half::kLow, "of the result r0, only the upper half is kept");
            demand(!layout_.wide_result || kZeroExtended.covers(result.range), "the result r0 may have an upper half");
        }
        write(make(jump_opcode(kJmp, kExit)));
        if (writing_) return;
        State state;
        state.r = state_.r;
        for (const uint32_t function : functions_of_exit_[at_]) {
            const auto [found, is_new] = returned_.try_emplace(function, state);
            const uint32_t visits = visits_of_return_[function]++;
            const std::span<const uint64_t> all = thresholds_;
            if (!is_new && !found->second.join(state, visits < kVisitsPrecise ? all.first(0) : all)) continue;
            for (const uint32_t caller : callers_[function]) wait_for(caller);
        }
    }

    /// The place from which a walk comes to `slot`.
    [[nodiscard]] uint32_t leader_of(uint32_t slot) const { return std::prev(states_.upper_bound(slot))->first; }

    // The result.

    MappedProgram link() {
        MappedProgram program;
        const uint64_t exit = make(jump_opcode(kJmp, kExit));
        const Instruction* last = written_.empty() ? nullptr : find_instruction(written_.back().insn);
        // A trap, or a call that never comes back: nothing follows, but a verifier does not know that.
        const bool beyond =
            std::ranges::any_of(places_, [&](const auto& entry) { return entry.second == written_.size(); });
        if (last == nullptr || !is_end(*last) || beyond) written_.push_back({exit, at_, std::nullopt});
        program.places.resize(slots_.size());
        uint32_t place = 0;
        for (uint32_t i = 0; i < slots_.size(); ++i) {
            if (const auto found = places_.find(i); found != places_.end()) place = found->second;
            program.places[i] = place;
        }
        for (uint32_t i = 0; i < written_.size(); ++i) {
            const Written& written = written_[i];
            uint64_t insn = written.insn;
            if (written.target) insn = aimed(insn, int64_t{places_.at(*written.target)} - i - 1, written.origin);
            for (uint32_t byte = 0; byte < kSlotBytes; ++byte)
                program.code.push_back(static_cast<uint8_t>(insn >> 8 * byte));
            program.origins.push_back(written.origin);
        }
        return program;
    }

    static uint64_t aimed(uint64_t insn, int64_t distance, uint32_t origin) {
        if (code(opcode(head(insn))) == kCall)
            return static_cast<uint32_t>(insn) | static_cast<uint64_t>(distance) << 32;
        if (distance < INT16_MIN || distance > INT16_MAX)
            throw Refusal{{origin, "its target is too far away for the offset of a jump"}};
        return (insn & ~uint64_t{0xffff0000}) | static_cast<uint64_t>(distance & 0xffff) << 16;
    }

    const MapLayout& layout_;
    std::vector<Slot> slots_;
    std::map<uint32_t, uint64_t> upper_; ///< halves of the constants of lddw
    std::map<uint32_t, std::set<uint32_t>> functions_of_exit_;
    std::set<uint32_t> outermost_exits_;
    std::vector<uint64_t> thresholds_;

    std::map<uint32_t, State> states_; ///< where paths may meet
    std::map<uint32_t, uint32_t> visits_;
    std::map<uint32_t, State> returned_; ///< of functions: registers when they return
    std::map<uint32_t, uint32_t> visits_of_return_;
    std::map<uint32_t, std::set<uint32_t>> callers_; ///< of functions: leaders of their calls
    std::deque<uint32_t> waiting_;
    std::set<uint32_t> is_waiting_;

    // The walk under way.
    uint32_t at_ = 0;
    State state_;
    bool writing_ = false;
    std::vector<Written> written_;
    std::map<uint32_t, uint32_t> places_; ///< in written_, of slots
};

} // namespace

bool is_narrow(uint64_t insn) {
    const uint32_t op = opcode(head(insn));
    switch (op & 7) {
    case kAlu32: return code(op) != kEnd || imm(insn) != 64;
    case kJmp32: return true;
    case kJmp: return code(op) == kJa || code(op) == kCall || code(op) == kExit;
    case kLdx: return mode(op) == kMemory && size_code(op) != kDouble;
    case kSt:
    case kStx: return size_code(op) != kDouble;
    default: return false;
    }
}

std::variant<MappedProgram, Fault> map_program(std::span<const uint8_t> code, const MapLayout& layout) {
    try {
        return Mapper(code, layout).map();
    } catch (const Refusal& refusal) {
        return refusal.fault;
    }
}

} // namespace limpet::bpf
