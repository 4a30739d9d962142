/// \file
/// Proves of translated code, without running it, that it cannot harm its host: each instruction is one of the table's,
/// each branch goes to an instruction, each access through a computed address is behind the checks that it needs, no
/// register of the runtime changes, no address of the host gets to where the guest sees it, no jump back is free, sp is
/// good wherever other code relies on that, and each exit has the instruction carried out that it belongs to.
///
/// It goes over the code once, in order of addresses, with what is known of registers on all ways to an instruction.
/// Nothing is known where a jump back, an indirect jump or the runtime comes to, but what the runtime promises. So this
/// is assumed here and shown by tests that run: code is entered at landings and behind exits that say so, with
/// registers as run.inc has them, a good sp and `slack` bytes of the window from there on; an exit charges and goes on
/// behind itself, in code that says so, only if its instruction was carried out and was no jump; a return goes to a
/// landing and changes no register that is the guest's. Windows are those that the code was prepared for.
#pragma once

#include "../../interp/rv32/decode.h"
#include "jit_known.h"
#include "thumb_forms.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace limpet::conformance {

/// Translated code, and what it relies on.
struct Translated {
    struct Guests {
        rv32::Op op;
        rv32::Operands operands;
    };
    std::vector<uint16_t> halfwords;
    std::map<uint32_t, uint32_t> landings;     ///< position in them by index: a guest's distance in halfwords
    std::vector<std::optional<Guests>> guests; ///< what is legal in the guest's code, by index
    std::multimap<uint32_t, uint32_t> places;  ///< index of each instruction by position: where its translation begins
    Window window;
    bool compact = false; ///< by rv32-jit/compact (call_compact)
    uint32_t slack = 0;   ///< so many bytes from sp on are in the window wherever nothing else is known
};

class Audit {
public:
    explicit Audit(const Translated& code) : code_(code) {}

    /// What is wrong, first of all; "": nothing.
    std::string run() {
        try {
            take_apart();
            for (position_ = 0; position_ < code_.halfwords.size(); position_ += step()) visit();
            if (here_) fail("the last instruction goes on");
            for (const auto& [position, known] : pending_)
                if (position >= code_.halfwords.size()) fail("goes beyond the end");
            return "";
        } catch (const std::runtime_error& error) {
            return error.what();
        }
    }

    [[nodiscard]] const std::set<const thumb::Form*>& forms() const { return forms_; }
    /// Positions of the instructions that control may come to.
    [[nodiscard]] const std::set<uint32_t>& reached() const { return reached_; }

private:
    using Insn = thumb::Instruction;

    // Registers and entries of the runtime (run.inc), and what of struct limpet_vm is not x.
    static constexpr uint32_t kVm = 7, kS0 = 8, kRuntime = 9, kData = 10, kEnd = 11, kFuel = 12, kLink = 14;
    static constexpr uint32_t kLeave = 0, kReturn = 2;
    static constexpr uint32_t kNativeSpOffset = 72, kWritableOffset = 84;
    static constexpr uint32_t kGoesOn = 0x8000; ///< in an index
    // The same of rv32-jit/compact, where s0 and fuel are in the VM (compact/run.inc), and what it has calls do.
    static constexpr uint32_t kWall = 8, kCharge = 9, kAccess = 12;
    static constexpr uint32_t kGoOnBehind = 0, kLeaveOrAccess = 0x28, kIsLoad = 4, kReturnToLanding = 0x30;

    [[noreturn]] void fail(const std::string& what) const {
        std::string where = "halfword " + std::to_string(position_);
        if (const auto found = insns_.find(position_); found != insns_.end())
            where += " (" + thumb::text(found->second) + ")";
        std::string text = where + ": " + what;
        for (uint32_t p = position_ > 12 ? position_ - 12 : 0; p < position_ + 6; ++p) {
            const auto insn = insns_.find(p);
            text += "\n    " + std::to_string(p) + (p == position_ ? " >\t" : "  \t") +
                    (insn != insns_.end() ? thumb::text(insn->second)
                     : data_.contains(p)  ? "(data)"
                                          : "");
        }
        throw std::runtime_error(text);
    }
    void check(bool holds, const char* what) const {
        if (!holds) fail(what);
    }

    // ---- What is where.

