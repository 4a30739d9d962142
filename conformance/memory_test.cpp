/// \file
/// Loads and stores at the first and last byte of every region, at every alignment and width, and where addresses wrap
/// around. Fails when a bound is off by one, an access that is partly outside is let through, or a misaligned one is
/// not what its bytes say. (That it never reaches the bus misaligned is what thumb::Machine sees to.)
#include "support/trial.h"

namespace limpet::conformance {
namespace {

struct Access {
    const char* name;
    uint32_t size;
    bool store;
    bool sign;
};
constexpr std::array<Access, 12> kAccesses = {{{"lb", 1, false, true},
                                               {"lbu", 1, false, false},
                                               {"lh", 2, false, true},
                                               {"lhu", 2, false, false},
                                               {"lw", 4, false, false},
                                               {"sb", 1, true, false},
                                               {"sh", 2, true, false},
                                               {"sw", 4, true, false},
                                               {"c.lw", 4, false, false},
                                               {"c.sw", 4, true, false},
                                               {"c.lwsp", 4, false, false},
                                               {"c.swsp", 4, true, false}}};
constexpr uint32_t kValue = 0x8badf00d;

/// What an access names: backends may keep registers in places of different kinds.
struct Operand {
    uint32_t base;  ///< unless it is sp
    uint32_t value; ///< loaded into, stored from
};
constexpr std::array<Operand, 2> kRegisters = {{{.base = 8, .value = 9}, {.base = 15, .value = 14}}};

class Memory : public SubjectTest {
protected:
    /// Makes one access in `layout` and holds it to what its bytes say.
    void access(Trial& run, const Access& access, const Operand& registers, uint32_t address, uint32_t imm) {
        SCOPED_TRACE(testing::Message() << run.layout.name << ": " << access.name << " at 0x" << std::hex << address
                                        << ", immediate " << imm);
        const bool by_sp = std::string_view(access.name).ends_with("sp");
        const uint32_t base = by_sp ? 2 : registers.base;
        const uint32_t value = registers.value;
        Code code;
        if (access.store)
            code.add(access.name, {.rs1 = base, .rs2 = value, .imm = imm});
        else
            code.add(access.name, {.rd = value, .rs1 = base, .imm = imm});
        Vector v{.layout = &run.layout,
                 .pc = run.layout.code_start,
                 .code = {code.bytes().begin(), code.bytes().end()},
                 .code_at = run.layout.code_start};
        v.x[base] = address - imm;
        v.x[value] = kValue;
        run.arena.start(v);
        translate(run, v);
        std::vector<uint8_t> data = initial_data(run.layout);
        const limpet_status status = run.resume();

        uint32_t result = kValue;
        const uint32_t offset = address - run.layout.base;
        if (!run.layout.allows(address, access.size, access.store)) {
            ASSERT_EQ(status, access.store ? LIMPET_STORE : LIMPET_LOAD);
            ASSERT_EQ(run.guest.vm.trap_address, address);
            ASSERT_EQ(run.pc(), run.layout.code_start);
        } else {
            ASSERT_EQ(status, LIMPET_BREAKPOINT);
            for (uint32_t i = 0; i < access.size && access.store; ++i)
                data[offset + i] = static_cast<uint8_t>(kValue >> 8 * i);
            if (!access.store) result = number(&data[offset], access);
        }
        ASSERT_EQ(run.x(value), result);
        ASSERT_EQ(run.x(base), address - imm);
        ASSERT_TRUE(std::ranges::equal(run.arena.data(), data));
        ASSERT_TRUE(run.arena.surroundings_intact());
    }

    /// Has code translated that has not been yet, where that is what the backend does.
    void translate(Trial& run, const Vector& v) {
        if (run.guest.host.prepared_size == 0 || (translated_ == v.code && translated_for_ == &run)) return;
        const limpet_vm vm = run.guest.vm;
        ASSERT_EQ(backend().prepare(run.guest), LIMPET_RETURN);
        run.guest.vm = vm;
        translated_ = v.code;
        translated_for_ = &run;
    }

