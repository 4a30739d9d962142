/// \file
/// What the functions of both tables have in common. C++, so that sanitizers see every byte that it touches.
#include "table.h"

test_bus test_buses[TEST_BUSES];
test_record test_last;

extern "C" void test_note(uintptr_t argument) {
    if (test_last.count < 5) test_last.arguments[test_last.count] = argument;
    ++test_last.count;
}

extern "C" void test_read(const void* buffer, uint32_t bytes) {
    test_note(reinterpret_cast<uintptr_t>(buffer));
    for (uint32_t i = 0; i < bytes; ++i) test_last.sum += static_cast<const uint8_t*>(buffer)[i];
}

/// A volatile buffer: the compiler must not make a call of memset out of the loop.
extern "C" void test_write(void* buffer, uint32_t bytes) {
    auto* to = static_cast<volatile uint8_t*>(buffer);
    for (uint32_t i = 0; i < bytes; ++i) to[i] = TEST_FILL;
}

extern "C" uintptr_t limpet_resolve_handle(uint32_t index, uint32_t kind, const limpet_host* /*host*/) {
    if (kind == TEST_KIND_BUS && index < TEST_BUSES) {
        test_buses[index].number = index;
        return reinterpret_cast<uintptr_t>(&test_buses[index]);
    }
    return kind == TEST_KIND_PIN && index < TEST_PINS ? index : LIMPET_NO_HANDLE;
}
