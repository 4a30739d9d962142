/// \file
/// Files, written whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limpet {

/// Throws LoadError, which does not name the file, when it cannot be read.
[[nodiscard]] std::vector<uint8_t> read_file(const std::filesystem::path& path);

/// As read_file; the error names the file.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

/// Writes a file beside `path` and then gives it that name, so that whoever looks sees the old or the new one. Throw
/// LoadError, and leave nothing behind, when that fails.
void write_bytes(const std::filesystem::path& path, std::span<const uint8_t> bytes);
void write_text(const std::filesystem::path& path, std::string_view text);

/// SHA-256 in hexadecimal.
[[nodiscard]] std::string sha256(std::string_view text);

/// A folder of its own for temporary files; what is in it goes with it.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace limpet
