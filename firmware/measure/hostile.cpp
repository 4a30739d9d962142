#include "hostile.h"

#include "console.h"
#include "guest.h"

namespace measure {
namespace {

/// A row of the table that hostile_guest.S begins with.
struct Case {
    char name[16];
    uint32_t entry;
    uint32_t status;
    uint32_t pc;
    uint32_t trap_address; ///< of loads, stores and bad jumps
};

constexpr uint32_t kAny = 0xffffffff; ///< in pc and trap_address: not checked
constexpr uint32_t kFuel = 2000;      ///< the longest case that ends by itself is the stack overflow

bool same(uint32_t wanted, uint32_t seen) { return wanted == kAny || wanted == seen; }

/// Whether the VM lets itself be called or resumed after `status` as limpet.h says.
bool stopped_rightly(Machine& machine, uint32_t status) {
    const bool may_be_called = status == LIMPET_RETURN || status == LIMPET_ECALL;
    if (status == LIMPET_FUEL) return limpet_resume(&machine.vm, &machine.host, kFuel) == LIMPET_FUEL;
    return limpet_resume(&machine.vm, &machine.host, kFuel) == LIMPET_REFUSED &&
           (may_be_called || limpet_call(&machine.vm, &machine.host, 0, kFuel) == LIMPET_REFUSED);
}

bool run_case(Machine& machine, const Case& wanted) {
    if (machine.load(guest_image("hostile"), false) != LIMPET_RETURN) return false;
    print("timed hostile-", wanted.name, " guest\n");
    const uint32_t status = machine.call(wanted.entry, kFuel, true);
    const limpet_vm& vm = machine.vm;
    if (status == wanted.status && vm.status == status && same(wanted.pc, vm.pc) &&
        same(wanted.trap_address, vm.trap_address) && stopped_rightly(machine, status))
        return true;
    print("FAIL hostile-", wanted.name, ": status ", Hex{status}, " pc ", Hex{vm.pc});
    print(" trap_address ", Hex{vm.trap_address}, "\n");
    return false;
}

} // namespace

bool run_hostile_guests() {
    const GuestImage& image = guest_image("hostile");
    const auto* table = reinterpret_cast<const Case*>(image.bytes);
    const uint32_t cases = image.read_only_bytes / sizeof(Case);
    Machine machine;
    bool passed = cases != 0;
    for (uint32_t i = 0; i < cases; ++i) passed = run_case(machine, table[i]) && passed;
    print("hostile ", Hex{cases}, passed ? " contained\n" : " NOT contained\n");
    return passed;
}

} // namespace measure
