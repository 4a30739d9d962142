#include "compiler.h"

#include "../../interp/image/guest.h"
#include "../errors.h"
#include "files.h"
#include "process.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace limpet {

namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr const char* kGcc = "riscv64-unknown-elf-gcc";
constexpr const char* kClang = "clang-19"; // the first that has rv32e
constexpr const char* kLlvmLink = "llvm-link-19";
constexpr const char* kOpt = "opt-19";
constexpr const char* kLlc = "llc-19";

struct March {
    std::string_view isa;
    /// Debian's libgcc for RV32E with C exists as rv32eac and rv32emac only; A brings no instruction in here, because
    /// an image with one is refused.
    const char* gcc; ///< nullptr: it does not compile for it
    const char* clang;
};
constexpr March kMarches[] = {
    {"rv32e", "rv32e", "rv32e"},
    {"rv32ec", "rv32eac", "rv32ec"},
    {"rv32emc", "rv32emac", "rv32emc"},
    {"rv32ecx", "rv32eac", "rv32ec"},   // its own instructions come in behind the linker
    {"rv32dense", "rv32eac", "rv32ec"}, // likewise
    {"ebpf", nullptr, "v4"},            // the first version that divides signed numbers
    {"ebpf32", nullptr, "v4"},          // which is then mapped
};

const March& march_of(const std::string& isa) {
    const auto* const found = std::ranges::find(kMarches, isa, &March::isa);
    if (found == std::end(kMarches))
        throw UsageError(fmt::format(
            "--isa: no compiler for '{}'; there is: rv32e, rv32ec, rv32emc, rv32ecx, rv32dense, ebpf, ebpf32", isa));
    return *found;
}

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

/// One function a section, so that those not called are left out. No jump tables: they are read-only data, 4 bytes of
/// RAM for each case, and the stack could not be computed through them. DWARF 4 from clang, whose DWARF 5 needs a
/// relocation (R_RISCV_SET_ULEB128) that binutils 2.40 lack.
const Words kCommonFlags = {
    "-std=gnu11",      "-ffreestanding",   "-fbuiltin",  "-fno-pic", "-fno-common", "-ffunction-sections",
    "-fdata-sections", "-fno-jump-tables", "-fno-ident", "-Wall",    "-Wextra"};

/// The paths in a rule for make, as -MD writes it: target: path path \ ... with spaces behind backslashes.
Words rule_paths(const std::string& rule) {
    Words paths(1);
    for (size_t i = std::min(rule.find(": "), rule.size()); i < rule.size(); ++i) {
        const char next = i + 1 < rule.size() ? rule[i + 1] : '\n';
        const bool escaped = (rule[i] == '\\' && (next == ' ' || next == '#')) || (rule[i] == '$' && next == '$');
        if (escaped)
            paths.back() += rule[++i];
        else if (rule[i] == ' ' || rule[i] == '\n' || (rule[i] == '\\' && next == '\n'))
            paths.emplace_back();
        else
            paths.back() += rule[i];
    }
    std::erase_if(paths, [](const std::string& path) { return path.empty() || path == ":"; });
    return paths;
}

} // namespace

Compiler::Compiler(const BuildOptions& options, fs::path folder) : folder_(std::move(folder)) {
    const March& march = march_of(options.isa);
    if (!options.cc.empty() && options.cc != "gcc" && options.cc != "clang")
        throw UsageError(fmt::format("--cc: unknown compiler '{}'; there is: gcc, clang", options.cc));
    if (march.gcc == nullptr && options.cc == "gcc")
        throw UsageError(fmt::format("--cc: {} is compiled by clang alone", options.isa));
    if (march.gcc == nullptr)
        set_bpf(options, march.clang);
    else
        set_rv32(options, march.gcc, march.clang);
    for (const std::string& define : options.defines) flags_.push_back("-D" + define);
    for (const std::string& include : options.includes) flags_.push_back("-I" + include);
}

/// No built-in functions: what becomes a call of memcpy when instructions are chosen, clang refuses for eBPF. Those of
/// memory.c are inlined like all others.
void Compiler::set_bpf(const BuildOptions& options, const std::string& version) {
    bpf_ = true;
    compile_ = {kClang, "--target=bpf", "-mcpu=" + version};
    flags_ = {"-gdwarf-4",  "-nostdlibinc", "-std=gnu11", "-ffreestanding",
              "-fno-ident", "-Wall",        "-Wextra",    "-O" + options.optimisation};
    link_ = {version, options.optimisation == "g" ? "1" : options.optimisation};
}

