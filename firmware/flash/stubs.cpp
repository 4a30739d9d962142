/// \file
/// A backend that is nothing.
#include "limpet.h"

extern "C" {
void limpet_init(limpet_vm* /*vm*/, const limpet_windows* /*windows*/) {}
uint32_t limpet_prepared_size(const limpet_vm* /*vm*/, const limpet_host* /*host*/) { return 0; }
limpet_status limpet_prepare(limpet_vm* /*vm*/, const limpet_host* /*host*/) { return LIMPET_RETURN; }
limpet_status limpet_call(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t /*entry*/, uint32_t /*fuel*/) {
    return LIMPET_RETURN;
}
limpet_status limpet_resume(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t /*fuel*/) { return LIMPET_RETURN; }
}
