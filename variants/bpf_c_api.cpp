/// \file
/// The C interface of limpet_bpf.h, carried out by the one backend that the build chose (backends.cmake).
#include LIMPET_BACKEND_HEADER
#include "bpf_preparation.h"

namespace limpet::LIMPET_BACKEND_NAMESPACE {

static constexpr auto kLoop = run<limpet_bpf_host>;
using ItsPreparation = Preparation;

} // namespace limpet::LIMPET_BACKEND_NAMESPACE

using namespace limpet::LIMPET_BACKEND_NAMESPACE;

extern "C" void limpet_bpf_init(limpet_bpf_vm* vm, const limpet_windows* windows) { limpet::bpf::init(*vm, *windows); }

extern "C" limpet_status limpet_bpf_prepare(limpet_bpf_vm* vm, const limpet_bpf_host* host) {
    return limpet::prepare_bpf<ItsPreparation>(*vm, *host);
}

extern "C" uint32_t limpet_bpf_prepared_size(const limpet_bpf_vm* vm, const limpet_bpf_host* host) {
    return ItsPreparation::size(vm->as.vm, *host);
}

extern "C" limpet_status limpet_bpf_call(limpet_bpf_vm* vm, const limpet_bpf_host* host, uint32_t entry,
                                         uint32_t fuel) {
    const limpet_status status = limpet::bpf::enter<ItsPreparation>(*vm, *host, entry);
    return status == LIMPET_FUEL ? limpet_bpf_resume(vm, host, fuel) : status;
}

extern "C" limpet_status limpet_bpf_resume(limpet_bpf_vm* vm, const limpet_bpf_host* host, uint32_t fuel) {
    return limpet::bpf::resume<kLoop>(*vm, *host, fuel);
}
