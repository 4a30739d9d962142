/// \file
/// What LIMPET_MESSAGE declares: the layout of messages, from the DWARF of a linked program.
#pragma once

#include "elf.h"
#include "message.h"

#include <cstdint>
#include <span>
#include <vector>

namespace limpet {

/// The messages of the program in `bytes`, an ELF file, by id. notes: its sections that are not in memory.
/// Throws LoadError when a type has what cannot be shown by name (bit-fields, unions, pointers, floating point, arrays
/// of no fixed length), or when one id has two layouts.
[[nodiscard]] std::vector<Message> described_messages(std::span<const Section> notes, std::span<const uint8_t> bytes);

} // namespace limpet
