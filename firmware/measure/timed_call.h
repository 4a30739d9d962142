/// \file
/// Calls inside the region that the cycle counters see.
#pragma once

#include <stdint.h>

extern "C" {
/// function(a, b, c, d). On a Cortex-M: timed_call.S; a board that is none has its own.
uint32_t timed_call(uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t function);

/// Ticks of the last timed_call by the board's own clock, among them timed_overhead() of the reading itself.
extern uint32_t timed_ticks;
uint32_t timed_overhead();
}

namespace measure {

/// function(arguments...), timed: at most four arguments of one word each, and a word as the result.
template <class Result, class... Parameters, class... Arguments>
Result timed(Result (*function)(Parameters...), Arguments... arguments) {
    static_assert(sizeof...(Arguments) <= 4 && sizeof...(Arguments) == sizeof...(Parameters));
    uintptr_t words[4] = {};
    unsigned i = 0;
    ((words[i++] = (uintptr_t) static_cast<Parameters>(arguments)), ...); // a number or a pointer, hence the C cast
    return static_cast<Result>(
        timed_call(words[0], words[1], words[2], words[3], reinterpret_cast<uintptr_t>(function)));
}

} // namespace measure
