/// \file
/// rv32-threaded on a PC: a record for each halfword of the code, as if an instruction began there, so that jumps need
/// no map, and so that a record may stand for its instruction and the next one: whoever jumps to that one finds its own
/// record. A record names its handler; handlers end with the dispatch of the next one.
#pragma once

#include "../goto/repeat.h"
#include "decoded.h"
#include "pairs.h"

#include <string.h>

namespace limpet::rv32_threaded {

struct [[gnu::packed, gnu::aligned(4)]] Record {
    void* code = nullptr; ///< of its handler
    int32_t imm = 0;      ///< of branches and jumps: distance in bytes of records
    uint8_t rd = 0;
    uint8_t rs1 = 0;
    uint8_t rs2 = 0;
    uint8_t handler = kSlow; ///< its number
};

/// A part of the data window, and at how many places of it an access may begin, by the logarithm of its size.
struct Span {
    uint8_t* data;
    uint32_t start; ///< guest address
    uint32_t places[3];

    /// From one offset to another one; nothing if there is none between them.
    template <class Host> Span(const Host& host, uint32_t from, uint32_t to)
        : data(host.data + from), start(from - offset_of(host, 0)), places{} {
        for (uint32_t i = 0; i < 3; ++i)
            if (to >= from && to - from >= 1U << i) places[i] = to - from - (1U << i) + 1;
    }
    /// nullptr: step() judges it.
    [[nodiscard, gnu::always_inline]] uint8_t* at(uint32_t address, uint32_t f) const {
        const uint32_t offset = address - start;
        return offset < places[f & 3] ? data + offset : nullptr;
    }
};

/// What a run does not change.
template <class Host> struct Machine {
    limpet_vm& vm;
    const Host& host;
    const Record* const records;
    const Span loads;
    const Span stores;

    Machine(limpet_vm& its_vm, const Host& its_host)
        : vm(its_vm), host(its_host), records(static_cast<const Record*>(its_host.prepared)),
          loads(host, 0, vm.window.data_size), stores(host, vm.window.writable_start, vm.window.data_size) {}

    [[nodiscard]] uint32_t pc(const Record* at) const {
        return vm.window.code_start + 2 * static_cast<uint32_t>(at - records);
    }
};

/// Fuel is counted in bytes of records; an instruction of the budget is two records.
struct Position {
    const Record* at; ///< the record that is being carried out
    int64_t end;      ///< where straight code would have used up the budget, as if it were an address

    static constexpr int64_t kBudget = 2 * sizeof(Record);

