/// \file
/// The start of an image: where its dispatcher and its record are, for the emulator.
#include "../table.h"

namespace {

struct Table {
    limpet_host_call* call;
    test_record* record;
};

} // namespace

extern "C" __attribute__((section(".table"), used)) const Table limpet_image_table = {TEST_CALLS, &test_last};
