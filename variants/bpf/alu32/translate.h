/// \file
/// The translator of bpf-alu32: each slot becomes the few Thumb instructions that do the same to the registers in
/// limpet_bpf_vm::r. README.md describes how.
#pragma once

#include "runtime.h"
#include "thumb.h"

namespace limpet::bpf_alu32 {

namespace t = bpf_alu32::thumb;

/// Runs over the program: to see how long translated code is at most, to place it, and to write it.
class Translator {
public:
    Translator(const uint32_t* slots, uint32_t count) : slots_(slots), count_(count) {}

    /// Halfwords that suffice, with every jump a far one; ~0: the program is not for 32-bit registers, and slot() says
    /// where.
    uint32_t measure() {
        run();
        return slot_ == count_ ? at_ : ~0U;
    }
    [[nodiscard]] uint32_t slot() const { return slot_; }

    /// Fills the table, then writes the code.
    void write(uint16_t* table, uint16_t* code) {
        table_ = table;
        run(); // where everything is with far jumps
        places_ = true;
        run(); // jumps that reach are near ones: what lies between only gets closer
        out_ = code;
        run();
    }

private:
    static constexpr uint32_t kChunk = 256; ///< slots of which it is known which ones are jumped to
    static constexpr int32_t kNone = -1;

    void run() {
        at_ = 0;
        cached_ = kNone;
        bool starts = true; // a stretch that runs as one
        for (slot_ = 0; slot_ < count_; ++slot_) {
            if (slot_ % kChunk == 0) find_targets();
            const uint32_t head = slots_[2 * slot_];
            if (table_ != nullptr && out_ == nullptr) table_[slot_] = static_cast<uint16_t>(at_);
            if (is_target(slot_)) cached_ = kNone;
            if (starts || is_target(slot_) || slot_ % kChunk == 0) charge();
            if (!translate(head, slots_[2 * slot_ + 1])) return;
            starts = ends(head);
        }
        if (table_ != nullptr && out_ == nullptr) table_[count_] = static_cast<uint16_t>(at_);
    }

    // The program.

    static bool jumps(uint32_t head) {
        const uint32_t cls = head & 7;
        return (cls == kJmp || cls == kJmp32) && opcode(head) != jump_opcode(kJmp, kExit) &&
               !(opcode(head) == jump_opcode(kJmp, kCall) && src(head) == 0);
    }
    /// Is an instruction the last of those that run as one?
    static bool ends(uint32_t head) { return jumps(head) || opcode(head) == jump_opcode(kJmp, kExit); }

    [[nodiscard]] uint32_t target_of(uint32_t slot) const {
        const uint32_t head = slots_[2 * slot];
        const uint32_t op = opcode(head);
        const bool by_imm = op == jump_opcode(kJmp32, kJa) || op == jump_opcode(kJmp, kCall);
        return slot + 1 + (by_imm ? slots_[2 * slot + 1] : static_cast<uint32_t>(offset(head)));
    }

    /// Of the chunk that starts with slot_.
    void find_targets() {
        for (uint32_t& bits : targets_) bits = 0;
        for (uint32_t i = 0; i < count_; ++i) {
            const uint32_t in_chunk = target_of(i) - slot_;
            if (jumps(slots_[2 * i]) && in_chunk < kChunk) targets_[in_chunk / 32] |= 1U << in_chunk % 32;
        }
    }
    [[nodiscard]] bool is_target(uint32_t slot) const { return (targets_[slot % kChunk / 32] >> slot % 32 & 1) != 0; }

    // Thumb.

    void emit(uint32_t halfword) {
        if (out_ != nullptr) out_[at_] = static_cast<uint16_t>(halfword);
        ++at_;
    }

    static uint32_t place_of(uint32_t number) { return 8 * number; }

