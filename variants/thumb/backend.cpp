#include "backend.h"

#include "../packed_view.h"
#include "registrations.h"

#include <algorithm>
#include <cstdlib>

namespace limpet {

namespace thumb {

std::string image_directory() {
    const char* other = std::getenv("LIMPET_THUMB_IMAGES");
    return other == nullptr ? kThumbImages : other;
}

namespace {

std::string image_name(std::string backend, const std::string& isa) {
    std::ranges::replace(backend, '/', '-');
    return "thumb-" + backend + "-" + isa + ".bin";
}

/// What limpet_host cannot say of a guest is left to this one.
const Backend& reference(const std::string& isa_name) {
    for (const auto& list : {backends(), bpf_backends()}) {
        const auto found = std::ranges::find(list, isa_name, [](const auto& backend) { return backend->isa_name; });
        if (found != list.end() && !(*found)->emulated) return **found;
    }
    throw std::logic_error("no reference for " + isa_name);
}

/// Runs the reference from where `forbidden` says that the guest was, to the trap that it must come to.
limpet_status trap(Guest& guest, const Forbidden& forbidden, const std::string& isa_name) {
    const Backend& backend = reference(isa_name);
    const limpet_status status = forbidden.entry ? backend.call(guest, *forbidden.entry, LIMPET_FUEL_MAX)
                                                 : backend.resume(guest, LIMPET_FUEL_MAX);
    if (status == LIMPET_RETURN || status == LIMPET_ECALL || status == LIMPET_FUEL)
        throw std::logic_error(forbidden.image_path + ": stopped at what the reference does not trap");
    const uint32_t executed = LIMPET_FUEL_MAX - guest.vm.fuel;
    guest.vm.fuel = forbidden.fuel > executed ? forbidden.fuel - executed : 0;
    return status;
}

} // namespace

ThumbBackend::ThumbBackend(std::string its_name, std::string its_isa_name, rv32::Isa its_isa, bool exact)
    : Backend(std::move(its_name), std::move(its_isa_name), its_isa, exact, true),
      image_name_(image_name(name, isa_name)) {}

ThumbBackend::ThumbBackend(std::string its_name, std::string its_isa_name, bool exact)
    : Backend(std::move(its_name), std::move(its_isa_name), exact, true), image_name_(image_name(name, isa_name)) {}

ThumbBackend::ThumbBackend(const Backend& like)
    : Backend(like, like.emulated ? like.name : like.name + "@thumb", true),
      image_name_(image_name(like.name, like.isa_name)) {}

Machine& ThumbBackend::machine() const {
    using Kind = Machine::Kind;
    const Kind kind = bpf ? Kind::kBpf : isa.compressed ? Kind::kCompressed : Kind::kPlain;
    if (!machine_) machine_ = std::make_unique<Machine>(image_directory() + "/" + image_name_, kind);
    return *machine_;
}

limpet_status ThumbBackend::prepare(Guest& guest) const {
    const bool packed = runs_packed(*this);
    if (packed)
        if (const limpet_status status = pack_program(guest); status != LIMPET_RETURN) return status;
    PackedView view(guest, packed);
    return view.ended(machine().prepare(guest));
}

limpet_status ThumbBackend::call(Guest& guest, uint32_t entry, uint32_t fuel) const {
    PackedView view(guest, runs_packed(*this), entry);
    try {
        return view.ended(machine().call(guest, view.entry(), fuel));
    } catch (Forbidden& forbidden) {
        view.leave();
        if (forbidden.entry) forbidden.entry = entry;
        return trap(guest, forbidden, isa_name);
    }
}

limpet_status ThumbBackend::resume(Guest& guest, uint32_t fuel) const {
    PackedView view(guest, runs_packed(*this));
    try {
        return view.ended(machine().resume(guest, fuel));
    } catch (const Forbidden& forbidden) {
        view.leave();
        return trap(guest, forbidden, isa_name);
    }
}

} // namespace thumb

void add_dense_thumb_to(BackendList& list, const std::string& name, bool counts_exactly) {
    for_each_dense_isa([&]<rv32::Isa isa>(const char* isa_name) {
        list.push_back(std::make_unique<thumb::ThumbBackend>(name, isa_name, isa, counts_exactly));
    });
}

void add_thumb_to(BackendList& list, const std::string& name, bool counts_exactly) {
    // A setting of a backend differs in how instructions are carried out, not in which there are: one profile of it.
    const bool is_setting = name.find('/') != std::string::npos;
    for_each_isa([&]<rv32::Isa isa>(const char* isa_name) {
        if (is_setting && isa_name != std::string{"rv32ec"}) return;
        list.push_back(std::make_unique<thumb::ThumbBackend>(name, isa_name, isa, counts_exactly));
    });
}

void add_bpf_thumb_to(BackendList& list, const std::string& name, const std::string& isa_name, bool counts_exactly) {
    list.push_back(std::make_unique<thumb::ThumbBackend>(name, isa_name, counts_exactly));
}

} // namespace limpet
