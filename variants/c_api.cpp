/// \file
/// The C interface of limpet.h, carried out by the one backend that the build chose (backends.cmake).
#include LIMPET_BACKEND_HEADER
#include "preparation.h"

namespace limpet::LIMPET_BACKEND_NAMESPACE {

static constexpr rv32::Isa kIsa = rv32::isa::LIMPET_ISA_NAME;
static constexpr auto kLoop = run<kIsa, limpet_host>;
using ItsPreparation = Preparation<kIsa>;

} // namespace limpet::LIMPET_BACKEND_NAMESPACE

using namespace limpet::LIMPET_BACKEND_NAMESPACE;

extern "C" void limpet_init(limpet_vm* vm, const limpet_windows* windows) { limpet::rv32::init(*vm, *windows); }

extern "C" limpet_status limpet_prepare(limpet_vm* vm, const limpet_host* host) {
    return limpet::prepare<ItsPreparation>(*vm, *host);
}

extern "C" uint32_t limpet_prepared_size(const limpet_vm* vm, const limpet_host* host) {
    return ItsPreparation::size(*vm, *host);
}

extern "C" uint32_t limpet_prepared_kept(const limpet_vm* vm, const limpet_host* host) {
    return ItsPreparation::kept(*vm, *host);
}

extern "C" const uint8_t limpet_needs_code = ItsPreparation::kNeedsCode ? 1 : 0;

extern "C" limpet_status limpet_call(limpet_vm* vm, const limpet_host* host, uint32_t entry, uint32_t fuel) {
    const limpet_status status = limpet::rv32::enter<kIsa>(*vm, *host, entry);
    return status == LIMPET_FUEL ? limpet_resume(vm, host, fuel) : status;
}

extern "C" limpet_status limpet_resume(limpet_vm* vm, const limpet_host* host, uint32_t fuel) {
    return limpet::rv32::resume<kLoop>(*vm, *host, fuel);
}
