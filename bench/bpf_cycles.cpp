/// \file
/// limpet-bpf-cycles [--rows] FOLDER [PROFILE]: what every eBPF backend takes for each workload (FOLDER/NAME.o) on the
/// emulated Cortex-M0+, as the library that a firmware links. Cycles are counted instruction by instruction in Unicorn,
/// of limpet_bpf_call alone; results are those of native code, or nothing is printed. PROFILE: where to write how often
/// each instruction of each library ran, with its cycles. --rows: for the report, a JSON object a line.
///
/// This program links Unicorn and is therefore under the GNU General Public License, version 2.
#include "../interp/image/bpf_narrow.h"
#include "../interp/image/bpf_object.h"
#include "../variants/thumb/backend.h"
#include "cycles/m0plus_timing.h"
#include "workloads/workloads.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace {

using namespace limpet;

constexpr uint32_t kFrames = 32;                                         ///< recursion of fib
constexpr std::string_view kCallsHost[] = {"max31865", "one_host_call"}; ///< their host calls are not here
constexpr std::string_view kGeomeanWorkloads[] = {"crc32", "sort", "accel", "angle", "fib", "alu"};

/// Each instruction is charged when the next one is known, which tells whether a branch was taken.
class Counter : public thumb::Observer {
public:
    void instruction(uint32_t address, uint16_t first, uint16_t second, uint32_t /*sp*/) override {
        charge(address);
        previous_ = address;
        insn_[0] = first;
        insn_[1] = second;
    }
    void left(bool /*returned*/) override {
        charge(0); // no conditional branch
        pending_ = false;
    }
    /// The cycles since the last time.
    uint64_t take() { return std::exchange(cycles_, 0); }
    std::map<uint32_t, std::pair<uint64_t, uint64_t>> profile; ///< by address: executions, cycles

private:
    void charge(uint32_t next) {
        if (pending_) {
            const cycles::Timing cost = cycles::timing(insn_[0], insn_[1]);
            if (cost.cycles == 0) throw std::runtime_error(fmt::format("no timing for {:04x}", insn_[0]));
            const uint64_t taken = cost.cycles + (cost.conditional && next != previous_ + 2 ? 1 : 0);
            cycles_ += taken;
            auto& [executions, all] = profile[previous_];
            ++executions;
            all += taken;
        }
        pending_ = true;
    }

    uint64_t cycles_ = 0;
    uint32_t previous_ = 0;
    uint16_t insn_[2] = {};
    bool pending_ = false;
};

struct Program {
    std::unique_ptr<Guest> guest;
    std::vector<limpet_bpf_frame> frames = std::vector<limpet_bpf_frame>(kFrames);
    uint32_t entry = 0;
    size_t image_bytes = 0; ///< code, constants, initialised variables

    /// For `backend`. Throws LoadError when it cannot run it.
    Program(const std::string& folder, const std::string& name, const Backend& backend) {
        std::ifstream file(folder + "/" + name + ".o", std::ios::binary);
        const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        const BpfObject object = read_bpf_object(bytes);
        for (const Symbol& function : object.functions)
            if (function.name == name) entry = function.address;
        constexpr size_t unused_bytes = 8;
        image_bytes = object.code.size() + (object.writable_start - unused_bytes) +
                      (object.data.size() - std::min<size_t>(object.data.size(), object.stack_top));
        guest = object.make_guest();
        guest->bpf_host.frames = frames.data();
        guest->bpf_host.frame_count = kFrames;
        if (!backend.is_narrow()) return;
        narrow(*guest, entry);
        image_bytes += guest->code().size() - object.code.size();
    }

    /// What is uploaded for the backend that has prepared it.
    [[nodiscard]] size_t uploaded_bytes() const {
        return guest->packed == nullptr ? image_bytes : image_bytes - guest->code().size() + guest->packed->code.size();
    }