void Compiler::set_rv32(const BuildOptions& options, const std::string& gcc_march, const std::string& clang_march) {
    gcc_ = {kGcc, "-march=" + gcc_march, "-mabi=ilp32e", "-msmall-data-limit=0"};
    const bool gcc = options.cc != "clang";
    if (gcc) {
        compile_ = gcc_;
        flags_ = {"-g"};
    } else {
        compile_ = {kClang, "--target=riscv32-unknown-elf", "-march=" + clang_march, "-mabi=ilp32e"};
        flags_ = {"-gdwarf-4", "-nostdlibinc"};
    }
    append(flags_, kCommonFlags);
    flags_.push_back("-O" + options.optimisation);
    link_ = gcc_;
    if (gcc) append(link_, flags_);
    if (gcc) append(link_, {"-flto", "-flto-partition=one"});
}

/// The same source is to make the same file, wherever the SDK lay while it was compiled.
std::string Compiler::prefix_map() const { return "-ffile-prefix-map=" + folder_.string() + "=limpet"; }

std::string Compiler::version() const {
    std::string text;
    if (!bpf_) text = output_of({kGcc, "--version"});
    if (compile_[0] != kGcc) text += output_of({compile_[0], "--version"});
    return text;
}

void Compiler::compile(const std::string& source) {
    const std::string name = std::to_string(objects_.size());
    Words command = compile_;
    append(command, flags_);
    // A path is no option and no file of options.
    const std::string path = source.starts_with('-') || source.starts_with('@') ? "./" + source : source;
    append(command, {"-flto", prefix_map(), "-I", folder_.string(), "-MD", "-MF", (folder_ / (name + ".d")).string(),
                     "-MT", "object", "-c", "-xc", path, "-o", (folder_ / (name + ".o")).string()});
    if (compile_[0] == kGcc) command.push_back("-frandom-seed=" + name); // else the same source makes other symbols
    if (run_program(command) != 0) throw LoadError(source + ": the compiler refuses it");
    objects_.push_back(folder_ / (name + ".o"));
}

/// Not part of the optimisation across sources: compilers call these functions behind their own backs.
void Compiler::compile_memory() const {
    Words command = gcc_;
    append(command, kCommonFlags);
    append(command, {"-Os", "-g", "-fno-builtin", "-fno-tree-loop-distribute-patterns", "-c"});
    append(command, {(folder_ / "memory.c").string(), "-o", (folder_ / "memory.o").string()});
    if (run_program(command) != 0) throw std::runtime_error("the compiler refuses the SDK's memory.c");
}

/// There is no linker for eBPF: sources are put together and optimised as bitcode, and become one object. Its stack is
/// laid out where it is read.
fs::path Compiler::link_bpf() {
    compile((folder_ / "memory.c").string());
    const fs::path whole = folder_ / "whole.bc";
    const fs::path optimised = folder_ / "optimised.bc";
    const fs::path object = folder_ / "program.o";
    Words together = {kLlvmLink, "-o", whole.string()};
    for (const fs::path& part : objects_) together.push_back(part.string());
    const std::string& version = link_[0];
    const std::string& level = link_[1];
    const bool done =
        run_program(together) == 0 &&
        run_program({kOpt, "--passes=internalize,lto<O" + level + ">", "--internalize-public-api-list=limpet_entry_*",
                     whole.string(), "-o", optimised.string()}) == 0 &&
        run_program({kLlc, "-mtriple=bpfel", "-mcpu=" + version, "-filetype=obj", optimised.string(), "-o",
                     object.string()}) == 0;
    if (!done) throw LoadError("the linker refuses the program");
    return object;
}

fs::path Compiler::link(uint32_t stack_bytes) {
    if (bpf_) return link_bpf();
    if (!fs::exists(folder_ / "memory.o")) compile_memory();
    const fs::path elf = folder_ / "program.elf";
    Words command = link_;
    command.push_back(prefix_map());
    if (compile_[0] != kGcc) {
        std::string plugin = output_of({kClang, "-print-file-name=LLVMgold.so"});
        plugin.resize(plugin.find_last_not_of('\n') + 1);
        append(command, {"-fno-use-linker-plugin", "-Wl,-plugin=" + plugin});
    }
    append(command, {"-nostdlib", "-T", (folder_ / "guest.ld").string(),
                     "-Wl,--gc-sections,--emit-relocs,--discard-locals,--fatal-warnings,-e,limpet_code_start",
                     fmt::format("-Wl,--defsym=limpet_stack_size={}", stack_bytes)});
    for (const fs::path& object : objects_) command.push_back(object.string());
    append(command, {(folder_ / "memory.o").string(), "-lgcc", "-o", elf.string()});
    if (run_program(command) != 0) throw LoadError("the linker refuses the program");
    return elf;
}

Words Compiler::headers() const {
    std::set<std::string> result;
    for (fs::path object : objects_) {
        const Words paths = rule_paths(read_text(object.replace_extension(".d")));
        for (const std::string& path : paths)
            if (!path.starts_with(folder_.string())) result.insert(path);
    }
    return {result.begin(), result.end()};
}

} // namespace limpet
