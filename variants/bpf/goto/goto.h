/// \file
/// bpf-goto: computed goto over the program as it was uploaded. Handlers are those of bpf-threaded (../loop.h), found
/// by opcode; operands are taken out of the instruction each time.
///
/// Fuel is charged as bpf-threaded charges it.
#pragma once

#include "../loop.h"

namespace limpet::bpf_goto {

using namespace limpet::bpf;

struct Slot {
    uint32_t head;
    uint32_t imm;
};

/// Where the loop is in the program.
class Place {
public:
    using Unit = Slot;

    template <class Host> static const Slot* units(const Host& host) {
        return reinterpret_cast<const Slot*>(host.memory.code);
    }

    explicit Place(const Slot* slot) : unit(slot), head_(slot->head) {}
    [[gnu::always_inline]] void step(uint32_t count = 1) { *this = Place(unit + count); }

    [[nodiscard]] const void* handler(const void* const* handlers) const { return handlers[opcode(head_)]; }
    [[nodiscard]] uint32_t to() const { return dst(head_) * 8; }
    [[nodiscard]] uint32_t from() const { return src(head_) * 8; }
    [[nodiscard]] uint32_t number() const { return unit->imm; }
    [[nodiscard]] int32_t offset() const { return bpf::offset(head_); }
    [[nodiscard]] uint32_t upper_half() const { return unit[1].imm; }
    [[nodiscard]] bool extends() const { return head_ >> 16 != 0; }
    [[nodiscard]] const Slot* target() const { return unit + 1 + bpf::offset(head_); }
    [[nodiscard]] const Slot* far_target() const { return unit + 1 + static_cast<int32_t>(unit->imm); }

    const Slot* unit;

private:
    uint32_t head_;
};

template <class Host> limpet_status run(limpet_bpf_vm& state, const Host& host) {
    return execute<Place>(&state, &host, nullptr);
}

} // namespace limpet::bpf_goto
