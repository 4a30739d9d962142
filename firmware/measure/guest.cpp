#include "guest.h"

#include "../sdk/host_calls.h"
#include "timed_call.h"

namespace measure {
namespace {

constexpr uint32_t kBlockBytes = 6 * 1024;
alignas(4) uint8_t block[kBlockBytes];

/// Copies and returns the end of what was copied.
const uint8_t* copy(uint8_t* to, const uint8_t* from, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) to[i] = from[i];
    return from + bytes;
}

} // namespace

limpet_status Machine::load(const GuestImage& image, bool timing) {
    const limpet_windows& windows = image.windows;
    uint8_t* const code = block + windows.code_start;
    uint8_t* const guard = code + windows.code_size;
    if (guard + LIMPET_GUARD_BYTES > block + kBlockBytes) return LIMPET_REFUSED;
    for (uint8_t& byte : block) byte = 0;
    const uint8_t* from = copy(block + image.read_only_start, image.bytes, image.read_only_bytes);
    from = copy(block + image.stack_top, from, image.data_bytes);
    copy(code, from, windows.code_size);
    for (uint32_t i = 0; i < LIMPET_GUARD_BYTES; i += 2) {
        guard[i] = LIMPET_GUARD & 0xff;
        guard[i + 1] = LIMPET_GUARD >> 8;
    }
    host = {.data = block, .code = code, .call = measure_host_call, .stack_top = image.stack_top};
    limpet_init(&vm, &windows);
    return timing ? timed(limpet_prepare, &vm, &host) : limpet_prepare(&vm, &host);
}

limpet_status Machine::call(uint32_t entry, uint32_t fuel, bool timing) {
    return timing ? timed(limpet_call, &vm, &host, entry, fuel) : limpet_call(&vm, &host, entry, fuel);
}

} // namespace measure

extern "C" limpet_status measure_host_call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    switch (id) {
    case HOST_CALL_SPI_TRANSFER: {
        const uint32_t start = args[0];
        const uint32_t bytes = args[1];
        const uint32_t writable_bytes = vm->window.data_size - vm->window.writable_start;
        const uint32_t offset = start - vm->window.writable_start;
        if (bytes == 0 || offset >= writable_bytes || writable_bytes - offset < bytes) return LIMPET_HOST_CALL;
        host_spi_transfer(host->data + start, bytes);
        return LIMPET_RETURN;
    }
    case HOST_CALL_READ_CLOCK: args[0] = host_read_clock(); return LIMPET_RETURN;
    case HOST_CALL_REPORT: host_report(args[0], args[1], args[2]); return LIMPET_RETURN;
    default: return LIMPET_HOST_CALL;
    }
}
