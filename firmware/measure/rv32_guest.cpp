#include "guest_memory.h"
#include "host_call.h"
#include "timed_call.h"

namespace measure {
namespace {

constexpr uint32_t kBlockBytes = 4 * 1024;
alignas(4) uint8_t block[kBlockBytes];
constexpr uint32_t kPreparedBytes = 7 * 1024;
alignas(4) uint8_t prepared[kPreparedBytes];

limpet_vm vm;
limpet_host host;

} // namespace

limpet_status load(const GuestImage& image, bool timing) {
    const limpet_windows& windows = image.windows;
    uint8_t* const code = block + windows.code_start;
    uint8_t* const guard = code + windows.code_size;
    if (guard + LIMPET_GUARD_BYTES > block + kBlockBytes) return LIMPET_REFUSED;
    copy(code, place_data(image, block, kBlockBytes), windows.code_size);
    for (uint32_t i = 0; i < LIMPET_GUARD_BYTES; i += 2) {
        guard[i] = LIMPET_GUARD & 0xff;
        guard[i + 1] = LIMPET_GUARD >> 8;
    }
    host = {.data = block,
            .code = code,
            .call = measure_host_call,
            .stack_top = image.stack_top,
            .prepared = prepared,
            .prepared_size = 0};
    limpet_init(&vm, &windows);
    host.prepared_size = limpet_prepared_size(&vm, &host);
    if (host.prepared_size > kPreparedBytes) return LIMPET_REFUSED;
    return timing ? timed(limpet_prepare, &vm, &host) : limpet_prepare(&vm, &host);
}

limpet_status load_hostile(const GuestImage& image, uint32_t /*start*/, uint32_t /*end*/) { return load(image, false); }

limpet_status call(uint32_t entry, uint32_t argument, uint32_t fuel, bool timing) {
    vm.x[10] = argument;
    return timing ? timed(limpet_call, &vm, &host, entry, fuel) : limpet_call(&vm, &host, entry, fuel);
}

limpet_status resume(uint32_t fuel) { return limpet_resume(&vm, &host, fuel); }

const limpet_vm& state() { return vm; }

uint32_t result() { return vm.x[10]; }

uint32_t state_bytes() { return sizeof(vm); }

Memory memory() {
    const uint32_t kept_bytes = limpet_prepared_kept(&vm, &host);
    return {.prepared = kept_bytes, .scratch = host.prepared_size - kept_bytes};
}

} // namespace measure
