#include "packed_view.h"

#include "../interp/bpf/run.h"

#include <span>
#include <utility>

namespace limpet {

namespace {

PackedView* current = nullptr; ///< limpet_host_call brings nothing else that leads to it

} // namespace

bool runs_packed(const Backend& backend) { return backend.name.starts_with("bpf-packed"); }

limpet_status pack_program(Guest& guest) {
    guest.packed.reset();
    const limpet_status status = bpf::prepare(guest.bpf, guest.bpf_host);
    if (status != LIMPET_RETURN) return status;
    const std::span code(guest.host.code, guest.vm.window.code_size);
    guest.packed = std::make_shared<const bpf::PackedProgram>(bpf::pack(code));
    return status;
}

PackedView::PackedView(Guest& guest, bool packed, uint32_t entry)
    : guest_(guest), program_(packed ? guest.packed.get() : nullptr), entry_(entry), packed_entry_(entry) {
    if (program_ == nullptr) return;
    packed_entry_ = to_packed(entry);
    enter();
}

/// What is not an instruction becomes an address behind the end, where there is none either.
uint32_t PackedView::to_packed(uint32_t pc) const {
    const limpet_windows& window = guest_.vm.window;
    const uint32_t at = pc - window.code_start;
    const uint32_t slot = at / bpf::kSlotBytes;
    if (at % bpf::kSlotBytes == 0 && slot + 1 < program_->starts.size() &&
        program_->slot_of(program_->starts[slot]) == slot)
        return window.code_start + program_->starts[slot];
    return window.code_start + static_cast<uint32_t>(program_->code.size());
}

void PackedView::enter() {
    limpet_vm& vm = guest_.vm;
    pc_ = vm.pc;
    packed_pc_ = vm.pc = to_packed(vm.pc);
    code_size_ = std::exchange(vm.window.code_size, static_cast<uint32_t>(program_->code.size()));
    code_ = std::exchange(guest_.host.code, program_->code.data());
    call_ = guest_.host.call;
    if (call_ != nullptr) guest_.host.call = host_call;
    outer_ = std::exchange(current, this);
}

void PackedView::leave() {
    if (program_ == nullptr) return;
    limpet_vm& vm = guest_.vm;
    if (vm.pc == packed_entry_ && vm.status == LIMPET_FETCH)
        vm.pc = vm.trap_address = entry_;
    else if (vm.pc == packed_pc_)
        vm.pc = pc_;
    else if (const auto slot = program_->slot_of(vm.pc - vm.window.code_start))
        vm.pc = vm.window.code_start + *slot * bpf::kSlotBytes;
    vm.window.code_size = code_size_;
    guest_.host.code = code_;
    guest_.host.call = call_;
    current = outer_;
}

limpet_status PackedView::host_call(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t id, uint32_t* args) {
    PackedView& view = *current;
    view.leave();
    Guest& guest = view.guest_;
    const limpet_status status = guest.host.call(&guest.vm, &guest.host, id, args);
    view.enter();
    return status;
}

} // namespace limpet