    static uint32_t number(const uint8_t* bytes, const Access& access) {
        uint32_t value = 0;
        for (uint32_t i = 0; i < access.size; ++i) value |= static_cast<uint32_t>(bytes[i]) << 8 * i;
        const uint32_t sign = 1U << (8 * access.size - 1);
        return access.sign && (value & sign) != 0 ? value | (0 - sign) : value;
    }

    [[nodiscard]] bool has(const Access& access) const { return isa().compressed || access.name[1] != '.'; }

private:
    std::vector<uint8_t> translated_;
    const Trial* translated_for_ = nullptr;
};

std::vector<uint32_t> edges(const Layout& layout) {
    std::vector<uint32_t> all = {
        0, 0x80000000, layout.base, layout.base + layout.wall, layout.data_end(), layout.code_start, layout.code_end()};
    if (layout.read_only.size != 0) {
        all.push_back(layout.read_only.start);
        all.push_back(layout.read_only.start + layout.read_only.size);
    }
    return all;
}

TEST_P(Memory, EdgesOfEveryRegion) {
    for (const Layout& layout : layouts()) {
        if (!subject().can_run(layout)) continue;
        Trial run(backend(), {}, layout);
        for (const Access& a : kAccesses) {
            if (!has(a)) continue;
            // The largest immediates reach an address from another one, and around 2^32.
            const std::vector<uint32_t> immediates =
                a.name[1] == '.' ? std::vector<uint32_t>{0, 124} : std::vector<uint32_t>{0, 2047, 0U - 2048};
            for (const Operand& registers : kRegisters)
                for (const uint32_t imm : immediates)
                    for (const uint32_t edge : edges(layout))
                        for (int32_t distance = -9; distance <= 9; ++distance) {
                            access(run, a, registers, edge + static_cast<uint32_t>(distance), imm);
                            if (HasFatalFailure()) return;
                        }
        }
    }
}

TEST_P(Memory, EveryAlignmentInside) {
    Trial run(backend());
    for (const Access& a : kAccesses)
        for (const Operand& registers : kRegisters)
            for (const uint32_t imm : {0U, 4U})
                for (uint32_t address = 512; address < 544 && has(a); ++address) {
                    access(run, a, registers, address, imm);
                    if (HasFatalFailure()) return;
                }
}

/// Windows of every small size: a bound that is only right for multiples of 4 shows here.
TEST_P(Memory, SmallWindows) {
    for (uint32_t size = 0; size < 12; ++size)
        for (uint32_t wall = 0; wall <= size; ++wall) {
            const Layout layout{
                .name = "small", .base = 0, .data_size = size, .wall = wall, .code_start = 0x1000, .code_size = 64};
            Trial run(backend(), {}, layout);
            for (const Access& a : kAccesses)
                for (const Operand& registers : kRegisters)
                    for (uint32_t address = 0U - 5; address != 18 && has(a); ++address) {
                        access(run, a, registers, address, 0);
                        if (HasFatalFailure()) return;
                    }
        }
}

TEST_P(Memory, CodeIsNoData) {
    Trial run(backend(), Code().add("lw", {.rd = 10, .rs1 = 10}).add("sw", {.rs1 = 10, .rs2 = 11}));
    run.x(10) = kPlain.code_start;
    EXPECT_EQ(run.call(), LIMPET_LOAD);
    EXPECT_EQ(run.guest.vm.trap_address, kPlain.code_start);
    EXPECT_EQ(run.run_from(kPlain.code_start + 4), LIMPET_STORE);
    EXPECT_TRUE(run.arena.surroundings_intact());
}

/// sp is a register like others: what it is aligned to is the guest's affair.
TEST_P(Memory, MisalignedStack) {
    for (const uint32_t down : {16U, 15U, 14U, 13U}) {
        Code code;
        code.add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - down});
        code.add("sw", {.rs1 = 2, .rs2 = kRegisters[0].value, .imm = 4});
        code.add("lw", {.rd = 10, .rs1 = 2, .imm = 4});
        Trial run(backend(), code);
        run.x(2) = kPlain.data_end();
        run.x(kRegisters[0].value) = kValue;
        EXPECT_EQ(run.run_from(kPlain.code_start), LIMPET_BREAKPOINT);
        EXPECT_EQ(run.x(10), kValue) << down;
    }
}

