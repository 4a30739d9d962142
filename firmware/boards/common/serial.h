/// \file
/// What serial.cpp asks of a board whose console is a serial line.
#pragma once

#include <stdint.h>

namespace board {

/// Both wait until it can be done.
void write_byte(uint8_t byte);
uint8_t read_byte();

/// Leaves for the chip's own boot loader where it can take a new image from there; else returns.
void enter_boot_loader();

} // namespace board
