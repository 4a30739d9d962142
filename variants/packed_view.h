/// \file
/// Guests of slots on a backend that runs packed code (interp/bpf/packed.h), on a PC: so that everything there is runs
/// on bpf-packed, too, and is told addresses of slots.
#pragma once

#include "registry.h"

namespace limpet {

/// Does a backend run packed code?
[[nodiscard]] bool runs_packed(const Backend& backend);

/// Verifies the guest's program, as limpet_bpf_prepare does, and packs it.
limpet_status pack_program(Guest& guest);

/// While it is not left, a guest is as the backend's library has it: its code is what pack_program() made of it, and
/// code addresses are those of packed code. In host calls the guest is as it was. Has no destructor, because they may
/// be left by longjmp.
class PackedView {
public:
    /// packed: false for backends that run slots; then a view changes nothing.
    PackedView(Guest& guest, bool packed, uint32_t entry = 0);

    /// What the entry is in packed code.
    [[nodiscard]] uint32_t entry() const { return packed_entry_; }

    void leave();
    /// leave() behind what a library returned.
    limpet_status ended(limpet_status status) {
        leave();
        return status;
    }

private:
    static limpet_status host_call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args);
    void enter();
    [[nodiscard]] uint32_t to_packed(uint32_t pc) const;

    Guest& guest_;
    const bpf::PackedProgram* program_; ///< nullptr: nothing changes
    uint32_t entry_;
    uint32_t packed_entry_;
    uint32_t pc_ = 0; ///< of the guest, when the view was entered
    uint32_t packed_pc_ = 0;
    uint32_t code_size_ = 0;
    const uint8_t* code_ = nullptr;
    limpet_host_call* call_ = nullptr;
    PackedView* outer_ = nullptr; ///< the view that was entered before
};

} // namespace limpet