    /// Finds instructions, the data between them, and where jumps go.
    void take_apart() {
        for (position_ = 0; position_ < code_.halfwords.size();) {
            const uint32_t second = position_ + 1 < code_.halfwords.size() ? code_.halfwords[position_ + 1] : 0;
            const std::optional<Insn> insn = thumb::taken_apart(code_.halfwords[position_], second);
            check(insn.has_value(), "is nothing that is emitted");
            forms_.insert(insn->form);
            insns_.emplace(position_, *insn);
            if (insn->form->does == thumb::Does::kBranch && static_cast<int32_t>(insn->distance) <= 0)
                tops_.insert(position_ + insn->distance);
            position_ += insn->halfwords;
            if (insn->form->does == thumb::Does::kCall) data_.insert(position_++); // an index
        }
        for (const auto& [index, position] : code_.landings) {
            check(begins(position, index), "a landing of another instruction");
            tops_.insert(position);
        }
        check(code_.places.contains(0), "no instruction is the first");
        for (const uint32_t top : tops_) check(insns_.contains(top), "is no instruction where a jump goes");
    }

    /// Does the translation of that instruction begin at `position`?
    [[nodiscard]] bool begins(uint32_t position, uint32_t index) const {
        const auto [first, last] = code_.places.equal_range(position);
        return std::any_of(first, last, [&](const auto& place) { return place.second == index; });
    }

    [[nodiscard]] uint32_t step() const {
        const auto found = insns_.find(position_);
        return found == insns_.end() ? 1 : found->second.halfwords;
    }

    // ---- What is known.

    Value fresh() { return {Value::kNumber, ++symbols_, 0, 0}; }

    /// Where anything may have happened before. The runtime enters code with a good sp only.
    Known top() {
        Known known;
        for (uint32_t r = 0; r < 6; ++r) known.r[r] = fresh();
        known.r[kVm].kind = Value::kVm;
        known.r[kData].kind = Value::kHost;
        known.r[kEnd].kind = Value::kEnd;
        if (code_.compact) {
            known.r[kWall].kind = Value::kWritable;
            known.r[kCharge] = {Value::kRuntime, 0, kCharge, 0};
            known.r[kAccess] = {Value::kRuntime, 0, kAccess, 0};
        } else {
            known.r[kS0] = fresh();
            known.r[kRuntime].kind = Value::kRuntime;
            known.r[kFuel].kind = Value::kFuel;
        }
        for (Value& x : known.x) x = fresh();
        known.assume_good_sp(code_.slack);
        return known;
    }

    /// What holds on both ways.
    Known merged(const Known& a, const Known& b) {
        Known both = a;
        for (uint32_t i = 0; i < a.r.size(); ++i) both.r[i] = merged(a.r[i], b.r[i]);
        for (uint32_t i = 0; i < a.x.size(); ++i) both.x[i] = merged(a.x[i], b.x[i]);
        both.native_sp = merged(a.native_sp, b.native_sp);
        both.charged = a.charged && b.charged;
        if (!(a.flags == b.flags)) both.flags = {};
        std::erase_if(both.facts, [&](const Fact& fact) { return !b.facts.contains(fact); });
        if (a.native_sp != a.x[2].in_host() || b.native_sp != b.x[2].in_host()) return both;
        both.assume_good_sp(0);
        both.facts.insert({Fact::kNotAboveEnd, both.x[2].plus(std::min(a.room(), b.room()))});
        return both;
    }
    Value merged(const Value& a, const Value& b) {
        if (a == b) return a;
        return a.is_guests() && b.is_guests() ? fresh() : Value{};
    }

    /// Control may come to `to` knowing so much.
    void go(uint32_t to, const Known& known) {
        check(insns_.contains(to), "goes where no instruction is");
        check_exit(position_, to);
        if (to <= position_ || tops_.contains(to)) {
            check_guests(known);
            // The runtime charges what it carries out and does not go on behind.
            const bool leaves = is_exit(to);
            const bool charged = code_.compact ? code_.halfwords[to] == thumb::t::blx(kCharge) : known.charged;
            if (to <= position_ && !leaves) check(charged, "jumps back for nothing");
            if (!leaves) check_sp(known);
            return;
        }
        const auto [at, is_first] = pending_.emplace(to, known);
        if (!is_first) at->second = merged(at->second, known);
    }

    [[nodiscard]] bool is_exit(uint32_t at) const {
        const auto is = [&](uint32_t distance, uint32_t halfword) {
            return code_.halfwords[at + distance] == halfword;
        };
        if (!code_.compact) return is(0, thumb::t::blx(kRuntime)) && (code_.halfwords[at + 1] & kGoesOn) == 0;
        return is(0, thumb::t::mov_high(6, kEnd)) && is(1, thumb::t::blx(kAccess)) &&
               (code_.halfwords[at + 2] >> 8 & 0xf8) == kLeaveOrAccess;
    }

