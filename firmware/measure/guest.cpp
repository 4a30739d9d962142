#include "guest.h"

#include "host_call.h"
#include "timed_call.h"

/// Made by guests.cmake.
struct NamedGuest {
    const char* name;
    const measure::GuestImage* image;
};
extern "C" const NamedGuest guest_table[];
extern "C" const NamedGuest guest_table_end[];

namespace measure {
namespace {

bool same(const char* a, const char* b) {
    while (*a != 0 && *a == *b) ++a, ++b;
    return *a == *b;
}

constexpr uint32_t kBlockBytes = 6 * 1024;
alignas(4) uint8_t block[kBlockBytes];
constexpr uint32_t kPreparedBytes = 7 * 1024;
alignas(4) uint8_t prepared[kPreparedBytes];

/// Copies and returns the end of what was copied.
const uint8_t* copy(uint8_t* to, const uint8_t* from, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) to[i] = from[i];
    return from + bytes;
}

} // namespace

const GuestImage& guest_image(const char* name) {
    for (const NamedGuest* guest = guest_table; guest != guest_table_end; ++guest)
        if (same(guest->name, name)) return *guest->image;
    __builtin_trap();
}

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

limpet_status Machine::call(uint32_t entry, uint32_t fuel, bool timing) {
    return timing ? timed(limpet_call, &vm, &host, entry, fuel) : limpet_call(&vm, &host, entry, fuel);
}

} // namespace measure
