#include "console.h"

namespace measure {
namespace {

uint32_t crc = 0; // inverted, so that memory that starts as 0 starts it right

void add_to_crc(const char* text) {
    uint32_t sum = ~crc;
    for (; *text != 0; ++text) {
        sum ^= static_cast<uint8_t>(*text);
        for (unsigned bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (0xedb88320 & (0U - (sum & 1)));
    }
    crc = ~sum;
}

} // namespace

void print(const char* text) {
    add_to_crc(text);
    board::print(text);
}

void print(Hex number) {
    char text[9];
    for (unsigned i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[number.value << (4 * i) >> 28];
    text[8] = 0;
    print(text);
}

uint32_t take_crc() {
    const uint32_t result = crc;
    crc = 0;
    return result;
}

} // namespace measure
