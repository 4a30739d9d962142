/// \file
/// The measuring application, the same on every board: first kernels of known cost, then every workload, natively and
/// as a guest. Both results are compared, and only then both run again inside the region that the cycle counters see.
/// Then hostile guests, each of which must end in its trap.
///
/// Lines of output, numbers in hexadecimal:
///
///     begin ...                    what runs where: identity.h
///     overhead TICKS               of each of the board's own timings
///     timed NAME WHAT              announces one region: WHAT is check, native, prepare, guest, or hostile's guest
///     ticks NAME WHAT TICKS        what the board itself counted, where it does; then each region runs several times
///     result NAME VALUE            what a workload computed
///     executed NAME FUEL           how much fuel its timed run took
///     prepared NAME BYTES          how much prepared code stays
///     scratch NAME BYTES           how much more preparation needs
///     FAIL ...                     something was not as it must be
///     end STATUS CRC               CRC-32 of everything from begin up to here
///
/// STATUS is 0 when all went well, 1 when a result was wrong, 2 when a hostile guest was not contained.
#include "calibration.h"
#include "console.h"
#include "guest.h"
#include "hostile.h"
#include "identity.h"
#include "region.h"
#include "workloads.h"

namespace measure {
namespace {

constexpr uint32_t kSeed = WORKLOAD_SEED;

bool fail(const char* name, const char* what) {
    print("FAIL ", name, ": ", what, "\n");
    return false;
}

/// Loads the workload and runs it once; true when it computed `expected`.
bool run(const workload& work, uint32_t expected, bool timing) {
    const GuestImage& image = guest_image(work.name);
    if (timing) print("timed ", work.name, " prepare\n");
    if (load(image, timing) != LIMPET_RETURN) return fail(work.name, "refused");
    if (timing) print_ticks(work.name, "prepare");
    if (timing) print("timed ", work.name, " guest\n");
    if (call(image.entry, kSeed, LIMPET_FUEL_MAX, timing) != LIMPET_RETURN) return fail(work.name, "trapped");
    if (timing) print_ticks(work.name, "guest");
    return result() == expected || fail(work.name, "result differs from the native one");
}

bool measure_workload(const workload& work) {
    const uint32_t expected = work.run(kSeed);
    if (!run(work, expected, false)) return false;
    for (uint32_t i = 0; i < repetitions(); ++i) {
        print("timed ", work.name, " native\n");
        if (timed(work.run, kSeed) != expected) return fail(work.name, "native result changed");
        print_ticks(work.name, "native");
        if (!run(work, expected, true)) return false;
    }
    print("result ", work.name, " ", Hex{expected}, "\n");
    print("executed ", work.name, " ", Hex{LIMPET_FUEL_MAX - state().fuel}, "\n");
    print("prepared ", work.name, " ", Hex{memory().prepared}, "\n");
    print("scratch ", work.name, " ", Hex{memory().scratch}, "\n");
    return true;
}

int measure_all() {
    if (board::clock_hz != 0) print("overhead ", Hex{timed_overhead()}, "\n");
    print("state_bytes ", Hex{state_bytes()}, "\n");
    run_calibration();
    for (uint32_t i = 0; i < workload_count; ++i)
        if (!measure_workload(workloads[i])) return 1;
    return run_hostile_guests() ? 0 : 2;
}

} // namespace
} // namespace measure

int app_main() {
    measure::take_crc();
    measure::print_identity();
    const int status = measure::measure_all();
    const uint32_t crc = measure::take_crc();
    measure::print("end ", measure::Hex{static_cast<uint32_t>(status)}, " ", measure::Hex{crc}, "\n");
    return status;
}
