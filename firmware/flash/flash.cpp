/// \file
/// What a backend costs in flash is the difference between two images of this program: one linked with the backend,
/// one with the empty functions of stubs.cpp. It calls init, prepare, call and resume, without host calls, and asks for
/// the size of prepared code.
#include "../boards/board.h"
#include "limpet.h"

// Neither static nor constant: the compiler must not know what is in them.
uint8_t block[64];
limpet_vm vm;
limpet_windows windows;
limpet_host host = {
    .data = block, .code = block, .call = nullptr, .stack_top = 0, .prepared = block, .prepared_size = 0};
uint32_t entry;
uint32_t fuel;

int app_main() {
    limpet_init(&vm, &windows);
    host.prepared_size = limpet_prepared_size(&vm, &host);
    limpet_status status = limpet_prepare(&vm, &host);
    if (status == LIMPET_RETURN) status = limpet_call(&vm, &host, entry, fuel);
    while (status == LIMPET_FUEL) status = limpet_resume(&vm, &host, fuel);
    return status;
}
