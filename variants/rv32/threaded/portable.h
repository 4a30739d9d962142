/// \file
/// rv32-threaded on a PC: a record for each halfword of the code, as if an instruction began there, so that jumps need
/// no map. A record names its handler; dispatch is a computed goto, a copy in each handler.
#pragma once

#include "../goto/repeat.h"
#include "decoded.h"

#include <string.h>

namespace limpet::rv32_threaded {

struct Record {
    uint8_t handler = 0;
    uint8_t rd = 0;
    uint8_t rs1 = 0;
    uint8_t rs2 = 0;
    uint32_t imm = 0; ///< of branches and jumps: distance in records
};

/// Handlers by number: a kind's first one plus f, and kLong for an instruction of 4 bytes. What has none is kSlow.
enum Handler : uint8_t {
    kOfRegister = 0,
    kOfImmediate = 16,
    kOfLoad = 32,
    kOfStore = 40,
    kOfBranch = 48,
    kOfConstant = 56,
    kOfJump = 57,
    kOfCall = 58,
    kOfIndirect = 59,
    kOfMultiply = 60,
    kOfNothing = 61,
    kSlow = 62,
    kLong = 64
};

/// Fuel is counted in halfwords of code; an instruction of the budget is two.
template <class Host> struct Portable {
    limpet_vm& vm;
    const Host& host;
    const Record* const records;
    const Record* at = nullptr; ///< the record that is being carried out
    int64_t end = 0;            ///< number of the record at which straight code would have used up the budget

    [[nodiscard]] int64_t number() const { return at - records; }
    [[nodiscard]] uint32_t pc() const { return vm.window.code_start + 2 * static_cast<uint32_t>(number()); }
    [[nodiscard]] bool spent() const { return number() >= end; }

    void start() {
        at = records + (vm.pc - vm.window.code_start) / 2;
        end = number() + 2 * int64_t{vm.fuel};
    }
    void stop() {
        const int64_t left = end - number();
        vm.fuel = left <= 0 ? 0 : static_cast<uint32_t>((left + 1) / 2);
        vm.pc = pc();
    }
    /// From an instruction of so many bytes.
    void jump(int64_t distance, uint32_t length) {
        at += distance;
        end += distance - length / 2;
    }
};

enum class Then : uint8_t { kNext, kJumped, kSlow };

/// Carries out m.at by the handler of that number.
template <Isa isa, uint32_t number, class Host> [[gnu::always_inline]] inline Then execute(Portable<Host>& m) {
    constexpr uint32_t handler = number % kLong;
    constexpr uint32_t f = handler % (handler < kOfLoad ? 16 : 8);
    constexpr uint32_t length = number < kLong ? 2 : 4;
    const Record& r = *m.at;
    uint32_t* const x = m.vm.x;
    constexpr bool is_access = handler >= kOfLoad && handler < kOfBranch;
    if constexpr (handler == kSlow || handler == kSlow + 1 ||
                  (is_access && !(handler < kOfStore ? is_load(f) : is_store(f)))) {
        return Then::kSlow; // or a number that no record has
    } else if constexpr (handler < kOfImmediate) {
        x[r.rd] = alu(f, x[r.rs1], x[r.rs2]);
    } else if constexpr (handler < kOfLoad) {
        x[r.rd] = alu(f, x[r.rs1], r.imm);
    } else if constexpr (handler < kOfBranch) {
        constexpr uint32_t size = access_size(f);
        const uint32_t offset = offset_of(m.host, x[r.rs1] + r.imm);
        if (!loadable(m.vm, offset, size)) return Then::kSlow;
        uint8_t* const bytes = m.host.data + offset;
        if constexpr (handler < kOfStore) {
            uint32_t value = 0;
            memcpy(&value, bytes, size);
            x[r.rd] = extend(f, value);
        } else {
            if (offset < m.vm.window.writable_start) return Then::kSlow;
            memcpy(bytes, &x[r.rs2], size);
        }
    } else if constexpr (handler < kOfConstant) {
        if (!branch_taken(f, x[r.rs1], x[r.rs2])) return Then::kNext;
        m.jump(static_cast<int32_t>(r.imm), length);
        return Then::kJumped;
    } else if constexpr (handler == kOfConstant) {
        x[r.rd] = r.imm;
    } else if constexpr (handler == kOfJump || handler == kOfCall) {
        if constexpr (handler == kOfCall) x[r.rd] = m.pc() + length;
        m.jump(static_cast<int32_t>(r.imm), length);
        return Then::kJumped;
    } else if constexpr (handler == kOfIndirect) {
        const uint32_t target = (x[r.rs1] + r.imm) & ~1U;
        if (!fetchable(m.vm, m.host, target) || !aligned<isa>(target)) return Then::kSlow;
        if (r.rd != 0) x[r.rd] = m.pc() + length;
        m.jump((int64_t{target} - m.pc()) / 2, length);
        return Then::kJumped;
    } else if constexpr (handler == kOfMultiply) {
        if constexpr (isa.multiply) x[r.rd] = multiply_divide(r.imm, x[r.rs1], x[r.rs2]);
    }
    return Then::kNext;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" // computed goto

/// Runs from vm.pc. LIMPET_RUNNING: the instruction at vm.pc is left to step().
template <Isa isa, class Host> [[nodiscard]] limpet_status dispatch(limpet_vm& its_vm, const Host& host) {
#define LIMPET_LABEL(number) &&label_##number,
#define LIMPET_128(X) LIMPET_REPEAT_96(X) LIMPET_REPEAT_16(X, 0x6) LIMPET_REPEAT_16(X, 0x7)
    static const void* const labels[] = {LIMPET_128(LIMPET_LABEL)};
    Portable<Host> m{its_vm, host, static_cast<const Record*>(host.prepared)};
    m.start();
    bool spent = m.spent();
    if (spent) goto stop;
    goto* labels[m.at->handler];
#define LIMPET_HANDLER(number)                                                                                         \
    label_##number : {                                                                                                 \
        const Then then = execute<isa, number>(m);                                                                     \
        if (then == Then::kSlow) goto stop;                                                                            \
        if (then == Then::kJumped) {                                                                                   \
            spent = m.spent();                                                                                         \
            if (spent) goto stop;                                                                                      \
        } else {                                                                                                       \
            m.at += number < kLong ? 1 : 2;                                                                            \
        }                                                                                                              \
        goto* labels[m.at->handler];                                                                                   \
    }
    LIMPET_128(LIMPET_HANDLER)
#undef LIMPET_HANDLER
#undef LIMPET_128
#undef LIMPET_LABEL
stop:
    m.stop();
    return spent ? LIMPET_FUEL : LIMPET_RUNNING;
}

#pragma GCC diagnostic pop

/// The record of an instruction at guest address pc.
template <Isa isa, class Host> Record record_of(const limpet_vm& vm, const Host& host, uint32_t pc) {
    const Decoded d = decode<isa>(vm, host, pc);
    Record r{.handler = kSlow,
             .rd = static_cast<uint8_t>(d.rd()),
             .rs1 = static_cast<uint8_t>(d.rs1()),
             .rs2 = static_cast<uint8_t>(d.rs2()),
             .imm = d.imm};
    const auto by = [&](uint32_t handler) {
        r.handler = static_cast<uint8_t>(handler + (d.length() == 4 ? kLong : 0));
    };
    const bool good_target = fetchable(vm, host, d.imm) && aligned<isa>(d.imm);
    switch (d.kind()) {
    case Kind::kRegister: by(d.rd() == 0 ? uint32_t{kOfNothing} : kOfRegister + d.f()); break;
    case Kind::kImmediate: by(d.rd() == 0 ? uint32_t{kOfNothing} : kOfImmediate + d.f()); break;
    case Kind::kConstant: by(d.rd() == 0 ? kOfNothing : kOfConstant); break;
    case Kind::kMultiply:
        by(d.rd() == 0 ? kOfNothing : kOfMultiply);
        r.imm = d.f();
        break;
    case Kind::kLoad:
        if (d.rd() != 0) by(kOfLoad + d.f());
        break;
    case Kind::kStore: by(kOfStore + d.f()); break;
    case Kind::kIndirect: by(kOfIndirect); break;
    case Kind::kNothing: by(kOfNothing); break;
    case Kind::kBranch:
    case Kind::kJump:
        if (good_target) by(d.kind() == Kind::kBranch ? kOfBranch + d.f() : uint32_t{d.rd() == 0 ? kOfJump : kOfCall});
        r.imm = static_cast<uint32_t>(static_cast<int32_t>(d.imm - pc) / 2);
        break;
    default: break;
    }
    return r;
}

/// Each halfword of the code, and the one behind it, which a guest may run into.
template <Isa isa> struct Preparation {
    static constexpr bool kNeedsCode = true; // step() reads it

    template <class Host> static uint32_t size(const limpet_vm& vm, const Host& /*host*/) {
        return static_cast<uint32_t>(sizeof(Record)) * (vm.window.code_size / 2 + 1);
    }
    template <class Host> static uint32_t kept(const limpet_vm& vm, const Host& host) { return size(vm, host); }
    template <class Host> static limpet_status translate(const limpet_vm& vm, const Host& host) {
        auto* const records = static_cast<Record*>(host.prepared);
        for (uint32_t i = 0; i <= vm.window.code_size / 2; ++i) {
            // Without C an instruction begins every 4 bytes.
            const uint32_t pc = vm.window.code_start + 2 * i;
            records[i] = aligned<isa>(pc) ? record_of<isa>(vm, host, pc) : Record{.handler = kSlow};
        }
        return LIMPET_RETURN;
    }
};

} // namespace limpet::rv32_threaded
