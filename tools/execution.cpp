#include "execution.h"

#include "../interp/bpf/fault.h"
#include "../interp/bpf/fields.h"
#include "../interp/image/dense.h"
#include "options.h"

#include <algorithm>
#include <fmt/format.h>

namespace limpet {

const char* end_name(limpet_status status) {
    switch (status) {
    case LIMPET_RETURN: return "return";
    case LIMPET_ILLEGAL: return "illegal";
    case LIMPET_LOAD: return "load";
    case LIMPET_STORE: return "store";
    case LIMPET_FETCH: return "fetch";
    case LIMPET_BREAKPOINT: return "breakpoint";
    case LIMPET_HOST_CALL: return "host-call";
    case LIMPET_FUEL: return "fuel";
    case LIMPET_ECALL: return "ecall";
    default: throw std::runtime_error("a run ended in a way that there is not");
    }
}

/// The instruction that trapped, as digits.
static std::string trapped_instruction(const Guest& guest, const Backend& backend) {
    if (backend.isa.dense) {
        const uint32_t at = (guest.vm.pc & ~rv32::dense::kDenseSecond) - guest.vm.window.code_start;
        std::string bytes;
        if (at < guest.code().size())
            for (const uint8_t byte : guest.code().subspan(at, read_dense(guest.code().subspan(at)).size))
                bytes += fmt::format("{:02x}", byte);
        return bytes.empty() ? "0" : bytes;
    }
    if (!backend.bpf) return fmt::format("{:08x}", guest.instruction_at(guest.vm.pc, backend.isa.compressed));
    const size_t slot = (guest.vm.pc - guest.vm.window.code_start) / bpf::kSlotBytes;
    return fmt::format("{:016x}", bpf::slot_at(guest.code(), slot));
}

void print_trap(const Guest& guest, const Backend& backend, limpet_status status, const std::string& refusal,
                std::FILE* out) {
    const bool refused = status == LIMPET_HOST_CALL && !refusal.empty();
    // An image's code ends far below the bit that tells the second instruction of a code.
    const bool second = backend.isa.dense && guest.vm.pc >= rv32::dense::kDenseSecond;
    fmt::print(out, "trap={} pc={:08x} insn={}{}{}{}\n", end_name(status),
               second ? guest.vm.pc - rv32::dense::kDenseSecond : guest.vm.pc, trapped_instruction(guest, backend),
               second ? " (its second)" : "", refused ? " " : "", refused ? refusal : "");
}

std::string why_refused(const Guest& guest, const Backend& backend) {
    if (const auto fault = backend.bpf ? bpf::find_fault(guest.code()) : std::nullopt)
        return bpf::describe(*fault, guest.code());
    return backend.name + " cannot run it";
}

Execution::Execution(const Backend& its_backend, Guest& its_guest, uint64_t fuel)
    : backend(its_backend), guest(its_guest), reference_(choose_backend(its_backend.isa_name, "")), fuel_(fuel),
      budget_(fuel) {}

limpet_status Execution::call(uint32_t entry) {
    const uint32_t first = slice();
    const limpet_status status = spend(first, backend.call(guest, entry, first));
    return status == LIMPET_FUEL && !exhausted() ? resume() : status;
}

limpet_status Execution::resume() {
    limpet_status status;
    do {
        const uint32_t next = slice();
        status = spend(next, backend.resume(guest, next));
    } while (status == LIMPET_FUEL && !exhausted());
    return status;
}

limpet_status Execution::step() {
    const limpet_status status = reference_.resume(guest, 1);
    return exhausted() ? status : spend(1, status);
}

uint32_t Execution::slice() const { return static_cast<uint32_t>(std::min<uint64_t>(fuel_, LIMPET_FUEL_MAX)); }

/// Charges what a run with a budget of `slice` used. A backend that charges by blocks may end with a count that has
/// gone below zero.
limpet_status Execution::spend(uint32_t slice, limpet_status status) {
    const bool all = status == LIMPET_FUEL || guest.vm.fuel > slice;
    fuel_ -= all ? slice : slice - guest.vm.fuel;
    return status;
}

TohostWatch::TohostWatch(Guest& guest, uint32_t address) : guest_(guest), address_(address) {
    const uint32_t offset = offset_of(guest.host, address);
    if (!storable(guest.vm, guest.host, offset, sizeof(uint32_t))) return;
    own_ = rights();
    read_only_.assign(own_.read_only, own_.read_only + own_.read_only_count);
    // Without a list, all below writable_start is read-only.
    if (read_only_.empty() && own_.writable_start != 0) read_only_.push_back({guest.host.base, own_.writable_start});
    read_only_.push_back({address, sizeof(uint32_t)});
    watching_ = true;
    const uint32_t end = offset + static_cast<uint32_t>(sizeof(uint32_t));
    set_rights({std::max(own_.writable_start, end), read_only_.data(), static_cast<uint32_t>(read_only_.size())});
}

limpet_status TohostWatch::after_store_trap(Execution& execution) {
    if (!watching_) return LIMPET_STORE;
    const Rights watched = rights();
    set_rights(own_);
    guest_.vm.status = LIMPET_FUEL;
    const limpet_status status = execution.step();
    set_rights(watched);
    fired_ = status != LIMPET_STORE && value() != 0;
    return status;
}

uint32_t TohostWatch::value() const {
    uint32_t word = 0;
    load_bytes(guest_.vm, guest_.host, address_, sizeof word, word);
    return word;
}

TohostWatch::Rights TohostWatch::rights() const {
    return {guest_.vm.window.writable_start, guest_.host.read_only, guest_.host.read_only_count};
}

void TohostWatch::set_rights(const Rights& rights) {
    guest_.vm.window.writable_start = rights.writable_start;
    guest_.host.read_only = rights.read_only;
    guest_.host.read_only_count = rights.read_only_count;
}

} // namespace limpet
