/* The functions of <string.h> that compilers call by themselves, as short as they get: a guest's copies are a few bytes
 * long, and each byte of code is uploaded. */
#include <stddef.h>
#include <stdint.h>

void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
    uint8_t* out = to;
    const uint8_t* in = from;
    for (uint8_t* const end = out + bytes; out != end;) *out++ = *in++;
    return to;
}

void* memmove(void* to, const void* from, size_t bytes) {
    uint8_t* out = to;
    const uint8_t* in = from;
    if ((uintptr_t)to <= (uintptr_t)from) {
        for (uint8_t* const end = out + bytes; out != end;) *out++ = *in++;
    } else {
        while (bytes-- > 0) out[bytes] = in[bytes];
    }
    return to;
}

void* memset(void* to, int value, size_t bytes) {
    uint8_t* out = to;
    for (uint8_t* const end = out + bytes; out != end;) *out++ = (uint8_t)value;
    return to;
}

int memcmp(const void* a, const void* b, size_t bytes) {
    const uint8_t* left = a;
    const uint8_t* right = b;
    for (const uint8_t* const end = left + bytes; left != end; ++left, ++right)
        if (*left != *right) return *left - *right;
    return 0;
}
