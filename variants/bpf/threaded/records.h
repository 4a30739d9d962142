/// \file
/// What bpf-threaded prepares of a program.
#pragma once

#include "../../../interp/bpf/generic.h"
#include "../handlers.h"

namespace limpet::bpf_threaded {

using namespace limpet::bpf;

/// One slot. Its operands by the kind of instruction:
///
///                        dst       src                    imm
///     arithmetic, jump   register  register or immediate  distance from this record to the target, in bytes
///     load, store        register  register               offset
///     lddw               register  lower half             upper half
///     call               -         immediate              distance
///
/// Registers are offsets in limpet_bpf_vm::r.
struct Record {
    const void* handler;
    uint32_t dst;
    uint32_t src;
    int32_t imm;
};

inline Record record_of(const void* const* handlers, const uint32_t* slot) {
    const uint32_t head = slot[0];
    const uint32_t op = opcode(head);
    const uint32_t cls = op & 7;
    const bool jumps = cls == kJmp || cls == kJmp32;
    const bool accesses = cls == kLdx || cls == kSt || cls == kStx;
    uint32_t handler = op;
    // Sign-extending moves share the opcode of plain ones; the handler of opcode 0xff, which there is not, is generic.
    if (!jumps && !accesses && offset(head) != 0) handler = 0xff;
    Record record{.handler = handlers[handler], .dst = dst(head) * 8, .src = slot[1], .imm = offset(head)};
    if (accesses || ((op & kSource) != 0 && cls != kLd)) record.src = src(head) * 8;
    if (jumps) {
        const bool by_imm = op == jump_opcode(kJmp32, kJa) || op == jump_opcode(kJmp, kCall);
        // An id of a host call may be any number, which is no distance and is not used as one.
        const uint32_t distance = by_imm ? slot[1] : static_cast<uint32_t>(offset(head));
        record.imm = static_cast<int32_t>((distance + 1) * static_cast<uint32_t>(sizeof(Record)));
    }
    if (op == kLddw) record.imm = static_cast<int32_t>(slot[3]);
    return record;
}

/// Where the loop is in the records.
class Place {
public:
    using Unit = Record;

    template <class Host> static const Record* units(const Host& host) {
        return static_cast<const Record*>(host.memory.prepared);
    }

    explicit Place(const Record* record) : unit(record) {}
    [[gnu::always_inline]] void step(uint32_t count = 1) { unit += count; }

    [[nodiscard]] const void* handler(const void* const* /*handlers*/) const { return unit->handler; }
    [[nodiscard]] uint32_t to() const { return unit->dst; }
    [[nodiscard]] uint32_t from() const { return unit->src; }
    [[nodiscard]] uint32_t number() const { return unit->src; }
    [[nodiscard]] int32_t offset() const { return unit->imm; }
    [[nodiscard]] uint32_t upper_half() const { return static_cast<uint32_t>(unit->imm); }
    static constexpr bool extends() { return false; } // has the handler of opcode 0xff
    [[nodiscard]] const Record* target() const { return behind(unit->imm); }
    [[nodiscard]] const Record* far_target() const { return behind(unit->imm); }

    const Record* unit;

private:
    [[nodiscard]] const Record* behind(int32_t bytes) const {
        return reinterpret_cast<const Record*>(reinterpret_cast<uintptr_t>(unit) +
                                               static_cast<uintptr_t>(intptr_t{bytes}));
    }
};

} // namespace limpet::bpf_threaded
