/// \file
/// The same as flash.cpp for the eBPF backends.
#include "../boards/board.h"
#include "limpet_bpf.h"

// Neither static nor constant: the compiler must not know what is in them.
uint8_t block[64];
limpet_bpf_vm vm;
limpet_windows windows;
limpet_bpf_frame frames[8];
limpet_bpf_host host = {
    .memory = {.data = block, .code = block, .call = nullptr, .stack_top = 0, .prepared = block, .prepared_size = 0},
    .frames = frames,
    .frame_count = 8,
    .frame_bytes = 64};
uint32_t entry;
uint32_t fuel;

int app_main() {
    limpet_bpf_init(&vm, &windows);
    host.memory.prepared_size = limpet_bpf_prepared_size(&vm, &host);
    limpet_status status = limpet_bpf_prepare(&vm, &host);
    if (status == LIMPET_RETURN) status = limpet_bpf_call(&vm, &host, entry, fuel);
    while (status == LIMPET_FUEL) status = limpet_bpf_resume(&vm, &host, fuel);
    return status;
}
