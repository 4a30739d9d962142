/// \file
/// What is particular to programs for 32-bit registers, and to their translation into Thumb: jumps of every length,
/// places to start at, fuel, frames, edges of memory, and what is refused.
#include "../../interp/image/bpf_narrow.h"
#include "../../variants/thumb/backend.h"
#include "../support/host_calls.h"
#include "subjects.h"

#include <algorithm>

namespace limpet::conformance::bpf {
namespace {

using limpet::bpf::Format;
using limpet::bpf::is_narrow;
using limpet::bpf::make;

constexpr uint64_t kExit = 0x95;
constexpr uint32_t kStackTop = 0x3e0;
constexpr uint32_t kHostStackBytes = 96;
constexpr uint64_t move(uint32_t to, int32_t number) { return make(0xb4, to, 0, 0, number); }
constexpr uint64_t add(uint32_t to, int32_t number) { return make(0x04, to, 0, 0, number); }
constexpr uint64_t call_local(int32_t distance) { return make(0x85, 0, 1, 0, distance); }
constexpr uint64_t call_host(int32_t id) { return make(0x85, 0, 0, 0, id); }

class Narrow : public testing::TestWithParam<const Backend*> {
protected:
    Guest& guest(const Code& code) {
        guest_ = make_guest(kLayouts[0], code);
        guest_->host.stack_top = kStackTop;
        EXPECT_EQ(backend().prepare(*guest_), LIMPET_RETURN);
        return *guest_;
    }
    [[nodiscard]] static const Backend& backend() { return *GetParam(); }
    limpet_status call(uint32_t fuel = 100000) { return backend().call(*guest_, 0, fuel); }
    [[nodiscard]] uint64_t r(size_t number) const { return registers_of(*guest_)[number]; }

private:
    std::unique_ptr<Guest> guest_;
};

TEST_P(Narrow, OnlyWhatIsNarrowIsPrepared) {
    if (!backend().emulated) return; // the reference runs all of eBPF
    Random random(1);
    for (const Instruction& row : kInstructions) {
        // Jumps go to the instruction behind.
        const uint64_t insn = random_instance(row, random);
        Code code = {kExit, insn, kExit};
        if (limpet::bpf::slots(row) == 2) code = {kExit, insn, 0, kExit};
        // Loads that extend the sign are made from two instructions.
        const auto g = make_guest(kLayouts[0], code);
        const limpet_status status = backend().prepare(*g);
        ASSERT_EQ(status, is_narrow(insn) ? LIMPET_RETURN : LIMPET_REFUSED) << row.name;
        if (status == LIMPET_REFUSED) {
            ASSERT_EQ(g->vm.pc, kSlotBytes) << row.name;
            ASSERT_EQ(backend().call(*g, 0, 10), LIMPET_REFUSED);
        }
    }
}

TEST_P(Narrow, JumpsOfEveryLength) {
    // w1 times: w0 = 3 * w0 + number over and over, a part of which is jumped over every second time.
    for (const uint32_t length :
         {1U,   2U,   9U,   10U,  11U,  12U,  13U,  14U,  20U,  24U,  25U,  26U,  27U,  28U,  31U,
          32U,  33U,  34U,  35U,  36U,  37U,  38U,  39U,  40U,  60U,  61U,  62U,  63U,  64U,  65U,
          127U, 128U, 200U, 240U, 250U, 251U, 252U, 253U, 254U, 255U, 256U, 257U, 258U, 510U, 1100U}) {
        Code code = {move(0, 0), make(0x54, 2, 0, 0, 0)};                  // w2 &= 0
        code.push_back(make(0xa4, 2, 0, 0, 1));                            // w2 ^= 1
        code.push_back(make(0x56, 2, 0, static_cast<int32_t>(length), 0)); // if w2 != 0 goto
        uint32_t want_step = 0;
        for (uint32_t i = 0; i < length; ++i) {
            const int32_t number = i % 3 == 0 ? 0x1234567 : i % 3 == 1 ? 5 : -1000;
            code.push_back(add(0, number));
            want_step += static_cast<uint32_t>(number);
        }
        code.push_back(add(1, -1));
        code.push_back(make(0x56, 1, 0, -static_cast<int32_t>(length) - 4, 0)); // if w1 != 0 goto the ^=
        code.push_back(kExit);
        Guest& g = guest(code);
        g.bpf.r[2] = 6;
        ASSERT_EQ(call(), LIMPET_RETURN) << length;
        ASSERT_EQ(r(0), 3 * want_step) << length;
    }
}

TEST_P(Narrow, LocalCallsKeepRegisters) {
    Code code;
    for (uint32_t i = 1; i < 10; ++i) code.push_back(move(i, static_cast<int32_t>(i)));
    code.push_back(call_local(3));
    for (uint32_t i = 6; i < 8; ++i) code.push_back(make(0x0c, 0, i)); // w0 += wi
    code.push_back(kExit);
    for (uint32_t i = 1; i < 10; ++i) code.push_back(make(0x0c, 0, i));
    for (uint32_t i = 1; i < 10; ++i) code.push_back(move(i, -1));
    code.push_back(make(0xbc, 5, 10)); // w5 = w10
    code.push_back(kExit);
    guest(code);
    ASSERT_EQ(call(), LIMPET_RETURN);
    EXPECT_EQ(r(0), 45U + 6 + 7);
    EXPECT_EQ(r(5), kStackTop - 64);
    for (size_t i = 6; i < 10; ++i) EXPECT_EQ(r(i), i);
    EXPECT_EQ(r(10), kStackTop);
}

TEST_P(Narrow, LocalCallsNestAsDeepAsThereAreFrames) { expect_nesting(backend()); }

TEST_P(Narrow, SlicesAreOneRun) {
    for (const uint32_t slice : {1U, 2U, 3U, 7U}) {
        Guest& g = guest(recursion());
        g.bpf.r[2] = 7;
        limpet_status status = call(slice);
        for (int i = 0; i < 200 && status == LIMPET_FUEL; ++i) status = backend().resume(g, slice);
        EXPECT_EQ(status, LIMPET_RETURN);
        EXPECT_EQ(r(0), 8U);
        EXPECT_EQ(r(10), kStackTop);
    }
}

TEST_P(Narrow, FuelEndsEveryLoop) {
    // Loops by each kind of jump back, and one of calls; w0 counts.
    for (const Code& code :
         {Code{add(0, 1), make(0x05, 0, 0, -2)}, Code{add(0, 1), make(0x06, 0, 0, 0, -2)},
          Code{add(0, 1), make(0x56, 0, 0, -2, -1), kExit}, Code{add(0, 1), make(0x56, 0, 0, -2, 0x1234567), kExit}}) {
        Guest& g = guest(code);
        EXPECT_EQ(call(0), LIMPET_FUEL);
        uint64_t counted = 0;
        for (uint32_t fuel = 1; fuel < 40; ++fuel) {
            ASSERT_EQ(backend().resume(g, fuel), LIMPET_FUEL);
            ASSERT_GE(r(0) - counted + 1, fuel / 2);
            ASSERT_LE(r(0) - counted, fuel / 2 + 1);
            ASSERT_EQ(g.vm.fuel, 0U);
            counted = r(0);
        }
    }
}

TEST_P(Narrow, HostCalls) {
    Guest& g = guest({move(6, 77), call_host(7), make(0x0c, 0, 6), kExit});
    for (uint32_t i = 1; i < 6; ++i) g.bpf.r[2 * i] = 0xffff0000 + i;
    EXPECT_EQ(call(), LIMPET_RETURN);
    const uint32_t args[5] = {0xffff0001, 0xffff0002, 0xffff0003, 0xffff0004, 0xffff0005};
    EXPECT_EQ(r(0), static_cast<uint32_t>(host_call_result(7, args) + 77));
    guest({move(0, 5), call_host(0x800), kExit});
    EXPECT_EQ(call(), LIMPET_HOST_CALL);
    EXPECT_EQ(r(0), 5U);
}

TEST_P(Narrow, EveryWidthAtEveryEdge) {
    const Layout& layout = kLayouts[0];
    for (const Instruction& row : kInstructions) {
        const bool load = row.format == Format::kLoad;
        if (!load && row.format != Format::kStore && row.format != Format::kAtomic) continue;
        const uint32_t from = load ? 1 : row.src.use == limpet::bpf::Use::kFixed ? 0 : 3;
        const uint64_t insn = make(row.opcode, load ? 2 : 1, from, 0, row.imm.value);
        if (!is_narrow(insn)) continue;
        const auto g = make_guest(layout, {insn, kExit});
        ASSERT_EQ(backend().prepare(*g), LIMPET_RETURN);
        for (const uint32_t edge : {0U, layout.wall, layout.size, 0x80000000U})
            for (int distance = -9; distance <= 9; ++distance) {
                const uint32_t address = edge + static_cast<uint32_t>(distance);
                Registers registers{};
                registers[1] = address;
                set_registers(*g, registers);
                stand_at(*g, 0);
                const uint32_t size = limpet::bpf::size_bytes(limpet::bpf::size_code(row.opcode));
                const limpet_status want = layout.allows(address, size, !load) ? LIMPET_RETURN
                                           : load                              ? LIMPET_LOAD
                                                                               : LIMPET_STORE;
                ASSERT_EQ(backend().resume(*g, 10), want) << row.name << " at " << address;
                if (want != LIMPET_RETURN) {
                    ASSERT_EQ(g->vm.trap_address, address);
                }
            }
    }
}

TEST_P(Narrow, HostStackIsSmall) {
    if (!backend().emulated) return;
    for (const Code& code : {recursion(), Code{call_host(7), kExit}, Code{make(0xc3, 10, 1, -7, 0xf1), kExit},
                             Code{make(0x61, 0, 10, -7), kExit}, Code{make(0x3c, 0, 1), kExit}}) {
        Guest& g = guest(code);
        g.bpf.r[2] = 6;
        call();
    }
    const uint32_t used = dynamic_cast<const thumb::ThumbBackend&>(backend()).machine().deepest_stack_bytes();
    RecordProperty("host_stack_bytes", static_cast<int>(used));
    EXPECT_LE(used, kHostStackBytes);
}

/// What the mapping says of a program, called with any words in r1..r5: "" if it accepts it.
std::string refusal(const Code& code) {
    limpet::bpf::MapLayout layout = map_layout(*make_guest(kLayouts[0], code));
    layout.stack_top = kStackTop;
    layout.entries = {0};
    const auto mapped = limpet::bpf::map_program(bytes_of(code), layout);
    const auto* fault = std::get_if<limpet::bpf::Fault>(&mapped);
    return fault == nullptr ? "" : std::to_string(fault->slot) + ": " + fault->reason;
}

TEST(Mapping, KnowsWhatItMayAccept) {
    const uint64_t load = make(0x61, 0, 2);                                            // w0 = *(u32 *)r2
    const uint64_t half = make(0x77, 2, 0, 0, 1);                                      // r2 >>= 1
    const uint64_t spill = make(0x7b, 10, 2, -8);                                      // *(u64 *)(r10 - 8) = r2
    const uint64_t reload = make(0x79, 2, 10, -8);                                     // r2 = *(u64 *)(r10 - 8)
    const uint64_t constant = make(0xb7, 2, 0, 0, 100);                                // r2 = 100
    const uint64_t next = make(0x07, 3, 0, 0, 1);                                      // r3 += 1
    const uint64_t four = make(0x07, 2, 0, 0, 4);                                      // r2 += 4
    const auto loop = [](int32_t distance) { return make(0x55, 3, 0, distance, 50); }; // if r3 != 50 goto
    const struct {
        Code code;
        const char* refusal;
    } cases[] = {
        {{load, kExit}, ""},
        {{make(0x61, 0, 2, -4), kExit}, ""},
        {{make(0x61, 0, 2, 4), kExit}, "0: the address may have an upper half"}, // r2 = 0xfffffffc
        {{make(0x67, 2, 0, 0, 2), load, kExit}, "1: the address may have an upper half"},
        {{make(0x54, 2, 0, 0, 255), make(0x67, 2, 0, 0, 2), make(0x61, 0, 2, 4), kExit}, ""},
        {{make(0x61, 0, 2), make(0x61, 0, 2, 4), kExit}, ""}, // the first one tells
        {{half, kExit}, ""},
        {{make(0x07, 2, 0, 0, -1), half, kExit}, "1: its result depends on the upper half of a register"},
        {{make(0x15, 2, 0, 2, 0), make(0x07, 2, 0, 0, -1), half, kExit}, ""}, // not if it is 0
        {{make(0xb4, 0, 0, 0, 0), make(0x67, 1, 0, 0, 32), make(0x0f, 0, 1), kExit}, ""},
        {{make(0x67, 1, 0, 0, 32), make(0xbf, 0, 1), kExit}, "2: of the result r0, only the upper half is kept"},
        {{make(0x67, 1, 0, 0, 32), call_host(1), kExit}, "1: of r1, only the upper half is kept"},
        {{make(0x15, 2, 0, 1, 0), make(0x67, 1, 0, 0, 32), make(0xc7, 1, 0, 0, 32), kExit}, "2: paths meet"},
        {{make(0x67, 1, 0, 0, 32), make(0x63, 10, 1, -8), kExit}, "1: of the register, only the upper half is kept"},
        // Numbers in memory, and what may change them.
        {{constant, spill, reload, half, kExit}, ""},
        {{constant, spill, make(0x73, 10, 1, -3), reload, half, kExit}, "4: its result depends"},
        {{constant, spill, make(0x73, 10, 1, -9), make(0x62, 10, 0, -12, 1), reload, half, kExit}, ""},
        {{constant, spill, make(0x73, 1, 4), reload, half, kExit}, "4: its result depends"},
        {{constant, spill, make(0xc3, 10, 4, -4, 0), reload, half, kExit}, "4: its result depends"},
        {{constant, spill, call_host(1), reload, half, kExit}, "4: its result depends"},
        {{constant, spill, call_local(3), reload, half, kExit, kExit}, "4: its result depends"},
        {{constant, call_local(2), half, kExit, kExit}, ""},
        {{constant, call_local(2), half, kExit, make(0x07, 2, 0, 0, -101), kExit}, "2: its result depends"},
        {{spill, kExit}, ""},
        {{make(0x07, 2, 0, 0, -1), spill, kExit}, "1: it stores an upper half of which not enough is known"},
        {{make(0x7b, 3, 2), kExit}, "0: a store of 8 bytes, of which some may be outside of memory"},
        {{make(0x79, 2, 3), kExit}, "0: a load of 8 bytes, of which some may be outside of memory"},
        {{make(0xdb, 10, 2, -8), kExit}, "0: an atomic operation on 8 bytes"},
        // r3 from 0 to 50; r2 in step with it, or not.
        {{make(0xb7, 3, 0, 0, 0), constant, four, next, loop(-3), load, make(0x61, 0, 2, 4), kExit}, ""},
        {{make(0xb7, 3, 0, 0, 0), constant, make(0x15, 1, 0, 1, 7), four, next, loop(-4), make(0x61, 0, 2, 4), kExit},
         "6: the address may have an upper half"},
        {{make(0xb7, 3, 0, 0, 1), next, next, loop(-3), kExit}, "3: it compares upper halves"}, // never 50
        {{make(0xb7, 3, 0, 0, 0), next, next, loop(-3), kExit}, ""},
    };
    for (const auto& c : cases) {
        const std::string got = refusal(c.code);
        EXPECT_EQ(got.substr(0, *c.refusal == 0 ? got.size() : std::string(c.refusal).size()), c.refusal)
            << "case " << &c - cases << ": " << got;
    }
}

std::string backend_name(const testing::TestParamInfo<const Backend*>& tested) {
    return tested.param->emulated ? "alu32" : "reference";
}

INSTANTIATE_TEST_SUITE_P(All, Narrow,
                         testing::Values(find_backend("ebpf32", "bpf-switch"), find_backend("ebpf32", "bpf-alu32")),
                         backend_name);

} // namespace
} // namespace limpet::conformance::bpf
