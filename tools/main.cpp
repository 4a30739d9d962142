/// \file
/// The command `limpet`. Each subcommand's own file does the work; here are its words and its exit status.
#include "batch.h"
#include "bpf_plugin.h"
#include "errors.h"
#include "image_commands.h"
#include "listing.h"
#include "measure.h"
#include "run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace limpet {

namespace {

int print_backends() {
    for (const auto& list : {backends(), bpf_backends()})
        for (const auto& backend : list) fmt::print("{} {}\n", backend->isa_name, backend->name);
    return kExitOk;
}

int disasm_command(const std::string& file, const std::string& isa, const std::string& symbols) {
    if (!isa.empty()) (void)choose_backend(isa, ""); // before the file is looked at
    Program program(file, 0);
    program.take_lines();
    if (!symbols.empty()) program.take_symbols(symbols);
    const Backend& reference = choose_backend(isa.empty() ? program.isa_name() : isa, "");
    if (reference.bpf)
        print_bpf_listing(program, stdout);
    else
        print_listing(program, reference.isa, stdout);
    return kExitOk;
}

int batch_command(const std::string& isa, const std::string& backend) {
    const Backend& chosen = choose_backend(isa, backend);
    if (chosen.isa.dense) throw UsageError("--isa " + isa + ": it is for images");
    batch(chosen, STDIN_FILENO, STDOUT_FILENO);
    return kExitOk;
}

/// Adds `run` to the command; what it is told goes into `options`.
CLI::App* add_run(CLI::App& app, RunOptions& options) {
    CLI::App* run = app.add_subcommand("run", "Run a guest: an image, an ELF executable or a raw binary");
    run->add_option("FILE", options.file, "ELF at its link address; raw: code and constants at BASE")->required();
    run->add_option("--isa", options.isa, "Profile (default: what the file says, raw rv32ec)");
    run->add_option("--backend", options.backend, "One of `limpet backends` (default: the reference)");
    run->add_option("--entry", options.entry, "Symbol or address to call (default: what the file says, raw BASE)");
    run->add_option("--args", options.args, "w0,w1,..: a0 to a5 (default: 0)");
    run->add_option("--imports", options.imports, "The firmware's .calls file (default: host calls of an image trap)");
    run->add_option("--mock", options.mock, "A script of the firmware around the guest, JSON (tools/mock.md)");
    run->add_option("--fuel", options.fuel, "Instructions after which it is stopped (default: no limit)");
    options.memory = "0:65536";
    run->add_option("--memory", options.memory, "BASE:SIZE; sp starts at its end")->capture_default_str();
    run->add_option("--dump-signature", options.signature, "Write begin_signature..end_signature to this file");
    run->add_option("--dump-state", options.state, "Write how it ended, pc and registers to this file");
    run->add_option("--gdb", options.gdb, "PORT: wait for gdb at 127.0.0.1:PORT, run by the reference backend");
    run->add_option("--symbols", options.symbols, "The ELF file that an image was made from, for --trace");
    run->add_flag("--trace", options.trace, "Each instruction on standard error, run by the reference backend");
    return run;
}

/// Adds `measure` to the command.
CLI::App* add_measure(CLI::App& app, MeasureOptions& options) {
    CLI::App* measure =
        app.add_subcommand("measure", "What a guest costs on a Cortex-M0+ under each backend: flash, RAM, cycles");
    measure->add_option("FILE", options.file, "A driver's C (driver.c), an image or an ELF executable")->required();
    measure->add_option("--isa", options.isa, "Profile (default: what the file says; C is built for all)");
    measure->add_option("--entry", options.entry, "Entry to call (default: the mock's schedule, or the only entry)");
    measure->add_option("--args", options.args, "w0,w1,..: a0 to a5 (default: 0)");
    measure->add_option("--imports", options.imports, "The firmware's declarations, a .calls file");
    measure->add_option("--mock", options.mock, "A script of the firmware around the guest, JSON (tools/mock.md)");
    measure->add_option("--fuel", options.fuel, "Instructions after which it is stopped (default: 1000000)");
    measure->add_option("-D", options.build.defines, "For C, as of `limpet build`")->allow_extra_args(false);
    measure->add_option("-I", options.build.includes, "For C, as of `limpet build`")->allow_extra_args(false);
    measure->add_option("-O", options.build.optimisation, "For C: 0 1 2 3 s z g")->capture_default_str();
    return measure;
}

/// An option's empty value is a mistake, such as a script's variable that is not set, and must not count as none. What
/// has no name may be empty: no memory, for bpf-plugin.
void refuse_empty_values(const CLI::App& app) {
    for (const CLI::App* subcommand : app.get_subcommands())
        for (const CLI::Option* option : subcommand->get_options())
            for (const std::string& value : option->results())
                if (value.empty() && option->nonpositional()) throw UsageError(option->get_name() + ": is empty");
}

/// Adds `bpf-plugin` to the command; what it is told goes into `options`.
CLI::App* add_bpf_plugin(CLI::App& app, BpfPluginOptions& options) {
    CLI::App* plugin =
        app.add_subcommand("bpf-plugin", "Run an eBPF program as the public bpf_conformance runner asks");
    plugin->add_option("MEMORY", options.memory, "What r1 points to, hexadecimal; r2 is its size");
    plugin->add_option("--backend", options.backend, "One of `limpet backends` (default: the reference)");
    return plugin;
}

int command(int argc, char** argv) {
    CLI::App app("A sandboxed virtual machine for microcontrollers, on a PC", "limpet");
    app.require_subcommand(0, 1); // how many there must be is checked below, with a better message
    RunOptions run_options;
    const CLI::App* run = add_run(app, run_options);
    MeasureOptions measure_options;
    const CLI::App* measure = add_measure(app, measure_options);
    std::string file;
    std::string isa;
    std::string backend;
    std::string symbols;
    CLI::App* disasm = app.add_subcommand("disasm", "Print the instructions of an image, an ELF file or a raw binary");
    disasm->add_option("FILE", file)->required();
    disasm->add_option("--isa", isa, "Profile (default: what the file says, raw rv32ec)");
    disasm->add_option("--symbols", symbols, "The ELF file that an image was made from (limpet build --debug)");
    CLI::App* batch =
        app.add_subcommand("batch", "Run many small cases: requests on standard input, replies on output");
    batch->add_option("--isa", isa, "Profile")->required();
    batch->add_option("--backend", backend, "One of `limpet backends` (default: the reference)");
    app.add_subcommand("backends", "One line each: isa profile, name");
    BpfPluginOptions plugin_options;
    const CLI::App* plugin = add_bpf_plugin(app, plugin_options);
    ImageCommands images(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp& help) {
        return app.exit(help);
    } catch (const CLI::ParseError& error) {
        throw UsageError(error.what());
    }
    refuse_empty_values(app);
    if (app.get_subcommands().empty())
        throw UsageError(
            "one of these is needed: build, info, check, sdk, run, measure, disasm, batch, backends, bpf-plugin");
    if (const auto status = images.run()) return *status;
    if (plugin->parsed()) return bpf_plugin_command(plugin_options, stdin);
    try {
        if (run->parsed()) return run_command(run_options);
        if (measure->parsed()) return measure_command(measure_options);
        if (disasm->parsed()) return disasm_command(file, isa, symbols);
    } catch (const LoadError& error) {
        const std::string& path = run->parsed() ? run_options.file : measure->parsed() ? measure_options.file : file;
        throw LoadError(path + ": " + error.what());
    }
    return batch->parsed() ? batch_command(isa, backend) : print_backends();
}

/// Runs a command and turns what it throws into one line and an exit status.
int guarded(int argc, char** argv) {
    try {
        const int status = command(argc, argv);
        if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write to standard output");
        return status;
    } catch (const UsageError& error) {
        fmt::print(stderr, "limpet: {}\n", error.what());
        return kExitUsage;
    } catch (const LoadError& error) {
        fmt::print(stderr, "limpet: {}\n", error.what());
        return kExitRefused;
    } catch (const std::exception& error) {
        fmt::print(stderr, "limpet: internal error: {}\n", error.what());
        return kExitInternal;
    }
}

} // namespace

} // namespace limpet

int main(int argc, char** argv) { return limpet::guarded(argc, argv); }
