/// \file
/// `limpet bpf-plugin`: the protocol of the public bpf_conformance runner.
#pragma once

#include <cstdio>
#include <string>

namespace limpet {

/// The words of the command line.
struct BpfPluginOptions {
    std::string memory;  ///< hexadecimal, spaces allowed
    std::string backend; ///< "": the reference
};

/// Reads a program in hexadecimal from `in`, runs it with r1 at a copy of the memory and r2 its size, and prints r0 in
/// hexadecimal. Returns an ExitStatus; throws UsageError and LoadError. Programs may call helper 5, which Linux has for
/// the time since boot and which here is 0.
int bpf_plugin_command(const BpfPluginOptions& options, std::FILE* in);

} // namespace limpet
