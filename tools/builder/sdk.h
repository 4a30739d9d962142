/// \file
/// The files of firmware/sdk, which the command carries in itself.
#pragma once

#include "../../interp/calls/signature.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace limpet {

/// The text of a file of the SDK. Throws std::out_of_range when there is none of that name.
[[nodiscard]] std::string_view sdk_file(std::string_view name);

/// All of them in one text, for the key of a cache.
[[nodiscard]] std::string sdk_text();

/// The declarations in an imports file; "": those of firmware/sdk/klipper.calls. Throws LoadError, naming the file.
[[nodiscard]] std::vector<calls::Declaration> read_imports(const std::string& path);

/// Writes all that a driver's sources include, link with and are linked by into an existing folder; limpet_imports.h is
/// made from the declarations.
void write_sdk(const std::filesystem::path& folder, const std::vector<calls::Declaration>& declarations);

} // namespace limpet
