/// \file
/// Images of eBPF guests whose code is packed (interp/bpf/packed.h).
#pragma once

#include "container.h"

namespace limpet {

/// Packs the code of an image that pack_bpf made.
void pack_image(Container& image);

/// The same image with plain code, which everything on a PC runs. Throws LoadError when its code could not run, or when
/// an entry or a fixup is not at an instruction.
[[nodiscard]] Container unpack_image(const Container& image);

} // namespace limpet
