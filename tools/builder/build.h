/// \file
/// `limpet build`: from a driver's C to an image.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

/// The words of the command line.
struct BuildOptions {
    std::vector<std::string> sources;  ///< C
    std::string output;                ///< the image
    std::string isa = "rv32ec";        ///< profile
    std::string encoding = "plain";    ///< of the code: plain or, for eBPF, packed
    std::string imports;               ///< file of declarations; "": those of Klipper's firmware
    std::string cc;                    ///< gcc, clang; "": clang for eBPF, gcc for all others
    std::string optimisation = "s";    ///< what follows -O
    std::vector<std::string> defines;  ///< what follows -D
    std::vector<std::string> includes; ///< what follows -I
    std::optional<uint32_t> stack;     ///< bytes; none: computed
    std::string debug;                 ///< where the linked ELF file goes, with its DWARF; "": nowhere
    std::string cache;                 ///< folder of images built before; "": none
};

/// What a build makes.
struct Built {
    std::vector<uint8_t> image; ///< .limpet file
    std::vector<uint8_t> elf;   ///< the linked program, for debuggers
};

/// Compiles and links. Throws LoadError when the program is refused, the compiler's own words on standard error, and
/// UsageError when options make no sense or a compiler is not installed.
[[nodiscard]] Built build(const BuildOptions& options);

/// Returns an ExitStatus; throws as build.
int build_command(const BuildOptions& options);

} // namespace limpet
