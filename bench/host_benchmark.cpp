/// \file
/// Google Benchmark of every backend on this PC, over the workloads that the microcontroller is measured with, and of
/// the workloads as native code.
///
///     limpet-benchmark GUESTS [--benchmark_filter=...]
///
/// GUESTS is the folder with the guests as ELF files: <isa>-O2/<workload>.elf. Before a guest is timed its result is
/// compared with the native one; a difference ends the program with status 1. items_per_second counts guest
/// instructions; means, and how they compare with the reference of the isa, follow.
#include "../interp/image/image.h"
#include "../variants/registry.h"
#include "host_call.h"
#include "workloads.h"

#include <benchmark/benchmark.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <vector>

namespace {

using limpet::Backend;

const std::span<const workload> kWorkloads(workloads, workload_count);

limpet::Image load(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error(path + ": cannot be read");
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return limpet::read_image(limpet::read_elf(bytes));
}

/// A workload as a guest of one backend, ready to be called again and again.
class Subject {
public:
    Subject(const Backend& backend, const limpet::Image& image)
        : backend_(backend), image_(image), guest_(image.windows, image.stack_top, image.data, image.code) {
        guest_.host.call = measure_host_call;
        if (backend_.prepare(guest_) != LIMPET_RETURN) throw std::runtime_error("refused");
    }

    uint32_t operator()() {
        for (unsigned i = 10; i < 16; ++i) guest_.vm.x[i] = 0;
        guest_.vm.x[10] = WORKLOAD_SEED;
        const limpet_status status = backend_.call(guest_, image_.entry, LIMPET_FUEL_MAX);
        if (status != LIMPET_RETURN)
            throw std::runtime_error(fmt::format("ended with status {}", static_cast<int>(status)));
        return guest_.vm.x[10];
    }

    /// Of the last call, when the backend counts exactly.
    [[nodiscard]] uint32_t instructions() const { return LIMPET_FUEL_MAX - guest_.vm.fuel; }

private:
    const Backend& backend_;
    const limpet::Image& image_;
    limpet::Guest guest_;
};

/// The first backend of an isa is its reference, which counts instructions.
uint32_t instructions_of(const std::string& isa, const limpet::Image& image) {
    for (const std::unique_ptr<Backend>& backend : limpet::backends())
        if (backend->isa_name == isa && backend->counts_exactly && !backend->emulated) {
            Subject subject(*backend, image);
            subject();
            return subject.instructions();
        }
    throw std::runtime_error("no backend counts the instructions of " + isa);
}

std::string name_of(const Backend& backend, const std::string& workload) {
    return fmt::format("{}/{}/{}", backend.name, backend.isa_name, workload);
}

void add_guest(const Backend& backend, const workload& work, const std::string& folder) {
    const auto image =
        std::make_shared<limpet::Image>(load(fmt::format("{}/{}-O2/{}.elf", folder, backend.isa_name, work.name)));
    const auto subject = std::make_shared<Subject>(backend, *image);
    const std::string name = name_of(backend, work.name);
    const uint32_t wanted = work.run(WORKLOAD_SEED);
    const uint32_t result = (*subject)();
    if (result != wanted)
        throw std::runtime_error(fmt::format("{}: result {:08x}, native {:08x}", name, result, wanted));
    const uint32_t instructions = instructions_of(backend.isa_name, *image);
    benchmark::RegisterBenchmark(name.c_str(), [image, subject, instructions](benchmark::State& state) {
        for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize((*subject)());
        state.SetItemsProcessed(state.iterations() * instructions);
    });
}

void add_native(const workload& work) {
    benchmark::RegisterBenchmark(fmt::format("native/{}", work.name).c_str(), [&](benchmark::State& state) {
        for ([[maybe_unused]] auto iteration : state) benchmark::DoNotOptimize(work.run(WORKLOAD_SEED));
    });
}

/// The usual table, and a line for each backend below it.
class Reporter : public benchmark::ConsoleReporter {
public:
    Reporter() : ConsoleReporter(OO_None) {}
    void ReportRuns(const std::vector<Run>& runs) override {
        ConsoleReporter::ReportRuns(runs);
        for (const Run& run : runs)
            if (const auto rate = run.counters.find("items_per_second");
                run.run_type == Run::RT_Iteration && rate != run.counters.end())
                rates_[run.benchmark_name()].insert(rate->second);
    }
    void Finalize() override {
        std::map<std::string, const Backend*> references;
        GetOutputStream() << fmt::format("\nGeometric means of {}\n", fmt::join(kMeanOf, ", "));
        for (const std::unique_ptr<Backend>& backend : limpet::backends()) {
            if (backend->emulated) continue;
            const Backend& reference = *references.try_emplace(backend->isa_name, backend.get()).first->second;
            print(*backend, reference);
        }
    }

private:
    void print(const Backend& backend, const Backend& reference) {
        double rate = 0;
        double ratio = 0;
        for (const char* const name : kMeanOf) {
            const double its = median(name_of(backend, name));
            const double other = median(name_of(reference, name));
            if (its == 0 || other == 0) return;
            rate += std::log(its);
            ratio += std::log(its / other);
        }
        GetOutputStream() << fmt::format("{:8} {:16} {:6.0f} million instructions/s, {:5.2f} x {}\n", backend.isa_name,
                                         backend.name, std::exp(rate / kMeanOf.size()) / 1e6,
                                         std::exp(ratio / kMeanOf.size()), reference.name);
    }
    /// 0: it was not measured.
    double median(const std::string& name) {
        const std::multiset<double>& rates = rates_[name];
        return rates.empty() ? 0 : *std::next(rates.begin(), static_cast<std::ptrdiff_t>(rates.size() / 2));
    }

    /// As measuring.py has it.
    static constexpr std::array kMeanOf = {"crc32", "sort", "accel", "angle", "fib", "alu"};

    std::map<std::string, std::multiset<double>> rates_;
};

} // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (argc != 2) {
        fmt::print(stderr, "usage: limpet-benchmark GUESTS [--benchmark_...]\n");
        return 64;
    }
    try {
        for (const workload& work : kWorkloads) add_native(work);
        for (const std::unique_ptr<Backend>& backend : limpet::backends())
            for (const workload& work : kWorkloads)
                if (!backend->emulated) add_guest(*backend, work, argv[1]);
    } catch (const std::exception& error) {
        fmt::print(stderr, "limpet-benchmark: {}\n", error.what());
        return 1;
    }
    Reporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    benchmark::Shutdown();
    return 0;
}
