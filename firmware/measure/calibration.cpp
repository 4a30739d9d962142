#include "calibration.h"

#include "console.h"
#include "region.h"

namespace {

/// A row of the table in calibration.S.
struct Kernel {
    char name[16];
    uint32_t (*function)(uint32_t);
    uint32_t cycles;
};

} // namespace

extern "C" {
extern const Kernel calibration_table[];
extern const Kernel calibration_table_end[];
}

void measure::run_calibration() {
    for (const Kernel* kernel = calibration_table; kernel != calibration_table_end; ++kernel)
        for (uint32_t i = 0; i < repetitions(); ++i) {
            print("timed ", kernel->name, " check ", Hex{kernel->cycles}, "\n");
            timed(kernel->function, 1U);
            print_ticks(kernel->name, "check");
        }
}
