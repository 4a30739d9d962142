/// \file
/// The sideload service on every backend, with a firmware that does what a script says.
#include "board.h"

#include "../../../conformance/support/encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

namespace limpet::service {
namespace {

using conformance::Code;

constexpr uint32_t kReadOnly = 16;
constexpr uint32_t kCodeStart = 256;
constexpr uint32_t kStackTop = 128;
constexpr uint32_t kCounter = 200; ///< a word of .data
constexpr uint32_t kInitial = 7;   ///< that it has at first
constexpr uint8_t kSlices = 5;

enum Register : uint32_t { kRa = 1, kT0 = 5, kS0 = 8, kA0 = 10, kA1 = 11 };

/// A program, entry by entry. Every instruction has 4 bytes.
class Program {
public:
    /// Where what follows is.
    [[nodiscard]] uint32_t here() const { return kCodeStart + code_.size(); }
    Program& add(std::string_view name, const rv32::Operands& operands = {}) {
        code_.add(name, operands);
        return *this;
    }
    Program& call(uint32_t id) { return add("limpet.call", {.imm = id}); }
    Program& load(uint32_t rd, uint32_t value) { return add("addi", {.rd = rd, .imm = value}); }
    Program& end() { return add("jalr", {.rs1 = kRa}); }
    Program& jump(uint32_t target) { return add("jal", {.imm = target - here()}); }
    /// kCounter += 1; a1 = kCounter
    Program& count() {
        add("lw", {.rd = kA1, .imm = kCounter}).add("addi", {.rd = kA1, .rs1 = kA1, .imm = 1});
        return add("sw", {.rs2 = kA1, .imm = kCounter});
    }
    [[nodiscard]] std::span<const uint8_t> bytes() const { return code_.bytes(); }

private:
    Code code_;
};

class Service : public testing::TestWithParam<const Backend*> {
protected:
    Board board{*GetParam()};

    /// Another VM with this program in it, sealed.
    limpet_service& load(const Program& program, uint32_t task = 0, uint8_t slices = kSlices) {
        const auto code = static_cast<uint32_t>(program.bytes().size());
        limpet_service& vm = board.configure(kReadOnly, kCodeStart - kReadOnly, code, slices);
        write(vm, program, task);
        EXPECT_EQ(seal(vm), LIMPET_RETURN);
        return vm;
    }

    /// What an upload writes.
    static std::vector<uint8_t> image(const Program& program, uint32_t task = 0) {
        std::vector<uint8_t> block(kCodeStart);
        const limpet_block_start start = {static_cast<uint16_t>(kStackTop), static_cast<uint16_t>(task)};
        std::memcpy(block.data(), &start, sizeof(start));
        block[kCounter] = kInitial;
        block.insert(block.end(), program.bytes().begin(), program.bytes().end());
        block.insert(block.end(), {8, 0, 8, 0});
        return block;
    }
    static void write(limpet_service& vm, const Program& program, uint32_t task = 0) {
        constexpr uint32_t kChunk = 48;
        const std::vector<uint8_t> block = image(program, task);
        for (uint32_t at = 0; at < block.size(); at += kChunk)
            limpet_service_write(&vm, at, &block[at], std::min(kChunk, static_cast<uint32_t>(block.size()) - at));
    }
    [[nodiscard]] uint32_t sum(const Program& program) const { return sum_of(image(program), board.kind); }

    uint32_t seal(limpet_service& vm) {
        const std::span block(limpet_platform_block(&vm), kCodeStart + vm.vm.window.code_size + 4);
        limpet_service_seal(&vm, sum_of(block, board.kind));
        return take().status;
    }