    /// The lower half of eBPF register `number` in r0.
    void get(int32_t number) {
        if (cached_ != number) emit(t::ldr(0, 7, place_of(static_cast<uint32_t>(number))));
    }
    /// In r1.
    void get_second(int32_t number) {
        emit(cached_ == number ? t::movs(1, 0) : t::ldr(1, 7, place_of(static_cast<uint32_t>(number))));
    }
    void put(uint32_t number) {
        emit(t::str(0, 7, place_of(number)));
        cached_ = static_cast<int32_t>(number);
    }

    void constant(uint32_t r, uint32_t number) {
        if (number < 0x100) return emit(t::movs_imm8(r, number));
        if (~number < 0x100) {
            emit(t::movs_imm8(r, ~number));
            return emit(t::mvns(r, r));
        }
        uint32_t zeros = 0;
        while ((number >> zeros & 1) == 0) ++zeros;
        if (number >> zeros < 0x100) {
            emit(t::movs_imm8(r, number >> zeros));
            return emit(t::lsls(r, r, zeros));
        }
        if (number < 0x10000) {
            emit(t::movs_imm8(r, number >> 8));
            emit(t::lsls(r, r, 8));
            return emit(t::adds_imm8(r, number & 0xff));
        }
        // As a literal behind a branch, at a multiple of 4. Always as long, because places depend on it.
        const uint32_t odd = at_ & 1;
        emit(t::ldr_literal(r, 4 * odd));
        emit(t::b(4));
        if (odd != 0) emit(0);
        emit(number & 0xffff);
        emit(number >> 16);
        if (odd == 0) emit(0);
    }

    void call(uint32_t entry) {
        emit(t::ldr(3, 4, 4 * entry));
        emit(t::blx(3));
    }
    void leave(Event event) {
        call(kLeave + event);
        cached_ = kNone;
    }

    /// The budget pays for what runs from here on to the next jump, or place that is jumped to.
    void charge() {
        uint32_t last = slot_;
        while (!ends(slots_[2 * last]) && last + 1 < count_ && (last + 1) % kChunk != 0 && !is_target(last + 1)) ++last;
        emit(t::subs_imm8(5, last < slot_ + 255 ? last - slot_ + 1 : 255));
    }

    // Jumps. `distance` in halfwords from the branch.

    [[nodiscard]] uint32_t distance_to(uint32_t target) const { return table_ == nullptr ? 0 : table_[target] - at_; }
    /// Is a near branch enough, where far ones take `halfwords` to the end of the slot? While code is placed, places
    /// behind are still too far away; what was decided then, the length of the slot tells.
    [[nodiscard]] bool is_near(uint32_t target, uint32_t reach, uint32_t halfwords_if_near) const {
        if (!places_) return false;
        if (out_ != nullptr) return table_[slot_ + 1] - at_ == halfwords_if_near;
        return distance_to(target) + reach - 2 < 2 * reach;
    }
    void far_jump(uint32_t target) {
        const uint32_t distance = distance_to(target);
        emit(t::bl_first(distance));
        emit(t::bl_second(distance));
    }

    /// Under `condition`; kAlways: in any case.
    static constexpr uint32_t kAlways = 14;
    static constexpr uint32_t kReachIf = 128; ///< halfwords of a conditional branch, behind pc
    static constexpr uint32_t kReach = 1024;

    void jump(uint32_t condition, uint32_t target) {
        if (target <= slot_) return jump_back(condition, target);
        if (condition == kAlways) {
            if (is_near(target, kReach, 1)) return emit(t::b(distance_to(target)));
            return far_jump(target);
        }
        if (is_near(target, kReachIf, 1)) return emit(t::b_if(condition, distance_to(target)));
        emit(t::b_if(condition ^ 1, 3));
        far_jump(target);
    }

