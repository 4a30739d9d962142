#include "build.h"

#include "../../interp/image/bpf_encoding.h"
#include "../../interp/image/bpf_narrow.h"
#include "../../interp/image/bpf_pack.h"
#include "../../interp/image/describe.h"
#include "../../interp/image/lines.h"
#include "../../interp/image/pack.h"
#include "../../interp/image/relax.h"
#include "../../interp/image/stack_use.h"
#include "../errors.h"
#include "cache.h"
#include "compiler.h"
#include "files.h"
#include "sdk.h"

#include <algorithm>
#include <fmt/format.h>
#include <sys/stat.h>

namespace limpet {

namespace {

namespace fs = std::filesystem;

/// No microcontroller that this is for has more to give to one guest.
constexpr uint32_t kStackBytesMax = 1U << 20;

void check(const BuildOptions& options) {
    constexpr std::string_view levels[] = {"0", "1", "2", "3", "s", "z", "g"};
    if (std::ranges::find(levels, options.optimisation) == std::end(levels))
        throw UsageError(fmt::format("-O{}: there is: -O0, -O1, -O2, -O3, -Os, -Oz, -Og", options.optimisation));
    if (options.encoding != kPlainEncoding && options.encoding != kPackedEncoding)
        throw UsageError(fmt::format("--encoding: unknown '{}'; there is: plain, packed", options.encoding));
    if (options.encoding == kPackedEncoding && options.isa != kPackedIsa)
        throw UsageError(fmt::format("--encoding: {} code is not packed", options.isa));
    for (const std::string& define : options.defines)
        if (define.empty()) throw UsageError("-D: no name");
    if (options.stack.value_or(0) > kStackBytesMax)
        throw UsageError(fmt::format("--stack: {} bytes are too many", *options.stack));
}

/// What tells this command from an older one, whose images a cache must not give out.
std::string own_version() {
    struct stat file {};
    if (stat("/proc/self/exe", &file) != 0) return "";
    return fmt::format("{}.{}.{}", file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

/// All that an image depends on besides the files that the compiler reads.
std::string cache_key(const BuildOptions& options, const Compiler& compiler,
                      const std::vector<calls::Declaration>& declarations) {
    std::string key = own_version() + '\0' + compiler.version() + '\0' + sdk_text() + '\0' +
                      calls::dictionary(declarations) + '\0' + options.isa + '\0' + options.encoding + '\0' +
                      std::to_string(options.stack.value_or(UINT32_MAX)) + '\0' + fs::current_path().string();
    for (const std::string& flag : compiler.flags()) key += '\0' + flag;
    for (const std::string& source : options.sources) key += '\0' + source;
    return key;
}

/// Bytes of stack that the deepest of all entries needs.
uint32_t stack_of(const ElfFile& program, const BuildOptions& options) {
    const rv32::Isa own = find_isa(options.isa).value();
    const rv32::Isa isa = own.dense ? rv32::isa::rv32ec : own;
    uint32_t bytes = 0;
    if (options.stack) return *options.stack;
    for (const Entry& entry : named_entries(program.symbols))
        bytes = std::max(bytes, stack_use(program, isa, entry.address));
    if (bytes > kStackBytesMax) throw LoadError(fmt::format("stack use: {} bytes", bytes));
    return bytes;
}

/// Where in the driver's sources the code comes from. DWARF has lines of what the linker dropped, too, at addresses
/// that are not in the code, and of the generated functions that are inlined as host calls, which no user has written.
std::map<uint32_t, std::string> lines_of_code(const Container& image, std::span<const uint8_t> elf) {
    const uint32_t start = image.windows.code_start;
    const uint32_t code_in_elf = image.is_bpf() ? 0 : start; // an object's starts at 0
    std::map<uint32_t, std::string> lines;
    std::string last;
    for (const auto& [address, line] : source_lines(elf, "limpet_imports.h")) {
        const uint32_t offset = address - code_in_elf;
        if (offset >= image.windows.code_size || line == last) continue;
        lines[start + offset] = last = line;
    }
    return lines;
}

/// The program with `stack_bytes` of stack, in instructions that the stack can be computed from: those of the profile,
/// or what rv32dense is made from.
std::vector<uint8_t> link(const BuildOptions& options, Compiler& compiler, uint32_t stack_bytes) {
    std::vector<uint8_t> elf = read_file(compiler.link(stack_bytes));
    const rv32::Isa isa = find_isa(options.isa).value();
    return isa.xlimpet ? relax(elf, isa) : elf;
}

Built link_rv32(const BuildOptions& options, Compiler& compiler, const std::vector<calls::Declaration>& declarations) {
    Built built;
    // Linked twice: how much stack the code needs is known only when it is there.
    built.elf = link(options, compiler, 0);
    const ElfFile draft = read_elf(built.elf);
    const bool dense = find_isa(options.isa).value().dense;
    (void)pack(draft, dense ? "rv32ec" : options.isa, declarations,
               0); // refuses what is no code before its stack is asked for
    const uint32_t stack_bytes = stack_of(draft, options);
    built.elf = link(options, compiler, stack_bytes);
    if (dense) built.elf = relax(built.elf, rv32::isa::rv32dense);
    const ElfFile program = read_elf(built.elf);
    Container image = pack(program, options.isa, declarations, stack_bytes);
    image.messages = described_messages(program.notes, built.elf);
    image.lines = lines_of_code(image, built.elf);
    built.image = write_container(image);
    return built;
}

Built link_bpf(const BuildOptions& options, Compiler& compiler, const std::vector<calls::Declaration>& declarations) {
    Built built;
    built.elf = with_bpf_debug_relocated(read_file(compiler.link(0)));
    Container image = pack_bpf(built.elf, options.isa, declarations, options.stack);
    if (image.stack_bytes > kStackBytesMax) throw LoadError(fmt::format("stack use: {} bytes", image.stack_bytes));
    image.messages = described_messages(read_bpf_object(built.elf).notes, built.elf);
    image.lines = lines_of_code(image, built.elf);
    if (options.isa == "ebpf32") narrow(image);
    if (options.encoding == kPackedEncoding) pack_image(image);
    built.image = write_container(image);
    return built;
}

} // namespace

Built build(const BuildOptions& options) {
    check(options);
    const std::vector<calls::Declaration> declarations = read_imports(options.imports);
    const TemporaryFolder folder;
    Compiler compiler(options, folder.path());
    std::optional<Cache> cache;
    if (!options.cache.empty()) {
        cache.emplace(options.cache, cache_key(options, compiler, declarations));
        if (auto built = cache->find()) return std::move(*built);
    }
    write_sdk(folder.path(), declarations);
    for (const std::string& source : options.sources) compiler.compile(source);
    Built built = (is_bpf_isa(options.isa) ? link_bpf : link_rv32)(options, compiler, declarations);
    if (cache) cache->put(built, compiler.headers());
    return built;
}

int build_command(const BuildOptions& options) {
    const Built built = build(options);
    if (!options.debug.empty()) write_bytes(options.debug, built.elf);
    write_bytes(options.output, built.image);
    return kExitOk;
}

} // namespace limpet
