/// \file
/// Host calls: what the callback is given, what it may change, and how it may end the run.
#include "support/trial.h"

#include <csetjmp>

namespace limpet::conformance {
namespace {

/// What the callback saw, and what it is to do. There is one, because a callback is a C function.
struct Callback {
    uint32_t calls = 0;
    limpet_vm vm{};
    uint32_t id = 0;
    std::array<uint32_t, 5> args{};
    const limpet_host* host = nullptr;

    uint32_t result = 0;
    limpet_status status = LIMPET_RETURN;
    void (*also)(limpet_vm* vm, const limpet_host* host) = nullptr;
} callback;

limpet_status call_back(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    ++callback.calls;
    callback.vm = *vm;
    callback.host = host;
    callback.id = id;
    std::copy_n(args, 5, callback.args.begin());
    if (callback.also != nullptr) callback.also(vm, host);
    if (callback.status == LIMPET_RETURN) args[0] = callback.result;
    return callback.status;
}

constexpr uint32_t kStart = kPlain.code_start;

class HostCalls : public SubjectTest {
protected:
    void SetUp() override { callback = {}; }

    /// Two instructions, then the host call `id` at kStart + 8, then ecall.
    static Code code(uint32_t id) {
        return Code().add("addi").add("addi", {.rd = 14, .imm = 44}).add("limpet.call", {.imm = id}).add("ecall");
    }
    static void prepare(Trial& run) {
        run.guest.host.call = call_back;
        for (uint32_t i = 10; i < 16; ++i) run.x(i) = 1000 + i;
    }
};

TEST_P(HostCalls, SeeAndChangeWhatTheyShould) {
    for (const uint32_t id : {0U, 1U, 255U, 256U, 2047U, 2048U, 4095U}) {
        callback = {.result = 0xcafe0000 + id};
        Trial run(backend(), code(id));
        prepare(run);
        EXPECT_EQ(run.call(), LIMPET_ECALL);
        EXPECT_EQ(callback.calls, 1U);
        EXPECT_EQ(callback.id, id);
        EXPECT_EQ(callback.args, (std::array<uint32_t, 5>{1010, 1011, 1012, 1013, 44}));
        EXPECT_EQ(callback.host, &run.guest.host);
        EXPECT_EQ(callback.vm.pc, kStart + 8);
        EXPECT_EQ(callback.vm.status, static_cast<uint32_t>(LIMPET_RUNNING));
        const Registers during = {0,   LIMPET_RETURN_ADDRESS, 1024, 0, 0, 0, 0, 0, 0, 0, 1010, 1011, 1012, 1013, 44,
                                  1015};
        EXPECT_TRUE(std::ranges::equal(callback.vm.x, during));
        Registers after = during;
        after[10] = 0xcafe0000 + id;
        EXPECT_TRUE(std::ranges::equal(run.guest.vm.x, after));
        EXPECT_EQ(run.pc(), kStart + 12);
    }
}

TEST_P(HostCalls, ReachTheGuestsMemory) {
    callback.also = [](limpet_vm*, const limpet_host* host) {
        host->data[300] = static_cast<uint8_t>(host->data[301] + 1);
    };
    Code code;
    code.add("addi", {.rd = 5, .imm = 77}).add("sb", {.rs2 = 5, .imm = 301}).add("limpet.call");
    code.add("lbu", {.rd = 6, .imm = 300}).add("ecall");
    Trial run(backend(), code);
    prepare(run);
    EXPECT_EQ(run.call(), LIMPET_ECALL);
    EXPECT_EQ(run.x(6), 78U);
}

TEST_P(HostCalls, WithoutACallbackAreATrap) {
    Trial run(backend(), code(1));
    prepare(run);
    run.guest.host.call = nullptr;
    EXPECT_EQ(run.call(), LIMPET_HOST_CALL);
    EXPECT_EQ(run.pc(), kStart + 8);
    EXPECT_EQ(run.x(10), 1010U);
    EXPECT_EQ(run.resume(), LIMPET_REFUSED);
}

/// Whatever but LIMPET_RETURN the callback returns ends the run, with the registers as they were.
TEST_P(HostCalls, EndTheRun) {
    for (const limpet_status status : {LIMPET_HOST_CALL, LIMPET_LOAD, LIMPET_STORE, LIMPET_ILLEGAL}) {
        callback = {.status = status};
        Trial run(backend(), code(7));
        prepare(run);
        EXPECT_EQ(run.call(), status);
        EXPECT_EQ(run.guest.vm.status, static_cast<uint32_t>(status));
        EXPECT_EQ(run.pc(), kStart + 8);
        EXPECT_TRUE(std::ranges::equal(run.guest.vm.x, callback.vm.x));
        EXPECT_EQ(run.call(), LIMPET_REFUSED);
        EXPECT_EQ(callback.calls, 1U);
    }
}

/// The guest that is running, for callbacks that enter it again.
struct Running {
    const Backend* backend;
    Guest* guest;
    limpet_status call;
    limpet_status resume;
} running;

TEST_P(HostCalls, CannotEnterTheRunningVm) {
    Trial run(backend(), code(7));
    prepare(run);
    running = {.backend = &backend(), .guest = &run.guest, .call = LIMPET_RETURN, .resume = LIMPET_RETURN};
    callback.result = 5;
    callback.also = [](limpet_vm*, const limpet_host*) {
        running.call = running.backend->call(*running.guest, kStart, 1000);
        running.resume = running.backend->resume(*running.guest, 1000);
    };
    EXPECT_EQ(run.call(), LIMPET_ECALL);
    EXPECT_EQ(running.call, LIMPET_REFUSED);
    EXPECT_EQ(running.resume, LIMPET_REFUSED);
    EXPECT_EQ(callback.calls, 1U);
    EXPECT_EQ(run.x(10), 5U);
    EXPECT_EQ(run.x(14), 44U);
    EXPECT_EQ(run.pc(), kStart + 12);
}

std::jmp_buf shutdown;

/// As Klipper's shutdown() does. The VM counts as stopped until it is initialised again.
TEST_P(HostCalls, MayLeaveByLongjmp) {
    Trial run(backend(), code(7));
    prepare(run);
    callback.also = [](limpet_vm*, const limpet_host*) { std::longjmp(shutdown, 1); };
    if (setjmp(shutdown) == 0) {
        run.call();
        FAIL() << "longjmp came back";
    }
    EXPECT_EQ(run.guest.vm.status, static_cast<uint32_t>(LIMPET_RUNNING));
    EXPECT_EQ(run.pc(), kStart + 8);
    EXPECT_EQ(run.x(14), 44U);
    const Snapshot before(run);
    EXPECT_EQ(run.call(), LIMPET_REFUSED);
    EXPECT_EQ(run.resume(), LIMPET_REFUSED);
    EXPECT_EQ(Snapshot(run), before);
    callback.also = nullptr;
    run.guest.vm.status = LIMPET_RETURN; // what limpet_init does
    EXPECT_EQ(run.call(), LIMPET_ECALL);
    EXPECT_EQ(callback.calls, 2U);
}

/// A host call between two time slices: it is done once.
TEST_P(HostCalls, AreNotRepeatedAfterAFuelStop) {
    for (uint32_t fuel = 0; fuel < 5; ++fuel) {
        callback = {.result = 9};
        Trial run(backend(), code(7));
        prepare(run);
        limpet_status status = run.call(fuel);
        if (status == LIMPET_FUEL) status = run.resume();
        EXPECT_EQ(status, LIMPET_ECALL);
        EXPECT_EQ(callback.calls, 1U);
        EXPECT_EQ(run.x(10), 9U);
    }
}

INSTANTIATE_FOR_ALL_SUBJECTS(HostCalls);

} // namespace
} // namespace limpet::conformance
