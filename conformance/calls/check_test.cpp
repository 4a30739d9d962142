/// \file
/// The checker against the judge, for every declaration: each edge of each argument, and each fault that an argument
/// can have at least once.
#include "../../interp/calls/check.h"
#include "world.h"

namespace limpet::conformance {
namespace {

/// Where on the PC handle `index` of `kind` is: anything but the index.
uintptr_t handle_value(uint32_t index, uint32_t kind) { return uintptr_t{1000} * (kind + 1) + index; }

struct Checker {
    const Judge& judge;
    std::vector<uint8_t> types;
    std::vector<std::string> kinds;

    template <class Host> bool check(const limpet_vm& vm, const Host& host, const Arguments& args, uintptr_t* out) {
        const auto counts = handle_counts(kinds.size());
        const auto resolve = [&](uint32_t index, uint32_t kind) {
            return index < counts.at(kind) ? handle_value(index, kind) : LIMPET_NO_HANDLE;
        };
        return calls::check(vm, host, types.data(), args.data(), out, resolve) == types.back();
    }

    /// Is `out` what the judge says?
    void expect_passed(const World& world, const Arguments& args, uint32_t base, const uintptr_t* out) {
        const auto data = reinterpret_cast<uintptr_t>(world.data.get());
        for (size_t i = 0; i < judge.arguments().size(); ++i) {
            const calls::Argument& type = judge.arguments()[i];
            const Passed passed = judge.passed(i, args);
            if (type.kind == calls::Argument::Kind::kHandle) {
                const auto kind = static_cast<uint32_t>(std::ranges::find(kinds, type.handle) - kinds.begin());
                EXPECT_EQ(out[i], handle_value(passed.value, kind));
            } else if (!type.is_buffer()) {
                EXPECT_EQ(out[i], passed.value);
            } else if (passed.any_pointer) {
                EXPECT_LE(out[i] - data, world.size);
            } else {
                EXPECT_EQ(out[i] - data, passed.value - base);
            }
        }
    }
};

/// Tries all cases of all declarations. Buffers of a guest at `base` start that much higher.
template <class Host>
void try_all(const std::vector<calls::Declaration>& declarations, const limpet_windows& window, uint32_t base) {
    World world(window);
    Host host{};
    static_cast<limpet_host&>(host) = world.host;
    if constexpr (std::is_same_v<Host, MappedHost>) host.base = base;
    const auto kinds = calls::handle_kinds(declarations);
    for (const Judge& judge : judges(declarations, window)) {
        Checker checker{judge, calls::encode(judge.declaration(), kinds), kinds};
        std::vector<std::set<Fault>> seen(judge.arguments().size());
        for (const Arguments& args : judge.cases()) {
            SCOPED_TRACE(text_of(judge.declaration(), args));
            Arguments moved = args;
            for (size_t i = 0; i < judge.arguments().size(); ++i) {
                seen[i].insert(judge.fault(i, args));
                if (judge.arguments()[i].is_buffer()) moved[i] += base;
            }
            uintptr_t out[5] = {};
            ASSERT_EQ(checker.check(world.vm, host, moved, out), judge.passes(args));
            if (judge.passes(args)) checker.expect_passed(world, args, 0, out);
        }
        for (size_t i = 0; i < seen.size(); ++i) {
            for (const Fault fault : judge.possible_faults(i))
                EXPECT_TRUE(seen[i].contains(fault))
                    << judge.declaration().name << " " << i << " " << static_cast<int>(fault);
            EXPECT_TRUE(seen[i].contains(Fault::kNone));
        }
    }
}

TEST(Check, TestTableOnAMicrocontrollersHost) {
    for (const limpet_windows& window : kWindows) try_all<limpet_host>(test_declarations(), window, 0);
}

TEST(Check, SdkOnAMicrocontrollersHost) {
    ASSERT_GE(sdk_declarations().size(), 18U);
    for (const limpet_windows& window : kWindows) try_all<limpet_host>(sdk_declarations(), window, 0);
}

TEST(Check, AnyBaseOnAPc) {
    for (const uint32_t base : {0U, 0x80000000U, 0xfffff000U - 2048})
        for (const auto& declarations : {test_declarations(), sdk_declarations()})
            try_all<MappedHost>(declarations, kWindows[0], base);
}

/// What shows that a call touched nothing else.
TEST(Check, NothingIsInReachOutsideOfAGuestsMemory) {
    const World world(kWindows[0]);
    test_write(world.data.get(), world.size);
    for (const uint32_t offset : {world.size, 0x10000U, 0x80000000U, UINT32_MAX}) {
        EXPECT_DEATH(test_write(world.data.get() + offset, 1), "") << offset;
        EXPECT_DEATH(test_read(world.data.get() + offset, 1), "") << offset;
        EXPECT_DEATH(test_write(world.data.get() - 0x10000 - offset, 1), "") << offset;
    }
}

TEST(Check, ReadOnlyPartsInTheMiddleOnAPc) {
    World world(kWindows[0]);
    world.vm.window.writable_start = world.size; // as plain ELF files have it: only ranges are read-only
    const Range read_only[] = {{0x80000040, 0x40}, {0x80000100, 4}};
    MappedHost host{};
    static_cast<limpet_host&>(host) = world.host;
    host.base = 0x80000000;
    host.read_only = read_only;
    host.read_only_count = 2;
    const auto passes = [&](const char* declaration, uint32_t address) {
        const Arguments args = {address};
        uintptr_t out[5];
        const auto types = calls::encode(calls::parse_declaration(declaration), {});
        return calls::check(world.vm, host, types.data(), args.data(), out, [](uint32_t, uint32_t) { return 0; }) != 0;
    };
    EXPECT_TRUE(passes("void f(out u8[16])", 0x80000030));
    EXPECT_FALSE(passes("void f(out u8[16])", 0x80000031));
    EXPECT_FALSE(passes("void f(inout u8[1])", 0x8000007f));
    EXPECT_TRUE(passes("void f(inout u8[128])", 0x80000080));
    EXPECT_FALSE(passes("void f(inout u8[129])", 0x80000080));
    EXPECT_TRUE(passes("void f(in u8[129])", 0x80000080));
    EXPECT_TRUE(passes("void f(out u32[4])", 0x80000104));
    EXPECT_TRUE(passes("void f(out u32[3])", 0x800000f4));
    EXPECT_FALSE(passes("void f(out u32[4])", 0x800000f4));
    EXPECT_FALSE(passes("void f(out u32[4])", 0x800007f4));
}

} // namespace
} // namespace limpet::conformance
