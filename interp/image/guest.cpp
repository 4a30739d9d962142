#include "guest.h"

#include "../bpf/run.h"
#include "../rv32/run.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <string>

namespace limpet {

namespace {

constexpr uint32_t kBpfArguments = 5; ///< r1..r5

std::string describe(uint64_t address, uint64_t size) {
    char text[48]; // 0x, 8 digits, two dots, 0x, 9 digits
    std::snprintf(text, sizeof text, "0x%08" PRIx64 "..0x%08" PRIx64, address, address + size);
    return text;
}

uint64_t end_of(const Segment& segment) { return uint64_t{segment.address} + segment.size; }

/// Every segment that is not empty, by address. Throws unless all fit into the memory and none overlaps another.
std::vector<Segment> checked(uint32_t base, uint32_t size, std::span<const Segment> segments) {
    std::vector<Segment> sorted;
    for (const Segment& segment : segments) {
        const std::string where = describe(segment.address, segment.size);
        if (segment.size < segment.data.size()) throw LoadError("segment " + where + " is smaller than its data");
        if (segment.size == 0) continue;
        if (segment.address < base || end_of(segment) > uint64_t{base} + size)
            throw LoadError("segment " + where + " is outside the memory " + describe(base, size));
        if (segment.writable && segment.executable)
            throw LoadError("segment " + where + " is both writable and executable");
        sorted.push_back(segment);
    }
    std::ranges::sort(sorted, {}, &Segment::address);
    for (size_t i = 1; i < sorted.size(); ++i)
        if (end_of(sorted[i - 1]) > sorted[i].address)
            throw LoadError("segment " + describe(sorted[i].address, sorted[i].size) + " overlaps segment " +
                            describe(sorted[i - 1].address, sorted[i - 1].size));
    return sorted;
}

/// Appends a range, or lengthens the last one when the new one starts where that ends.
void append(std::vector<Range>& ranges, Range range) {
    if (!ranges.empty() && ranges.back().start + ranges.back().size == range.start)
        ranges.back().size += range.size;
    else
        ranges.push_back(range);
}

uint32_t last_end(const std::vector<Range>& ranges) { return ranges.back().start + ranges.back().size; }

/// The part of a range that instructions can start in: whole halfwords.
Range halfwords(Range range) {
    const uint32_t start = range.start + (range.start & 1);
    const uint32_t end = (range.start + range.size) & ~1U;
    return {.start = start, .size = end - start};
}

} // namespace

Guest::Guest(uint32_t base, uint32_t size, std::span<const Segment> segments) {
    if (base % 2 != 0) throw LoadError("memory must start at an even address");
    if (uint64_t{base} + size > uint64_t{1} << 32)
        throw LoadError("memory " + describe(base, size) + " is larger than the address space");
    const std::vector<Segment> sorted = checked(base, size, segments);

    memory_.resize(size);
    for (const Segment& segment : sorted) {
        std::ranges::copy(segment.data, memory_.begin() + (segment.address - base));
        const Range range{.start = segment.address, .size = segment.size};
        if (!segment.writable) append(read_only_, range);
        if (segment.executable && halfwords(range).size != 0) append(executable_, halfwords(range));
    }
    limpet_windows window{};
    window.data_size = size;
    if (!read_only_.empty()) window.writable_start = last_end(read_only_) - base;
    // One wall at the start of memory is what writable_start says by itself.
    if (read_only_.size() == 1 && read_only_[0].start == base) read_only_.clear();
    copy_code(base, window);
    rv32::init(vm, window);

    host.data = memory_.data();
    host.code = code_.data();
    host.stack_top = (base + size) & ~15U;
    host.base = base;
    host.read_only = read_only_.data();
    host.read_only_count = static_cast<uint32_t>(read_only_.size());
    host.executable = executable_.data();
    host.executable_count = static_cast<uint32_t>(executable_.size());
}

Guest::Guest(const limpet_windows& windows, uint32_t stack_top, std::span<const uint8_t> data,
             std::span<const uint8_t> code)
    : memory_(windows.data_size), code_(size_t{windows.code_size} + LIMPET_GUARD_BYTES) {
    if (data.size() > windows.data_size) throw LoadError("more data than the data window holds");
    if (code.size() != windows.code_size) throw LoadError("code that does not fill the code window");
    std::ranges::copy(data, memory_.begin());
    for (size_t i = code.size(); i + 1 < code_.size(); i += 2) code_[i] = LIMPET_GUARD;
    std::ranges::copy(code, code_.begin());
    rv32::init(vm, windows);
    host.data = memory_.data();
    host.code = code_.data();
    host.stack_top = stack_top;
}

/// Fills the code window from memory_, with the guard's pattern wherever nothing is executable.
void Guest::copy_code(uint32_t base, limpet_windows& window) {
    window.code_start = (executable_.empty() ? base : executable_[0].start) & ~3U;
    window.code_size = executable_.empty() ? 0 : last_end(executable_) - window.code_start;
    if (window.code_size > LIMPET_RETURN_ADDRESS - window.code_start)
        throw LoadError("code reaches the return address 0xfffffff0");
    code_.resize(size_t{window.code_size} + LIMPET_GUARD_BYTES);
    for (size_t i = 0; i < code_.size(); i += 2) code_[i] = LIMPET_GUARD;
    for (const Range& range : executable_)
        std::copy_n(memory_.begin() + (range.start - base), range.size,
                    code_.begin() + (range.start - window.code_start));
    // One range that fills the window needs no list.
    if (executable_.size() == 1 && executable_[0].start == window.code_start) executable_.clear();
}

void Guest::provide_prepared(uint32_t size) {
    prepared_.assign((size_t{size} + 7) / 8, 0);
    host.prepared = prepared_.data();
    host.prepared_size = size;
}

void Guest::set_bpf_program(std::span<const uint8_t> code, uint32_t code_start, uint32_t frame_bytes,
                            uint32_t frame_count) {
    limpet_windows window = vm.window;
    window.code_start = code_start;
    window.code_size = static_cast<uint32_t>(code.size());
    code_.assign(code.begin(), code.end());
    frames_.resize(size_t{frame_count} + 1); // that there are any is what tells a guest for eBPF
    host.code = code_.data();
    bpf_host.frames = frames_.data();
    bpf_host.frame_count = frame_count;
    bpf_host.frame_bytes = frame_bytes;
    bpf::init(bpf, window);
}

void Guest::set_arguments(std::span<const uint32_t> arguments) {
    for (uint32_t i = 0; i < arguments.size(); ++i) {
        if (!is_bpf()) {
            vm.x[10 + i] = arguments[i];
        } else if (i < kBpfArguments) {
            bpf.r[2 + 2 * i] = arguments[i];
            bpf.r[3 + 2 * i] = 0;
        }
    }
}

uint32_t Guest::halfword_at(uint32_t pc) const {
    const uint32_t at = pc - vm.window.code_start;
    return host.code[at] | static_cast<uint32_t>(host.code[at + 1]) << 8; // where backends fetch, whoever set it
}

bool Guest::can_fetch(uint32_t pc, bool compressed) const {
    if (pc % (compressed ? 2 : 4) != 0 || !fetchable(vm, host, pc)) return false;
    return (compressed && (halfword_at(pc) & 3) != 3) || fetchable(vm, host, pc + 2);
}

uint32_t Guest::instruction_at(uint32_t pc, bool compressed) const {
    if (!can_fetch(pc, compressed)) return 0;
    const uint32_t low = halfword_at(pc);
    return compressed && (low & 3) != 3 ? low : low | halfword_at(pc + 2) << 16;
}

} // namespace limpet