    [[nodiscard]] int64_t left() const { return end - reinterpret_cast<int64_t>(at); }
    void advance(int64_t distance) {
        at = reinterpret_cast<const Record*>(reinterpret_cast<const uint8_t*>(at) + distance);
    }
    /// From an instruction of so many bytes.
    void jump(int64_t distance, uint32_t length) {
        advance(distance);
        end += distance - length * int64_t{sizeof(Record)} / 2;
    }
};

enum class Then : uint8_t { kNext, kJumped, kSlow };

/// Carries out the instruction of p.at by the handler of that number. `result`: what the last one computed.
template <Isa isa, uint32_t number, Uses uses = Uses::kNone, class Host>
[[gnu::always_inline]] inline Then execute(const Machine<Host>& m, Position& p, uint32_t& result) {
    constexpr uint32_t handler = number % kLong;
    constexpr uint32_t f = handler % (handler < kOfLoad ? 16 : 8);
    constexpr uint32_t length = number < kLong ? 2 : 4;
    const Record& r = *p.at;
    uint32_t* const x = m.vm.x;
    const auto imm = static_cast<uint32_t>(r.imm);
    const uint32_t a = uses == Uses::kAsFirst ? result : x[r.rs1];
    const uint32_t b = uses == Uses::kAsSecond ? result : x[r.rs2];
    constexpr bool is_access = handler >= kOfLoad && handler < kOfBranch;
    if constexpr (handler == kSlow || handler == kSlow + 1 ||
                  (is_access && !(handler < kOfStore ? is_load(f) : is_store(f)))) {
        return Then::kSlow; // or a number that no record has
    } else if constexpr (handler < kOfImmediate) {
        x[r.rd] = result = alu(f, a, b);
    } else if constexpr (handler < kOfLoad) {
        x[r.rd] = result = alu(f, a, imm);
    } else if constexpr (handler < kOfStore) {
        const uint8_t* const bytes = m.loads.at(a + imm, f);
        if (bytes == nullptr) return Then::kSlow;
        uint32_t value = 0;
        memcpy(&value, bytes, access_size(f));
        x[r.rd] = result = extend(f, value);
    } else if constexpr (handler < kOfBranch) {
        uint8_t* const bytes = m.stores.at(a + imm, f);
        if (bytes == nullptr) return Then::kSlow;
        memcpy(bytes, &b, access_size(f));
    } else if constexpr (handler == kOfConstant) {
        x[r.rd] = result = imm;
    } else if constexpr (handler < kOfIndirect) {
        if constexpr (handler < kOfConstant)
            if (!branch_taken(f, a, b)) {
                p.advance(length * sizeof(Record) / 2);
                return Then::kNext;
            }
        if constexpr (handler == kOfCall) x[r.rd] = m.pc(p.at) + length;
        p.jump(r.imm, length);
        return Then::kJumped;
    } else if constexpr (handler == kOfIndirect) {
        const uint32_t target = (a + imm) & ~1U;
        if (!fetchable(m.vm, m.host, target) || !aligned<isa>(target)) return Then::kSlow;
        const uint32_t pc = m.pc(p.at);
        if (r.rd != 0) x[r.rd] = pc + length;
        p.jump((int64_t{target} - pc) / 2 * int64_t{sizeof(Record)}, length);
        return Then::kJumped;
    } else if constexpr (handler == kOfMultiply) {
        if constexpr (isa.multiply) x[r.rd] = result = multiply_divide(imm, a, b);
    }
    p.advance(length * sizeof(Record) / 2);
    return Then::kNext;
}

/// Of a pair, too.
template <Isa isa, uint32_t number, class Host>
[[gnu::always_inline]] inline Then handle(const Machine<Host>& m, Position& p) {
    uint32_t result = 0;
    if constexpr (number < kOfPair) return execute<isa, number>(m, p, result);
    constexpr Pair its = pair<isa>(number % kOfPair % kPairs);
    if (execute<isa, its.first>(m, p, result) == Then::kSlow) return Then::kSlow;
    return execute<isa, its.second, its.uses>(m, p, result);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" // computed goto

/// Runs from *last, and tells there where it ended. Or it tells its labels, if it is asked for them: nobody else knows.
template <Isa isa, class Host>
limpet_status loop(limpet_vm* vm, const Host* host, Position* last, void* const** labels) {
#define LIMPET_LABEL(number) &&label_##number,
    static void* const all[] = {LIMPET_REPEAT_192(LIMPET_LABEL)};
#undef LIMPET_LABEL
    if (labels != nullptr) {
        *labels = all;
        return LIMPET_RETURN;
    }
    const Machine<Host> m(*vm, *host);
    Position p = *last;
    limpet_status status = LIMPET_RUNNING;
    goto* p.at->code;
#define LIMPET_HANDLER(number)                                                                                         \
    label_##number : {                                                                                                 \
        const Then then = handle<isa, number>(m, p);                                                                   \
        if (then == Then::kSlow) goto stop;                                                                            \
        if (then == Then::kJumped && p.left() <= 0) goto spent;                                                        \
        goto* p.at->code;                                                                                              \
    }
    LIMPET_REPEAT_192(LIMPET_HANDLER)
#undef LIMPET_HANDLER
spent:
    status = LIMPET_FUEL;
stop:
    *last = p;
    return status;
}

#pragma GCC diagnostic pop

/// Runs from vm.pc. LIMPET_RUNNING: the instruction at vm.pc is left to step().
template <Isa isa, class Host> [[nodiscard]] limpet_status dispatch(limpet_vm& vm, const Host& host) {
    const auto* const records = static_cast<const Record*>(host.prepared);
    Position p{.at = records + (vm.pc - vm.window.code_start) / 2, .end = 0};
    p.end = reinterpret_cast<int64_t>(p.at) + Position::kBudget * int64_t{vm.fuel};
    const limpet_status status = vm.fuel == 0 ? LIMPET_FUEL : loop<isa>(&vm, &host, &p, nullptr);
    const int64_t left = p.left();
    vm.fuel = left <= 0 ? 0 : static_cast<uint32_t>((left + Position::kBudget - 1) / Position::kBudget);
    vm.pc = vm.window.code_start + 2 * static_cast<uint32_t>(p.at - records);
    return status;
}

/// The record of an instruction at guest address pc.
template <Isa isa, class Host> Record record_of(const limpet_vm& vm, const Host& host, uint32_t pc) {
    const Decoded d = decode<isa>(vm, host, pc);
    Record r{.imm = static_cast<int32_t>(d.imm),
             .rd = static_cast<uint8_t>(d.rd()),
             .rs1 = static_cast<uint8_t>(d.rs1()),
             .rs2 = static_cast<uint8_t>(d.rs2())};
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
        r.imm = static_cast<int32_t>(d.f());
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
        r.imm = static_cast<int32_t>(d.imm - pc) / 2 * int32_t{sizeof(Record)};
        break;
    default: break;
    }
    return r;
}

/// The handler of `first` when `second` comes after it.
template <Isa isa> uint8_t handler_of(const Record& first, const Record& second) {
    for (uint32_t i = 0; i < kPairs; ++i) {
        const Pair its = pair<isa>(i);
        if (its.first != first.handler || its.second != second.handler) continue;
        if (its.uses == Uses::kNone || (its.uses == Uses::kAsFirst ? second.rs1 : second.rs2) == first.rd)
            return static_cast<uint8_t>(kOfPair + i);
    }
    return first.handler;
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
        const uint32_t last = vm.window.code_size / 2;
        for (uint32_t i = 0; i <= last; ++i) {
            // Without C an instruction begins every 4 bytes.
            const uint32_t pc = vm.window.code_start + 2 * i;
            records[i] = aligned<isa>(pc) ? record_of<isa>(vm, host, pc) : Record{};
        }
        void* const* codes = nullptr;
        loop<isa, Host>(nullptr, nullptr, nullptr, &codes);
        // Forward, so that the second one is still itself.
        for (uint32_t i = 0; i <= last; ++i) {
            Record& r = records[i];
            const uint32_t next = i + (r.handler < kLong ? 1 : 2);
            if (r.handler != kSlow && next <= last) r.handler = handler_of<isa>(r, records[next]);
            r.code = codes[r.handler];
        }
        return LIMPET_RETURN;
    }
};

} // namespace limpet::rv32_threaded