    /// Of the instruction that a call at `at` belongs to.
    [[nodiscard]] uint32_t index_of(uint32_t at) const {
        const uint32_t halfword = code_.halfwords[at + 1];
        if (!code_.compact) return halfword & ~kGoesOn;
        uint32_t index = 0;
        for (const auto& [landing, position] : code_.landings)
            if (position <= at) index = landing + (halfword & 0xff);
        return index;
    }

    /// Is everything where code that knows nothing expects it?
    void check_guests(const Known& known) const {
        check(known.native_sp == known.x[2].in_host(), "where sp points is not known to the host");
        for (const uint32_t r : {0U, 1U, 2U, 3U, 4U, 5U, kS0})
            check(known.r[r].is_guests() || (r == kS0 && code_.compact), "the guest's registers are not its own");
    }

    void check_sp(const Known& known) const {
        check(known.is_good_sp(code_.window, known.x[2], code_.slack), "x2 may be too near the end for code elsewhere");
    }

    /// Whoever comes from `from` to an exit, wherever that is, has his own instruction carried out, or goes to one that
    /// is nothing but an exit.
    void check_exit(uint32_t from, uint32_t to) const {
        if (insns_.at(to).form->does != thumb::Does::kCall) return;
        const uint32_t index = index_of(to);
        const auto own = std::prev(code_.places.upper_bound(from));
        const bool is_last_of_two = code_.compact && to > 0 && code_.halfwords[to - 1] == thumb::t::mov_high(6, kEnd);
        const uint32_t start = is_last_of_two ? to - 1 : to;
        const bool runs_off =
            !code_.places.contains(start) && std::next(own) == code_.places.end() && index == code_.guests.size();
        check(own->second == index || begins(start, index) || runs_off, "leaves for another instruction");
    }

    // ---- Going over the code.

    void visit() {
        if (data_.contains(position_)) {
            check(!here_, "runs into what is no instruction");
            return;
        }
        if (here_ || tops_.contains(position_)) check_exit(position_, position_);
        if (const auto waiting = pending_.extract(position_)) {
            here_ = here_ ? merged(*here_, waiting.mapped()) : waiting.mapped();
        }
        if (tops_.contains(position_)) {
            if (here_) {
                check_guests(*here_);
                check_sp(*here_);
            }
            here_ = top();
        }
        if (!here_) return; // nobody comes here
        reached_.insert(position_);
        const Insn& insn = insns_.at(position_);
        switch (insn.form->does) {
        case thumb::Does::kBranch: branch(insn); break;
        case thumb::Does::kCall: call(insn); break;
        case thumb::Does::kLoad:
        case thumb::Does::kStore: access(insn); break;
        default: compute(insn);
        }
    }

    void branch(const Insn& insn) {
        const uint32_t target = position_ + insn.distance;
        if (insn.form->shape != thumb::Shape::kCondition) {
            if (insn.form->shape == thumb::Shape::kLong) here_->r[kLink] = {};
            go(target, *here_);
            here_.reset();
            return;
        }
        Known taken = *here_;
        taken.learn(insn.imm);
        go(target, taken);
        here_->learn(insn.imm ^ 1);
    }

    // ---- Computing.

    void compute(const Insn& insn) {
        using enum thumb::Does;
        Known& k = *here_;
        const Value n = k.r[insn.n];
        const Value m = insn.has_immediate() ? Value{Value::kNumber, 0, insn.imm, 0} : k.r[insn.m];
        const bool sets_flags = insn.form->shape != thumb::Shape::kHigh && !is_extension(insn);
        if (sets_flags) k.flags = {};
        switch (insn.form->does) {
        case kCompare: k.flags = {Flags::kCompared, n, m.is_constant() ? bound(m.offset) : m}; return;
        case kMove: write(insn, insn.form->shape == thumb::Shape::kTwo ? k.r[insn.m] : m); return;
        case kConstant: write(insn, m); return;
        case kInvert: write(insn, m.is_constant() ? Value{Value::kNumber, 0, ~m.offset, 0} : computed(m, m)); return;
        case kAdd: write(insn, sum(n, m)); return;
        case kSubtract:
            if (n.kind == Value::kFuel && m.is_constant()) k.flags.kind = Flags::kSubtracted;
            write(insn, m.is_constant() ? sum(n, {Value::kNumber, 0, 0 - m.offset, 0}) : computed(n, m));
            return;
        case kShiftLeft:
            if (n.kind == Value::kNumber) {
                const Value shifted{Value::kShifted, n.symbol, n.offset, insn.imm};
                k.flags = {Flags::kShiftedOut, shifted, {}};
                write(insn, n.is_constant() ? Value{Value::kNumber, 0, n.offset << insn.imm, 0} : shifted);
            } else {
                write(insn, computed(n, n));
            }
            return;
        case kBorrow: write(insn, insn.n == insn.m ? fresh() : computed(n, m)); return;
        case kConvert: write(insn, computed(m, m)); return;
        default: write(insn, computed(n, insn.has_immediate() ? n : m)); return;
        }
    }

