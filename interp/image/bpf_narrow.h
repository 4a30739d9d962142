/// \file
/// eBPF guests for machines with 32-bit registers: their program is mapped (bpf/map.h) for the memory that they have.
#pragma once

#include "../bpf/map.h"
#include "container.h"
#include "guest.h"

namespace limpet {

/// What the mapping relies on, of a guest. Where it may be called is for the caller to add.
[[nodiscard]] bpf::MapLayout map_layout(const Guest& guest);

/// Maps the program of an eBPF guest. Throws LoadError: "instruction 3: r1 s>>= 40: why not".
bpf::MappedProgram narrow(Guest& guest, const bpf::MapLayout& layout);

/// The same of a guest that is called at `entry` alone (an address), which becomes where that is now.
void narrow(Guest& guest, uint32_t& entry);

/// The same of an image that was made for 64-bit registers and is called at its entries. Also throws LoadError, with
/// the source line where one is known.
void narrow(Container& image);

} // namespace limpet