    /// Runs and checks; returns the fuel that it took.
    uint32_t run(const Backend& backend, const workload& work) {
        guest->set_arguments(std::array<uint32_t, 1>{WORKLOAD_SEED});
        const limpet_status status = backend.call(*guest, entry, LIMPET_FUEL_MAX);
        if (status != LIMPET_RETURN || guest->result() != work.run(WORKLOAD_SEED))
            throw std::runtime_error(
                fmt::format("{} on {}: wrong result, status {}", work.name, backend.name, static_cast<int>(status)));
        return LIMPET_FUEL_MAX - guest->vm.fuel;
    }
};

/// A row of the report, as far as it is known here.
void print_row(const Backend& backend, const char* workload, const Program& program, uint64_t prepare_cycles,
               uint64_t cycles, uint32_t instructions, uint32_t stack_bytes) {
    const uint32_t call_cycles = cycles::timing(0x4798, 0).cycles; // blx r3, which the other rows have in them, too
    fmt::print(R"({{"backend": "{}", "workload": "{}", "image_bytes": {}, "state_bytes": {}, "stack_bytes": {}, )",
               backend.name, workload, program.uploaded_bytes(), sizeof(limpet_bpf_vm), stack_bytes);
    fmt::print(R"("prepared_bytes": {}, "prepare_cycles": {}, "cycles": {}, "guest_insns": {}}})"
               "\n",
               program.guest->host.prepared_size, prepare_cycles, cycles + call_cycles, instructions);
}

void measure(const Backend& backend, const std::string& folder, const char* profile, bool rows) {
    thumb::ThumbBackend preparing(backend);
    thumb::ThumbBackend library(backend); // of its own, because preparation takes more stack
    Counter counter;
    preparing.machine().observe(&counter);
    library.machine().observe(&counter);
    if (!rows)
        fmt::print("{}\n{:10}{:>12}{:>12}{:>13}\n", backend.name, "workload", "guest insns", "cycles", "cycles/insn");
    double logarithms = 0;
    for (uint32_t i = 0; i < workload_count; ++i) {
        const workload& work = workloads[i];
        if (std::ranges::find(kCallsHost, work.name) != std::end(kCallsHost)) continue;
        Program again(folder, work.name, *bpf_backends().front());
        (void)bpf_backends().front()->prepare(*again.guest);
        const uint32_t instructions = again.run(*bpf_backends().front(), work);
        std::optional<Program> made;
        try {
            made.emplace(folder, work.name, backend);
        } catch (const LoadError& error) {
            if (!rows) fmt::print("{:10}refused: {}\n", work.name, error.what());
            continue;
        }
        Program& program = *made;
        if (preparing.prepare(*program.guest) != LIMPET_RETURN) throw std::runtime_error("refused");
        const uint64_t prepare_cycles = counter.take(); // and what it takes to tell how much memory that needs
        program.run(library, work);
        const uint64_t cycles = counter.take();
        const double ratio = static_cast<double>(cycles) / instructions;
        if (rows)
            print_row(backend, work.name, program, prepare_cycles, cycles, instructions,
                      library.machine().deepest_stack_bytes());
        else
            fmt::print("{:10}{:12}{:12}{:13.2f}\n", work.name, instructions, cycles, ratio);
        for (const std::string_view name : kGeomeanWorkloads)
            if (name == work.name) logarithms += std::log(ratio);
    }
    if (!rows)
        fmt::print("geometric mean over crc32 sort accel angle fib alu: {:.2f} cycles/insn\n\n",
                   std::exp(logarithms / std::size(kGeomeanWorkloads)));
    if (profile == nullptr) return;
    std::ofstream out(profile, std::ios::app);
    for (const auto& [address, counts] : counter.profile)
        out << fmt::format("{} {:08x} {} {}\n", backend.name, address, counts.first, counts.second);
}

} // namespace

int main(int argc, char** argv) {
    try {
        const bool rows = argc > 1 && argv[1] == std::string_view("--rows");
        char** const words = argv + (rows ? 2 : 1);
        if (words[0] == nullptr) throw std::runtime_error("usage: limpet-bpf-cycles [--rows] FOLDER [PROFILE]");
        for (const auto& backend : bpf_backends())
            if (backend->has_library()) measure(*backend, words[0], words[1], rows);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "limpet-bpf-cycles: %s\n", error.what());
        return 70;
    }
}
