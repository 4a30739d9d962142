/// \file
/// One backend of the registry, for every isa. Compiled once per line of backends.cmake, which sets the
/// LIMPET_BACKEND_ definitions.
#include LIMPET_BACKEND_HEADER
#include "../interp/rv32/run.h"
#include "preparation.h"
#include "registrations.h"

namespace limpet::LIMPET_BACKEND_NAMESPACE {

namespace {

/// A backend that is C++ and runs in this process.
template <rv32::Isa profile> class InProcess : public Backend {
public:
    InProcess(const char* its_isa_name, bool exact) : Backend(LIMPET_BACKEND_NAME, its_isa_name, profile, exact) {}

    limpet_status prepare(Guest& guest) const override {
        guest.provide_prepared(Preparation<profile>::size(guest.vm, guest.host));
        return limpet::prepare<Preparation<profile>>(guest.vm, guest.host);
    }
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override {
        return corrected(guest, rv32::call<profile, run<profile, MappedHost>>(guest.vm, guest.host, entry, fuel));
    }
    limpet_status resume(Guest& guest, uint32_t fuel) const override {
        return corrected(guest, rv32::resume<run<profile, MappedHost>>(guest.vm, guest.host, fuel));
    }

private:
    /// Backends know where the code window ends, not that a PC's may have gaps. Gaps are filled with the guard's
    /// pattern, so a guest that runs into one stops at once, but as if it had met an illegal instruction.
    static limpet_status corrected(Guest& guest, limpet_status status) {
        const bool gaps = guest.host.executable_count != 0;
        if (status != LIMPET_ILLEGAL || !gaps || guest.can_fetch(guest.vm.pc, profile.compressed)) return status;
        guest.vm.status = LIMPET_FETCH;
        return LIMPET_FETCH;
    }
};

} // namespace

void add_to(BackendList& list, bool counts_exactly) {
    for_each_isa([&]<rv32::Isa isa>(const char* isa_name) {
        list.push_back(std::make_unique<InProcess<isa>>(isa_name, counts_exactly));
    });
}

} // namespace limpet::LIMPET_BACKEND_NAMESPACE
