/// \file
/// Images built before. An entry is found by what the compiler was told and is good as long as every file that it read
/// is what it was.
#pragma once

#include "build.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

class Cache {
public:
    /// `key`: all that makes a difference besides the files that were read.
    Cache(const std::filesystem::path& folder, const std::string& key);

    /// The image built before, unless a file changed or the entry is damaged.
    [[nodiscard]] std::optional<Built> find() const;

    /// Keeps a build that read `files`. Throws LoadError when it cannot.
    void put(const Built& built, const std::vector<std::string>& files) const;

private:
    std::filesystem::path entry_; ///< path without its extension
};

} // namespace limpet
