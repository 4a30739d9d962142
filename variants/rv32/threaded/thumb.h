/// \file
/// Records for the dispatch loop of ARMv6-M (thumb_loop.h), which has a word for each halfword of the code: where a
/// guest address leads to is plain arithmetic. Behind the words stand bits that tell at which an instruction begins.
#pragma once

#include "decoded.h"

#include "thumb_loop.h"

namespace limpet::rv32_threaded {

/// What records look like: bits 15:10 of a key, and what follows are classes of registers, two bits each, in the order
/// in which their fields are filled.
enum class Form : uint8_t {
    kAlu2,  ///< D, S: x[D] = x[D] <f> x[S]
    kAlu3,  ///< S, T; second word: D
    kImm2,  ///< D; I
    kImm3,  ///< (D), S; second word: immediate in bits 31:20, D in 7:0
    kLi,    ///< D; I
    kLui,   ///< D; I
    kConst, ///< D; second word: the constant
    kMv,    ///< D, S
    kAddSp, ///< D; I
    kLoad,  ///< S, D; second word: distance
    kLwC,   ///< S, D in bits 19:14; half the distance in bits 13:8
    kLwSp,  ///< A: distance; D in B
    kStore,
    kSwC,
    kSwSp,
    kBr,  ///< S, T; second word: how far to jump, in bytes of records from behind this one
    kBrC, ///< S; I: as that, in words
    kJ,
    kJl,
    kCallC,
    kCall,
    kJr,  ///< S
    kNop, ///< f: it has a second word
    kSlow ///< left to step()
};

/// Registers of the guest that the loop keeps in registers are of classes 1 to 3, the others of class 0.
constexpr uint32_t class_of(uint32_t reg) { return reg < 13 ? 0 : 16 - reg; }

/// A record that is being made.
struct Words {
    uint32_t first = 0;
    bool pinned = true; ///< the handler is one for the classes of its registers
    uint32_t shift = 2;

