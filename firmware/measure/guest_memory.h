/// \file
/// What the two kinds of guests share of being loaded.
#pragma once

#include "guest.h"

namespace measure {

/// Copies and returns the end of what was copied.
inline const uint8_t* copy(uint8_t* to, const uint8_t* from, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; ++i) to[i] = from[i];
    return from + bytes;
}

/// Clears `block` and places an image's data there. Returns where in the image its code is.
inline const uint8_t* place_data(const GuestImage& image, uint8_t* block, uint32_t block_bytes) {
    for (uint32_t i = 0; i < block_bytes; ++i) block[i] = 0;
    const uint8_t* from = copy(block + image.read_only_start, image.bytes, image.read_only_bytes);
    return copy(block + image.stack_top, from, image.data_bytes);
}

} // namespace measure
