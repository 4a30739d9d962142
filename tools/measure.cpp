#include "measure.h"

#include "builder/files.h"
#include "builder/sdk.h"
#include "errors.h"
#include "inspect.h"
#include "measure_table.h"
#include "mock/mock.h"
#include "program.h"
#include "session.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>

namespace limpet {

namespace {

/// More than an entry of a driver has any reason to take, and done in seconds.
constexpr uint64_t kFuelDefault = 1'000'000;

/// The command line, understood.
struct Plan {
    const MeasureOptions& options;
    std::array<uint32_t, 6> arguments;
    uint64_t fuel;
};

/// A guest, and the firmware around it if there is a mock. Each run needs a new one.
struct Subject {
    Subject(const Plan& plan, const std::string& path);
    /// Calls the guest as planned. Returns an ExitStatus; what went wrong is said on `errors`.
    int run(const Plan& plan, const MeasuringBackend& backend, std::FILE* errors);
    /// Is there anything to run? Without a mock, an image's host calls would trap.
    [[nodiscard]] bool can_run(const Plan& plan) const;
    [[nodiscard]] GuestBytes bytes() const;

    Program program;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere{std::fopen("/dev/null", "w"), std::fclose};
    std::optional<mock::Mock> mock;
    std::unique_ptr<Guest> guest;
};

Subject::Subject(const Plan& plan, const std::string& path) : program(path, 0) {
    const MeasureOptions& options = plan.options;
    if (!options.mock.empty())
        mock.emplace(options.mock, options.imports, program, nowhere.get());
    else if (!options.imports.empty())
        program.bind(read_imports(options.imports));
    guest = program.make_guest({}, is_bpf_isa(options.isa.empty() ? program.isa_name() : options.isa));
}

bool Subject::can_run(const Plan& plan) const {
    const Container* image = program.image();
    return mock || !plan.options.entry.empty() || image == nullptr ||
           (image->entries.size() == 1 && image->imports.empty());
}

GuestBytes Subject::bytes() const {
    const limpet_windows& window = guest->vm.window;
    const uint32_t code = window.code_size + (guest->is_bpf() ? 0 : LIMPET_GUARD_BYTES);
    const size_t frames = guest->bpf_host.frame_count * sizeof(limpet_bpf_frame);
    const auto state = static_cast<uint32_t>(guest->is_bpf() ? sizeof(limpet_bpf_vm) + frames : sizeof(limpet_vm));
    if (const Container* image = program.image()) return {upload_bytes(*image), window.data_size, code, state};
    return {std::nullopt, window.data_size, code, state};
}

int Subject::run(const Plan& plan, const MeasuringBackend& backend, std::FILE* errors) {
    const bool scheduled = mock && mock->has_schedule() && plan.options.entry.empty();
    std::optional<EntryCall> only;
    if (!scheduled) only = {.address = program.entry(plan.options.entry), .arguments = plan.arguments};
    OneCall one_call(only.value_or(EntryCall{}));
    if (mock) mock->attach(*guest, only);
    Execution execution(backend, *guest, plan.fuel);
    Session session(execution, mock ? static_cast<Schedule&>(*mock) : one_call, nullptr);
    session.run();

    const limpet_status status = session.status();
    if (mock) {
        if (const auto verdict = mock->verdict(status)) {
            if (!verdict->good) fmt::print(errors, "limpet: {}\n", verdict->text);
            return verdict->good ? kExitOk : kExitGuestFailure;
        }
    }
    if (status == LIMPET_RETURN || status == LIMPET_ECALL) return kExitOk;
    print_trap(*guest, backend, status, mock ? mock->refusal() : "", errors);
    return kExitTrap;
}

/// Throws unless a backend did the same as the reference, with which all went well.
void expect_same(const MeasuringBackend& reference, const Guest& expected, const MeasuringBackend& backend,
                 const Guest& got, int status) {
    const auto same_call = [](const MeasuredCall& a, const MeasuredCall& b) {
        return a.entry == b.entry && a.result == b.result;
    };
    if (status != kExitOk || !std::ranges::equal(reference.calls(), backend.calls(), same_call) ||
        !std::ranges::equal(expected.memory(), got.memory()))
        throw std::runtime_error(fmt::format("{} does something else than {}", backend.name, reference.name));
}

/// A backend's library: the backend is one, or there is one that is like it.
std::unique_ptr<thumb::ThumbBackend> library_of(const Backend& backend) {
    return std::make_unique<thumb::ThumbBackend>(backend);
}

/// Measures a program under every backend of its isa. Returns an ExitStatus. plain_insns: what each call takes in
/// instructions of rv32ec, then of ebpf. From there it is taken for rv32dense, whose codes stand for one or two, and
/// for ebpf32, where some are gone.
int measure_program(const Plan& plan, const std::string& path, CostTable& table, std::vector<uint64_t>& plain_insns) {
    const FlashCosts flash(thumb::image_directory());
    Subject expected(plan, path);
    const std::string isa = plan.options.isa.empty() ? expected.program.isa_name() : plan.options.isa;
    const MeasuringBackend reference(choose_backend(isa, ""));
    const bool runs = expected.can_run(plan);
    std::map<uint32_t, std::string> names;
    if (runs) {
        if (reference.prepare(*expected.guest) != LIMPET_RETURN) throw LoadError(reference.name + " cannot run it");
        if (const int status = expected.run(plan, reference, stderr); status != kExitOk) return status;
        for (const MeasuredCall& call : reference.calls()) names[call.entry] = expected.program.label(call.entry);
        if (reference.calls().size() == 1 && !plan.options.entry.empty())
            names[reference.calls()[0].entry] = plan.options.entry;
    }
    std::vector<uint64_t> insns;
    for (const MeasuredCall& call : reference.calls()) insns.push_back(call.guest_insns);
    if (isa == "rv32ec" || isa == "ebpf") plain_insns = insns;
    if (reference.isa.dense || isa == "ebpf32") insns = plain_insns;
    insns.resize(reference.calls().size()); // 0: not known
    std::vector<const Backend*> wanted;
    for (const auto& list : {backends(), bpf_backends()})
        for (const auto& backend : list)
            if (backend->isa_name == isa && backend->has_library()) wanted.push_back(backend.get());
    for (const Backend* backend : wanted) {
        const auto library = library_of(*backend);
        const MeasuringBackend measured(*library);
        Subject subject(plan, path);
        Costs costs;
        costs.flash = flash.of(*backend);
        costs.guest = subject.bytes();
        costs.refused = measured.prepare(*subject.guest) != LIMPET_RETURN;
        if (const auto& packed = subject.guest->packed; packed != nullptr) {
            const auto saved = static_cast<uint32_t>(subject.guest->code().size() - packed->code.size());
            costs.guest.code -= saved;
            if (costs.guest.upload) *costs.guest.upload -= saved;
        }
        if (runs && !costs.refused) {
            const int status = subject.run(plan, measured, subject.nowhere.get());
            expect_same(reference, *expected.guest, measured, *subject.guest, status);
            costs.calls = measured.calls();
            for (size_t i = 0; i < costs.calls.size(); ++i) costs.calls[i].guest_insns = insns[i];
        }
        costs.prepared_bytes = measured.prepared_bytes();
        costs.prepare_cycles = measured.prepare_cycles();
        costs.stack_bytes = measured.stack_bytes();
        table.add(*backend, costs, names);
    }
    return kExitOk;
}

/// Builds a driver's C for each isa, or the one that is wanted, and measures it.
int measure_source(const Plan& plan, CostTable& table) {
    std::vector<std::string> isas;
    for (const auto& list : {backends(), bpf_backends()})
        for (const auto& backend : list)
            if (std::ranges::find(isas, backend->isa_name) == isas.end()) isas.push_back(backend->isa_name);
    if (!plan.options.isa.empty()) isas = {plan.options.isa};
    const TemporaryFolder folder;
    std::vector<uint64_t> plain_insns;
    for (const std::string& isa : isas) {
        BuildOptions build_options = plan.options.build;
        build_options.sources = {plan.options.file};
        build_options.isa = isa;
        build_options.imports = plan.options.imports;
        const std::string path = folder.path() / (isa + ".limpet");
        try {
            write_bytes(path, build(build_options).image);
        } catch (const LoadError& error) {
            // What needs registers of 64 bits is measured on the others.
            if (isa != "ebpf32" || !plan.options.isa.empty()) throw;
            fmt::print(stderr, "limpet: {}: {}\n", isa, error.what());
            continue;
        }
        if (const int status = measure_program(plan, path, table, plain_insns); status != kExitOk) return status;
    }
    return kExitOk;
}

} // namespace

int measure_command(const MeasureOptions& options) {
    const Plan plan{.options = options,
                    .arguments = parse_arguments(options.args),
                    .fuel = options.fuel.empty() ? kFuelDefault : parse_large_number("--fuel", options.fuel)};
    if (!options.isa.empty()) (void)choose_backend(options.isa, ""); // before the file is looked at
    if (!options.args.empty() && options.entry.empty() && !options.mock.empty())
        throw UsageError("--args needs --entry");
    if (!std::filesystem::exists(thumb::image_directory() + "/flash.txt"))
        throw LoadError("the Cortex-M0+ images that this command was built with are gone");
    CostTable table;
    const bool source = options.file.ends_with(".c");
    std::vector<uint64_t> unknown;
    const int status = source ? measure_source(plan, table) : measure_program(plan, options.file, table, unknown);
    if (status == kExitOk) table.print(stdout);
    return status;
}

} // namespace limpet
