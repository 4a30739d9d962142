#include "hostile.h"

#include "console.h"
#include "guest.h"

namespace measure {
namespace {

/// A row of the table that hostile_guest.S (or bpf_hostile_guest.S) begins with, in the order of the code.
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
bool stopped_rightly(uint32_t status) {
    const bool may_be_called = status == LIMPET_RETURN || status == LIMPET_ECALL;
    if (status == LIMPET_FUEL) return resume(kFuel) == LIMPET_FUEL;
    return resume(kFuel) == LIMPET_REFUSED && (may_be_called || call(0, 0, kFuel, false) == LIMPET_REFUSED);
}

/// Runs the case whose code ends where that of the next begins.
bool run_case(const GuestImage& image, const Case& wanted, uint32_t end) {
    uint32_t status = load_hostile(image, wanted.entry, end);
    if (status == LIMPET_RETURN) {
        print("timed hostile-", wanted.name, " guest\n");
        status = call(wanted.entry, 0, kFuel, true);
    }
    const limpet_vm& vm = state();
    if (status == wanted.status && vm.status == status && same(wanted.pc, vm.pc) &&
        same(wanted.trap_address, vm.trap_address) && stopped_rightly(status))
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
    const uint32_t code_end = image.windows.code_start + image.windows.code_size;
    bool passed = cases != 0;
    for (uint32_t i = 0; i < cases; ++i)
        passed = run_case(image, table[i], i + 1 < cases ? table[i + 1].entry : code_end) && passed;
    print("hostile ", Hex{cases}, passed ? " contained\n" : " NOT contained\n");
    return passed;
}

} // namespace measure