    /// Where loops are, the budget must not be used up.
    void jump_back(uint32_t condition, uint32_t target) {
        const uint32_t start = at_;
        const uint32_t skip = condition == kAlways ? 0 : 1;
        at_ += skip;
        emit(t::cmp_imm8(5, 0));
        if (is_near(target, kReachIf, 3)) {
            emit(t::b_if(t::kGreater, distance_to(target)));
        } else {
            emit(t::b_if(t::kNotGreater, 3));
            far_jump(target);
        }
        call(kLeave + kFuelEvent);
        if (skip == 0) return;
        const uint32_t end = at_;
        at_ = start;
        emit(t::b_if(condition ^ 1, end - start));
        at_ = end;
    }

    // Instructions. False: not one for 32-bit registers.

    bool translate(uint32_t head, uint32_t imm) {
        const uint32_t op = opcode(head);
        switch (op & 7) {
        case kAlu32: return arithmetic(head, imm);
        case kLdx:
            if (mode(op) != kMemory || size_code(op) == kDouble) return false;
            address(src(head), offset(head));
            call(kLoad + size_code(op));
            put(dst(head));
            return true;
        case kSt:
        case kStx: return store(head, imm);
        case kJmp:
        case kJmp32: return transfer(head, imm);
        default: return false;
        }
    }

    /// The address of an access in r0.
    void address(uint32_t base, int32_t distance) {
        get(static_cast<int32_t>(base));
        if (distance != 0) add_to_r0(static_cast<uint32_t>(distance));
        cached_ = kNone;
    }
    void add_to_r0(uint32_t number) {
        if (number < 0x100) return emit(t::adds_imm8(0, number));
        if (0 - number < 0x100) return emit(t::subs_imm8(0, 0 - number));
        constant(2, number);
        emit(t::adds(0, 0, 2));
    }

    bool store(uint32_t head, uint32_t imm) {
        const uint32_t op = opcode(head);
        if (size_code(op) == kDouble) return false;
        if (mode(op) == kAtomic) {
            leave(kRareEvent);
            return true;
        }
        if ((op & 7) == kStx)
            get_second(static_cast<int32_t>(src(head)));
        else
            constant(1, imm);
        address(dst(head), offset(head));
        call(kStore + size_code(op));
        return true;
    }

    bool transfer(uint32_t head, uint32_t imm) {
        const uint32_t op = opcode(head);
        const uint32_t operation = code(op);
        if (operation == kJa) {
            jump(kAlways, target_of(slot_));
            cached_ = kNone;
        } else if (operation == kExit) {
            call(kExitFunction);
            cached_ = kNone;
        } else if (operation == kCall) {
            if (src(head) == 0) {
                leave(kHostCallEvent);
                return true;
            }
            constant(0, slot_ + 1);
            call(kCallLocal);
            const uint32_t target = target_of(slot_);
            if (is_near(target, kReach, 1))
                emit(t::b(distance_to(target)));
            else
                far_jump(target);
            cached_ = kNone;
        } else {
            if ((op & 7) == kJmp) return false;
            compare(head, imm);
        }
        return true;
    }

    void compare(uint32_t head, uint32_t imm) {
        const uint32_t operation = code(opcode(head));
        const bool by_register = (head & kSource) != 0;
        const auto first = static_cast<int32_t>(dst(head));
        // r1 first: it may be a copy of what is in r0.
        const bool small = !by_register && imm < 0x100 && operation != kJset;
        if (by_register)
            get_second(static_cast<int32_t>(src(head)));
        else if (!small)
            constant(1, imm);
        get(first);
        cached_ = first;
        emit(operation == kJset ? t::tst(0, 1) : small ? t::cmp_imm8(0, imm) : t::cmp(0, 1));
        jump(condition_of(operation), target_of(slot_));
    }

