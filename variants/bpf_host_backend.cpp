/// \file
/// One eBPF backend of the registry. Compiled once per line of backends.cmake, which sets the three LIMPET_BACKEND_
/// definitions.
#include LIMPET_BACKEND_HEADER
#include "bpf_preparation.h"
#include "registrations.h"

namespace limpet::LIMPET_BACKEND_NAMESPACE {

namespace {

class InProcess : public Backend {
public:
    InProcess(const char* its_isa_name, bool exact) : Backend(LIMPET_BACKEND_NAME, its_isa_name, exact) {}

    limpet_status prepare(Guest& guest) const override {
        guest.provide_prepared(Preparation::size(guest.vm, guest.bpf_host));
        return prepare_bpf<Preparation>(guest.bpf, guest.bpf_host);
    }
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override {
        return bpf::call<run<MappedBpfHost>>(guest.bpf, guest.bpf_host, entry, fuel);
    }
    limpet_status resume(Guest& guest, uint32_t fuel) const override {
        return bpf::resume<run<MappedBpfHost>>(guest.bpf, guest.bpf_host, fuel);
    }
};

} // namespace

void add_to(BackendList& list, const char* isa, bool counts_exactly) {
    list.push_back(std::make_unique<InProcess>(isa, counts_exactly));
}

} // namespace limpet::LIMPET_BACKEND_NAMESPACE
