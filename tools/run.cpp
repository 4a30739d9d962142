#include "run.h"

#include "../interp/image/bpf_narrow.h"
#include "builder/sdk.h"
#include "errors.h"
#include "execution.h"
#include "gdb/server.h"
#include "mock/mock.h"
#include "program.h"
#include "session.h"
#include "trace.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <memory>

namespace limpet {

namespace {

/// A file to write, opened before the guest runs so that a bad path costs no run.
class Output {
public:
    Output(const char* option, const std::string& path) {
        if (path.empty()) return;
        file_.reset(std::fopen(path.c_str(), "w"));
        if (file_ == nullptr)
            throw UsageError(fmt::format("{}: cannot write {}: {}", option, path, std::strerror(errno)));
    }
    [[nodiscard]] bool wanted() const { return file_ != nullptr; }
    [[nodiscard]] std::FILE* get() const { return file_.get(); }

    void close() {
        if (std::fclose(file_.release()) != 0) throw std::runtime_error("cannot write the dump");
    }

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Close> file_;
};

/// begin_signature..end_signature, checked to be words inside memory.
struct Signature {
    uint32_t offset = 0; ///< from the start of memory
    uint32_t size = 0;   ///< bytes
};

Signature find_signature(const Program& program, const Guest& guest) {
    const auto begin = program.find("begin_signature");
    const auto end = program.find("end_signature");
    if (!begin || !end) throw LoadError("no symbols begin_signature and end_signature");
    const uint32_t offset = *begin - guest.host.base;
    if (*end < *begin || (*end - *begin) % 4 != 0 || offset > guest.memory().size() ||
        *end - *begin > guest.memory().size() - offset)
        throw LoadError("begin_signature..end_signature is not a range of words inside the memory");
    return {.offset = offset, .size = *end - *begin};
}

void dump_signature(const Guest& guest, const Signature& signature, Output& output) {
    const auto bytes = guest.memory().subspan(signature.offset, signature.size);
    for (size_t i = 0; i < bytes.size(); i += 4)
        fmt::print(output.get(), "{:02x}{:02x}{:02x}{:02x}\n", bytes[i + 3], bytes[i + 2], bytes[i + 1], bytes[i]);
    output.close();
}

void dump_state(Guest& guest, const char* end, Output& output) {
    fmt::print(output.get(), "end={}\npc={:08x}\n", end, guest.vm.pc);
    const std::span<const uint32_t> words = guest.registers();
    if (guest.is_bpf())
        for (size_t i = 0; i < words.size() / 2; ++i)
            fmt::print(output.get(), "r{}={:08x}{:08x}\n", i, words[2 * i + 1], words[2 * i]);
    else
        for (size_t i = 0; i < words.size(); ++i) fmt::print(output.get(), "x{}={:08x}\n", i + 1, words[i]);
    output.close();
}

/// Runs to the end as the options say; false: to where the debugger left it.
bool run_to_end(Session& session, const Program& program, std::span<const calls::Declaration> declarations,
                const RunOptions& options) {
    if (options.trace)
        session.observer = [&](const limpet_bpf_vm& before) {
            trace_line(session.execution(), program, declarations, before, stderr);
        };
    if (!options.trace && options.gdb.empty()) {
        session.run();
        return true;
    }
    session.start();
    if (!options.gdb.empty() && gdb::serve(session, parse_port(options.gdb)) == gdb::End::kKilled) return false;
    while (session.running()) session.step();
    return true;
}

std::unique_ptr<Guest> make_guest(const Program& program, const MemoryOption& memory, const std::string& option,
                                  bool bpf) {
    try {
        return program.make_guest(memory, bpf);
    } catch (const LoadError& error) {
        throw LoadError(fmt::format("{} (--memory {})", error.what(), option));
    }
}

} // namespace

int run_command(const RunOptions& options) {
    const MemoryOption memory = parse_memory(options.memory);
    const auto arguments = parse_arguments(options.args);
    const uint64_t fuel = options.fuel.empty() ? kFuelUnlimited : parse_large_number("--fuel", options.fuel);
    if (!options.gdb.empty()) (void)parse_port(options.gdb);
    if (!options.isa.empty()) (void)choose_backend(options.isa, options.backend); // before the file is looked at

    Program program(options.file, memory.base);
    std::optional<mock::Mock> mock;
    if (!options.mock.empty())
        mock.emplace(options.mock, options.imports, program, stdout);
    else if (!options.imports.empty())
        program.bind(read_imports(options.imports));
    const std::string isa_name = options.isa.empty() ? program.isa_name() : options.isa;
    const bool by_steps = options.trace || !options.gdb.empty();
    const Backend& backend = choose_backend(isa_name, by_steps ? "" : options.backend);
    if (backend.isa.dense && by_steps)
        throw UsageError("--trace, --gdb: not for rv32dense; build the same guest for rv32ec");
    if (backend.isa.dense && (program.image() == nullptr || program.isa_name() != isa_name))
        throw LoadError("rv32dense is for images that were built for it");
    if (backend.bpf && !options.gdb.empty()) throw UsageError("--gdb: there is none for eBPF");
    const std::unique_ptr<Guest> owner = make_guest(program, memory, options.memory, backend.bpf);
    Guest& guest = *owner;
    if (options.trace) program.take_lines();
    if (!options.symbols.empty()) program.take_symbols(options.symbols);
    const bool scheduled = mock && mock->has_schedule() && options.entry.empty();
    if (scheduled && !options.args.empty()) throw UsageError("--args needs --entry when the mock has a schedule");
    std::optional<EntryCall> only;
    if (!scheduled) only = {.address = program.entry(options.entry), .arguments = arguments};
    if (only && backend.is_narrow() && program.image() == nullptr) narrow(guest, only->address);
    Signature signature;
    if (!options.signature.empty()) signature = find_signature(program, guest);
    Output signature_output("--dump-signature", options.signature);
    Output state_output("--dump-state", options.state);
    std::optional<TohostWatch> watch;
    if (const auto tohost = program.find("tohost")) watch.emplace(guest, *tohost);

    if (backend.prepare(guest) != LIMPET_RETURN) throw LoadError(why_refused(guest, backend));
    Execution execution(backend, guest, fuel);
    OneCall one_call(only.value_or(EntryCall{}));
    if (mock) mock->attach(guest, only);
    Session session(execution, mock ? static_cast<Schedule&>(*mock) : one_call, watch ? &*watch : nullptr);
    std::vector<calls::Declaration> declarations;
    if (mock) declarations = mock->declarations();
    if (!run_to_end(session, program, declarations, options)) return kExitOk;

    const limpet_status status = session.status();
    const bool by_tohost = session.ended_by_tohost();
    const char* end = by_tohost ? "tohost" : end_name(status);
    if (signature_output.wanted()) dump_signature(guest, signature, signature_output);
    if (state_output.wanted()) dump_state(guest, end, state_output);
    if (mock) {
        const auto verdict = mock->verdict(by_tohost ? LIMPET_RETURN : status);
        if (verdict && !verdict->text.empty()) fmt::print(stderr, "limpet: {}\n", verdict->text);
        if (verdict && (!verdict->good || !by_tohost)) return verdict->good ? kExitOk : kExitGuestFailure;
    }
    if (by_tohost) return watch->value() == 1 ? kExitOk : kExitGuestFailure;
    if (status == LIMPET_RETURN || status == LIMPET_ECALL) return kExitOk;
    print_trap(guest, backend, status, mock ? mock->refusal() : "", stderr);
    return kExitTrap;
}

} // namespace limpet
