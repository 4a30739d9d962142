/// \file
/// What an application needs of the board it runs on. Each board implements it once and calls app_main after reset.
#pragma once

#include <stdint.h>

/// The application. Its value ends the board's run where there is somebody to tell it to (an emulator).
extern "C" int app_main();

namespace board {

/// Writes text, ended by 0, to the console.
void print(const char* text);

} // namespace board