    static bool is_extension(const Insn& insn) { return (insn.form->bits & 0xff00) == 0xb200; }

    /// What a constant is to be compared with as.
    [[nodiscard]] Value bound(uint32_t constant) const {
        const uint32_t start = code_.window.writable_start;
        return constant >= start ? Value{Value::kWritable, 0, constant - start, 0}
                                 : Value{Value::kNumber, 0, constant, 0};
    }

    /// Something new that is made of a and b.
    Value computed(const Value& a, const Value& b) { return a.is_guests() && b.is_guests() ? fresh() : Value{}; }

    Value sum(const Value& a, const Value& b) {
        if (a.kind == Value::kEnd && b.is_constant() && 0 - (a.offset + b.offset) <= code_.window.end)
            return a.plus(b.offset);
        const bool moves = a.kind == Value::kNumber || a.kind == Value::kHost || a.kind == Value::kRuntime ||
                           a.kind == Value::kFuel || a.kind == Value::kWritable;
        if (b.is_constant() && moves) return a.plus(b.offset);
        if (a.is_constant() && b.kind == Value::kNumber) return b.plus(a.offset);
        if (b == Value{Value::kHost, 0, 0, 0} && a.kind == Value::kNumber) return {Value::kHost, a.symbol, a.offset, 0};
        return computed(a, b);
    }

    void write(const Insn& insn, const Value& value) {
        const uint32_t d = insn.d;
        if (d == kFuel && !code_.compact) {
            const bool less = value.kind == Value::kFuel && static_cast<int32_t>(value.offset) < 0;
            check(less, "fuel becomes something else than less");
            here_->r[kFuel].offset = 0;
            if (here_->flags.kind == Flags::kSubtracted) here_->flags.kind = Flags::kCharged;
            return;
        }
        check(d < kVm || (d == kS0 && !code_.compact) || d == kLink, "writes a register of the runtime");
        here_->r[d] = d < kVm - 1 || d == kS0 ? plain(value) : value;
    }

    /// In a register of the guest: a number as any other.
    Value plain(const Value& value) { return value.kind == Value::kShifted ? fresh() : value; }

    // ---- Accesses.

    void access(const Insn& insn) {
        Known& k = *here_;
        const bool store = insn.form->does == thumb::Does::kStore;
        const Value base = k.r[insn.n];
        if (base.kind == Value::kVm) {
            check(insn.has_immediate() && insn.form->bytes == 4, "is no access to a register");
            access_vm(insn, store);
            return;
        }
        const Value index = insn.has_immediate() ? Value{Value::kNumber, 0, insn.imm, 0} : k.r[insn.m];
        check(base.kind == Value::kHost && index.kind == Value::kNumber, "goes through no checked address");
        check(base.symbol == 0 || index.symbol == 0, "goes through a sum that was not checked");
        const Value at{Value::kNumber, base.symbol | index.symbol, base.offset + index.offset, 0};
        const std::string problem = k.problem_of_access(code_.window, at, insn.form->bytes, store);
        if (!problem.empty()) fail(problem);
        if (store)
            check(k.r[insn.d].is_guests(), "shows the guest something of the host");
        else
            write(insn, fresh());
    }

    void access_vm(const Insn& insn, bool store) {
        Known& k = *here_;
        const uint32_t x = insn.imm / 4;
        const bool is_register =
            (x >= 1 && x <= 7) || x == 9 || (x == 8 && code_.compact); // others are in core registers
        const Value value = k.r[insn.d];
        if (!store) {
            check(is_register || insn.imm == kNativeSpOffset || insn.imm == kWritableOffset, "reads the VM's state");
            if (insn.imm == kWritableOffset)
                write(insn, {Value::kWritable, 0, 0, 0});
            else
                write(insn, is_register ? k.x[x] : k.native_sp);
        } else if (insn.imm == kNativeSpOffset) {
            check(value == k.x[2].in_host(), "is not where sp points");
            k.native_sp = value;
        } else {
            check(is_register, "changes the VM's state");
            check(value.is_guests(), "shows the guest something of the host");
            check(x != 2 || k.is_good_sp(code_.window, value, 0), "x2 may be no good stack pointer");
            k.x[x] = plain(value);
        }
    }