    /// Looks up a handler for such registers; one for registers of class 0, entered 4 bytes earlier, will do.
    bool choose(Form form, uint32_t f = 0, uint32_t a = 0, uint32_t b = 0, uint32_t c = 0) {
        const uint32_t any = static_cast<uint32_t>(form) << 10 | f << 6;
        const uint32_t wanted = any | class_of(a) << 4 | class_of(b) << 2 | class_of(c);
        uint32_t handler = 0;
        const uint16_t* row = limpet_threaded_keys + 2 * limpet_threaded_forms[static_cast<uint32_t>(form)];
        for (; *row >> 10 == any >> 10; row += 2) {
            if (*row == any && handler == 0) {
                handler = row[1] - 4U;
                pinned = false;
            }
            if (*row == wanted) {
                handler = row[1];
                pinned = true;
            }
        }
        if (handler == 0) return false;
        first = handler << 20;
        return true;
    }
    /// A register as the next operand, unless the handler knows it.
    void add(uint32_t reg) {
        if (pinned && class_of(reg) != 0) return;
        first |= reg << shift;
        shift += 8;
    }
};

template <Isa isa> struct Preparation {
    static constexpr bool kNeedsCode = true; // step() reads it

    static uint32_t words_bytes(const limpet_vm& vm) { return vm.window.code_size * 2 + 4; }
    static uint32_t bits_bytes(const limpet_vm& vm) { return (vm.window.code_size + 63) / 64 * 4; }
    static uint32_t size(const limpet_vm& vm, const limpet_host& /*host*/) { return words_bytes(vm) + bits_bytes(vm); }
    static uint32_t kept(const limpet_vm& vm, const limpet_host& host) { return size(vm, host); }

    static limpet_status translate(const limpet_vm& vm, const limpet_host& host) {
        auto* const words = static_cast<uint32_t*>(host.prepared);
        uint8_t* const bits = static_cast<uint8_t*>(host.prepared) + words_bytes(vm);
        for (uint32_t i = 0; i < bits_bytes(vm); ++i) bits[i] = 0;
        const uint32_t end = vm.window.code_size / 2;
        for (uint32_t at = 0; at < end;) {
            bits[at / 8] |= static_cast<uint8_t>(1U << at % 8);
            at += length<isa>(reinterpret_cast<const uint16_t*>(host.code)[at]) / 2;
        }
        for (uint32_t at = 0; at <= end;) {
            const uint32_t pc = vm.window.code_start + 2 * at;
            const Decoded d = decode<isa>(vm, host, pc);
            make(vm, host, words + at, d, pc + d.length(), bits);
            at += d.length() / 2;
        }
        return LIMPET_RETURN;
    }

    /// Does an instruction begin at that halfword of the code?
    static bool begins(const uint8_t* bits, uint32_t at) { return (bits[at / 8] >> at % 8 & 1) != 0; }

    /// Makes the record of an instruction that ends at pc.
    static void make(const limpet_vm& vm, const limpet_host& host, uint32_t* place, const Decoded& d, uint32_t pc,
                     const uint8_t* bits) {
        const bool is_long = d.length() == 4;
        Words w;
        uint32_t second = d.imm;
        uint32_t third = 0; // operand of bits 19:8
        bool found = false;
        switch (d.kind()) {
        case Kind::kRegister:
            if (d.rd() == 0) goto nothing;
            if (is_long) {
                found = w.choose(Form::kAlu3, d.f(), d.rd(), d.rs1(), d.rs2());
                w.add(d.rs1());
                second = d.rd() << 2;
            } else {
                found = d.rs1() == 0 ? w.choose(Form::kMv, 0, d.rd(), d.rs2())
                                     : w.choose(Form::kAlu2, d.f(), d.rd(), d.rs2());
                w.add(d.rd());
            }
            w.add(d.rs2());
            break;
        case Kind::kImmediate:
            if (d.rd() == 0) goto nothing;
            third = d.imm;
            if (is_long && d.rs1() == 0 && d.f() == kAdd) goto constant;
            if (is_long) {
                found = w.choose(Form::kImm3, d.f(), d.rd(), d.rs1());
                w.add(d.rs1());
                second = d.imm << 20 | d.rd() << 2;
                third = 0;
                break;
            }
            found = d.rs1() == d.rd() ? w.choose(Form::kImm2, d.f(), d.rd())
                                      : w.choose(d.rs1() == 0 ? Form::kLi : Form::kAddSp, 0, d.rd());
            w.add(d.rd());
            break;
        case Kind::kConstant:
            if (d.rd() == 0) goto nothing;
            third = d.imm >> 12;
        constant:
            found = w.choose(is_long ? Form::kConst : Form::kLui, 0, d.rd());
            if (is_long) third = 0;
            w.add(d.rd());
            break;
        case Kind::kLoad:
        case Kind::kStore: {
            // Form::kLoad and Form::kStore are each followed by their two short forms.
            const bool is_load = d.kind() == Kind::kLoad;
            const uint32_t reg = is_load ? d.rd() : d.rs2();
            if (is_load && reg == 0) break;
            auto form = static_cast<uint32_t>(is_load ? Form::kLoad : Form::kStore);
            if (!is_long && d.rs1() == 2) {
                found = w.choose(static_cast<Form>(form + 2), d.f(), reg);
                w.first |= d.imm;
                w.shift += 8;
                w.add(reg);
                break;
            }
            if (!is_long) ++form;
            found = w.choose(static_cast<Form>(form), d.f(), d.rs1(), reg);
            w.add(d.rs1());
            if (!is_long) {
                third = d.imm / 2;
                w.shift = 16;
            }
            w.add(reg);
            break;
        }
        case Kind::kBranch:
        case Kind::kJump:
            if (!fetchable(vm, host, d.imm) || !begins(bits, (d.imm - vm.window.code_start) / 2)) break;
            second = 2 * (d.imm - pc);
            third = second >> 2;
            if (d.kind() == Kind::kBranch) {
                found = is_long ? w.choose(Form::kBr, d.f(), d.rs1(), d.rs2()) : w.choose(Form::kBrC, d.f(), d.rs1());
                w.add(d.rs1());
                if (is_long) w.add(d.rs2());
            } else if (d.rd() <= 1) {
                constexpr Form forms[] = {Form::kJ, Form::kJl, Form::kCallC, Form::kCall};
                found = w.choose(forms[d.rd() * 2 + is_long]);
            }
            if (is_long) third = 0;
            break;
        case Kind::kIndirect:
            if ((d.rd() | d.imm) != 0) break;
            found = w.choose(Form::kJr, 0, d.rs1());
            w.add(d.rs1());
            break;
        case Kind::kNothing:
        nothing:
            found = w.choose(Form::kNop, is_long);
            break;
        default: break;
        }
        if (!found) {
            w = {};
            w.choose(Form::kSlow);
            third = 0;
        }
        place[0] = w.first | (third << 20) >> 12;
        if (is_long && found) place[1] = second;
    }
};

template <Isa isa> [[gnu::always_inline]] inline limpet_status dispatch(limpet_vm& vm, const limpet_host& host) {
    return limpet_threaded_loop(&vm, &host);
}

} // namespace limpet::rv32_threaded
