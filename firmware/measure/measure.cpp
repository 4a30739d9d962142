/// \file
/// The measuring application: runs every workload natively and as a guest, checks that both give the same result, and
/// only then runs them again inside the region that the cycle counters see. Then hostile guests, each of which must
/// end in its trap.
///
/// A line of output that starts with `timed` announces one region: `timed NAME native|prepare|guest`. `result` and
/// `executed` lines give, in hexadecimal, what a workload computed and how much fuel its timed run took; `prepared` and
/// `scratch` lines how many bytes of prepared code stay, and how many more preparation needs.
/// Exit status 0 when all went well, 1 when a result was wrong, 2 when a hostile guest was not contained.
#include "console.h"
#include "guest.h"
#include "hostile.h"
#include "timed_call.h"
#include "workloads.h"

namespace measure {
namespace {

constexpr uint32_t kSeed = WORKLOAD_SEED;

bool fail(const char* name, const char* what) {
    print("FAIL ", name, ": ", what, "\n");
    return false;
}

/// Loads the workload and runs it once; true when it computed `expected`.
bool run(Machine& machine, const workload& work, uint32_t expected, bool timing) {
    const GuestImage& image = guest_image(work.name);
    if (timing) print("timed ", work.name, " prepare\n");
    if (machine.load(image, timing) != LIMPET_RETURN) return fail(work.name, "refused");
    if (timing) print("timed ", work.name, " guest\n");
    machine.vm.x[10] = kSeed;
    if (machine.call(image.entry, LIMPET_FUEL_MAX, timing) != LIMPET_RETURN) return fail(work.name, "trapped");
    return machine.vm.x[10] == expected || fail(work.name, "result differs from the native one");
}

bool measure_workload(const workload& work) {
    const uint32_t expected = work.run(kSeed);
    Machine machine;
    if (!run(machine, work, expected, false)) return false;
    print("timed ", work.name, " native\n");
    if (timed(work.run, kSeed) != expected) return fail(work.name, "native result changed");
    if (!run(machine, work, expected, true)) return false;
    print("result ", work.name, " ", Hex{expected}, "\n");
    print("executed ", work.name, " ", Hex{LIMPET_FUEL_MAX - machine.vm.fuel}, "\n");
    const uint32_t kept_bytes = limpet_prepared_kept(&machine.vm, &machine.host);
    print("prepared ", work.name, " ", Hex{kept_bytes}, "\n");
    print("scratch ", work.name, " ", Hex{machine.host.prepared_size - kept_bytes}, "\n");
    return true;
}

int measure_all() {
    print("state_bytes ", Hex{sizeof(limpet_vm)}, "\n");
    for (uint32_t i = 0; i < workload_count; ++i)
        if (!measure_workload(workloads[i])) return 1;
    return run_hostile_guests() ? 0 : 2;
}

} // namespace
} // namespace measure

int app_main() { return measure::measure_all(); }
