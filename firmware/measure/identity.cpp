/// \file
/// Compiled for each image, with LIMPET_IMAGE (backend, isa, optimisations) and the commit.
#include "identity.h"

#include "console.h"
#include "limpet_commit.h"

extern "C" {
extern const uint8_t board_build_id[];
extern const uint8_t board_build_id_end[];
}

namespace {

/// In front of the hash in the note: sizes, type, and the name "GNU" (System V ABI, "Note Section").
constexpr uint32_t kNoteHeaderBytes = 16;

void print_byte(uint8_t byte) {
    const char text[3] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], 0};
    measure::print(text);
}

} // namespace

void measure::print_identity() {
    print("begin board=", board::name, " chip=");
    for (uint32_t i = 0; i < board::chip_id_words; ++i) print(Hex{board::chip_id(i)});
    if (board::chip_id_words == 0) print("none");
    print(" clock_hz=", Hex{board::clock_hz}, " " LIMPET_IMAGE " commit=" LIMPET_COMMIT " image=");
    for (const uint8_t* byte = board_build_id + kNoteHeaderBytes; byte < board_build_id_end; ++byte) print_byte(*byte);
    print("\n");
}
