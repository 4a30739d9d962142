/// \file
/// Guests that are built into the image, and the memory that one of them runs in.
#pragma once

#include "limpet.h"

namespace measure {

/// A guest as the build lays it into flash (section .limpet of guest.ld, then the bytes).
struct GuestImage {
    limpet_windows windows;
    uint32_t stack_top;
    uint32_t read_only_start;
    uint32_t read_only_bytes;
    uint32_t data_bytes;
    uint32_t entry;
    uint8_t bytes[]; ///< read-only data, initialised data, code
};

/// The guest of that name; the image was not built right if there is none, and it stops.
const GuestImage& guest_image(const char* name);

/// A guest in the one block of RAM that guests run in.
class Machine {
public:
    /// Places the image into the block and prepares it. `timing`: limpet_prepare is a region.
    limpet_status load(const GuestImage& image, bool timing);

    /// limpet_call with the arguments in vm.x[10..15]. `timing`: it is a region.
    limpet_status call(uint32_t entry, uint32_t fuel, bool timing);

    limpet_vm vm;
    limpet_host host;
};

} // namespace measure