    /// The condition codes of jumps, 4 bits each.
    static uint32_t condition_of(uint32_t operation) {
        constexpr uint64_t codes = [] {
            uint64_t all = 0;
            const auto add = [&](Jump jump, t::Condition condition) {
                all |= static_cast<uint64_t>(condition) << 4 * jump;
            };
            add(kJeq, t::kEqual);
            add(kJgt, t::kAbove);
            add(kJge, t::kNotBelow);
            add(kJset, t::kNotEqual);
            add(kJne, t::kNotEqual);
            add(kJsgt, t::kGreater);
            add(kJsge, t::kNotLess);
            add(kJlt, t::kBelow);
            add(kJle, t::kNotAbove);
            add(kJslt, t::kLess);
            add(kJsle, t::kNotGreater);
            return all;
        }();
        return static_cast<uint32_t>(codes >> 4 * operation) & 15;
    }

    bool arithmetic(uint32_t head, uint32_t imm) {
        const uint32_t op = code(opcode(head));
        const uint32_t to = dst(head);
        const bool by_register = (head & kSource) != 0;
        const auto a = static_cast<int32_t>(to);
        const auto b = static_cast<int32_t>(src(head));
        switch (op) {
        case kMov:
            if (by_register)
                get(b);
            else
                constant(0, imm);
            if (offset(head) != 0) emit(offset(head) == 8 ? t::sxtb(0, 0) : t::sxth(0, 0));
            break;
        case kNeg:
            get(a);
            emit(t::negs(0, 0));
            break;
        case kEnd:
            if (imm == 64) return false;
            get(a);
            if ((head & kSource) != 0) emit(imm == 16 ? t::rev16(0, 0) : t::rev(0, 0));
            if (imm == 16) emit(t::uxth(0, 0));
            break;
        case kDiv:
        case kMod: leave(kRareEvent); return true;
        case kLsh:
        case kRsh:
        case kArsh: shift(op, a, by_register, b, imm); break;
        case kAdd:
        case kSub:
            if (!by_register) {
                get(a);
                add_to_r0(op == kAdd ? imm : 0 - imm);
                break;
            }
            [[fallthrough]];
        default:
            // What does not mind the order takes what is in r0 first.
            if (by_register && cached_ == b && a != b && op != kSub) {
                emit(t::ldr(1, 7, place_of(to)));
            } else {
                second(by_register, b, imm);
                get(a);
            }
            emit(combined(op));
        }
        put(to);
        return true;
    }

    void second(bool by_register, int32_t b, uint32_t imm) {
        if (by_register)
            get_second(b);
        else
            constant(1, imm);
    }

    void shift(uint32_t op, int32_t a, bool by_register, int32_t b, uint32_t imm) {
        const uint32_t amount = imm & 31;
        if (by_register) {
            get_second(b);
            get(a);
            emit(t::movs_imm8(2, 31));
            emit(t::ands(1, 2));
            emit(op == kLsh ? t::lsls_by(0, 1) : op == kRsh ? t::lsrs_by(0, 1) : t::asrs_by(0, 1));
            return;
        }
        get(a);
        if (amount == 0) return;
        emit(op == kLsh ? t::lsls(0, 0, amount) : op == kRsh ? t::lsrs(0, 0, amount) : t::asrs(0, 0, amount));
    }

    /// r0 = r0 <op> r1
    static uint32_t combined(uint32_t op) {
        switch (op) {
        case kAdd: return t::adds(0, 0, 1);
        case kSub: return t::subs(0, 0, 1);
        case kMul: return t::muls(0, 1);
        case kOr: return t::orrs(0, 1);
        case kAnd: return t::ands(0, 1);
        default: return t::eors(0, 1);
        }
    }

    const uint32_t* slots_;
    uint32_t count_;
    uint16_t* table_ = nullptr;
    uint16_t* out_ = nullptr;
    bool places_ = false;           ///< the table has places
    uint32_t slot_ = 0;             ///< which is translated
    uint32_t at_ = 0;               ///< halfwords so far
    int32_t cached_ = kNone;        ///< the eBPF register whose lower half is in r0: at most dst of the slot before
    uint32_t targets_[kChunk / 32]; ///< of the chunk: find_targets()
};

} // namespace limpet::bpf_alu32
