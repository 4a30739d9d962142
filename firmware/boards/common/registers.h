/// \file
/// Peripheral registers.
#pragma once

#include <stdint.h>

namespace board {

/// The register at an address.
inline volatile uint32_t& reg(uint32_t address) { return *reinterpret_cast<volatile uint32_t*>(address); }

/// Waits until any of `bits` is set.
inline void wait_for(uint32_t address, uint32_t bits) {
    while ((reg(address) & bits) == 0) {
    }
}

} // namespace board
