/// \file
/// Which line of which source an instruction comes from, by the DWARF of a linked program.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace limpet {

/// "driver.c:12" by the guest address where its code begins; "" where code begins that no line is known of. Empty when
/// the file has no DWARF. Lines of a file `generated`, which no user has written, are left out: what is inlined from it
/// then comes from the line before.
[[nodiscard]] std::map<uint32_t, std::string> source_lines(std::span<const uint8_t> elf_file,
                                                           std::string_view generated = "");

} // namespace limpet
