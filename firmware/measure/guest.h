/// \file
/// Guests that are built into the image, and the one that is loaded, in the block of RAM that all of them run in:
/// rv32_guest.cpp for limpet.h, bpf_guest.cpp for limpet_bpf.h.
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
    uint32_t frame_bytes; ///< of a local call of eBPF
    uint8_t bytes[];      ///< read-only data, initialised data, code
};

/// The guest of that name; the image was not built right if there is none, and it stops.
const GuestImage& guest_image(const char* name);

/// Places the image into the block and prepares it. `timing`: the preparation is a region.
limpet_status load(const GuestImage& image, bool timing);

/// The same of a function that is to do harm, at code addresses `start` up to `end`. Where a program is verified as a
/// whole, this function is all of it.
limpet_status load_hostile(const GuestImage& image, uint32_t start, uint32_t end);

/// Calls the guest with one argument. `timing`: it is a region.
limpet_status call(uint32_t entry, uint32_t argument, uint32_t fuel, bool timing);
limpet_status resume(uint32_t fuel);

/// Of the guest: what all have in their state, and the result of a call that has returned.
const limpet_vm& state();
uint32_t result();

uint32_t state_bytes();

/// Bytes of RAM that the guest which is loaded takes: what preparation has left, and what it needed besides.
struct Memory {
    uint32_t prepared, scratch;
};
Memory memory();

} // namespace measure
