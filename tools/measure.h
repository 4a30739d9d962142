/// \file
/// `limpet measure`: what a guest costs on a Cortex-M0+ under each backend.
#pragma once

#include "builder/build.h"

#include <string>

namespace limpet {

/// The words of the command line.
struct MeasureOptions {
    std::string file;    ///< a driver's C, an image, or an ELF executable
    std::string isa;     ///< "": what the file says; of C: all
    std::string entry;   ///< "": the mock's schedule, or the only entry
    std::string args;    ///< a0..a5
    std::string imports; ///< file of the firmware's declarations
    std::string mock;    ///< file that scripts the firmware; "": host calls trap
    std::string fuel;    ///< "": kFuelDefault
    BuildOptions build;  ///< of C: -O, -D, -I
};

/// Prints the tables. Returns an ExitStatus; throws UsageError and LoadError.
int measure_command(const MeasureOptions& options);

} // namespace limpet
