/* Limpet: what a guest program includes, beside "limpet_imports.h" (the functions that the firmware gives it, made
 * from its declarations by `limpet build`).
 *
 *     #include "limpet_guest.h"
 *     #include "limpet_imports.h"
 *
 *     struct reading {
 *         uint32_t clock;
 *         int16_t celsius_x10;
 *     };
 *     LIMPET_MESSAGE(1, struct reading);
 *
 *     void LIMPET_ENTRY(task)(uint32_t now) { ... }
 *
 * A guest is plain C without a libc; the four functions below and the compiler's own helpers (division, 64-bit
 * arithmetic) are linked in when they are needed. Variables keep their values between calls. There is no start-up code:
 * constructors, threads and the heap do not exist. */
#ifndef LIMPET_GUEST_H
#define LIMPET_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names a function that the host may call: `uint32_t LIMPET_ENTRY(task)(uint32_t now) { ... }` is the entry `task`.
 * At most six arguments of at most 32 bits, five for eBPF; the result, if any, has at most 32 bits. */
#define LIMPET_ENTRY(name) __attribute__((used)) limpet_entry_##name

/* Declares that `function` and all that it calls use at most `bytes` (a number) of stack. Needed, before the function
 * is defined, where the build cannot see it: recursion, calls through pointers, alloca and arrays of variable length.
 * The promise is yours; a guest that breaks it traps. */
#if defined(__riscv) || defined(__bpf__)
#define LIMPET_STACK(function, bytes)                                                                                  \
    LIMPET_NOT_INLINED(function);                                                                                      \
    __asm__(".pushsection .limpet.stack, \"\", @progbits\n"                                                            \
            ".long " LIMPET_TEXT(bytes) "\n"                                                                           \
                                        ".asciz \"" #function "\"\n"                                                   \
                                        ".popsection")
#else
#define LIMPET_STACK(function, bytes) LIMPET_NOT_INLINED(function)
#endif

/* Declares that messages numbered `id` (a constant) have the layout of `type`, a struct: the image describes its
 * fields, and the host shows them by name. Numbers, bool, char (an array of them is text), enums, and arrays and
 * structs of these. The same type may be declared in several sources. */
#if defined(__riscv) || defined(__bpf__)
#define LIMPET_MESSAGE(id, type)                                                                                       \
    static const union {                                                                                               \
        uint32_t number;                                                                                               \
        type* layout;                                                                                                  \
    } LIMPET_JOIN(limpet_message_, __COUNTER__) __attribute__((used, section(".limpet.messages"))) = {id}
#else
#define LIMPET_MESSAGE(id, type) _Static_assert(sizeof(type) != 0 && (id) >= 0, "")
#endif

/* The C standard's <string.h>. */
void* memcpy(void* restrict to, const void* restrict from, size_t bytes);
void* memmove(void* to, const void* from, size_t bytes);
void* memset(void* to, int value, size_t bytes);
int memcmp(const void* a, const void* b, size_t bytes);

/* Used by the macros above. */
#ifdef __clang__
#define LIMPET_NOT_INLINED(function) __typeof__(function) function __attribute__((noinline))
#else
#define LIMPET_NOT_INLINED(function) __typeof__(function) function __attribute__((noinline, noclone))
#endif
#define LIMPET_TEXT(value) LIMPET_TEXT_OF(value)
#define LIMPET_TEXT_OF(value) #value
#define LIMPET_JOIN(a, b) LIMPET_JOIN_OF(a, b)
#define LIMPET_JOIN_OF(a, b) a##b

#endif