/// What was known of sp when it was in the window holds no longer, whatever has written it.
TEST_P(Memory, SpMovesToTheEnd) {
    struct Row {
        const char* name;
        uint32_t a, b; ///< x5 and x6, which make x2
    };
    constexpr uint32_t end = kPlain.data_size;
    for (const Row& row : {Row{"add", end - 8, 8}, Row{"sub", end + 8, 8}, Row{"or", end, 0}, Row{"sll", end / 4, 2},
                           Row{"mul", 64, end / 64}, Row{"mulh", 1 << 30, 4 * end}, Row{"mulhsu", 1 << 30, 4 * end},
                           Row{"mulhu", 1U << 31, 2 * end}, Row{"div", 3 * end, 3}, Row{"divu", 3 * end, 3},
                           Row{"rem", end, 2 * end}, Row{"remu", end, 2 * end}, Row{"lw", 512, end}}) {
        const rv32::Instruction& instruction = row_named(row.name);
        if (!rv32::has(isa(), instruction.extension)) continue;
        for (const bool store : {false, true}) {
            Code code;
            code.add("lw", {.rd = 10, .rs1 = 2, .imm = 12});
            code.add(row.name, {.rd = 2, .rs1 = 5, .rs2 = instruction.op == rv32::Op::kLw ? 0U : 6U});
            code.add(store ? "sw" : "lw", {.rd = store ? 0U : 10U, .rs1 = 2, .rs2 = store ? 10U : 0U});
            Trial run(backend(), code);
            run.x(2) = kPlain.data_size - 16;
            run.x(5) = row.a;
            run.x(6) = row.b;
            const uint32_t in_memory = row.b;
            std::memcpy(&run.arena.data()[512], &in_memory, sizeof in_memory); // for lw
            EXPECT_EQ(run.run_from(kPlain.code_start), store ? LIMPET_STORE : LIMPET_LOAD) << row.name;
            EXPECT_EQ(run.x(2), end) << row.name;
            EXPECT_EQ(run.pc(), kPlain.code_start + 8) << row.name;
            EXPECT_EQ(run.guest.vm.trap_address, end) << row.name;
        }
    }
}

/// Near an sp that was put anywhere, and made room below it or not.
TEST_P(Memory, SpAnywhere) {
    constexpr uint32_t end = kPlain.data_size;
    Layout layout = kPlain;
    layout.code_size = 32; // some backends translate it each time
    for (const uint32_t sp : {end, end - 4, end + 4, end + 64, 0U - 4, 0U - 16, 1U << 31, kPlain.wall, 0U})
        for (const uint32_t frame : {0U, 16U})
            for (const uint32_t offset : {0U, 8U, 12U, 16U, 20U})
                for (const bool store : {false, true}) {
                    Code code;
                    code.add("add", {.rd = 2, .rs1 = 5}).add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - frame});
                    code.add(store ? "sw" : "lw", {.rd = store ? 0U : 10U, .rs1 = 2, .imm = offset});
                    Trial run(backend(), code, layout);
                    run.x(5) = sp;
                    const uint32_t address = sp - frame + offset;
                    const bool allowed = layout.allows(address, 4, store);
                    const limpet_status trap = store ? LIMPET_STORE : LIMPET_LOAD;
                    ASSERT_EQ(run.run_from(kPlain.code_start), allowed ? LIMPET_BREAKPOINT : trap)
                        << std::hex << sp << " - " << frame << " + " << offset;
                    ASSERT_EQ(run.pc(), kPlain.code_start + (allowed ? 12 : 8));
                    ASSERT_TRUE(allowed || run.guest.vm.trap_address == address);
                }
}

