/// \file
/// Proves of translated code, without running it, that it cannot harm its host: each instruction is one of the table's,
/// each branch goes to an instruction, each access through a computed address is behind the checks that it needs, no
/// register of the runtime changes, no address of the host gets to where the guest sees it, and no jump back is free.
///
/// It goes over the code once, in order of addresses, with what is known of registers on all ways to an instruction.
/// Nothing is known where a jump back, an indirect jump or the runtime comes to.
#pragma once

#include "../../interp/rv32/decode.h"
#include "jit_known.h"
#include "thumb_forms.h"

#include <cstdint>
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
    std::set<uint32_t> landings;               ///< positions in them; before each stands an index
    std::vector<std::optional<Guests>> guests; ///< what is legal in the guest's code, by index: distance in halfwords
    uint32_t alignment = 2;                    ///< of the guest's instructions
    uint32_t writable_start = 0;
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

    // Registers and entries of the runtime (layout.h).
    static constexpr uint32_t kTemp = 6, kVm = 7, kS0 = 8, kRuntime = 9, kData = 10, kEnd = 11, kFuel = 12, kLink = 14;
    static constexpr uint32_t kReturn = 2, kJump = 4, kJumpAndLink = 6, kCall = 8, kSetStack = 10;
    static constexpr uint32_t kPcOffset = 64, kWritableOffset = 84;
    static constexpr uint32_t kNoReturn = 0x8000;

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
            if (code_.landings.contains(position_ + 1)) {
                data_.insert(position_++);
                continue;
            }
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
        tops_.insert(code_.landings.begin(), code_.landings.end());
        for (const uint32_t top : tops_) check(insns_.contains(top), "is no instruction where a jump goes");
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
        known.r[kS0] = fresh();
        known.r[kVm].kind = Value::kVm;
        known.r[kRuntime].kind = Value::kRuntime;
        known.r[kData].kind = Value::kHost;
        known.r[kEnd].kind = Value::kEnd;
        known.r[kFuel].kind = Value::kFuel;
        known.sp = fresh();
        seen_by_runtime(known);
        return known;
    }

    /// x2 is aligned, and in the writable part or at the end of the last whole word.
    void seen_by_runtime(Known& known) {
        if (known.sp.kind != Value::kNumber) known.sp = fresh();
        known.sp_is_good = true;
        known.facts.insert({Fact::kNotAboveEnd, known.sp});
        known.facts.insert({Fact::kWritable, known.sp});
        known.facts.insert({Fact::kAligned, known.sp, 2});
    }

    /// What holds on both ways.
    Known merged(const Known& a, const Known& b) {
        Known both = a;
        for (uint32_t r = 0; r < 16; ++r) both.r[r] = merged(a.r[r], b.r[r]);
        both.sp = merged(a.sp, b.sp);
        both.sp_is_good = a.sp_is_good && b.sp_is_good;
        both.charged = a.charged && b.charged;
        if (!(a.flags == b.flags)) both.flags = {};
        std::erase_if(both.facts, [&](const Fact& fact) { return !b.facts.contains(fact); });
        if (both.sp_is_good) seen_by_runtime(both);
        return both;
    }
    Value merged(const Value& a, const Value& b) {
        if (a == b) return a;
        return a.is_guests() && b.is_guests() ? fresh() : Value{};
    }

    /// Control may come to `to` knowing so much.
    void go(uint32_t to, Known known) {
        check(insns_.contains(to), "goes where no instruction is");
        if (to <= position_ || tops_.contains(to)) {
            check_guests(known);
            if (to <= position_) check(known.charged, "jumps back for nothing");
            return;
        }
        known.charged = false;
        wait(to, known);
    }
    void wait(uint32_t position, const Known& known) {
        const auto [at, is_first] = pending_.emplace(position, known);
        if (!is_first) at->second = merged(at->second, known);
    }

    /// Is everything where code that knows nothing expects it?
    void check_guests(const Known& known) const {
        check(known.sp_is_good, "x2 was written and not looked at");
        for (const uint32_t r : {0U, 1U, 2U, 3U, 4U, 5U, kS0})
            check(known.r[r].is_guests(), "the guest's registers are not its own");
    }

    // ---- Going over the code.

    void visit() {
        if (data_.contains(position_)) {
            check(!here_, "runs into what is no instruction");
            return;
        }
        if (const auto waiting = pending_.extract(position_)) {
            here_ = here_ ? merged(*here_, waiting.mapped()) : waiting.mapped();
        }
        if (tops_.contains(position_)) {
            if (here_) check_guests(*here_);
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
        case kOr:
            if (n.kind == Value::kShifted && m == Value{Value::kNumber, n.symbol, n.offset, 0})
                write(insn, {Value::kFolded, n.symbol, n.offset, n.shift});
            else
                write(insn, computed(n, m));
            return;
        case kBorrow: write(insn, insn.n == insn.m ? fresh() : computed(n, m)); return;
        case kConvert: write(insn, computed(m, m)); return;
        default: write(insn, computed(n, insn.has_immediate() ? n : m)); return;
        }
    }

    static bool is_extension(const Insn& insn) { return (insn.form->bits & 0xff00) == 0xb200; }

    /// What a constant is to be compared with as.
    [[nodiscard]] Value bound(uint32_t constant) const {
        if (constant == code_.writable_start) return {Value::kWritable, 0, 0, 0};
        return {Value::kNumber, 0, constant, 0};
    }

    /// Something new that is made of a and b.
    Value computed(const Value& a, const Value& b) { return a.is_guests() && b.is_guests() ? fresh() : Value{}; }

    Value sum(const Value& a, const Value& b) {
        const bool moves =
            a.kind == Value::kNumber || a.kind == Value::kHost || a.kind == Value::kRuntime || a.kind == Value::kFuel;
        if (b.is_constant() && moves) return a.plus(b.offset);
        if (a.is_constant() && b.kind == Value::kNumber) return b.plus(a.offset);
        if (b == Value{Value::kHost, 0, 0, 0} && a.kind == Value::kNumber) return {Value::kHost, a.symbol, a.offset, 0};
        return computed(a, b);
    }

    void write(const Insn& insn, const Value& value) {
        const uint32_t d = insn.d;
        if (d == kFuel) {
            const bool less = value.kind == Value::kFuel && static_cast<int32_t>(value.offset) < 0;
            check(less, "fuel becomes something else than less");
            here_->r[kFuel].offset = 0;
            if (here_->flags.kind == Flags::kSubtracted) here_->flags.kind = Flags::kCharged;
            return;
        }
        check(d < kVm || d == kS0 || d == kLink, "writes a register of the runtime");
        const bool is_plain = value.kind != Value::kShifted && value.kind != Value::kFolded;
        here_->r[d] = is_plain || d == kTemp ? value : fresh(); // in a register of the guest, a number as any other
    }

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
        const std::string problem = k.problem_of_access(at, insn.form->bytes, store && code_.writable_start != 0);
        if (!problem.empty()) fail(problem);
        if (store)
            check(k.r[insn.d].is_guests(), "shows the guest something of the host");
        else
            write(insn, fresh());
    }

    void access_vm(const Insn& insn, bool store) {
        Known& k = *here_;
        const uint32_t x = insn.imm / 4;
        const bool is_register = (x >= 1 && x <= 7) || x == 9; // the others are in core registers
        if (store) {
            check(is_register || insn.imm == kPcOffset, "changes the VM's state");
            check(k.r[insn.d].is_guests(), "shows the guest something of the host");
            if (x != 2) return;
            k.sp = k.r[insn.d];
            k.sp_is_good = false;
            return;
        }
        check(is_register || insn.imm == kWritableOffset, "reads the VM's state");
        if (x == 2)
            write(insn, k.sp);
        else
            write(insn, is_register ? fresh() : Value{Value::kWritable, 0, 0, 0});
    }

    // ---- The runtime.

    void call(const Insn& insn) {
        Known known = std::exchange(here_, {}).value();
        const Value called = known.r[insn.m];
        check(called.kind == Value::kRuntime, "calls what is not the runtime");
        const uint32_t index = code_.halfwords[position_ + 1];
        const uint32_t behind = position_ + 2;
        check((index & ~kNoReturn) <= code_.guests.size(), "the index is of nothing");
        known.r[kTemp] = known.r[kLink] = {};
        known.flags = {};
        switch (called.offset) {
        case 0:
            known.sp_is_good = true; // or there is no coming back
            check_guests(known);
            // What always traps does not come back either.
            if (index < code_.guests.size() && code_.guests[index]) go_on_behind(index, *code_.guests[index], known);
            return;
        case kReturn:
        case kJump: check_guests(known); return;
        case kJumpAndLink:
            check_guests(known);
            check(code_.landings.contains(behind + 1), "a call with nowhere to return to");
            return;
        case kCall:
            check_guests(known);
            check(code_.landings.contains(behind + 3), "a call with nowhere to return to");
            known.charged = true;
            wait(behind, known);
            return;
        case kSetStack:
            seen_by_runtime(known);
            wait(behind, known);
            return;
        default: fail("calls the runtime at no entry");
        }
    }

    /// Where the runtime goes on after it has carried out the guest's instruction (behind() of jit.h).
    void go_on_behind(uint32_t index, const Translated::Guests& insn, Known known) {
        const auto& [op, o] = insn;
        const uint32_t behind = position_ + 2;
        for (uint32_t r = 0; r < 7; ++r) known.r[r] = fresh(); // kTemp is what was loaded
        known.r[kS0] = fresh();
        const bool store = op >= rv32::Op::kSb && op <= rv32::Op::kSw;
        const bool jump = op >= rv32::Op::kJal && op <= rv32::Op::kBgeu;
        if (o.rd == 2 && !store && !jump && op != rv32::Op::kHostCall) known.sp = fresh();
        seen_by_runtime(known);
        if (op == rv32::Op::kEcall || op == rv32::Op::kEbreak) return;
        if (store || (op >= rv32::Op::kLb && op <= rv32::Op::kLhu)) {
            go(behind + (store && o.rs2 < 10 ? 5 : 2), known);
            return;
        }
        const uint32_t target = 2 * index + o.imm;
        if (jump && target < 2 * code_.guests.size() && target % code_.alignment == 0) {
            // Is made once more, with the carry set, when the budget was used up before it.
            const bool far = thumb::t::is_bl_second(code_.halfwords[position_ - 1]);
            const auto again = insns_.find(position_ - (far ? 2 : 1));
            check(again != insns_.end() && again->second.form->does == thumb::Does::kBranch, "no jump before the exit");
        }
        if (op == rv32::Op::kJal || op == rv32::Op::kJalr) return;
        go(behind, known);
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
