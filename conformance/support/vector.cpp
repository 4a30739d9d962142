#include "vector.h"

#include "../../interp/rv32/disasm.h"
#include "random.h"

#include <algorithm>
#include <cstdio>

namespace limpet::conformance {

namespace {

constexpr uint8_t kBehind = 0xa5; ///< what lies in host memory behind the data window

/// Host memory behind the data window: a store that a backend lets slip shows here before it harms the test.
constexpr uint32_t kBehindBytes = 64;

std::array<Segment, 2> segments(const Layout& layout) {
    return {{{.address = layout.base, .data = {}, .size = layout.wall, .writable = false, .executable = false},
             {.address = layout.read_only.start,
              .data = {},
              .size = layout.read_only.size,
              .writable = false,
              .executable = false}}};
}

std::string hex(uint32_t value) {
    char text[12];
    std::snprintf(text, sizeof text, "%08x", value);
    return text;
}

std::string describe(const Registers& x) {
    std::string text;
    for (size_t i = 0; i < x.size(); ++i) text += (i % 8 == 0 ? "\n    x" : " x") + std::to_string(i) + "=" + hex(x[i]);
    return text;
}

} // namespace

bool Layout::allows(uint32_t address, uint32_t size, bool store) const {
    for (uint64_t byte = address; byte < uint64_t{address} + size; ++byte) {
        if (byte < base || byte >= uint64_t{base} + data_size) return false;
        if (store && byte < uint64_t{base} + wall) return false;
        if (store && byte >= read_only.start && byte < uint64_t{read_only.start} + read_only.size) return false;
    }
    return true;
}

uint32_t Layout::code_left(uint32_t address) const {
    if (address < code_start || address >= code_end() || gap.contains(address)) return 0;
    return (address < gap.start ? gap.start : code_end()) - address;
}

std::span<const Layout> layouts() {
    static const Layout all[] = {
        {.name = "image", .base = 0, .data_size = 1024, .wall = 256, .code_start = 1024, .code_size = 512},
        {.name = "odd_sizes", .base = 0, .data_size = 509, .wall = 37, .code_start = 512, .code_size = 510},
        {.name = "no_wall", .base = 0, .data_size = 64, .wall = 0, .code_start = 0x10000, .code_size = 256},
        {.name = "little_code", .base = 0, .data_size = 128, .wall = 16, .code_start = 256, .code_size = 32},
        {.name = "high_half",
         .base = 0x80000000,
         .data_size = 1024,
         .wall = 128,
         .code_start = 0x80000400,
         .code_size = 512},
        {.name = "island",
         .base = 0x00010002,
         .data_size = 1021,
         .wall = 61,
         .code_start = 0x00010400,
         .code_size = 512,
         .read_only = {.start = 0x00010203, .size = 101}},
        {.name = "gap",
         .base = 0x20000000,
         .data_size = 512,
         .wall = 64,
         .code_start = 0x20000200,
         .code_size = 1024,
         .gap = {.start = 0x20000400, .size = 60}},
    };
    return all;
}

std::vector<uint8_t> initial_data(const Layout& layout) {
    Random random(layout.data_size + layout.base);
    std::vector<uint8_t> data(layout.data_size);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(random.bits());
    return data;
}

void fill_with_ebreak(std::span<uint8_t> code, rv32::Isa isa) {
    constexpr std::array<uint8_t, 4> compressed = {0x02, 0x90, 0x02, 0x90};
    constexpr std::array<uint8_t, 4> plain = {0x73, 0x00, 0x10, 0x00};
    for (size_t i = 0; i < code.size(); ++i) code[i] = (isa.compressed ? compressed : plain)[i % 4];
}

Arena::Arena(const Layout& layout, rv32::Isa isa)
    : guest(layout.base, layout.data_size + kBehindBytes, segments(layout)), layout_(layout), isa_(isa),
      data_(initial_data(layout)), code_(layout.code_size + LIMPET_GUARD_BYTES) {
    fill_with_ebreak(std::span(code_).first(layout.code_size), isa);
    write_guard(layout.code_size, LIMPET_GUARD_BYTES);
    write_guard(layout.gap.start - layout.code_start, layout.gap.size);
    code_before_ = code_;
    guest.host.code = code_.data();
    guest.host.stack_top = layout.data_end() & ~15U;
    if (layout.gap.size != 0) {
        const uint32_t behind = layout.gap.start + layout.gap.size;
        executable_ = {{{.start = layout.code_start, .size = layout.gap.start - layout.code_start},
                        {.start = behind, .size = layout.code_end() - behind}}};
        guest.host.executable = executable_.data();
        guest.host.executable_count = 2;
    }
    guest.vm.window.data_size = layout.data_size;
    guest.vm.window.code_start = layout.code_start;
    guest.vm.window.code_size = layout.code_size;
    std::ranges::fill(guest.memory().subspan(layout.data_size), kBehind);
}

void Arena::write_guard(uint32_t offset, uint32_t size) {
    for (uint32_t i = 0; i < size; i += 2) {
        code_[offset + i] = LIMPET_GUARD & 0xff;
        code_[offset + i + 1] = LIMPET_GUARD >> 8;
    }
}

void Arena::write_code(uint32_t address, std::span<const uint8_t> bytes) {
    std::ranges::copy(bytes, code_.begin() + (address - layout_.code_start));
    std::ranges::copy(bytes, code_before_.begin() + (address - layout_.code_start));
}

void Arena::start(const Vector& v) {
    std::ranges::copy(data_, guest.memory().begin());
    for (std::vector<uint8_t>* code : {&code_, &code_before_}) {
        const std::span<uint8_t> window = std::span(*code).first(layout_.code_size);
        const uint32_t aligned = dirty_start_ & ~3U; // the fill repeats every 4 bytes
        fill_with_ebreak(window.subspan(aligned, dirty_start_ - aligned + dirty_size_), isa_);
    }
    write_code(v.code_at, v.code);
    dirty_start_ = v.code_at - layout_.code_start;
    dirty_size_ = static_cast<uint32_t>(v.code.size());
    std::ranges::copy(v.x, guest.vm.x);
    guest.host.stack_top = (layout_.data_end() - v.above_stack) & ~15U;
    guest.vm.pc = v.pc;
    guest.vm.fuel = 0;
    guest.vm.trap_address = 0;
    guest.vm.status = LIMPET_FUEL; // so that resume starts at any pc with any registers
}

bool Arena::surroundings_intact() const {
    return code_ == code_before_ &&
           std::ranges::all_of(guest.memory().subspan(layout_.data_size), [](uint8_t byte) { return byte == kBehind; });
}

const char* status_name(limpet_status status) {
    static constexpr const char* kNames[] = {"return",    "illegal", "load",    "store", "fetch",  "breakpoint",
                                             "host-call", "fuel",    "refused", "ecall", "running"};
    return status < std::size(kNames) ? kNames[status] : "?";
}

std::string describe(const Vector& v, rv32::Isa isa) {
    std::string text = std::string(v.layout->name) + ", pc=" + hex(v.pc) + describe(v.x);
    uint32_t size = 2;
    for (uint32_t at = 0; at + 2 <= v.code.size(); at += size) {
        uint32_t insn = v.code[at] | static_cast<uint32_t>(v.code[at + 1]) << 8;
        size = isa.compressed && (insn & 3) != 3 ? 2 : 4;
        if (size == 4 && at + 4 <= v.code.size())
            insn |= static_cast<uint32_t>(v.code[at + 2] | v.code[at + 3] << 8) << 16;
        text += "\n    " + hex(v.code_at + at) + ": " + hex(insn) + " " + rv32::disassemble(isa, v.code_at + at, insn);
    }
    return text;
}

std::string describe(const Outcome& o) {
    return std::string(status_name(o.status)) + ", pc=" + hex(o.pc) +
           (o.has_trap_address ? ", address=" + hex(o.trap_address) : "") + ", executed " + std::to_string(o.executed) +
           describe(o.x);
}

} // namespace limpet::conformance
