/// \file
/// Short programs written by hand, on every subject: calls and frames, host calls, fuel, how runs start and end, the
/// edges of memory, and guests that mean harm.
#include "../../variants/thumb/backend.h"
#include "../support/host_calls.h"
#include "subjects.h"

#include <algorithm>
#include <csetjmp>
#include <cstring>

namespace limpet::conformance::bpf {
namespace {

using limpet::bpf::make;

constexpr uint64_t kExit = 0x95;
constexpr uint32_t kStackTop = 0x3e0;
constexpr uint32_t kPrepareStackBytes = 192;
/// What a backend may use of the 512 bytes that Klipper gives to everything.
uint32_t host_stack_bytes(const std::string& backend) {
    if (backend.starts_with("bpf-switch")) return 124;
    if (backend.starts_with("bpf-packed")) return 148;
    return backend.starts_with("bpf-goto") ? 184 : 160;
}
constexpr uint64_t add(uint32_t to, int32_t number) { return make(0x07, to, 0, 0, number); }
constexpr uint64_t move(uint32_t to, int32_t number) { return make(0xb7, to, 0, 0, number); }
constexpr uint64_t move_register(uint32_t to, uint32_t from) { return make(0xbf, to, from); }
constexpr uint64_t call_host(int32_t id) { return make(0x85, 0, 0, 0, id); }
constexpr uint64_t call_local(int32_t distance) { return make(0x85, 0, 1, 0, distance); }
constexpr uint64_t go(int32_t distance) { return make(0x05, 0, 0, distance); }

class BpfRun : public SubjectTest {
protected:
    /// A prepared guest in the first layout.
    Guest& guest(const Code& code) {
        guest_ = make_guest(kLayouts[0], code);
        guest_->host.stack_top = kStackTop;
        EXPECT_EQ(backend().prepare(*guest_), LIMPET_RETURN);
        return *guest_;
    }
    limpet_status call(uint32_t fuel = 1000, uint32_t entry = 0) { return backend().call(*guest_, entry, fuel); }
    limpet_status run(const Code& code, uint32_t fuel = 1000) {
        guest(code);
        return call(fuel);
    }
    [[nodiscard]] uint64_t r(size_t number) const { return registers_of(*guest_)[number]; }
    [[nodiscard]] uint32_t slot() const { return guest_->vm.pc / kSlotBytes; }
    [[nodiscard]] Guest& last() { return *guest_; }

private:
    std::unique_ptr<Guest> guest_;
};

TEST_P(BpfRun, StartsWithArgumentsAndAFramePointer) {
    Guest& g = guest({kExit});
    for (uint32_t& half : g.bpf.r) half = 0x01010101;
    EXPECT_EQ(call(), LIMPET_RETURN);
    for (size_t i = 0; i < 11; ++i) {
        const bool argument = i >= 1 && i <= 5;
        EXPECT_EQ(r(i), argument ? 0x0101010101010101U : i == 10 ? kStackTop : 0) << i;
    }
    EXPECT_EQ(g.vm.status, LIMPET_RETURN);
    EXPECT_EQ(call(), LIMPET_RETURN); // may be called again
}

TEST_P(BpfRun, IsRefusedUntilItIsPrepared) {
    const auto g = make_guest(kLayouts[0], {kExit});
    EXPECT_EQ(backend().call(*g, 0, 10), LIMPET_REFUSED);
    EXPECT_EQ(backend().resume(*g, 10), LIMPET_REFUSED);
    EXPECT_EQ(backend().prepare(*g), LIMPET_RETURN);
    EXPECT_EQ(backend().resume(*g, 10), LIMPET_REFUSED);
    EXPECT_EQ(backend().call(*g, 0, 10), LIMPET_RETURN);
}

TEST_P(BpfRun, WantsWholeInstructionsToBePrepared) {
    const auto g = make_guest(kLayouts[0], {kExit, kExit});
    for (const uint32_t size : {0U, 1U, 7U, 9U, 15U}) {
        g->vm.window.code_size = size;
        EXPECT_EQ(backend().prepare(*g), LIMPET_REFUSED) << size;
    }
    g->vm.window.code_size = 16;
    EXPECT_EQ(backend().prepare(*g), LIMPET_RETURN);
}

TEST_P(BpfRun, EntersAtInstructionsOnly) {
    const Code code = {make(0x18, 0), make(0), kExit};
    for (const uint32_t entry : {8U, 1U, 4U, 24U, 0x80000000U, 0xfffffff8U}) {
        guest(code);
        EXPECT_EQ(call(10, entry), LIMPET_FETCH) << entry;
        EXPECT_EQ(last().vm.pc, entry);
        EXPECT_EQ(last().vm.trap_address, entry);
        EXPECT_EQ(call(), LIMPET_REFUSED); // a trap freezes the guest
    }
    guest(code);
    EXPECT_EQ(call(10, 16), LIMPET_RETURN);
}

TEST_P(BpfRun, CodeMayStartAnywhere) {
    Guest& g = guest({add(0, 1), call_local(1), kExit, add(0, 2), kExit});
    g.vm.window.code_start = 0x1000;
    EXPECT_EQ(call(10, 0x1000), LIMPET_RETURN);
    EXPECT_EQ(r(0), 3U);
    EXPECT_EQ(g.vm.pc, 0x1010U);
    EXPECT_EQ(call(10, 0), LIMPET_FETCH);
}

TEST_P(BpfRun, LocalCallsKeepRegistersAndMoveTheFrame) {
    Code code;
    for (uint32_t i = 1; i < 10; ++i) code.push_back(move(i, static_cast<int32_t>(i)));
    code.push_back(call_local(1));
    code.push_back(kExit);
    for (uint32_t i = 1; i < 10; ++i) code.push_back(make(0x0f, 0, i)); // r0 += ri
    for (uint32_t i = 1; i < 10; ++i) code.push_back(move(i, -1));
    code.push_back(move_register(5, 10));
    code.push_back(kExit);
    EXPECT_EQ(run(code), LIMPET_RETURN);
    EXPECT_EQ(r(0), 45U);
    for (size_t i = 1; i < 5; ++i) EXPECT_EQ(r(i), ~uint64_t{0}); // the callee's
    EXPECT_EQ(r(5), kStackTop - 64);
    for (size_t i = 6; i < 10; ++i) EXPECT_EQ(r(i), i);
    EXPECT_EQ(r(10), kStackTop);
    EXPECT_EQ(slot(), 10U);
}

TEST_P(BpfRun, LocalCallsNestAsDeepAsThereAreFrames) { expect_nesting(backend()); }

TEST_P(BpfRun, HostCallsGetLowerHalvesAndGiveALowerHalf) {
    Guest& g = guest({move(0, -1), call_host(7), kExit});
    Registers before{};
    for (uint32_t i = 1; i < 6; ++i) before[i] = 0x8000000100000000U * i | (0xffff0000U + i);
    set_registers(g, before);
    EXPECT_EQ(call(), LIMPET_RETURN);
    const uint32_t args[5] = {0xffff0001, 0xffff0002, 0xffff0003, 0xffff0004, 0xffff0005};
    EXPECT_EQ(r(0), host_call_result(7, args));
    for (size_t i = 1; i < 6; ++i) EXPECT_EQ(r(i), before[i]);
}

TEST_P(BpfRun, UnknownHostCallsTrap) {
    for (const int32_t id : {0x800, 0x7fffffff, -1}) {
        EXPECT_EQ(run({move(0, 5), call_host(id), kExit}), LIMPET_HOST_CALL) << id;
        EXPECT_EQ(slot(), 1U);
        EXPECT_EQ(r(0), 5U);
    }
    Guest& g = guest({call_host(1), kExit});
    g.host.call = nullptr;
    EXPECT_EQ(call(), LIMPET_HOST_CALL);
}

/// What callbacks see, and what they may do.
struct Seen {
    uint32_t pc, status, r3, fuel;
    limpet_status call, resume;
    std::jmp_buf away;
} seen;
const Backend* backend_within;
Guest* guest_within;

limpet_status entering(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t /*id*/, uint32_t* args) {
    args[0] = 1;
    seen.call = backend_within->call(*guest_within, 0, 10);
    seen.resume = backend_within->resume(*guest_within, 10);
    return LIMPET_RETURN;
}

TEST_P(BpfRun, ACallbackCannotEnterTheGuest) {
    Guest& g = guest({call_host(1), add(0, 1), kExit});
    g.host.call = entering;
    backend_within = &backend();
    guest_within = &g;
    EXPECT_EQ(call(), LIMPET_RETURN);
    EXPECT_EQ(seen.call, LIMPET_REFUSED);
    EXPECT_EQ(seen.resume, LIMPET_REFUSED);
    EXPECT_EQ(r(0), 2U);
}

limpet_status curious(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    seen.pc = vm->pc;
    seen.status = vm->status;
    seen.r3 = vm->x[0];
    seen.fuel = vm->fuel;
    args[0] = host->stack_top + id;
    return LIMPET_RETURN;
}

TEST_P(BpfRun, CallbacksSeeTheGuest) {
    Guest& g = guest({move(3, 33), call_host(9), kExit});
    g.host.call = curious;
    EXPECT_EQ(call(100), LIMPET_RETURN);
    EXPECT_EQ(seen.pc, 8U);
    EXPECT_EQ(seen.status, LIMPET_RUNNING);
    EXPECT_EQ(seen.r3, 33U);
    EXPECT_EQ(r(0), kStackTop + 9);
    if (backend().counts_exactly) {
        EXPECT_EQ(seen.fuel, 99U); // the call does not count yet
    }
}

limpet_status leaving(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t /*id*/, uint32_t* /*args*/) {
    std::longjmp(seen.away, 1);
}

TEST_P(BpfRun, ACallbackMayLeaveByLongjmp) {
    Guest& g = guest({call_host(1), kExit});
    g.host.call = leaving;
    if (setjmp(seen.away) == 0) {
        call();
        FAIL() << "came back";
    }
    EXPECT_EQ(g.vm.status, LIMPET_RUNNING);
    EXPECT_EQ(call(), LIMPET_REFUSED);
    EXPECT_EQ(backend().resume(g, 10), LIMPET_REFUSED);
}

limpet_status stopping(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t id, uint32_t* /*args*/) {
    return static_cast<limpet_status>(id);
}

TEST_P(BpfRun, WhatACallbackReturnsEndsTheRun) {
    for (const limpet_status status :
         {LIMPET_ILLEGAL, LIMPET_LOAD, LIMPET_HOST_CALL, LIMPET_ECALL, LIMPET_BREAKPOINT}) {
        Guest& g = guest({move(0, 3), call_host(status), kExit});
        g.host.call = stopping;
        EXPECT_EQ(call(), status);
        EXPECT_EQ(slot(), 1U);
        EXPECT_EQ(r(0), 3U);
        EXPECT_EQ(g.vm.status, static_cast<uint32_t>(status));
    }
}

TEST_P(BpfRun, FuelEndsEveryLoopAndSlicesAddUp) {
    for (const Code& loop :
         {Code{add(0, 1), go(-2)}, Code{add(0, 1), make(0x06, 0, 0, 0, -2)},
          Code{add(0, 1), make(0x55, 1, 0, -2, 1), kExit}, Code{add(0, 1), make(0x1e, 1, 1, -2), kExit}}) {
        guest(loop);
        EXPECT_EQ(call(0), LIMPET_FUEL);
        uint64_t given = 0;
        for (uint32_t fuel = 0; fuel < 50; ++fuel) {
            const uint64_t before = r(0);
            ASSERT_EQ(backend().resume(last(), fuel), LIMPET_FUEL);
            given += fuel;
            ASSERT_GE(r(0) - before + 1, fuel / 2);
            ASSERT_LE(r(0) - before, fuel / 2 + 2); // stops soon
        }
        if (backend().counts_exactly) {
            EXPECT_EQ(r(0), (given + 1) / 2);
        }
    }
}

TEST_P(BpfRun, SlicesAreOneRun) {
    Guest& g = guest(recursion());
    g.bpf.r[2] = 7;
    limpet_status status = call(1);
    for (int i = 0; i < 100 && status == LIMPET_FUEL; ++i) status = backend().resume(g, 1);
    EXPECT_EQ(status, LIMPET_RETURN);
    EXPECT_EQ(r(0), 8U);
    EXPECT_EQ(r(10), kStackTop);
}

TEST_P(BpfRun, EveryWidthAtEveryEdge) {
    const Layout& layout = kLayouts[0];
    struct Access {
        uint64_t insn;
        uint32_t size;
        bool store;
    };
    std::vector<Access> accesses;
    for (const Instruction& row : kInstructions) {
        using limpet::bpf::Format;
        if (row.format != Format::kLoad && row.format != Format::kStore && row.format != Format::kAtomic) continue;
        const uint32_t size = limpet::bpf::size_bytes(limpet::bpf::size_code(row.opcode));
        const bool load = row.format == Format::kLoad;
        accesses.push_back({make(row.opcode, load ? 2 : 1,
                                 load                                      ? 1
                                 : row.src.use == limpet::bpf::Use::kFixed ? 0
                                                                           : 3,
                                 0, row.imm.value),
                            size, !load});
    }
    for (const Access& access : accesses) {
        const auto g = make_guest(layout, {access.insn, kExit});
        ASSERT_EQ(backend().prepare(*g), LIMPET_RETURN);
        for (const uint64_t edge : {uint64_t{0}, uint64_t{layout.wall}, uint64_t{layout.size}, uint64_t{1} << 32})
            for (int distance = -9; distance <= 9; ++distance) {
                const uint64_t address = edge + static_cast<uint64_t>(int64_t{distance});
                Registers registers{};
                registers[1] = address;
                set_registers(*g, registers);
                stand_at(*g, 0);
                const limpet_status want = layout.allows(address, access.size, access.store) ? LIMPET_RETURN
                                           : access.store                                    ? LIMPET_STORE
                                                                                             : LIMPET_LOAD;
                ASSERT_EQ(backend().resume(*g, 10), want) << std::hex << access.insn << " at " << address;
            }
    }
}

TEST_P(BpfRun, AnOffsetCarriesIntoTheUpperHalf) {
    for (const int32_t offset : {0x180, -0x180})
        for (const uint64_t insn : {make(0x61, 2, 1, offset), make(0x63, 1, 2, offset)}) {
            Guest& g = guest({insn, kExit});
            const auto reaches = [&](uint64_t address) {
                Registers registers{};
                registers[1] = address - static_cast<uint64_t>(int64_t{offset});
                set_registers(g, registers);
                stand_at(g, 0);
                return backend().resume(g, 10) == LIMPET_RETURN;
            };
            EXPECT_TRUE(reaches(0x100)); // from beyond 0 when the offset is positive
            EXPECT_FALSE(reaches(0x100000100));
            EXPECT_FALSE(reaches(0xffffffff00000100));
        }
}

TEST_P(BpfRun, ATrapLeavesEverythingAsItWas) {
    for (const uint64_t insn : {make(0x79, 2, 1), make(0x7b, 1, 2), make(0xdb, 1, 2, 0, 0xf1),
                                make(0xdb, 1, 2, 0, 0xe1), make(0x7a, 1, 0, 0, 5), call_host(-1)}) {
        Guest& g = guest({insn, kExit});
        Registers before{};
        for (size_t i = 0; i < before.size(); ++i) before[i] = 0x100000000 * i + 1;
        set_registers(g, before);
        stand_at(g, 0);
        EXPECT_NE(backend().resume(g, 10), LIMPET_RETURN);
        EXPECT_EQ(registers_of(g), before);
        EXPECT_EQ(g.vm.pc, 0U);
        EXPECT_TRUE(std::ranges::equal(g.memory(), initial_memory(kLayouts[0])));
        EXPECT_EQ(backend().resume(g, 10), LIMPET_REFUSED);
        EXPECT_EQ(call(), LIMPET_REFUSED);
    }
}

using BpfHostStack = SubjectTest;

TEST_P(BpfHostStack, IsSmall) {
    Random random(5);
    for (const Instruction& row : kInstructions)
        for (int i = 0; i < 40; ++i) {
            uint64_t insn = random_instance(row, random);
            Code code = {insn, kExit};
            if (limpet::bpf::slots(row) == 2) code = {insn, 0, kExit};
            const auto g = make_guest(kLayouts[0], code);
            Registers registers{};
            for (uint64_t& value : registers) value = random.chance(50) ? random.below(2048) : random.next64();
            set_registers(*g, registers);
            if (backend().prepare(*g) != LIMPET_RETURN) continue; // jumps to itself are legal, others too
            stand_at(*g, 0);
            backend().resume(*g, 4);
        }
    const thumb::Machine& machine = dynamic_cast<const thumb::ThumbBackend&>(backend()).machine();
    const uint32_t used = machine.deepest_stack_bytes();
    EXPECT_GT(used, 0U);
    EXPECT_LE(used, host_stack_bytes(backend().name));
    EXPECT_LE(machine.deepest_prepare_stack_bytes(), kPrepareStackBytes);
    RecordProperty("host_stack_bytes", static_cast<int>(used));
}

INSTANTIATE_FOR_ALL_SUBJECTS(BpfRun);

std::vector<Subject> mcu_subjects() {
    std::vector<Subject> mcu;
    std::ranges::copy_if(subjects(), std::back_inserter(mcu), &Subject::mcu);
    return mcu;
}

INSTANTIATE_TEST_SUITE_P(All, BpfHostStack, testing::ValuesIn(mcu_subjects()), subject_name);

} // namespace
} // namespace limpet::conformance::bpf
