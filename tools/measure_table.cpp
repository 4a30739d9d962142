#include "measure_table.h"

#include "builder/files.h"

#include <algorithm>
#include <fmt/format.h>
#include <sstream>

namespace limpet {

namespace {

/// "rv32-goto-lean-rv32ec": as in the names of a library's files.
std::string file_name(const std::string& backend, const std::string& isa) {
    std::string name = backend + "-" + isa;
    std::ranges::replace(name, '/', '-');
    return name;
}

/// Columns of text: the first ones, which are names, to the left, numbers to the right.
void print_columns(const std::vector<std::vector<std::string>>& lines, size_t names, std::FILE* out) {
    std::vector<size_t> widths(lines[0].size());
    for (const auto& line : lines)
        for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
    for (const auto& line : lines) {
        std::string text;
        for (size_t i = 0; i < line.size(); ++i)
            text +=
                i < names ? fmt::format("{:<{}}  ", line[i], widths[i]) : fmt::format("{:>{}}  ", line[i], widths[i]);
        fmt::print(out, "{}\n", text.substr(0, text.find_last_not_of(' ') + 1));
    }
}

/// What all calls of one entry took.
struct EntryCost {
    uint32_t calls = 0;
    uint64_t insns = 0;
    uint64_t cycles = 0;
    uint64_t cycles_max = 0;
};

} // namespace

/// Lines of `size`: text, data, bss, dec, hex, file; those of libraries follow that of a firmware without one, which
/// has no -Os or the like behind its name.
FlashCosts::FlashCosts(const std::string& folder) {
    std::istringstream lines(read_text(folder + "/flash.txt"));
    std::string line;
    std::getline(lines, line); // the header
    std::optional<uint32_t> none;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        uint32_t text = 0;
        uint32_t data = 0;
        std::string bss, dec, hex, path;
        if (!(words >> text >> data >> bss >> dec >> hex >> path)) throw LoadError("flash.txt: not the output of size");
        const size_t start = path.rfind("flash-");
        const size_t end = path.rfind(".elf");
        if (start == std::string::npos || end == std::string::npos) throw LoadError("flash.txt: " + path);
        const std::string name = path.substr(start + 6, end - start - 6);
        if (name.ends_with("none")) {
            none = text + data;
            continue;
        }
        const size_t dash = name.rfind('-');
        if (!none || dash == std::string::npos) throw LoadError("flash.txt: " + path);
        const std::string built = name.substr(dash);
        costs_[name.substr(0, dash)] = {text + data - *none, built == "-asm" ? "asm" : built};
    }
}

const FlashCost& FlashCosts::of(const Backend& backend) const {
    const auto found = costs_.find(file_name(backend.name, backend.isa_name));
    if (found == costs_.end()) throw LoadError(backend.name + " is not in flash.txt: the Cortex-M0+ build is older");
    return found->second;
}

void CostTable::add(const Backend& backend, const Costs& costs, const std::map<uint32_t, std::string>& names) {
    const auto text = [](auto value) { return std::to_string(value); };
    const GuestBytes& guest = costs.guest;
    Line line = {backend.isa_name,
                 backend.name,
                 costs.flash.built,
                 text(costs.flash.bytes),
                 guest.upload ? text(*guest.upload) : "-",
                 text(guest.data),
                 text(guest.code)};
    if (costs.refused) {
        line.insert(line.end(), {"refused", "-", "-", "-", "-"});
        memory_.push_back(line);
        return;
    }
    const size_t ram_bytes = size_t{guest.data} + guest.code + costs.prepared_bytes + guest.state;
    line.insert(line.end(), {text(costs.prepared_bytes), text(guest.state), text(ram_bytes),
                             costs.calls.empty() ? "-" : text(costs.stack_bytes), text(costs.prepare_cycles)});
    memory_.push_back(line);

    std::map<uint32_t, EntryCost> entries;
    for (const MeasuredCall& call : costs.calls) {
        EntryCost& entry = entries[call.entry];
        ++entry.calls;
        entry.insns += call.guest_insns;
        entry.cycles += call.cycles;
        entry.cycles_max = std::max(entry.cycles_max, call.cycles);
    }
    for (const auto& [address, entry] : entries) {
        const auto name = names.find(address);
        cycles_.push_back(
            {backend.isa_name, backend.name, name == names.end() ? fmt::format("{:#x}", address) : name->second,
             text(entry.calls),
             entry.insns == 0 ? "-" : fmt::format("{:.1f}", static_cast<double>(entry.insns) / entry.calls),
             fmt::format("{:.0f}", static_cast<double>(entry.cycles) / entry.calls), text(entry.cycles_max),
             entry.insns == 0
                 ? "-"
                 : fmt::format("{:.1f}", static_cast<double>(entry.cycles) / static_cast<double>(entry.insns))});
    }
}

void CostTable::print(std::FILE* out) const {
    std::vector<Line> memory = {
        {"isa", "backend", "built", "flash", "upload", "data", "code", "prepared", "VM", "RAM", "stack", "prepare"}};
    memory.insert(memory.end(), memory_.begin(), memory_.end());
    print_columns(memory, 3, out);
    fmt::print(out, "Bytes on a Cortex-M0+; RAM is data, code, prepared and VM. prepare: cycles, once.\n");
    if (cycles_.empty()) {
        fmt::print(out,
                   "No cycles: --mock gives the guest a firmware to call, --entry tells what of the guest to call.\n");
        return;
    }
    std::vector<Line> cycles = {{"isa", "backend", "entry", "calls", "insns", "cycles", "longest", "cycles/insn"}};
    cycles.insert(cycles.end(), cycles_.begin(), cycles_.end());
    fmt::print(out, "\n");
    print_columns(cycles, 3, out);
    fmt::print(out, "Cortex-M0+ cycles of a call, on average and the longest, at zero wait states, emulated; what the\n"
                    "firmware's functions take is not in it.\n");
}

} // namespace limpet
