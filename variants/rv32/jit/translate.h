/// \file
/// Translates a guest's code into Thumb, one instruction at a time, in one sweep from its start.
#pragma once

#include "decode.h"
#include "layout.h"
#include "thumb.h"

namespace limpet::rv32_jit {

namespace t = thumb;

/// Where a direct jump goes: index, and the halfword of the translation.
struct Label {
    uint16_t index;
    uint16_t at;
};

/// What a sweep found out.
struct Extent {
    uint32_t halfwords; ///< of code
    uint32_t landings;
    uint32_t labels;
};

template <Isa isa> class Translator {
public:
    Translator(const limpet_vm& vm, const uint8_t* code) : window_(vm.window), code_(code) {}

    /// Finds out how much there is. labels: where up to labels_max of them go, downwards.
    Extent measure(Label* labels, uint32_t labels_max) {
        labels_ = labels;
        labels_max_ = labels_max;
        near_bytes_ = kNearBytes;
        for (;;) {
            sweep();
            if (!too_dense_) return {at_, landings_, label_count_};
            near_bytes_ = kVeryNearBytes;
        }
    }

    /// Writes what measure(labels) has measured: the table and, from halfword `start` of it, code.
    void write(uint16_t* table, uint32_t start, uint32_t mask) {
        table_ = table;
        out_ = table + start;
        mask_ = static_cast<uint16_t>(mask);
        sweep();
    }

private:
    // How far in bytes of guest code a branch is taken to reach. A guest's halfword becomes at most 20 halfwords; up to
    // kNearBytes they are usually fewer, and a sweep that meets more starts again with kVeryNearBytes.
    static constexpr uint32_t kVeryNearBytes = 8;
    static constexpr uint32_t kNearBytes = 44;
    static constexpr uint32_t kFarBytes = 100;
    static constexpr uint32_t kNearHalfwords = 120;
    // How often, in halfwords of the guest, a sweep takes note of where it is, and how many notes are kept: from any
    // note but one to the one kMarks before it are more than kNearBytes.
    static constexpr uint32_t kMarkHalfwords = 8;
    static constexpr uint32_t kMarks = 4;

    static constexpr uint32_t kRecent = 4;
    static constexpr uint32_t kChunkHalfwords = 128; ///< of guest code, whose labels are known at a time

    // ---- The sweep.

    void sweep() {
        at_ = landings_ = label_count_ = 0;
        too_dense_ = false;
        landing_ = true;
        frame_ = 0;
        for (uint16_t& mark : marks_) mark = 0;
        marked_ = 0;
        for (Label& label : recent_) label.index = kNoReturn; // none
        const uint32_t end = window_.code_size / 2;
        chunk_end_ = 0;
        for (index_ = 0; index_ < end; index_ += d_.length / 2) {
            if (index_ >= chunk_end_) find_labels();
            if (index_ >= marked_ + kMarkHalfwords) take_note();
            d_ = unpack(decode<isa>(window_, code_, 2 * index_));
            begin_instruction();
            translate();
        }
        take_note();
        if (!landing_) exit(end);
    }

    /// Are the last kNearBytes in reach of a branch?
    void take_note() {
        marked_ = index_;
        const auto halfwords = static_cast<uint16_t>(at_ - marks_[kMarks - 1]);
        if (halfwords > kNearHalfwords && near_bytes_ == kNearBytes) too_dense_ = true;
        for (uint32_t i = kMarks - 1; i != 0; --i) marks_[i] = marks_[i - 1];
        marks_[0] = static_cast<uint16_t>(at_);
    }

    /// Marks where direct jumps go, as far as it is in the chunk that begins here.
    void find_labels() {
        chunk_ = index_;
        chunk_end_ = static_cast<uint16_t>(index_ + kChunkHalfwords);
        for (uint32_t& word : label_bits_) word = 0;
        for (uint32_t i = 0; i < window_.code_size / 2; i += d_.length / 2) {
            const uint32_t insn = halfword_at(reinterpret_cast<uintptr_t>(code_) + 2 * i);
            d_.length = static_cast<uint8_t>(length<isa>(insn));
            // jal, branches, c.jal, c.j, c.beqz, c.bnez, c.x.bltu, c.x.bgeu: bits that they have in common
            if (d_.length == 4 ? (insn & 0x73) != 0x63
                               : (insn & 0x6003) != 0x2001 && (insn & 0xc003) != 0xc001 &&
                                     (!isa.xlimpet || (insn & 0x6003) != 0x6000))
                continue;
            d_ = unpack(decode<isa>(window_, code_, 2 * i));
            if (d_.kind != kJal && d_.kind != kBranch) continue;
            const uint32_t label = i + static_cast<uint32_t>(static_cast<int32_t>(d_.imm) >> 1) - chunk_;
            if (label < kChunkHalfwords + 1) label_bits_[label / 32] |= 1U << label % 32;
        }
    }

    [[nodiscard]] bool is_label(uint32_t index) const {
        const uint32_t label = index - chunk_;
        return (label_bits_[label / 32] >> label % 32 & 1) != 0;
    }

    void begin_instruction() {
        if (landing_) {
            put(index_);
            if (out_ != nullptr) add_landing();
            ++landings_;
            forget();
        }
        // A jump may go into the middle of an instruction: it is carried out from there without translation.
        if (d_.length == 4 && isa.compressed && is_label(index_ + 1)) {
            put(t::b(3));
            add_label(index_ + 1);
            exit((index_ + 1) | kNoReturn);
        }
        if (is_label(index_)) {
            forget();
            add_label(index_);
        }
        landing_ = false;
        if (executed_ != 255) ++executed_;
    }

    /// What is known of registers does not hold here.
    void forget() {
        stack_bytes_ = 0;
        temp_is_stack_ = false;
        executed_ = 0;
    }

    void add_landing() {
        const auto place = static_cast<uint16_t>(out_ + at_ - table_);
        uint32_t i = index_ * 2;
        for (;; i += 2) {
            i &= mask_;
            if (table_[i / 2] == 0) break;
        }
        table_[i / 2] = place;
    }

    void add_label(uint32_t index) {
        recent_[label_count_ % kRecent] = {static_cast<uint16_t>(index), static_cast<uint16_t>(at_)};
        ++label_count_;
        if (label_count_ <= labels_max_ && out_ == nullptr)
            labels_[-static_cast<int32_t>(label_count_)] = {static_cast<uint16_t>(index), static_cast<uint16_t>(at_)};
    }

    /// Halfwords from here to the translation of `index`; before that is known, any number.
    [[nodiscard]] uint32_t distance(uint32_t index) const {
        if (out_ == nullptr) return 0;
        const Label* label = labels_ - 1;
        while (label->index != index) --label;
        return label->at - at_;
    }

    // ---- Emission.

    void put(uint32_t halfword) {
        if (out_ != nullptr) out_[at_] = static_cast<uint16_t>(halfword);
        ++at_;
    }

    /// A branch to what follows: written here when that is reached.
    void land(uint32_t from, uint32_t condition) {
        if (out_ != nullptr) out_[from] = static_cast<uint16_t>(t::b_if(condition, at_ - from));
    }

    void exit(uint32_t index) {
        put(t::blx(kRuntime));
        put(index);
        temp_is_stack_ = false;
    }

    void exit_here() { exit(index_); }

    void call_runtime(Entry entry) {
        put(t::mov_high(kTemp, kRuntime));
        put(t::adds_imm8(kTemp, entry));
        put(t::blx(kTemp));
        temp_is_stack_ = false;
    }

    /// Does a conditional branch from here reach `index`? Back to one of the last labels that is known, forward it is a
    /// matter of take_note().
    [[nodiscard]] bool is_near(uint32_t index) const {
        if (index > index_) return 2 * (index - index_) <= near_bytes_;
        for (const Label& label : recent_)
            if (label.index == index) return at_ - label.at < 126;
        return false;
    }

    /// A jump to `index`, when `condition` holds.
    void branch(uint32_t condition, uint32_t index) {
        if (is_near(index)) {
            put(t::b_if(condition, distance(index)));
            return;
        }
        const uint32_t over = at_;
        put(0);
        jump(index);
        land(over, condition ^ 1);
    }

    void jump(uint32_t index) {
        const uint32_t bytes = 2 * (index < index_ ? index_ - index : index - index_);
        if (bytes <= kFarBytes)
            put(t::b(distance(index)));
        else
            jump_far(index);
    }

    void jump_far(uint32_t index) {
        const uint32_t halfwords = distance(index);
        put(t::bl_first(halfwords));
        put(t::bl_second(halfwords));
    }

    void constant(uint32_t d, uint32_t value) {
        if (d == kTemp) temp_is_stack_ = false;
        if (~value < 256) {
            put(t::movs_imm8(d, ~value));
            put(t::mvns(d, d));
            return;
        }
        if (value - 256 < 255) {
            put(t::movs_imm8(d, 255));
            put(t::adds_imm8(d, value - 255));
            return;
        }
        uint32_t zeros = 0;
        for (; value != 0 && (value & 1) == 0; value >>= 1) ++zeros;
        // From the highest bits that are not 0 on, eight at a time.
        uint32_t low = 24;
        while (low != 0 && (value >> low) == 0) low -= 8;
        put(t::movs_imm8(d, value >> low));
        uint32_t shift = 0;
        while (low != 0) {
            low -= 8;
            shift += 8;
            const uint32_t bits = value >> low & 0xff;
            if (bits == 0) continue;
            put(t::lsls(d, d, shift));
            put(t::adds_imm8(d, bits));
            shift = 0;
        }
        if (shift + zeros != 0) put(t::lsls(d, d, shift + zeros));
    }

    // ---- Registers.

    [[nodiscard]] static bool is_low(uint32_t x) { return x >= 10; }
    /// The register that x[x] is in, or is made in before write().
    [[nodiscard]] static uint32_t destination(uint32_t x) { return is_low(x) ? x - 10 : kTemp; }

    void load(uint32_t r, uint32_t x) {
        if (r == kTemp) temp_is_stack_ = false;
        if (x == 0)
            put(t::movs_imm8(r, 0));
        else if (x == 8)
            put(t::mov_high(r, kS0));
        else if (is_low(x))
            put(t::mov_high(r, x - 10));
        else
            put(t::ldr(r, kVm, 4 * x));
    }

    /// A low register that x[x] is in, `otherwise` if it has to be brought there.
    uint32_t low(uint32_t x, uint32_t otherwise) {
        if (is_low(x)) return x - 10;
        load(otherwise, x);
        return otherwise;
    }

    /// x[x] = kTemp, unless x[x] is in a low register already.
    void write(uint32_t x) {
        if (is_low(x) || x == 0) return;
        if (x == 8) {
            put(t::mov_high(kS0, kTemp));
            return;
        }
        put(t::str(kTemp, kVm, 4 * x));
        if (x != 2) return;
        call_runtime(kSetStack);
        put((index_ + d_.length / 2) | kNoReturn);
        stack_bytes_ = 0;
        // What makes room below sp is a function's start: its instructions use what it made room for. The old sp was
        // not above the window, so all of that is inside.
        if (d_.kind == kOpImm && d_.rs1 == 2 && 0 - d_.imm < 256)
            frame_ = stack_bytes_ = static_cast<uint8_t>(0 - d_.imm);
    }

    // A second register for what is not in a low one: r5, whose own value waits in kLink.
    static constexpr uint32_t kBorrowed = 5;
    void borrow() { put(t::mov_high(kLink, kBorrowed)); }
    void give_back() { put(t::mov_high(kBorrowed, kLink)); }

    // ---- Computing.

    void translate() {
        switch (d_.kind) {
        case kLoad:
        case kStore: access(); return;
        case kOp:
            if ((d_.f3 & kMultiplyDivide) != 0 && d_.f3 != (kMultiplyDivide | kMul)) {
                exit_here();
                if (d_.rd == 2) stack_bytes_ = 0;
                return;
            }
            if (d_.rd != 0) operation();
            return;
        case kOpImm:
            if (d_.rd != 0) operation_immediate();
            return;
        case kAuipc: d_.imm += window_.code_start + 2 * index_; [[fallthrough]];
        case kLui:
            if (d_.rd == 0) return;
            constant(destination(d_.rd), d_.imm);
            write(d_.rd);
            return;
        case kBranch: conditional_branch(); return;
        case kJal: jump_and_link(); return;
        case kJalr: jump_register(); return;
        case kFence: return;
        case kHostCall: exit_here(); return;
        default: // system, illegal, cut off
            exit_here();
            landing_ = true;
        }
    }

    void operation() {
        const uint32_t d = destination(d_.rd);
        const bool two = !is_low(d_.rs1) && !is_low(d_.rs2);
        const bool shift = (d_.f3 & 3) == 1;
        const bool borrowed = d == kTemp && (two || shift);
        const uint32_t other = d != kTemp ? d : kBorrowed;
        if (borrowed) borrow();
        if (shift) {
            // RISC-V looks at five bits of the amount, Thumb at eight.
            const uint32_t amount = low(d_.rs2, kTemp);
            temp_is_stack_ = false;
            put(t::lsls(kTemp, amount, 27));
            put(t::lsrs(kTemp, kTemp, 27));
            if (!(is_low(d_.rs1) && d_.rs1 - 10U == other)) load(other, d_.rs1);
            shift_by(other, kTemp);
            if (d == kTemp) put(t::mov_high(kTemp, other));
        } else {
            const uint32_t a = low(d_.rs1, two ? other : kTemp);
            const uint32_t b = low(d_.rs2, kTemp);
            compute(d, a, b);
        }
        if (borrowed) give_back();
        write(d_.rd);
    }

    void shift_by(uint32_t d, uint32_t amount) {
        if (d_.f3 == kSll)
            put(t::lsls_by(d, amount));
        else if (d_.f3 == kSr)
            put(t::lsrs_by(d, amount));
        else
            put(t::asrs_by(d, amount));
    }

    /// d = a <f3> b, except shifts.
    void compute(uint32_t d, uint32_t a, uint32_t b) {
        if (d == kTemp) temp_is_stack_ = false;
        switch (d_.f3) {
        case kAdd: put(t::adds(d, a, b)); return;
        case kAdd | kAlternate: put(t::subs(d, a, b)); return;
        case kSlt:
        case kSltu:
            put(t::cmp(a, b));
            compare(d);
            return;
        default: break;
        }
        if (d == b) {
            b = a; // all that are left commute
        } else if (d != a) {
            put(t::movs(d, a));
        }
        switch (d_.f3) {
        case kXor: put(t::eors(d, b)); return;
        case kOr: put(t::orrs(d, b)); return;
        case kAnd: put(t::ands(d, b)); return;
        default: put(t::muls(d, b)); return;
        }
    }

    /// d = whether the flags say less (kSlt) or below (kSltu).
    void compare(uint32_t d) {
        if (d_.f3 == kSltu) {
            temp_is_stack_ = false;
            put(t::sbcs(kTemp, kTemp));
            put(t::negs(d, kTemp));
            return;
        }
        if (d == kTemp) temp_is_stack_ = false;
        put(t::b_if(t::kLess, 3));
        put(t::movs_imm8(d, 0));
        put(t::b(2));
        put(t::movs_imm8(d, 1));
    }

    void operation_immediate() {
        const uint32_t d = destination(d_.rd);
        if (d == kTemp) temp_is_stack_ = false;
        if (d_.f3 == kAdd) {
            add_immediate(d);
        } else if ((d_.f3 & 3) == 1) {
            const uint32_t a = low(d_.rs1, d);
            if (d_.f3 == kSll || d_.imm == 0)
                put(t::lsls(d, a, d_.imm));
            else if (d_.f3 == kSr)
                put(t::lsrs(d, a, d_.imm));
            else
                put(t::asrs(d, a, d_.imm));
        } else {
            logic_immediate(d);
        }
        write(d_.rd);
    }

    void add_immediate(uint32_t d) {
        const uint32_t imm = d_.imm;
        const uint32_t minus = 0 - imm;
        if (d_.rs1 == 0) {
            constant(d, imm);
            return;
        }
        const uint32_t a = low(d_.rs1, d);
        if (a != d && imm < 8)
            put(imm == 0 ? t::movs(d, a) : t::adds_imm3(d, a, imm));
        else if (a != d && minus < 8)
            put(t::subs_imm3(d, a, minus));
        else if (imm < 256 || minus < 256) {
            if (a != d) put(t::movs(d, a));
            if (imm != 0) put(imm < 256 ? t::adds_imm8(d, imm) : t::subs_imm8(d, minus));
        } else {
            with_constant(d, a, [&](uint32_t b) { put(t::adds(d, a, b)); });
        }
    }

    /// Calls f with a register that holds d_.imm: d itself unless that is a.
    void with_constant(uint32_t d, uint32_t a, auto&& f) {
        const bool borrowed = a == kTemp && d == kTemp;
        const uint32_t b = borrowed ? kBorrowed : a == d ? kTemp : d;
        if (borrowed) borrow();
        constant(b, d_.imm);
        f(b);
        if (borrowed) give_back();
    }

    void logic_immediate(uint32_t d) {
        const uint32_t a = low(d_.rs1, d);
        const bool compares = d_.f3 == kSlt || d_.f3 == kSltu;
        if (compares && d_.imm < 256) {
            put(t::cmp_imm8(a, d_.imm));
            compare(d);
        } else if (d_.f3 == kXor && ~d_.imm == 0) {
            put(t::mvns(d, a));
        } else if (d_.f3 == kAnd && d_.imm == 255) {
            put(t::uxtb(d, a));
        } else {
            with_constant(d, a, [&](uint32_t b) { compute(d, a, b); });
        }
    }

    // ---- Loads and stores.

    void access() {
        const uint32_t log2 = d_.f3 & 3;
        const bool signed_narrow = d_.kind == kLoad && d_.f3 < kWord;
        if (d_.rs1 == 2 && !signed_narrow && d_.imm < 32U << log2 && (d_.imm & ((1U << log2) - 1)) == 0) {
            reach_stack(d_.imm + (1U << log2));
            transfer(d_.imm);
            return;
        }
        temp_is_stack_ = false;
        const bool simple =
            is_low(d_.rs1) && d_.imm == 0 && (d_.kind == kLoad || is_low(d_.rs2)) && window_.data_size >> 30 == 0;
        if (simple) {
            check_base();
            put(t::mov_high(kTemp, kData));
            transfer_at(d_.rs1 - 10);
        } else {
            check_address();
            put(t::add_high(kTemp, kData));
            transfer(0);
        }
    }

    /// kTemp = where sp points, from where `bytes` are the guest's.
    void reach_stack(uint32_t bytes) {
        if (bytes > stack_bytes_) {
            if (bytes < frame_) bytes = frame_;
            stack_bytes_ = static_cast<uint8_t>(bytes);
            load(kTemp, 2);
            put(t::adds_imm8(kTemp, bytes));
            put(t::cmp_high(kTemp, kEnd));
            put(t::b_if(t::kNotAbove, 3));
            exit(index_ | kNoReturn);
            put(t::subs_imm8(kTemp, bytes));
            put(t::add_high(kTemp, kData));
        } else if (!temp_is_stack_) {
            load(kTemp, 2);
            put(t::add_high(kTemp, kData));
        }
        temp_is_stack_ = true;
    }

    /// Exits unless the bytes at x[rs1] + 0 may be accessed in one go.
    void check_base() {
        const uint32_t log2 = d_.f3 & 3;
        const uint32_t base = d_.rs1 - 10;
        uint32_t a = base;
        if (log2 != 0) { // an odd address becomes a large one
            a = kTemp;
            put(t::lsls(kTemp, base, 32 - log2));
            put(t::orrs(kTemp, base));
        }
        check_bounds(a, 0);
    }

    /// kTemp = x[rs1] + imm; exits unless the bytes there may be accessed in one go.
    void check_address() {
        const uint32_t log2 = d_.f3 & 3;
        uint32_t misaligned = 0;
        const bool early = log2 != 0 && is_low(d_.rs1) && (d_.imm & ((1U << log2) - 1)) == 0;
        if (early) {
            put(t::lsls(kTemp, d_.rs1 - 10, 32 - log2));
            misaligned = at_;
            put(0);
        }
        address();
        if (!early && log2 != 0) {
            put(t::mov_high(kLink, kTemp));
            put(t::lsls(kTemp, kTemp, 32 - log2));
            misaligned = at_;
            put(0);
            put(t::mov_high(kTemp, kLink));
        }
        check_bounds(kTemp, misaligned);
    }

    /// kTemp = x[rs1] + imm
    void address() {
        const uint32_t imm = d_.imm;
        const uint32_t minus = 0 - imm;
        const uint32_t a = low(d_.rs1, kTemp);
        if (a != kTemp && imm < 8) {
            put(t::adds_imm3(kTemp, a, imm));
        } else if (a != kTemp && minus < 8) {
            put(t::subs_imm3(kTemp, a, minus));
        } else if (imm < 256 || minus < 256) {
            if (a != kTemp) put(t::movs(kTemp, a));
            if (imm != 0) put(imm < 256 ? t::adds_imm8(kTemp, imm) : t::subs_imm8(kTemp, minus));
        } else {
            with_constant(kTemp, a, [&](uint32_t b) { put(t::adds(kTemp, a, b)); });
        }
    }

    /// Exits unless the data window has offset a; or from the branch at `misaligned`, when there is one.
    void check_bounds(uint32_t a, uint32_t misaligned) {
        uint32_t below = 0;
        if (d_.kind == kStore && window_.writable_start != 0) {
            if (window_.writable_start < 256) {
                put(t::cmp_imm8(a, window_.writable_start));
            } else {
                const uint32_t r = a == kBorrowed ? kBorrowed - 1 : kBorrowed;
                put(t::mov_high(kLink, r));
                put(t::ldr(r, kVm, kWritableOffset));
                put(t::cmp(a, r));
                put(t::mov_high(r, kLink));
            }
            below = at_;
            put(0);
        }
        put(t::cmp_high(a, kEnd));
        put(t::b_if(t::kBelow, 3));
        if (misaligned != 0) land(misaligned, t::kNotEqual);
        if (below != 0) land(below, t::kBelow);
        exit_here();
    }

    /// The access itself, at kTemp + offset. What a register must be fetched or borrowed for stands between here and
    /// what follows; step() skips that.
    void transfer(uint32_t offset) {
        const bool borrowed = d_.kind == kStore && !is_low(d_.rs2);
        const uint32_t r = d_.kind == kLoad ? destination(d_.rd) : borrowed ? kBorrowed : d_.rs2 - 10U;
        if (borrowed) {
            borrow();
            load(kBorrowed, d_.rs2);
        }
        switch (d_.f3 & 3) {
        case 0: put(d_.kind == kStore ? t::strb(r, kTemp, offset) : t::ldrb(r, kTemp, offset)); break;
        case 1: put(d_.kind == kStore ? t::strh(r, kTemp, offset) : t::ldrh(r, kTemp, offset)); break;
        default: put(d_.kind == kStore ? t::str(r, kTemp, offset) : t::ldr(r, kTemp, offset)); break;
        }
        if (borrowed) give_back();
        if (d_.kind == kStore) return;
        if (d_.f3 == kByte) put(t::sxtb(r, r));
        if (d_.f3 == kHalf) put(t::sxth(r, r));
        loaded(r);
    }

    /// The access itself, at kTemp + register.
    void transfer_at(uint32_t m) {
        const uint32_t r = d_.kind == kLoad ? destination(d_.rd) : d_.rs2 - 10U;
        // The operations of "load/store register (register offset)", in the order of their codes.
        static constexpr uint8_t kStores[] = {2, 1, 0};
        static constexpr uint8_t kLoads[] = {3, 7, 4, 0, 6, 5};
        const uint32_t operation = d_.kind == kStore ? kStores[d_.f3] : kLoads[d_.f3];
        put(t::str_at(r, kTemp, m) | operation << 9);
        if (d_.kind == kLoad) loaded(r);
    }

    void loaded(uint32_t r) {
        if (r == kTemp) temp_is_stack_ = false;
        write(d_.rd);
    }

    // ---- Jumps.

    /// Is imm from here a good target? Then it is a label.
    bool target(uint32_t& index) const {
        const uint32_t offset = 2 * index_ + d_.imm;
        index = offset / 2;
        return offset < window_.code_size && aligned<isa>(offset);
    }

    /// Charges what has run since the last place where a jump can come to, and jumps to what is not later in the code,
    /// or exits when the budget is used up.
    void jump_back(uint32_t index) {
        put(t::mov_high(kTemp, kFuel));
        put(t::subs_imm8(kTemp, executed_));
        put(t::mov_high(kFuel, kTemp));
        branch(t::kNotBelow, index);
        exit_here();
    }

    void conditional_branch() {
        uint32_t index;
        if (!target(index)) {
            exit_here();
            return;
        }
        static constexpr uint8_t kConditions[] = {t::kEqual, t::kNotEqual, 0,         0,
                                                  t::kLess,  t::kNotLess,  t::kBelow, t::kNotBelow};
        const uint32_t condition = kConditions[d_.f3];
        if (is_low(d_.rs1) && d_.rs2 == 0) {
            put(t::cmp_imm8(d_.rs1 - 10, 0));
        } else {
            const bool borrowed = !is_low(d_.rs1) && !is_low(d_.rs2);
            if (borrowed) borrow();
            const uint32_t a = low(d_.rs1, kTemp);
            put(t::cmp(a, low(d_.rs2, borrowed ? kBorrowed : kTemp)));
            if (borrowed) give_back();
        }
        if (index > index_) {
            branch(condition, index);
            return;
        }
        const uint32_t over = at_;
        put(0);
        jump_back(index);
        land(over, condition ^ 1);
    }

    void jump_and_link() {
        uint32_t index;
        landing_ = true;
        if (!target(index) || d_.rd > 1) {
            exit(index_ | kNoReturn);
        } else if (d_.rd == 1) {
            call_runtime(kCall);
            put(index_ | kNoReturn);
            jump_far(index);
        } else if (index > index_) {
            jump(index);
        } else {
            jump_back(index);
        }
    }

    void jump_register() {
        landing_ = true;
        if (d_.rd > 1) {
            exit(index_ | kNoReturn);
            return;
        }
        if (d_.rs1 == 1 && d_.imm == 0 && d_.rd == 0) {
            call_runtime(kReturn);
        } else {
            address();
            put(t::str(kTemp, kVm, kPcOffset));
            call_runtime(d_.rd == 0 ? kJump : kJumpAndLink);
        }
        put(index_ | kNoReturn);
    }

    const limpet_windows& window_;
    const uint8_t* code_;
    uint16_t* out_ = nullptr;
    uint16_t* table_;
    Label* labels_;
    uint32_t labels_max_;
    uint32_t at_;  ///< halfwords of the translation so far
    Decoded d_;    ///< the instruction
    bool landing_; ///< it is only reached by jumps
    bool temp_is_stack_;
    bool too_dense_;
    uint8_t near_bytes_;
    uint8_t stack_bytes_; ///< from sp on that are known to be the guest's
    uint8_t frame_;       ///< of the function, if it is one
    uint8_t executed_;    ///< instructions since the last place where a jump can come to
    uint16_t index_;      ///< of the instruction
    uint16_t mask_;
    uint16_t label_count_;
    uint16_t landings_;
    uint16_t chunk_; ///< index that label_bits_ start with
    uint16_t chunk_end_;
    uint16_t marked_; ///< index of the last note
    uint16_t marks_[kMarks];
    Label recent_[kRecent]; ///< the last labels
    uint32_t label_bits_[kChunkHalfwords / 32 + 1];
};

} // namespace limpet::rv32_jit
