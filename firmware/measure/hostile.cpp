#include "hostile.h"

#include "console.h"
#include "guest.h"

namespace measure {
namespace {

/// A row of the table that hostile_guest.S (or bpf_hostile_guest.S) begins with, in the order of the code. Rows with
/// the same entry are one case, which ends in one of these ways.
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

/// Runs the case of the rows from `row` to `rows_end`; its code ends at `code_end`, where that of the next begins.
bool run_case(const GuestImage& image, const Case* row, const Case* rows_end, uint32_t code_end) {
    uint32_t status = load_hostile(image, row->entry, code_end);
    if (status == LIMPET_RETURN) {
        print("timed hostile-", row->name, " guest\n");
        status = call(row->entry, 0, kFuel, true);
    }
    const limpet_vm& vm = state();
    const char* const name = row->name;
    for (; row != rows_end; ++row)
        if (status == row->status && vm.status == status && same(row->pc, vm.pc) &&
            same(row->trap_address, vm.trap_address) && stopped_rightly(status))
            return true;
    print("FAIL hostile-", name, ": status ", Hex{status}, " pc ", Hex{vm.pc});
    print(" trap_address ", Hex{vm.trap_address}, "\n");
    return false;
}

} // namespace

bool run_hostile_guests() {
    const GuestImage& image = guest_image("hostile");
    const auto* table = reinterpret_cast<const Case*>(image.bytes);
    const Case* const table_end = table + image.read_only_bytes / sizeof(Case);
    const uint32_t code_end = image.windows.code_start + image.windows.code_size;
    uint32_t cases = 0;
    bool passed = table != table_end;
    for (const Case* row = table; row != table_end; ++cases) {
        const Case* const first = row;
        while (row != table_end && row->entry == first->entry) ++row;
        passed = run_case(image, first, row, row != table_end ? row->entry : code_end) && passed;
    }
    print("hostile ", Hex{cases}, passed ? " contained\n" : " NOT contained\n");
    return passed;
}

} // namespace measure
