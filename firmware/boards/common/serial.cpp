/// \file
/// Console of boards with a serial line. After a run: the byte `r` asks for another one, `b` for the boot loader.
#include "serial.h"

#include "../board.h"
#include "start.h"

const char* const board::name = BOARD_NAME;

void board::print(const char* text) {
    while (*text != 0) write_byte(static_cast<uint8_t>(*text++));
}

void board::finish(int /*status*/) {
    for (;;) {
        const uint8_t byte = read_byte();
        if (byte == 'r') return;
        if (byte == 'b') enter_boot_loader();
    }
}
