/// \file
/// The subcommands that make images and look at them: build, sdk, info, check.
#pragma once

#include "builder/build.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

namespace limpet {

class ImageCommands {
public:
    /// Adds them to a command line.
    explicit ImageCommands(CLI::App& app);

    /// After the command line was parsed: does what it says and returns an ExitStatus; none: it is not one of these.
    /// Throws UsageError and LoadError.
    [[nodiscard]] std::optional<int> run();

private:
    void add_build(CLI::App& app);

    BuildOptions build_options_;
    std::string stack_;
    std::string file_;
    std::string imports_;
    CLI::App* build_ = nullptr;
    CLI::App* sdk_ = nullptr;
    CLI::App* info_ = nullptr;
    CLI::App* check_ = nullptr;
};

} // namespace limpet
