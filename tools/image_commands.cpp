#include "image_commands.h"

#include "builder/files.h"
#include "builder/sdk.h"
#include "errors.h"
#include "inspect.h"
#include "options.h"

#include <fmt/format.h>

namespace limpet {

namespace {

constexpr const char* kImportsHelp = "The firmware's declarations, a .calls file (default: Klipper's)";

int write_sdk_command(const std::string& folder, const std::string& imports) {
    const std::vector<calls::Declaration> declarations = read_imports(imports);
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) throw LoadError(fmt::format("cannot make it: {}", error.message()));
    write_sdk(folder, declarations);
    return kExitOk;
}

} // namespace

ImageCommands::ImageCommands(CLI::App& app) {
    add_build(app);
    sdk_ = app.add_subcommand("sdk", "Write the headers that drivers include, for editors and for native builds");
    sdk_->add_option("FOLDER", file_)->required();
    sdk_->add_option("--imports", imports_, kImportsHelp);
    info_ = app.add_subcommand("info", "Show what an image is: sizes, memory, entries, imports, messages");
    info_->add_option("FILE", file_)->required();
    check_ = app.add_subcommand("check", "Check that a guest is undamaged, fit to be run, and bound by a firmware");
    check_->add_option("FILE", file_)->required();
    check_->add_option("--imports", imports_, "The firmware's declarations, a .calls file (default: not checked)");
}

void ImageCommands::add_build(CLI::App& app) {
    BuildOptions& options = build_options_;
    build_ = app.add_subcommand("build", "Compile a driver's C into an image");
    build_->add_option("SOURCE", options.sources, "C files, compiled together")->required();
    build_->add_option("-o,--output", options.output, "The image, driver.limpet")->required();
    build_->add_option("--isa", options.isa, "Profile: rv32e, rv32ec, rv32emc, rv32ecx, rv32dense, ebpf, ebpf32")
        ->capture_default_str();
    build_->add_option("--encoding", options.encoding, "Of the code: plain; packed for bpf-packed")
        ->capture_default_str();
    build_->add_option("--imports", options.imports, kImportsHelp);
    build_->add_option("--cc", options.cc, "gcc or clang (default: gcc; clang for eBPF)");
    build_->add_option("-D", options.defines, "NAME or NAME=VALUE, as of a compiler")->allow_extra_args(false);
    build_->add_option("-I", options.includes, "Folder of headers")->allow_extra_args(false);
    build_->add_option("-O", options.optimisation, "Level: 0 1 2 3 s z g")->capture_default_str();
    build_->add_option("--stack", stack_, "Bytes of stack (default: computed from the code)");
    build_->add_option("--debug", options.debug, "Write the ELF file with its DWARF here");
    build_->add_option("--cache", options.cache, "Folder in which images are kept; the same build is not done twice");
}

std::optional<int> ImageCommands::run() {
    try {
        if (build_->parsed()) {
            if (!stack_.empty()) build_options_.stack = parse_number("--stack", stack_);
            return build_command(build_options_);
        }
        if (sdk_->parsed()) return write_sdk_command(file_, imports_);
        if (info_->parsed()) {
            print_info(read_container(read_file(file_)), stdout);
            return kExitOk;
        }
        if (check_->parsed()) {
            check_guest(file_, imports_);
            return kExitOk;
        }
    } catch (const LoadError& error) {
        throw LoadError((build_->parsed() ? build_options_.output : file_) + ": " + error.what());
    }
    return std::nullopt;
}

} // namespace limpet
