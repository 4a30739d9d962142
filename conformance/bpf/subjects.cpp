#include "subjects.h"

#include "../../variants/thumb/backend.h"
#include "../support/host_calls.h"

#include <algorithm>
#include <cstdlib>

namespace limpet::conformance::bpf {

using limpet::bpf::Field;
using limpet::bpf::Use;

std::string Subject::name() const {
    std::string text = backend->name;
    for (char& c : text)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return text;
}

const std::vector<Subject>& subjects() {
    static std::vector<std::unique_ptr<thumb::ThumbBackend>> libraries;
    static const std::vector<Subject> all = [] {
        std::vector<Subject> list;
        for (const std::unique_ptr<Backend>& backend : bpf_backends())
            if (!backend->is_narrow()) list.push_back({.backend = backend.get(), .mcu = false});
        for (const std::unique_ptr<Backend>& backend : bpf_backends()) {
            if (backend->is_narrow()) continue; // NarrowPrograms
            libraries.push_back(std::make_unique<thumb::ThumbBackend>(*backend));
            list.push_back({.backend = libraries.back().get(), .mcu = true});
        }
        return list;
    }();
    return all;
}

uint32_t scaled(uint32_t full) {
    const char* percent = std::getenv("LIMPET_CASES_PERCENT");
    return percent == nullptr ? full : std::max<uint64_t>(1, uint64_t{full} * std::strtoul(percent, nullptr, 10) / 100);
}

std::vector<uint8_t> initial_memory(const Layout& layout) {
    std::vector<uint8_t> memory(layout.size);
    Random random(7);
    for (uint8_t& byte : memory) byte = static_cast<uint8_t>(random.bits());
    return memory;
}

std::vector<uint8_t> bytes_of(const Code& code) {
    std::vector<uint8_t> bytes;
    for (uint64_t slot : code)
        for (int i = 0; i < 8; ++i, slot >>= 8) bytes.push_back(static_cast<uint8_t>(slot));
    return bytes;
}

std::unique_ptr<Guest> make_guest(const Layout& layout, const Code& code) {
    const std::vector<uint8_t> memory = initial_memory(layout);
    const std::span<const uint8_t> bytes(memory);
    const Segment segments[] = {{.address = layout.base,
                                 .data = bytes.first(layout.wall),
                                 .size = layout.wall,
                                 .writable = false,
                                 .executable = false},
                                {.address = layout.base + layout.wall,
                                 .data = bytes.subspan(layout.wall),
                                 .size = layout.size - layout.wall,
                                 .writable = true,
                                 .executable = false}};
    auto guest = std::make_unique<Guest>(layout.base, layout.size, segments);
    guest->set_bpf_program(bytes_of(code));
    guest->host.call = test_host_call;
    guest->bpf_host.frame_bytes = 64;
    return guest;
}

Registers registers_of(const Guest& guest) {
    Registers r{};
    for (size_t i = 0; i < r.size(); ++i) r[i] = uint64_t{guest.bpf.r[2 * i + 1]} << 32 | guest.bpf.r[2 * i];
    return r;
}

void set_registers(Guest& guest, const Registers& r) {
    for (size_t i = 0; i < r.size(); ++i) {
        guest.bpf.r[2 * i] = static_cast<uint32_t>(r[i]);
        guest.bpf.r[2 * i + 1] = static_cast<uint32_t>(r[i] >> 32);
    }
}

Code recursion() {
    using limpet::bpf::make;
    const uint64_t call = make(0x85, 0, 1, 0, 1);
    const uint64_t call_itself = make(0x85, 0, 1, 0, -4);
    const uint64_t exit = 0x95;
    return {call, exit, make(0x04, 0, 0, 0, 1), make(0x16, 1, 0, 2, 0), make(0x04, 1, 0, 0, -1), call_itself, exit};
}

void expect_nesting(const Backend& backend) {
    constexpr uint32_t stack_top = 0x3e0;
    for (const uint32_t frames : {0U, 1U, 2U, 8U})
        for (uint32_t depth = 1; depth <= 9; ++depth) {
            const auto g = make_guest(kLayouts[0], recursion());
            g->host.stack_top = stack_top;
            ASSERT_EQ(backend.prepare(*g), LIMPET_RETURN);
            g->bpf_host.frame_count = frames;
            g->bpf.r[2] = depth - 1;
            const bool fits = depth <= frames;
            ASSERT_EQ(backend.call(*g, 0, 1000), fits ? LIMPET_RETURN : LIMPET_STORE) << depth << " of " << frames;
            const Registers r = registers_of(*g);
            ASSERT_EQ(r[0], fits ? depth : frames);
            ASSERT_EQ(r[10], stack_top - (fits ? 0 : frames * 64));
            if (fits) {
                ASSERT_EQ(g->bpf.depth, 0U);
                continue;
            }
            ASSERT_EQ(g->vm.pc / kSlotBytes, frames == 0 ? 0U : 5U);
            ASSERT_EQ(g->vm.trap_address, stack_top - (frames + 1) * 64);
        }
}

void stand_at(Guest& guest, uint32_t slot) {
    guest.vm.pc = slot * kSlotBytes;
    guest.vm.status = LIMPET_FUEL;
    guest.bpf.depth = 0;
}

uint64_t interesting_value(Random& random) {
    const uint64_t bits = random.next64();
    switch (random.below(8)) {
    case 0: return random.pick({0, 1, 2, 31, 32, 33, 63, 64, 0xff, 0x80, 0x7fff, 0x8000, 0xffff, 0x7fffffff});
    case 1: return uint64_t{0} - random.pick({1, 2, 31, 32, 0x80, 0x81, 0x8000, 0x8001, 0x80000000});
    case 2: return uint64_t{1} << random.below(64);
    case 3: return bits >> random.below(64);
    case 4: return static_cast<uint32_t>(bits);
    case 5: return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(bits)));
    case 6: return uint64_t{random.pick({0x80000000, 0x7fffffff, 0xffffffff, 0})} << 32 | (bits & 3);
    default: return bits;
    }
}

namespace {

int32_t random_field(Field field, Random& random, bool is_register) {
    if (field.use == Use::kFixed) return field.value;
    if (field.use == Use::kBranch) return 0;
    if (field.use == Use::kRead) return static_cast<int32_t>(random.below(11));
    if (is_register) return static_cast<int32_t>(random.below(10));
    return static_cast<int32_t>(interesting_value(random));
}

} // namespace

uint64_t random_instance(const Instruction& row, Random& random) {
    return limpet::bpf::make(row.opcode, static_cast<uint32_t>(random_field(row.dst, random, true)),
                             static_cast<uint32_t>(random_field(row.src, random, true)),
                             random_field(row.offset, random, false), random_field(row.imm, random, false));
}

} // namespace limpet::conformance::bpf
