/// \file
/// Regions: calls that the cycle counters see and that the board itself times where it can.
#pragma once

#include "console.h"
#include "timed_call.h"

namespace measure {

/// How often each region runs: what the board times by itself is repeated to see the spread.
inline uint32_t repetitions() { return board::clock_hz != 0 ? 3 : 1; }

/// After a region: `ticks NAME WHAT TICKS`, in hexadecimal, where the board times by itself.
inline void print_ticks(const char* name, const char* what) {
    if (board::clock_hz != 0) print("ticks ", name, " ", what, " ", Hex{timed_ticks}, "\n");
}

} // namespace measure
