/// \file
/// An eBPF backend that is nothing.
#include "limpet_bpf.h"

extern "C" {
void limpet_bpf_init(limpet_bpf_vm* /*vm*/, const limpet_windows* /*windows*/) {}
uint32_t limpet_bpf_prepared_size(const limpet_bpf_vm* /*vm*/, const limpet_bpf_host* /*host*/) { return 0; }
limpet_status limpet_bpf_prepare(limpet_bpf_vm* /*vm*/, const limpet_bpf_host* /*host*/) { return LIMPET_RETURN; }
limpet_status limpet_bpf_call(limpet_bpf_vm* /*vm*/, const limpet_bpf_host* /*host*/, uint32_t /*entry*/,
                              uint32_t /*fuel*/) {
    return LIMPET_RETURN;
}
limpet_status limpet_bpf_resume(limpet_bpf_vm* /*vm*/, const limpet_bpf_host* /*host*/, uint32_t /*fuel*/) {
    return LIMPET_RETURN;
}
}
