/// \file
/// The C interface of limpet.h, carried out by the one backend that the build chose (backends.cmake).
#include LIMPET_BACKEND_HEADER

namespace {

constexpr limpet::rv32::Isa kIsa = limpet::rv32::isa::LIMPET_ISA_NAME;
constexpr auto kLoop = limpet::LIMPET_BACKEND_NAMESPACE::run<kIsa, limpet_host>;

} // namespace

extern "C" void limpet_init(limpet_vm* vm, const limpet_windows* windows) { limpet::rv32::init(*vm, *windows); }

extern "C" limpet_status limpet_prepare(limpet_vm* vm, const limpet_host* host) {
    return limpet::rv32::well_formed(*vm, *host) ? LIMPET_RETURN : LIMPET_REFUSED;
}

extern "C" limpet_status limpet_call(limpet_vm* vm, const limpet_host* host, uint32_t entry, uint32_t fuel) {
    const limpet_status status = limpet::rv32::enter<kIsa>(*vm, *host, entry);
    return status == LIMPET_FUEL ? limpet_resume(vm, host, fuel) : status;
}

extern "C" limpet_status limpet_resume(limpet_vm* vm, const limpet_host* host, uint32_t fuel) {
    return limpet::rv32::resume<kLoop>(*vm, *host, fuel);
}
