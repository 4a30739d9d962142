/* A firmware whose functions take every type there is, and tell the test what they were called with. Declared twice,
 * in C (table.c) and in C++ (table.cpp); runs on the PC, and on an emulated Cortex-M0+ (thumb/). */
#ifndef CALLS_TABLE_H
#define CALLS_TABLE_H

#include "limpet_calls.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TEST_BUSES = 3, TEST_PINS = 5, TEST_KIND_BUS = 0, TEST_KIND_PIN = 1 };

struct test_bus {
    uint32_t number;
};
extern struct test_bus test_buses[TEST_BUSES];

/* The last call, and what the next one is to return. */
struct test_record {
    uint32_t calls;
    uint32_t count;         /* of arguments */
    uintptr_t arguments[5]; /* numbers as uint32_t, handles as the number of what they name, buffers as pointers */
    uint32_t sum;           /* of the bytes of all buffers that were passed in */
    uint32_t result;        /* is cut to the type of the result */
};
extern struct test_record test_last;

/* What out and inout buffers are filled with. */
#define TEST_FILL 0x5au

void test_note(uintptr_t argument);
void test_read(const void* buffer, uint32_t bytes);
void test_write(void* buffer, uint32_t bytes);

limpet_host_call test_calls_c;
limpet_host_call test_calls_cpp;
const char* test_dictionary_c(void);

/* Tables of 26 functions, each with ten bytes of types and that of the result. They return their ids. */
limpet_host_call test_many_c;
limpet_host_call test_many_cpp;
#define TEST_MANY(ROW)                                                                                                 \
    ROW(m0, 0)                                                                                                         \
    ROW(m1, 1)                                                                                                         \
    ROW(m2, 2)                                                                                                         \
    ROW(m3, 3)                                                                                                         \
    ROW(m4, 4)                                                                                                         \
    ROW(m5, 5)                                                                                                         \
    ROW(m6, 6)                                                                                                         \
    ROW(m7, 7)                                                                                                         \
    ROW(m8, 8)                                                                                                         \
    ROW(m9, 9)                                                                                                         \
    ROW(m10, 10)                                                                                                       \
    ROW(m11, 11)                                                                                                       \
    ROW(m12, 12)                                                                                                       \
    ROW(m13, 13)                                                                                                       \
    ROW(m14, 14)                                                                                                       \
    ROW(m15, 15)                                                                                                       \
    ROW(m16, 16)                                                                                                       \
    ROW(m17, 17) ROW(m18, 18) ROW(m19, 19) ROW(m20, 20) ROW(m21, 21) ROW(m22, 22) ROW(m23, 23) ROW(m24, 24) ROW(m25, 25)
const char* test_dictionary_cpp(void);

#ifdef __cplusplus
}
#endif
#endif
