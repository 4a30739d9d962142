/// \file
/// Printing lines on the board's console, piece by piece.
#pragma once

#include "../boards/board.h"

namespace measure {

/// A number to be printed as eight hexadecimal digits.
struct Hex {
    uint32_t value;
};

inline void print(const char* text) { board::print(text); }

inline void print(Hex number) {
    char text[9];
    for (unsigned i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[number.value << (4 * i) >> 28];
    text[8] = 0;
    board::print(text);
}

template <class First, class Second, class... More> void print(First first, Second second, More... more) {
    print(first);
    print(second, more...);
}

} // namespace measure
