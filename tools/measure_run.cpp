#include "measure_run.h"

#include "../bench/cycles/m0plus_timing.h"

#include <algorithm>
#include <fmt/format.h>

namespace limpet {

namespace {

constexpr uint16_t kBlx = 0x4798; // blx r3, as firmware/measure/timed_call.S calls

} // namespace

void CycleCounter::instruction(uint32_t address, uint16_t first, uint16_t second, uint32_t sp) {
    if (begun_) {
        charge(address);
    } else {
        begun_ = true;
        cycles_ = cycles::timing(kBlx, 0).cycles;
        sp_at_begin_ = sp_lowest_ = sp;
    }
    sp_lowest_ = std::min(sp_lowest_, sp);
    pending_ = true;
    address_ = address;
    halfwords_ = {first, second};
}

/// What returns or calls is no conditional branch, so it does not matter where it went.
void CycleCounter::left(bool returned) {
    charge(0);
    if (returned) begin();
}

/// next: the address of what runs after the pending instruction.
void CycleCounter::charge(uint32_t next) {
    if (!pending_) return;
    pending_ = false;
    const cycles::Timing cost = cycles::timing(halfwords_[0], halfwords_[1]);
    if (cost.cycles == 0 && unknown_.empty())
        unknown_ = fmt::format("no timing for {:04x} at {:08x}", halfwords_[0], address_);
    cycles_ += cycles::executed_cycles(cost, address_, next);
}

uint64_t CycleCounter::cycles() const {
    if (!unknown_.empty()) throw std::runtime_error(unknown_);
    return cycles_;
}

MeasuringBackend::MeasuringBackend(const Backend& reference)
    : Backend(reference, reference.name, false), inner_(reference), library_(nullptr) {}

MeasuringBackend::MeasuringBackend(const thumb::ThumbBackend& library)
    : Backend(library, library.name, true), inner_(library), library_(&library) {
    library_->machine().observe(&counter_);
}

MeasuringBackend::~MeasuringBackend() {
    if (library_ != nullptr) library_->machine().observe(nullptr);
}

limpet_status MeasuringBackend::prepare(Guest& guest) const {
    const limpet_status status = inner_.prepare(guest);
    if (library_ == nullptr) return status;
    prepare_cycles_ = counter_.cycles();
    prepared_bytes_ = library_->machine().prepared_kept(guest);
    return status;
}

limpet_status MeasuringBackend::call(Guest& guest, uint32_t entry, uint32_t fuel) const {
    calls_.push_back({.entry = entry});
    counter_.begin();
    return finish(guest, fuel, inner_.call(guest, entry, fuel));
}

limpet_status MeasuringBackend::resume(Guest& guest, uint32_t fuel) const {
    counter_.begin();
    return finish(guest, fuel, inner_.resume(guest, fuel));
}

/// Adds what this part of the last call took.
limpet_status MeasuringBackend::finish(const Guest& guest, uint32_t fuel, limpet_status status) const {
    MeasuredCall& call = calls_.back();
    call.result = guest.result();
    call.guest_insns += fuel - guest.vm.fuel;
    if (library_ == nullptr) return status;
    call.cycles += counter_.cycles();
    stack_bytes_ = std::max(stack_bytes_, counter_.stack_bytes());
    return status;
}

} // namespace limpet