    /// Calls an entry; the report of it, which is taken away.
    Report call(limpet_service& vm, uint32_t entry, std::array<uint32_t, LIMPET_SERVICE_ARGUMENTS> arguments = {}) {
        limpet_service_call(&vm, entry, arguments.data());
        return take();
    }
    Report state(limpet_service& vm) {
        limpet_platform_report(&vm);
        return take();
    }
    Report take() {
        EXPECT_EQ(board.reports.size(), 1U);
        const Report report = board.reports.empty() ? Report{} : board.reports.back();
        board.reports.clear();
        return report;
    }
};

TEST_P(Service, CallsEntriesWithArguments) {
    Program program;
    const uint32_t entry = program.here();
    program.add("slli", {.rd = kA0, .rs1 = kA0, .imm = 4});
    for (uint32_t i = 1; i < 5; ++i) program.add("add", {.rd = kA0, .rs1 = kA0, .rs2 = kA0 + i});
    program.end();
    const uint32_t ecall = program.here();
    program.add("ecall");
    limpet_service& vm = load(program);
    EXPECT_EQ(call(vm, entry, {1, 2, 3, 4, 5}).result, 16U + 2 + 3 + 4 + 5);
    EXPECT_EQ(call(vm, ecall).status, uint32_t{LIMPET_RETURN});
    const Report again = call(vm, entry, {2, 0, 0, 0, 1});
    EXPECT_EQ(again.status, uint32_t{LIMPET_RETURN});
    EXPECT_EQ(again.result, 33U);
    EXPECT_EQ(state(vm).status, uint32_t{LIMPET_RETURN});
    const uint8_t nothing = 0;
    limpet_service_write(&vm, 4, &nothing, 0); // what is being written does not run
    EXPECT_EQ(call(vm, entry).status, uint32_t{LIMPET_REFUSED});
}

TEST_P(Service, RunsNothingThatIsDamaged) {
    Program program;
    const uint32_t entry = program.here();
    program.load(kA0, 1).end();
    limpet_service& vm = load(program);
    const uint32_t right = sum(program);
    for (const uint32_t at : {0U, kCounter, entry, entry + 7, entry + 8, entry + 11}) {
        write(vm, program);
        const uint8_t wrong = image(program)[at] ^ 4;
        limpet_service_write(&vm, at == 0 ? 1 : at, &wrong, 1);
        limpet_service_seal(&vm, right);
        EXPECT_EQ(take().status, uint32_t{LIMPET_REFUSED}) << at;
        EXPECT_EQ(call(vm, entry).status, uint32_t{LIMPET_REFUSED}) << at;
    }
    const uint8_t no_guard = 9; // rightly transmitted, but not what a VM needs
    write(vm, program);
    limpet_service_write(&vm, entry + 8, &no_guard, 1);
    EXPECT_EQ(seal(vm), uint32_t{LIMPET_REFUSED});
    write(vm, program);
    EXPECT_EQ(call(vm, entry).status, uint32_t{LIMPET_REFUSED}); // not sealed
    board.kind ^= 1;                                             // for another isa
    limpet_service_seal(&vm, right);
    EXPECT_EQ(take().status, uint32_t{LIMPET_REFUSED});
    board.kind ^= 1;
    limpet_service_seal(&vm, right);
    EXPECT_EQ(take().status, uint32_t{LIMPET_RETURN});
    EXPECT_EQ(call(vm, entry).result, 1U);
}

TEST_P(Service, WritesInsideTheBlockOnly) {
    Program program;
    program.end();
    limpet_service& vm = load(program);
    const uint32_t end = kCodeStart + 8;
    const std::vector<uint8_t> bytes(64, 0x11);
    const std::vector<uint8_t> behind(board.block(0) + end,
                                      board.block(0) + board.block_bytes(0)); // prepared code's place
    limpet_service_write(&vm, end - 2, bytes.data(), 2);
    EXPECT_EQ(board.block(0)[end - 1], 0x11);
    for (const uint32_t at : {end - 63, end, end + 1, 0xffffffffU, 0xffffffe0U, 0x8000ffffU})
        limpet_service_write(&vm, at, bytes.data(), 64);
    EXPECT_TRUE(board.untouched_behind(0));
    EXPECT_TRUE(std::equal(behind.begin(), behind.end(), board.block(0) + end));
    EXPECT_NE(board.block(0)[0], 0x11);
    EXPECT_EQ(vm.vm.window.code_size, 4U);
    limpet_service_write(&vm, end - 64, bytes.data(), 64);
    EXPECT_EQ(board.block(0)[end - 64], 0x11);
    EXPECT_TRUE(board.untouched_behind(0));
}

TEST(Layout, CannotExceedTheBlock) {
    using Parts = std::array<uint32_t, 3>;
    for (const auto& [read_only, writable, code] :
         {Parts{16, 240, 40}, Parts{~0U, ~0U, ~0U}, Parts{5, 6, 2}, Parts{0x10000, 0x7fff, 0x4002}, Parts{}}) {
        limpet_windows windows{};
        const uint32_t bytes = limpet_service_layout(read_only, writable, code, &windows);
        EXPECT_LE(windows.writable_start, windows.data_size);
        EXPECT_LE(windows.data_size, windows.code_start);
        EXPECT_EQ(windows.code_start % 4, 0U);
        EXPECT_LE(windows.code_start + windows.code_size + LIMPET_GUARD_BYTES, bytes);
        EXPECT_LT(windows.code_size, 0x10000U);
        EXPECT_LT(bytes, 3 * 0x10000U + 100);
    }
}

TEST_P(Service, TrapsAreReportedAndFinalUntilTheNextUpload) {
    Program program;
    const uint32_t wild = program.here();
    program.count().add("lui", {.rd = kT0, .imm = 0x20000000});
    const uint32_t at = program.here();
    program.add("lw", {.rd = kA0, .rs1 = kT0, .imm = 4}).end();
    const uint32_t well = program.here();
    program.count().add("addi", {.rd = kA0, .rs1 = kA1}).end();
    limpet_service& vm = load(program);
    EXPECT_EQ(call(vm, well).result, kInitial + 1);
    const Report trap = call(vm, wild);
    EXPECT_EQ(trap.status, uint32_t{LIMPET_LOAD});
    EXPECT_EQ(trap.pc, at);
    EXPECT_EQ(trap.address, 0x20000004U);
    const Report later = call(vm, well);
    EXPECT_EQ(later.status, uint32_t{LIMPET_LOAD});
    EXPECT_EQ(later.pc, at);
    EXPECT_EQ(call(vm, 2).status, uint32_t{LIMPET_LOAD});
    write(vm, program); // the same upload: .data is as it was
    EXPECT_EQ(seal(vm), uint32_t{LIMPET_RETURN});
    EXPECT_EQ(call(vm, well).result, kInitial + 1);
    const Report fetch = call(vm, 2);
    EXPECT_EQ(fetch.status, uint32_t{LIMPET_FETCH});
    EXPECT_EQ(fetch.address, 2U);
}

TEST_P(Service, EndlessLoopsEndInTimeSlices) {
    Program program;
    const uint32_t spin = program.here();
    program.load(kA0, 3).jump(program.here());
    const uint32_t well = program.here();
    program.load(kA0, 1).end();
    limpet_service& vm = load(program);
    limpet_service& other = load(program);
    uint32_t before = board.clock;
    limpet_service_call(&vm, spin, std::array<uint32_t, 5>{}.data());
    const uint32_t longest = Board::kSliceTicks + 5 * Board::kReadTicks;
    EXPECT_LE(board.clock - before, longest);
    for (int slice = 1; slice < kSlices; ++slice) {
        EXPECT_TRUE(board.reports.empty());
        EXPECT_EQ(state(vm).status, uint32_t{LIMPET_FUEL});
        EXPECT_EQ(call(vm, well).status, uint32_t{LIMPET_FUEL});
        EXPECT_EQ(call(other, well).result, 1U);
        EXPECT_TRUE(board.round());
    }
    const Report stopped = take();
    EXPECT_EQ(stopped.vm, 0U);
    EXPECT_EQ(stopped.status, uint32_t{LIMPET_RUNNING});
    EXPECT_EQ(stopped.pc, spin + 4);
    EXPECT_LE(board.longest_turn, longest);
    before = board.clock;
    EXPECT_EQ(call(vm, well).status, uint32_t{LIMPET_RUNNING});
    board.round();
    EXPECT_FALSE(board.round()); // nobody asks for more
    EXPECT_LE(board.clock - before, 2U);
    EXPECT_EQ(call(other, well).result, 1U);
}

/// As LIMPET_CHUNK_BY_CODE wants it: a pass through large code may take long.
TEST_P(Service, LargeCodeGetsLessFuelAtOnce) {
    const auto passes = [this](uint32_t unused) {
        Program program;
        const uint32_t spin = program.here();
        program.add("addi", {.rd = kA0, .rs1 = kA0, .imm = 1}).jump(spin);
        for (uint32_t i = 0; i < unused; ++i) program.load(kA1, 0);
        limpet_service& vm = load(program);
        limpet_service_call(&vm, spin, std::array<uint32_t, 5>{}.data());
        return vm.vm.x[kA0];
    };
    const uint32_t of_large_code = passes(255);
    EXPECT_GT(of_large_code, 0U);
    EXPECT_GT(passes(0), 8 * of_large_code);
}

/// A slice that is over ends before a host call, which is made in the next one: once.
TEST_P(Service, HostCallsCountAgainstTheSlice) {
    constexpr uint32_t kCallTicks = 70, kCalls = 6;
    Program program;
    const uint32_t entry = program.here();
    program.load(kS0, kCalls);
    const uint32_t loop = program.here();
    program.load(kA0, kCallTicks).call(kSpend).count().add("addi", {.rd = kA0, .rs1 = kS0}).call(kRespond);
    program.add("addi", {.rd = kS0, .rs1 = kS0, .imm = ~0U});
    program.add("bne", {.rs1 = kS0, .rs2 = 0, .imm = loop - program.here()}).load(kA0, 9).end();
    limpet_service& vm = load(program);
    limpet_service_call(&vm, entry, std::array<uint32_t, 5>{}.data());
    EXPECT_TRUE(board.reports.empty());
    while (board.reports.empty() && board.round()) {
    }
    const Report report = take();
    EXPECT_EQ(report.status, uint32_t{LIMPET_RETURN});
    EXPECT_EQ(report.result, 9U);
    ASSERT_EQ(board.messages.size(), kCalls);
    for (uint32_t i = 0; i < kCalls; ++i) EXPECT_EQ(board.messages[i], (Message{0, kCalls - i, kInitial + 1 + i}));
    EXPECT_GT(board.longest_turn, kCallTicks);
    EXPECT_LE(board.longest_turn, Board::kSliceTicks + kCallTicks + 10);
}

TEST_P(Service, PeriodicTasks) {
    Program program;
    const uint32_t query = program.here();
    program.call(kStart).end();
    const uint32_t task = program.here();
    program.call(kRespond).add("lw", {.rd = kA0, .imm = kCounter}).call(kSpend).end();
    const uint32_t slow = program.here();
    program.add("sw", {.rs2 = kA0, .imm = kCounter}).end();
    limpet_service& vm = load(program, task);
    const uint32_t start = board.clock + 1000;
    EXPECT_EQ(call(vm, query, {start, 200}).status, uint32_t{LIMPET_RETURN});
    EXPECT_EQ(board.restarts, 1U);
    board.run_for(1000 + 2 * 200 + 100);
    ASSERT_EQ(board.messages.size(), 3U);
    for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(board.messages[i], (Message{0, start + (i + 1) * 200, 0}));
    EXPECT_EQ(state(vm).overruns, 0U);
    // One run now takes as long as three periods: while it runs the timer goes off, once as the next one, twice for
    // nothing.
    board.messages.clear();
    call(vm, slow, {650});
    board.run_for(220);
    call(vm, slow, {0});
    board.run_for(800);
    ASSERT_GE(board.messages.size(), 2U);
    EXPECT_EQ(board.messages[0].second, 0U);
    EXPECT_EQ(board.messages[1].second, 2U);
    EXPECT_EQ(state(vm).overruns, 2U);
    call(vm, query, {board.clock, 0});
    board.messages.clear();
    board.run_for(1000);
    EXPECT_TRUE(board.messages.empty());
    EXPECT_FALSE(board.armed(0));
    EXPECT_EQ(state(vm).overruns, 0U);
}

/// Neither the past nor a hundred thousand interrupts a second.
TEST_P(Service, TimersAreNeverTooClose) {
    Program program;
    const uint32_t start = program.here();
    program.call(kStart).end();
    const uint32_t sleep = program.here();
    program.call(kSleep).end();
    const uint32_t poll = program.here();
    program.call(kPoll).end();
    const uint32_t task = program.here();
    program.call(kRespond).load(kA0, 1).end();
    limpet_service& vm = load(program, task);
    board.pin = true;
    for (const uint32_t entry : {start, sleep, poll}) {
        board.messages.clear();
        call(vm, entry, {entry == start ? board.clock - 5 : 1, 1, 1});
        board.run_for(1000);
        EXPECT_GT(board.messages.size(), 5U) << entry;
        EXPECT_LE(board.messages.size(), 20U) << entry;
        EXPECT_LE(state(vm).overruns, 20U);
    }
    call(vm, start, {board.clock + 0x90000000, 0x90000000}); // half a turn of the clock away is the past
    EXPECT_LT(vm.timer.clock - board.clock, 60U);
    EXPECT_EQ(vm.period_ticks, 50U);
}

TEST_P(Service, TasksThatSleep) {
    Program program;
    const uint32_t query = program.here();
    program.call(kSleep).load(kA0, 1).end();
    const uint32_t task = program.here();
    program.count().call(kRespond).add("lw", {.rd = kA0, .imm = kCounter});
    program.add("andi", {.rd = kA0, .rs1 = kA0, .imm = 3}).add("slli", {.rd = kA0, .rs1 = kA0, .imm = 7}).end();
    const uint32_t slow = program.here();
    program.call(kSleep).load(kA0, 150).call(kSpend).load(kA0, 150).call(kSpend).load(kA0, 1).end();
    limpet_service& vm = load(program, task);
    limpet_service_call(&vm, slow, std::array<uint32_t, 5>{1000}.data());
    const uint32_t wakes = vm.timer.clock;
    board.run_for(400);
    EXPECT_EQ(take().result, 1U); // of a command, be it paused or not: no time to sleep
    EXPECT_EQ(vm.timer.clock, wakes);
    const uint32_t start = board.clock;
    EXPECT_EQ(call(vm, query, {300}).result, 1U);
    board.run_for(5000);
    // The counter is 8 after the first run, whose result is then 0 * 128: the end.
    ASSERT_EQ(board.messages.size(), 1U);
    EXPECT_NEAR(board.messages[0].first - start, 300, 5);
    EXPECT_FALSE(board.armed(0));
    call(vm, query, {300});
    board.run_for(5000);
    ASSERT_EQ(board.messages.size(), 1U + 4); // 9, 10, 11, 12
    for (uint32_t i = 2; i < 5; ++i)
        EXPECT_NEAR(board.messages[i].first - board.messages[i - 1].first, (i - 1) * 128, 12);
}

TEST_P(Service, TasksThatWaitForAPin) {
    Program program;
    const uint32_t query = program.here();
    program.call(kPoll).end();
    const uint32_t task = program.here();
    program.call(kRespond).add("lw", {.rd = kA0, .imm = kCounter}).call(kSpend).end();
    const uint32_t slow = program.here();
    program.add("sw", {.rs2 = kA0, .imm = kCounter}).end();
    limpet_service& vm = load(program, task);
    board.pin = true;
    call(vm, query, {0, 100, 800});
    board.run_for(1000);
    EXPECT_TRUE(board.messages.empty());
    board.pin = false;
    const uint32_t start = board.clock;
    board.run_for(2000);
    ASSERT_EQ(board.messages.size(), 3U); // about at 100, 900, 1700
    EXPECT_LE(board.messages[0].first - 800 - start, 100U);
    EXPECT_EQ(board.messages[1].first - board.messages[0].first, 800U);
    board.pin = true;
    board.messages.clear();
    board.run_for(2000);
    EXPECT_TRUE(board.messages.empty());
    // A run that takes longer than the rest: the timer looks again after half of it, and half of it.
    EXPECT_EQ(state(vm).overruns, 0U);
    call(vm, slow, {1300});
    board.pin = false;
    while (board.messages.empty()) board.run_for(1);
    EXPECT_EQ(state(vm).overruns, 2U);
    board.messages.clear();
    board.run_for(400);
    ASSERT_EQ(board.messages.size(), 1U);
    EXPECT_EQ(board.messages[0].second, 0U);
    call(vm, query, {0, 0, 0});
    EXPECT_FALSE(board.armed(0));
}

/// What is paused ends first; what became pending meanwhile follows.
TEST_P(Service, APausedEntryEndsFirst) {
    Program program;
    const uint32_t slow = program.here();
    program.call(kStart).load(kA0, 150).call(kSpend).load(kA0, 150).call(kSpend).load(kA0, 150).call(kSpend);
    program.load(kA0, 1).load(kA1, 0).call(kRespond).end();
    const uint32_t task = program.here();
    program.load(kA0, 2).call(kRespond).end();
    limpet_service& vm = load(program, task);
    limpet_service& second = load(program, task);
    for (limpet_service* one : {&second, &vm})
        limpet_service_call(one, slow, std::array<uint32_t, 5>{board.clock + 60, 10000}.data());
    board.run_for(1500);
    const std::vector<Message> expected = {{1, 1, 0}, {0, 1, 0}, {1, 2, 0}, {0, 2, 0}};
    std::vector<Message> sent = board.messages;
    ASSERT_EQ(sent.size(), 4U);
    for (const size_t number : {size_t{0}, size_t{1}}) {
        const auto of_vm = [&](const Message& message) { return message.vm == number; };
        const auto first = std::ranges::find_if(sent, of_vm);
        EXPECT_EQ(first->first, 1U);
        EXPECT_EQ(std::ranges::find_if(first + 1, sent.end(), of_vm)->first, 2U);
    }
    ASSERT_EQ(board.reports.size(), 2U); // each command is answered once, the tasks never
    board.reports.clear();
}

TEST_P(Service, FiltersHaveOneSlice) {
    Program program;
    const uint32_t filter = program.here();
    program.load(kA1, 5).call(kRespond).end();
    const uint32_t slow = program.here();
    program.load(kA0, 90).call(kSpend).load(kA0, 90).call(kSpend).load(kA0, 0).call(kRespond).end();
    const uint32_t sleep = program.here();
    program.call(kSleep).end();
    limpet_service& vm = load(program, filter);
    call(vm, sleep, {500});
    limpet_service_filter(&vm, filter, 40); // its result is no time to sleep
    EXPECT_GT(vm.timer.clock - board.clock, 450U);
    EXPECT_EQ(board.messages, (std::vector<Message>{{0, 40, 5}}));
    EXPECT_TRUE(board.armed(0));
    limpet_service_call(&vm, slow, std::array<uint32_t, 5>{}.data());
    limpet_service_filter(&vm, filter, 41); // something is under way
    EXPECT_EQ(board.messages.size(), 1U);
    board.run_for(300);
    EXPECT_EQ(take().status, uint32_t{LIMPET_RETURN});
    board.messages.clear();
    limpet_service_filter(&vm, slow, 42);
    const Report report = take();
    EXPECT_EQ(report.status, uint32_t{LIMPET_RUNNING});
    EXPECT_FALSE(board.armed(0));
    board.round();
    EXPECT_FALSE(board.round());
    EXPECT_TRUE(board.messages.empty());
    EXPECT_EQ(state(vm).status, uint32_t{LIMPET_RUNNING});
}

TEST_P(Service, ATaskThatFailsIsReportedOnce) {
    Program program;
    const uint32_t query = program.here();
    program.call(kStart).end();
    const uint32_t task = program.here();
    program.add("ebreak");
    limpet_service& vm = load(program, task);
    limpet_service& no_task = load(program, 0);
    call(vm, query, {board.clock + 100, 100});
    call(no_task, query, {board.clock + 100, 100});
    board.run_for(1000);
    ASSERT_EQ(board.reports.size(), 2U);
    EXPECT_EQ(board.reports[0].status, uint32_t{LIMPET_BREAKPOINT});
    EXPECT_EQ(board.reports[0].pc, task);
    EXPECT_EQ(board.reports[1].status, uint32_t{LIMPET_FETCH});
    EXPECT_EQ(board.reports[1].pc, 0U);
    board.reports.clear();
    EXPECT_FALSE(board.armed(0));
    EXPECT_FALSE(board.armed(1));
    EXPECT_FALSE(board.round());
}

/// On backends that a longjmp may leave, which is all but the emulated ones.
class ServiceLeft : public Service {};

TEST_P(ServiceLeft, AShutdownStopsEveryVm) {
    Program program;
    const uint32_t fatal = program.here();
    program.call(kShutDown).end();
    const uint32_t query = program.here();
    program.call(kStart).end();
    limpet_service& vm = load(program, query);
    limpet_service& other = load(program, query);
    call(other, query, {board.clock + 100, 100});
    const std::array<uint32_t, 5> none{};
    EXPECT_TRUE(board.shuts_down([&] { limpet_service_call(&vm, fatal, none.data()); }));
    board.run_for(1000);
    EXPECT_TRUE(board.reports.empty());
    EXPECT_EQ(call(vm, query).status, uint32_t{LIMPET_REFUSED});
    EXPECT_EQ(call(other, query).status, uint32_t{LIMPET_REFUSED});
    write(vm, program); // configured again
    EXPECT_EQ(seal(vm), uint32_t{LIMPET_RETURN});
    EXPECT_EQ(call(vm, query, {board.clock + 100, 100}).status, uint32_t{LIMPET_RETURN});
}

std::vector<const Backend*> all_backends(bool emulated) {
    std::vector<const Backend*> result;
    for (const auto& backend : backends())
        // The programs here are of instructions of 4 bytes, which rv32dense does not have.
        if (!backend->isa.dense && (emulated || !backend->emulated)) result.push_back(backend.get());
    return result;
}

std::string backend_name(const testing::TestParamInfo<const Backend*>& info) {
    std::string name = info.param->isa_name + "_" + info.param->name;
    std::ranges::replace_if(
        name, [](char c) { return c == '-' || c == '/'; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(All, Service, testing::ValuesIn(all_backends(true)), backend_name);
INSTANTIATE_TEST_SUITE_P(All, ServiceLeft, testing::ValuesIn(all_backends(false)), backend_name);

} // namespace
} // namespace limpet::service