/// Instructions whose operands have no register of their own on some backends, one behind the other and jumped to.
TEST_P(Memory, RegistersInMemory) {
    for (const bool jumps : {false, true}) {
        Code code;
        code.add("beq", {.rs1 = 10, .rs2 = 11, .imm = 12});
        code.add("sw", {.rs1 = 2, .rs2 = 6}).add("sw", {.rs1 = 2, .rs2 = 7, .imm = 4});
        code.add("bne", {.rs1 = 6, .rs2 = 7, .imm = 8}).add("addi", {.rd = 12, .imm = 1});
        Trial run(backend(), code);
        run.x(2) = 512;
        for (uint32_t number = 3; number < 16; ++number) run.x(number) = 1000 + number;
        run.x(11) = jumps ? run.x(10) : 0;
        const Snapshot before(run);
        EXPECT_EQ(run.run_from(kPlain.code_start), LIMPET_BREAKPOINT);
        EXPECT_TRUE(std::ranges::equal(run.guest.vm.x, before.vm.x));
        const uint32_t stored[] = {run.x(6), run.x(7)};
        EXPECT_EQ(std::memcmp(&run.arena.data()[512], stored, sizeof stored) == 0, !jumps);
    }
}

/// Near an sp that the host has moved after it prepared the code, for a first and a second call.
TEST_P(Memory, StackTopChanges) {
    Layout layout = kPlain;
    layout.code_size = 32;
    Code code;
    code.add("sw", {.rs1 = 2, .rs2 = 10, .imm = 4}).add("lbu", {.rd = 11, .rs1 = 2, .imm = 7});
    code.add("addi", {.rd = 2, .rs1 = 2, .imm = 16}).add("sb", {.rs1 = 2, .rs2 = 10, .imm = 28});
    code.add("jalr", {.rs1 = 1});
    constexpr uint32_t end = kPlain.data_size;
    for (const uint32_t prepared : {end, end - 32, end - 128, kPlain.wall, kPlain.wall - 16}) {
        Trial run(backend(), {}, layout);
        run.guest.host.stack_top = prepared;
        run.write_code(layout.code_start, code.bytes());
        for (const uint32_t moved : {end - 128, end - 32, end, end, end - 15, end - 4, end - 8, end - 16, end - 17,
                                     kPlain.wall - 4, kPlain.wall - 8, 0U, 0U - 4})
            for (uint32_t i = 0; i < 2; ++i) {
                rv32::init(run.guest.vm, run.guest.vm.window);
                run.guest.host.stack_top = moved;
                run.x(10) = kValue;
                const bool first = layout.allows(moved + 4, 4, true), second = layout.allows(moved + 44, 1, true);
                ASSERT_EQ(run.call(), first && second ? LIMPET_RETURN : LIMPET_STORE) << prepared << " " << moved;
                ASSERT_TRUE((first && second) || run.guest.vm.trap_address == moved + (first ? 44 : 4));
                ASSERT_EQ(run.x(2), first ? moved + 16 : moved);
            }
    }
}

/// sp runs down into the read-only data: the wall.
/// What is known of the room above sp holds neither where a jump comes from before a frame was made, nor when the frame
/// is given back.
TEST_P(Memory, RoomAboveSp) {
    constexpr uint32_t end = kPlain.data_size;
    for (const bool jumps : {false, true}) {
        Code code;
        code.add("beq", {.rs1 = 10, .rs2 = 11, .imm = 8});
        code.add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - 16});
        code.add("lw", {.rd = 12, .rs1 = 2, .imm = 12});
        code.add("addi", {.rd = 2, .rs1 = 2, .imm = 16});
        code.add("lw", {.rd = 13, .rs1 = 2, .imm = 12});
        Trial run(backend(), code);
        run.x(2) = end;
        run.x(10) = jumps ? 0 : 1;
        run.x(13) = 0x1234;
        EXPECT_EQ(run.run_from(kPlain.code_start), LIMPET_LOAD);
        EXPECT_EQ(run.pc(), kPlain.code_start + (jumps ? 8 : 16));
        EXPECT_EQ(run.guest.vm.trap_address, end + 12);
        EXPECT_EQ(run.x(13), 0x1234U);
    }
}

