/// \file
/// A guest that tries each kind of bad argument on each declared host call, on every backend: a trap every time, which
/// leaves registers and memory as they were.
#include "../../interp/calls/check.h"
#include "../../interp/image/dense.h"
#include "../../variants/registry.h"
#include "world.h"

namespace limpet::conformance {
namespace {

constexpr uint32_t kHostCall = 0x0b;
constexpr uint32_t kReturn = 0x00008067; // jalr x0, 0(ra): a whole word, as rv32e needs

/// The declarations that `mock` carries out, and what happened to it.
struct Mock {
    std::vector<calls::Declaration> declarations;
    std::vector<std::string> kinds;
    uint32_t calls = 0;
} mock;

/// Carries out any declarations, as a PC does for a driver under test: reads and writes every buffer.
limpet_status mock_call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    if (id >= mock.declarations.size()) return LIMPET_HOST_CALL;
    const calls::Declaration& declaration = mock.declarations[id];
    const auto counts = handle_counts(mock.kinds.size());
    const auto resolve = [&](uint32_t index, uint32_t kind) -> uintptr_t {
        return index < counts.at(kind) ? index : LIMPET_NO_HANDLE;
    };
    uintptr_t out[5];
    const auto types = calls::encode(declaration, mock.kinds);
    if (calls::check(*vm, *host, types.data(), args, out, resolve) == 0) return LIMPET_HOST_CALL;
    ++mock.calls;
    for (size_t i = 0; i < declaration.arguments.size(); ++i) {
        const calls::Argument& type = declaration.arguments[i];
        if (!type.is_buffer()) continue;
        const uint32_t count = type.length_is_argument ? args[type.length] : type.length;
        const uint32_t bytes = count * calls::bytes_of(type.type);
        auto* buffer = reinterpret_cast<uint8_t*>(out[i]);
        test_read(buffer, bytes);
        if (type.is_written()) test_write(buffer, bytes);
    }
    if (declaration.result) args[0] = 0;
    return LIMPET_RETURN;
}

/// One case for each fault of each argument, and one that passes.
std::vector<Arguments> one_of_each(const Judge& judge) {
    std::set<std::pair<size_t, Fault>> seen;
    std::vector<Arguments> result;
    for (const Arguments& args : judge.cases()) {
        bool is_new = result.empty();
        for (size_t i = 0; i < judge.arguments().size(); ++i) is_new |= seen.insert({i, judge.fault(i, args)}).second;
        if (is_new) result.push_back(args);
    }
    return result;
}

class GuestCalls : public testing::TestWithParam<const Backend*> {
protected:
    void try_call(const Judge& judge, uint32_t id, const Arguments& args, limpet_host_call* call) {
        SCOPED_TRACE(text_of(judge.declaration(), args));
        const Backend& backend = *GetParam();
        const uint32_t words[] = {kHostCall | id << 20, kReturn};
        std::vector<uint8_t> code(sizeof words);
        std::memcpy(code.data(), words, sizeof words);
        limpet_windows window = kWindows[0];
        if (backend.isa.dense) code = DenseCode(RelaxedCode(code, window.code_start, rv32::isa::rv32ec), {}).bytes();
        window.code_size = static_cast<uint32_t>(code.size());
        const World world(window);
        Guest guest(window, 512, {}, code);
        guest.host.data = world.data.get();
        guest.host.call = call;
        ASSERT_EQ(backend.prepare(guest), LIMPET_RETURN);
        std::ranges::copy(args, guest.vm.x + 10);
        guest.vm.x[15] = 0x15151515;
        mock.calls = test_last.calls = 0;
        const limpet_status status = backend.call(guest, window.code_start, 10);
        if (judge.passes(args)) {
            ASSERT_EQ(status, LIMPET_RETURN);
            ASSERT_EQ(mock.calls + test_last.calls, 1U);
            return;
        }
        ASSERT_EQ(status, LIMPET_HOST_CALL);
        ASSERT_EQ(mock.calls + test_last.calls, 0U);
        ASSERT_EQ(guest.vm.pc, window.code_start);
        ASSERT_TRUE(std::ranges::equal(args, std::span(guest.vm.x + 10, 5)));
        ASSERT_EQ(guest.vm.x[15], 0x15151515U);
        ASSERT_TRUE(world.untouched());
        ASSERT_EQ(backend.call(guest, window.code_start, 10), LIMPET_REFUSED);
    }

    void try_all(const std::vector<calls::Declaration>& declarations, limpet_host_call* call) {
        mock = {declarations, calls::handle_kinds(declarations)};
        uint32_t id = 0;
        for (const Judge& judge : judges(declarations, kWindows[0])) {
            for (const Arguments& args : one_of_each(judge)) try_call(judge, id, args, call);
            ++id;
        }
    }
};

std::vector<const Backend*> all_backends() {
    std::vector<const Backend*> result;
    for (const auto& backend : backends()) result.push_back(backend.get());
    return result;
}
INSTANTIATE_TEST_SUITE_P(All, GuestCalls, testing::ValuesIn(all_backends()), [](const auto& test) {
    std::string name = test.param->isa_name + "_" + test.param->name;
    std::ranges::replace_if(
        name, [](char c) { return c == '-' || c == '/'; }, '_');
    return name;
});

TEST_P(GuestCalls, OfTheTestTable) { try_all(test_declarations(), test_calls_c); }

TEST_P(GuestCalls, OfTheSdkMocked) { try_all(sdk_declarations(), mock_call); }

TEST_P(GuestCalls, UnknownIds) {
    mock = {sdk_declarations(), calls::handle_kinds(sdk_declarations())};
    calls::Declaration nobody;
    nobody.name = "nobody";
    nobody.arguments.resize(1); // of a kind of which there are none, so that no arguments pass
    nobody.arguments[0].kind = calls::Argument::Kind::kHandle;
    nobody.arguments[0].handle = "nothing";
    const Judge judge(nobody, kWindows[0], {"nothing"}, {0});
    for (const uint32_t id : {static_cast<uint32_t>(mock.declarations.size()), 255U, 256U, 2047U, 2048U, 4095U}) {
        try_call(judge, id, {1, 2, 3, 4, 5}, mock_call);
        try_call(judge, id, {1, 2, 3, 4, 5}, test_calls_c);
        try_call(judge, id, {1, 2, 3, 4, 5}, test_calls_cpp);
    }
}

} // namespace
} // namespace limpet::conformance
