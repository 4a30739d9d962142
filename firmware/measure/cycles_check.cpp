/// \file
/// Runs the functions of cycles_check.S as regions and tells how many cycles each must take:
/// `timed NAME check CYCLES`, in hexadecimal.
#include "console.h"
#include "timed_call.h"

namespace {

struct Check {
    char name[16];
    uint32_t (*function)(uint32_t);
    uint32_t cycles;
};

} // namespace

extern "C" {
extern const Check cycles_check_table[];
extern const Check cycles_check_table_end[];
}

int app_main() {
    for (const Check* check = cycles_check_table; check != cycles_check_table_end; ++check) {
        measure::print("timed ", check->name, " check ", measure::Hex{check->cycles}, "\n");
        measure::timed(check->function, 1U);
    }
    return 0;
}