/// A register that is written twice, by what a backend may do in different ways, has the second value.
TEST_P(Memory, LastValueCounts) {
    for (const uint32_t rd : {1U, 5U, 8U, 9U, 15U}) {
        Code code;
        code.add("addi", {.rd = rd, .rs1 = rd, .imm = 1});
        code.add("addi", {.rd = rd, .rs1 = 11});
        code.add("add", {.rd = 12, .rs1 = rd, .rs2 = 13});
        Trial run(backend(), code);
        run.x(2) = 512;
        run.x(11) = 100;
        run.x(13) = 20;
        EXPECT_EQ(run.run_from(kPlain.code_start), LIMPET_BREAKPOINT);
        EXPECT_EQ(run.x(12), 120U) << rd;
    }
}

/// What multiplies and divides may be a function, which leaves the window as it was. Bytes, because a look at the
/// alignment of a host address would notice.
TEST_P(Memory, AccessesAfterMultiplying) {
    for (const char* name : {"mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"}) {
        if (!rv32::has(isa(), row_named(name).extension)) continue;
        Code code;
        code.add(name, {.rd = 9, .rs1 = 5, .rs2 = 6});
        code.add("lbu", {.rd = 10, .rs1 = 8});
        code.add(name, {.rd = 9, .rs1 = 5, .rs2 = 6});
        code.add("sb", {.rs1 = 8, .rs2 = 10, .imm = 8});
        Trial run(backend(), code);
        run.x(5) = 1234567;
        run.x(6) = 89;
        run.x(8) = 600;
        run.arena.data()[600] = 0xa5;
        EXPECT_EQ(run.run_from(kPlain.code_start), LIMPET_BREAKPOINT) << name;
        EXPECT_EQ(run.x(10), 0xa5U) << name;
        EXPECT_EQ(run.arena.data()[608], 0xa5U) << name;
    }
}

TEST_P(Memory, StackOverflowIsAStoreTrap) {
    Code code;
    code.add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - 16});
    code.add("sw", {.rs1 = 2, .rs2 = 1, .imm = 12});
    code.add("jal", {.rd = 1, .imm = 0U - 8});
    Trial run(backend(), code);
    EXPECT_EQ(run.call(100000), LIMPET_STORE);
    EXPECT_EQ(run.pc(), kPlain.code_start + 4);
    EXPECT_EQ(run.guest.vm.trap_address, kPlain.wall - 4);
    EXPECT_TRUE(std::ranges::all_of(run.arena.data().first(kPlain.wall), [](uint8_t byte) { return byte == 0; }));
}

/// However sp got there, and whatever a frame below it would make known.
TEST_P(Memory, AFrameAboveTheWindowIsNone) {
    for (const uint32_t up : {32U, 48U, 496U}) {
        Code code;
        code.add("addi", {.rd = 2, .rs1 = 2, .imm = up}).add("addi", {.rd = 2, .rs1 = 2, .imm = 0U - 16});
        Trial run(backend(), code.add("sw", {.rs1 = 2, .rs2 = 1, .imm = 12}));
        const uint32_t address = run.guest.host.stack_top + up - 4;
        EXPECT_EQ(run.call(), LIMPET_STORE);
        EXPECT_EQ(run.pc(), kPlain.code_start + 8);
        EXPECT_EQ(run.guest.vm.trap_address, address);
    }
}

INSTANTIATE_FOR_ALL_SUBJECTS(Memory);

} // namespace
} // namespace limpet::conformance
