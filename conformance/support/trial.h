/// \file
/// Short guests written by hand, run by one backend.
#pragma once

#include "../../interp/rv32/run.h"
#include "encode.h"
#include "host_calls.h"
#include "subjects.h"

#include <algorithm>
#include <cstring>

namespace limpet::conformance {

/// Where hand-written guests live: everything in easy places.
inline constexpr Layout kPlain{
    .name = "plain", .base = 0, .data_size = 1024, .wall = 256, .code_start = 0x1000, .code_size = 512};

/// A guest of one backend in a layout, with code at the start of the code window.
class Trial {
public:
    explicit Trial(const Backend& backend, const Code& code = {}, const Layout& where = kPlain)
        : arena(where, backend.isa), guest(arena.guest), layout(where), backend_(backend) {
        arena.write_code(where.code_start, code.bytes());
        guest.host.call = test_host_call;
        EXPECT_EQ(backend.prepare(guest), LIMPET_RETURN);
    }

    /// Writes code after the guest was prepared, and prepares it again.
    void write_code(uint32_t address, std::span<const uint8_t> bytes) {
        arena.write_code(address, bytes);
        EXPECT_EQ(backend_.prepare(guest), LIMPET_RETURN);
    }

    limpet_status call(uint32_t fuel = 1000) { return call_at(layout.code_start, fuel); }
    limpet_status call_at(uint32_t entry, uint32_t fuel = 1000) { return backend_.call(guest, entry, fuel); }
    limpet_status resume(uint32_t fuel = 1000) { return backend_.resume(guest, fuel); }
    /// Runs from pc with the registers as they are.
    limpet_status run_from(uint32_t pc, uint32_t fuel = 1000) {
        guest.vm.pc = pc;
        guest.vm.status = LIMPET_FUEL;
        return resume(fuel);
    }
    [[nodiscard]] uint32_t& x(uint32_t number) { return guest.vm.x[number]; }
    [[nodiscard]] uint32_t pc() const { return guest.vm.pc; }

    Arena arena;
    Guest& guest;
    const Layout& layout;

private:
    const Backend& backend_;
};

/// Everything that a guest's run can change.
struct Snapshot {
    limpet_vm vm;
    std::vector<uint8_t> data;

    explicit Snapshot(Trial& trial) : vm(trial.guest.vm), data(trial.arena.data().begin(), trial.arena.data().end()) {}
    bool operator==(const Snapshot& other) const {
        return std::memcmp(&vm, &other.vm, sizeof vm) == 0 && data == other.data;
    }
    /// All but pc, fuel, status and trap_address.
    [[nodiscard]] bool same_registers_and_memory(const Snapshot& other) const {
        return std::ranges::equal(vm.x, other.vm.x) && data == other.data;
    }
};

} // namespace limpet::conformance
