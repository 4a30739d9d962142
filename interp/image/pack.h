/// \file
/// From a linked program to the image that is handed out.
#pragma once

#include "container.h"
#include "elf.h"

#include <span>
#include <string>
#include <vector>

namespace limpet {

/// The entries of a linked program: the functions that LIMPET_ENTRY names. Throws LoadError when there is none.
[[nodiscard]] std::vector<Entry> named_entries(std::span<const Symbol> symbols);

/// Takes an image out of a program that was linked with guest.ld. Its host calls have the ids of `declarations` and are
/// unbound in the image. The build id and the messages are left to others.
/// Throws LoadError when the program has no entry, when its code contains what `isa` is not, or when it calls what is
/// not declared.
[[nodiscard]] Container pack(const ElfFile& file, const std::string& isa,
                             std::span<const calls::Declaration> declarations, uint32_t stack_bytes);

} // namespace limpet
