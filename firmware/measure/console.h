/// \file
/// Printing lines on the board's console, piece by piece.
#pragma once

#include "../boards/board.h"

namespace measure {

/// A number to be printed as eight hexadecimal digits.
struct Hex {
    uint32_t value;
};

/// Every piece comes through here.
void print(const char* text);
void print(Hex number);

template <class First, class Second, class... More> void print(First first, Second second, More... more) {
    print(first);
    print(second, more...);
}

/// The CRC-32 (ISO-HDLC, as zlib's) of all that was printed since the last call.
uint32_t take_crc();

} // namespace measure
