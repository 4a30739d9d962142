/// \file
/// What start.cpp, which every Cortex-M board shares, asks of the board.
#pragma once

namespace board {

/// Clocks and console. Called once, when memory is as C++ expects it.
void start();

/// Called with the value of app_main; when it returns, the application runs again.
void finish(int status);

} // namespace board
