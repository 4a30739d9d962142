/// \file
/// The measuring application: runs every workload natively and as a guest, checks that both give the same result, and
/// only then runs them again inside the region that the cycle counters see. Then hostile guests, each of which must
/// end in its trap.
///
/// A line of output that starts with `timed` announces one region: `timed NAME native|prepare|guest`. `result` and
/// `executed` lines give, in hexadecimal, what a workload computed and how much fuel its timed run took.
/// Exit status 0 when all went well, 1 when a result was wrong, 2 when a hostile guest was not contained.
#include "console.h"
#include "guest.h"
#include "hostile.h"
#include "timed_call.h"
#include "workloads.h"

extern "C" {
extern const measure::GuestImage guest_max31865;
extern const measure::GuestImage guest_crc32;
extern const measure::GuestImage guest_sort;
extern const measure::GuestImage guest_sos;
extern const measure::GuestImage guest_accel;
extern const measure::GuestImage guest_angle;
extern const measure::GuestImage guest_alu;
extern const measure::GuestImage guest_fib;
extern const measure::GuestImage guest_empty;
}

namespace measure {
namespace {

struct Workload {
    const char* name;
    const GuestImage& guest;
    uint32_t (*native)(uint32_t seed);
};

const Workload kWorkloads[] = {
    {"max31865", guest_max31865, max31865},
    {"crc32", guest_crc32, crc32},
    {"sort", guest_sort, sort},
    {"sos", guest_sos, sos},
    {"accel", guest_accel, accel},
    {"angle", guest_angle, angle},
    {"alu", guest_alu, alu},
    {"fib", guest_fib, fib},
    {"empty", guest_empty, empty},
};

constexpr uint32_t kSeed = WORKLOAD_SEED;

bool fail(const char* name, const char* what) {
    print("FAIL ", name, ": ", what, "\n");
    return false;
}

/// Loads the workload and runs it once; true when it computed `expected`.
bool run(Machine& machine, const Workload& workload, uint32_t expected, bool timing) {
    if (timing) print("timed ", workload.name, " prepare\n");
    if (machine.load(workload.guest, timing) != LIMPET_RETURN) return fail(workload.name, "refused");
    if (timing) print("timed ", workload.name, " guest\n");
    machine.vm.x[10] = kSeed;
    if (machine.call(workload.guest.entry, LIMPET_FUEL_MAX, timing) != LIMPET_RETURN)
        return fail(workload.name, "trapped");
    return machine.vm.x[10] == expected || fail(workload.name, "result differs from the native one");
}

bool measure_workload(const Workload& workload) {
    const uint32_t expected = workload.native(kSeed);
    Machine machine;
    if (!run(machine, workload, expected, false)) return false;
    print("timed ", workload.name, " native\n");
    if (timed(workload.native, kSeed) != expected) return fail(workload.name, "native result changed");
    if (!run(machine, workload, expected, true)) return false;
    print("result ", workload.name, " ", Hex{expected}, "\n");
    print("executed ", workload.name, " ", Hex{LIMPET_FUEL_MAX - machine.vm.fuel}, "\n");
    return true;
}

int measure_all() {
    print("state_bytes ", Hex{sizeof(limpet_vm)}, "\n");
    for (const Workload& workload : kWorkloads)
        if (!measure_workload(workload)) return 1;
    return run_hostile_guests() ? 0 : 2;
}

} // namespace
} // namespace measure

int app_main() { return measure::measure_all(); }
