/// \file
/// `limpet run`.
#pragma once

#include <string>

namespace limpet {

/// The words of the command line.
struct RunOptions {
    std::string file;
    std::string isa;       ///< "": what the file says
    std::string backend;   ///< "": the reference
    std::string entry;     ///< "": what the file says
    std::string args;      ///< a0..a5
    std::string imports;   ///< file of the firmware's declarations; "": every host call of an image traps
    std::string fuel;      ///< "": no limit
    std::string memory;    ///< BASE:SIZE
    std::string signature; ///< file to write; "": none
    std::string state;     ///< file to write; "": none
    std::string symbols;   ///< ELF file that an image was made from; "": none
    std::string mock;      ///< file that scripts host calls; "": none
    std::string gdb;       ///< port to wait for a debugger at; "": none
    bool trace = false;
};

/// Returns an ExitStatus. Throws UsageError and LoadError before the guest is run.
int run_command(const RunOptions& options);

} // namespace limpet
