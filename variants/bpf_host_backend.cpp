/// \file
/// One eBPF backend of the registry. Compiled once per line of backends.cmake, which sets the three LIMPET_BACKEND_
/// definitions.
#include LIMPET_BACKEND_HEADER
#include "bpf_preparation.h"
#include "packed_view.h"
#include "registrations.h"

namespace limpet::LIMPET_BACKEND_NAMESPACE {

namespace {

class InProcess : public Backend {
public:
    InProcess(const char* its_isa_name, bool exact) : Backend(LIMPET_BACKEND_NAME, its_isa_name, exact) {}

    limpet_status prepare(Guest& guest) const override {
        if (const limpet_status status = pack(guest); status != LIMPET_RETURN) return status;
        PackedView view(guest, kPacked);
        guest.provide_prepared(Preparation::size(guest.vm, guest.bpf_host));
        return view.ended(prepare_bpf<Preparation>(guest.bpf, guest.bpf_host));
    }
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override {
        PackedView view(guest, kPacked, entry);
        return view.ended(bpf::call<run<MappedBpfHost>, Preparation>(guest.bpf, guest.bpf_host, view.entry(), fuel));
    }
    limpet_status resume(Guest& guest, uint32_t fuel) const override {
        PackedView view(guest, kPacked);
        return view.ended(bpf::resume<run<MappedBpfHost>>(guest.bpf, guest.bpf_host, fuel));
    }

private:
    static constexpr bool kPacked = RunsPackedCode<Preparation>;

    static limpet_status pack(Guest& guest) { return kPacked ? pack_program(guest) : LIMPET_RETURN; }
};

} // namespace

void add_to(BackendList& list, const char* isa, bool counts_exactly) {
    list.push_back(std::make_unique<InProcess>(isa, counts_exactly));
}

} // namespace limpet::LIMPET_BACKEND_NAMESPACE
