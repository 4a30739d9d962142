/// \file
/// `limpet info` and `limpet check`: what an image is, and whether it is fit to be uploaded.
#pragma once

#include "../interp/image/container.h"

#include <cstdint>
#include <cstdio>
#include <string>

namespace limpet {

/// Code, read-only data and initialised variables.
[[nodiscard]] uint32_t upload_bytes(const Container& image);

/// Everything that is known of an image, for people.
void print_info(const Container& image, std::FILE* out);

/// Throws LoadError unless the file is undamaged, every backend of its isa takes it, and, where it is an image and
/// `imports` names a file, that firmware declares all that it imports.
void check_guest(const std::string& path, const std::string& imports);

} // namespace limpet
