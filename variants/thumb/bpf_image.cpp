/// \file
/// The start of an image that holds one eBPF library: where its functions are, for the emulator to call.
#include "../../interp/limpet_bpf.h"

namespace {

using Function = void (*)();

} // namespace

/// The order is that of Machine::Function.
extern "C" __attribute__((section(".table"), used)) const Function limpet_image_table[] = {
    reinterpret_cast<Function>(limpet_bpf_init), reinterpret_cast<Function>(limpet_bpf_prepare),
    reinterpret_cast<Function>(limpet_bpf_call), reinterpret_cast<Function>(limpet_bpf_resume),
    reinterpret_cast<Function>(limpet_bpf_prepared_size)};
