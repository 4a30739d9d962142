/// \file
/// A Linux process as a board: the same application with the PC's code. Its ticks are nanoseconds of a busy PC, so they
/// say nothing about a backend; what it shows is that results are right and hostile guests contained.
#include "../board.h"

#include "../../measure/timed_call.h"

#include <stdio.h>
#include <time.h>

namespace {

constexpr uint32_t kNanosecondsPerSecond = 1'000'000'000;
constexpr uint32_t kTicksMask = 0xffffff; // as many bits as SysTick has

uint32_t now() {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint32_t>(time.tv_sec) * kNanosecondsPerSecond + static_cast<uint32_t>(time.tv_nsec);
}

} // namespace

const char* const board::name = "linux";
const uint32_t board::clock_hz = kNanosecondsPerSecond;
const uint32_t board::chip_id_words = 0;
uint32_t board::chip_id(uint32_t /*word*/) { return 0; }
void board::print(const char* text) { fputs(text, stdout); }

extern "C" {
uint32_t timed_ticks;

uint32_t timed_overhead() {
    const uint32_t start = now();
    return (now() - start) & kTicksMask;
}

uint32_t timed_call(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t function) {
    using Function = uint32_t (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t);
    const auto called = reinterpret_cast<Function>(function);
    const uint32_t start = now();
    const uint32_t result = called(a, b, c, d);
    timed_ticks = (now() - start) & kTicksMask;
    return result;
}
}

int main() { return app_main(); }
