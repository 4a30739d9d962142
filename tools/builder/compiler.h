/// \file
/// The compilers for guests: gcc, or clang with gcc's linker and helpers; clang and LLVM's tools for eBPF.
#pragma once

#include "build.h"

#include <filesystem>
#include <string>
#include <vector>

namespace limpet {

/// Compiles and links one program in one folder, in which write_sdk has been.
class Compiler {
public:
    /// Throws UsageError when there is no compiler of that name or no such profile.
    Compiler(const BuildOptions& options, std::filesystem::path folder);

    /// What tells one version of the tools from another.
    [[nodiscard]] std::string version() const;

    /// Every word that a compilation is told besides the source, for the key of a cache.
    [[nodiscard]] const std::vector<std::string>& flags() const { return flags_; }

    /// Compiles a source. Throws LoadError when the compiler refuses it.
    void compile(const std::string& source);

    /// Links what was compiled, with `stack_bytes` of stack. Returns the ELF file (of eBPF, an object: to be called
    /// once). Throws LoadError.
    [[nodiscard]] std::filesystem::path link(uint32_t stack_bytes);

    /// The headers that were included, those of the SDK left out.
    [[nodiscard]] std::vector<std::string> headers() const;

private:
    void set_rv32(const BuildOptions& options, const std::string& gcc_march, const std::string& clang_march);
    void set_bpf(const BuildOptions& options, const std::string& version);
    [[nodiscard]] std::string prefix_map() const;
    void compile_memory() const;
    [[nodiscard]] std::filesystem::path link_bpf();

    std::filesystem::path folder_;
    std::vector<std::string> gcc_;     ///< the command, up to its flags
    std::vector<std::string> compile_; ///< the same of the compiler that was chosen
    std::vector<std::string> flags_;
    std::vector<std::string> link_; ///< the command with its flags; of eBPF version and level
    bool bpf_ = false;
    std::vector<std::filesystem::path> objects_;
};

} // namespace limpet