    // ---- The runtime.

    void call(const Insn& insn) {
        const Known known = std::exchange(here_, {}).value();
        const Value called = known.r[insn.m];
        check(called.kind == Value::kRuntime, "calls what is not the runtime");
        check_guests(known);
        if (code_.compact) return call_compact(called.offset, known);
        const uint32_t index = code_.halfwords[position_ + 1];
        check(called.offset == kLeave || called.offset == kReturn, "calls the runtime at no entry");
        check((index & ~kGoesOn) <= code_.guests.size(), "the index is of nothing");
        if (called.offset == kReturn) check_sp(known);
        if ((index & kGoesOn) == 0) return;
        check(called.offset == kLeave, "a return that goes on");
        go_on_behind(index & ~kGoesOn, known);
    }

    /// Of rv32-jit/compact. What is called keeps registers but r6, lr and flags when it comes back.
    void call_compact(uint32_t called, Known known) {
        const uint32_t does = code_.halfwords[position_ + 1] >> 8;
        const uint32_t index = index_of(position_);
        check(index <= code_.guests.size(), "the index is of nothing");
        const Value address = std::exchange(known.r[6], {});
        known.r[kLink] = {};
        known.flags = {};
        if (called == kCharge) {
            check((does & 0xf8) == kLeaveOrAccess, "a charge that does something else");
        } else if (address != Value{Value::kEnd}) { // what is at the end is never accessed, what is before it may be
            check((does & 0xf8) == kLeaveOrAccess, "an access that does something else");
            check(address.kind == Value::kNumber, "accesses what is no address");
            known.r[6] = address.in_host();
            learn_access(known, address, does);
        } else if ((does & 0xf8) == kLeaveOrAccess) {
            return;
        } else if (does == kReturnToLanding) {
            return check_sp(known);
        } else if (does == kGoOnBehind) {
            return go_on_behind(index, known);
        } else {
            const uint32_t distance = 4 * thumb::sign_extended(does, 8);
            check(index < code_.guests.size() && code_.guests[index].has_value(), "moves sp for nobody");
            const auto& [op, operands] = *code_.guests[index];
            const bool moves_sp = operands.rd == 2 && operands.rs1 == 2 && operands.imm == distance;
            check(op == rv32::Op::kAddi && moves_sp, "moves sp otherwise than the instruction does");
            known.x[2] = known.x[2].plus(distance);
            known.assume_good_sp(code_.slack);
        }
        go(position_ + 2, known);
    }

    /// The routine has found that an access of the kind that its halfword says is allowed.
    static void learn_access(Known& known, const Value& address, uint32_t does) {
        const uint32_t mask = does & 3; // bytes - 1
        known.facts.insert({Fact::kAligned, address, (mask + 1) / 2});
        known.facts.insert({Fact::kBelowEnd, address});
        if ((does & kIsLoad) == 0) known.facts.insert({Fact::kWritable, address});
        // The end is that of a word.
        for (uint32_t bytes = 1; bytes <= 4; ++bytes)
            if (known.is_aligned(address.plus(bytes), 2)) known.facts.insert({Fact::kNotAboveEnd, address.plus(bytes)});
    }

    /// Where the runtime goes on after it has carried out the guest's instruction.
    void go_on_behind(uint32_t index, const Known& before) {
        if (index == code_.guests.size() || !code_.guests[index]) return; // it traps
        const auto& [op, operands] = *code_.guests[index];
        check(op < rv32::Op::kJal || op > rv32::Op::kBgeu, "a jump that goes on behind itself");
        Known known = top();
        known.charged = before.charged;
        // Only a host call is known to leave sp alone.
        if (op == rv32::Op::kHostCall) {
            known.x[2] = before.x[2];
            known.facts = before.facts;
            known.assume_good_sp(code_.slack);
        }
        go(position_ + 2, known);
    }

    const Translated& code_;
    std::map<uint32_t, Insn> insns_;
    std::set<uint32_t> data_;           ///< positions of what is no instruction
    std::set<uint32_t> tops_;           ///< of instructions before which nothing is known
    std::map<uint32_t, Known> pending_; ///< what jumps to later code know
    std::optional<Known> here_;         ///< nothing: control does not come here
    uint32_t position_ = 0;
    uint32_t symbols_ = 0;
    std::set<const thumb::Form*> forms_;
    std::set<uint32_t> reached_;
};

} // namespace limpet::conformance
