/// \file
/// What an application needs of the board it runs on. Each board implements it once and calls app_main after reset.
#pragma once

#include <stdint.h>

/// The application. Its value ends the board's run where there is somebody to tell it to (an emulator); elsewhere the
/// board waits and runs it again on request.
extern "C" int app_main();

namespace board {

/// As firmware/boards names it; with what is behind a slash when the board has several ways to lay an image out.
extern const char* const name;

/// Of the clock that the board times with, in Hz: that of its core. 0 where it has none (an emulator that counts from
/// outside).
extern const uint32_t clock_hz;

/// The chip's own number, in so many words; none where there is no chip.
extern const uint32_t chip_id_words;
uint32_t chip_id(uint32_t word);

/// Writes text, ended by 0, to the console.
void print(const char* text);

} // namespace board
