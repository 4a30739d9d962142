#include "guest_memory.h"
#include "host_call.h"
#include "limpet_bpf.h"
#include "timed_call.h"

namespace measure {
namespace {

constexpr uint32_t kBlockBytes = 3 * 1024;
alignas(8) uint8_t block[kBlockBytes];
constexpr uint32_t kPreparedBytes = 6 * 1024;
alignas(4) uint8_t prepared[kPreparedBytes];
limpet_bpf_frame frames[32]; // recursion of fib

limpet_bpf_vm vm;
limpet_bpf_host host;

/// Code stays in flash: that of addresses `start` up to `end`.
limpet_status load(const GuestImage& image, uint32_t start, uint32_t end, bool timing) {
    limpet_windows windows = image.windows;
    if (windows.data_size > kBlockBytes) return LIMPET_REFUSED;
    const uint8_t* const code = place_data(image, block, kBlockBytes) + (start - windows.code_start);
    windows.code_start = start;
    windows.code_size = end - start;
    host = {.memory = {.data = block,
                       .code = code,
                       .call = measure_host_call,
                       .stack_top = image.stack_top,
                       .prepared = prepared,
                       .prepared_size = 0},
            .frames = frames,
            .frame_count = sizeof(frames) / sizeof(*frames),
            .frame_bytes = image.frame_bytes};
    limpet_bpf_init(&vm, &windows);
    host.memory.prepared_size = limpet_bpf_prepared_size(&vm, &host);
    if (host.memory.prepared_size > kPreparedBytes) return LIMPET_REFUSED;
    return timing ? timed(limpet_bpf_prepare, &vm, &host) : limpet_bpf_prepare(&vm, &host);
}

} // namespace

limpet_status load(const GuestImage& image, bool timing) {
    const uint32_t start = image.windows.code_start;
    return load(image, start, start + image.windows.code_size, timing);
}

limpet_status load_hostile(const GuestImage& image, uint32_t start, uint32_t end) {
    return load(image, start, end, false);
}

limpet_status call(uint32_t entry, uint32_t argument, uint32_t fuel, bool timing) {
    vm.r[2] = argument; // r1
    vm.r[3] = 0;
    return timing ? timed(limpet_bpf_call, &vm, &host, entry, fuel) : limpet_bpf_call(&vm, &host, entry, fuel);
}

limpet_status resume(uint32_t fuel) { return limpet_bpf_resume(&vm, &host, fuel); }

const limpet_vm& state() { return vm.as.vm; }

uint32_t result() { return vm.r[0]; }

uint32_t state_bytes() { return sizeof(vm); }

Memory memory() { return {.prepared = host.memory.prepared_size, .scratch = 0}; }

} // namespace measure
