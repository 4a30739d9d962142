/// \file
/// Reads a word from an odd address: an emulated part on which this does not fault would prove nothing about hostile
/// guests.
#include "console.h"
#include "timed_call.h"

namespace {

alignas(4) uint8_t bytes[8];

uint32_t load_misaligned(uint32_t offset) {
    uint32_t value;
    asm volatile("ldr %[value], [%[at]]" : [value] "=l"(value) : [at] "l"(bytes + offset) : "memory");
    return value;
}

} // namespace

int app_main() {
    measure::timed(load_misaligned, 1U);
    measure::print("a misaligned load passed\n");
    return 0;
}
