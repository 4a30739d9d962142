/* Limpet: host calls that a firmware declares. C (C11, from gcc 5.4 on) and C++20.
 *
 * A firmware names each function that its guests may call once, with its types. From that come the table that carries
 * the calls out, and the dictionary string from which a PC makes prototypes for drivers and binds their images. Every
 * argument is checked here before the function runs, so that it can trust what it gets: numbers are values of their
 * types, handles name something that the firmware has, buffers lie inside the guest's memory (writable for out and
 * inout, elements aligned, at least as long as said). A call that fails a check, or whose id nothing declares, is the
 * trap LIMPET_HOST_CALL, and the guest's registers stay as they were.
 *
 * In C:
 *
 *     LIMPET_KIND(spi, 0, struct spi_bus*)       // what handle(spi) becomes when a function gets it
 *     #define MY_CALLS(CALL)                                               \
 *         CALL(u32, timer_read_time)                                       \
 *         CALL(void, spi_transfer, handle(spi), inout(u8, arg(2)), u8)     \
 *         CALL(bool, report, in(u16, 4))
 *     LIMPET_CALLS(my_calls, MY_CALLS)           // defines the limpet_host_call function my_calls
 *     DECL_CONSTANT_STR("LIMPET_CALLS", LIMPET_DICTIONARY(MY_CALLS));      // a string literal, here for Klipper
 *
 * where the functions are
 *
 *     uint32_t timer_read_time(void);
 *     void spi_transfer(struct spi_bus* bus, uint8_t* data, uint8_t length);
 *     bool report(const uint16_t* values);       // 4 of them
 *
 * In C++ the types say it all; In, Out and InOut convert to pointers, Handle<Kind> to Kind::type:
 *
 *     struct Spi {
 *         static constexpr char name[] = "spi";
 *         static constexpr uint8_t number = 0;
 *         using type = SpiBus*;
 *     };
 *     uint32_t timer_read_time();
 *     void spi_transfer(limpet::Handle<Spi> bus, limpet::InOut<uint8_t, limpet::arg(2)> data, uint8_t length);
 *     bool report(limpet::In<uint16_t, 4> values);
 *
 *     using MyCalls = limpet::Calls<timer_read_time, spi_transfer, report>;
 *     limpet_host host = {.call = MyCalls::call, ...};    // and MyCalls::dictionary.text
 *
 * Types: bool u8 i8 u16 i16 u32 i32, handle(kind), and buffers in, out and inout of elements (not bool) whose length is
 * a constant of 1 to 255 elements or arg(k): argument k, counted from 0, which must be u8, u16 or u32. At most 5
 * arguments, 256 functions. The position of a function is its id.
 *
 * A buffer is valid during the call only; buffers may overlap. One of no elements is a valid pointer, whatever the
 * guest passed. A void function leaves a0 as it was. A function may leave by longjmp, as limpet_host_call allows.
 */
#ifndef LIMPET_CALLS_H
#define LIMPET_CALLS_H

#include "limpet.h"

#ifndef __cplusplus
#include <stdbool.h>
#include <stddef.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The types of a declared function are bytes, made by the macros and templates below, and on a PC from text. One for
 * each argument, two for a buffer, then one for the result:
 *
 *     00dddddd            a number: bits of the type less 1, times 2; + 1 if signed
 *     0100sswl nnnnnnnn   a buffer of elements of 1 << s bytes; w: the host writes to it; l = 0: n is its length in
 *                         elements; l = 1: n is the number of the argument that holds the length
 *     10kkkkkk            a handle: number of its kind
 *     1100rrrr            the result: 0 for void, else 8 + its place in bool u8 i8 u16 i16 u32 i32 */
enum {
    LIMPET_TYPE_BUFFER = 0x40,
    LIMPET_TYPE_ELEMENT_SHIFT = 2,
    LIMPET_TYPE_WRITTEN = 2,
    LIMPET_TYPE_LENGTH_IS_ARGUMENT = 1,
    LIMPET_TYPE_HANDLE = 0x80,
    LIMPET_TYPE_RESULT = 0xc0,
    LIMPET_TYPE_NOT_VOID = 8,
    LIMPET_KINDS_MAX = 64
};

typedef void limpet_function(void);

/* Checks the arguments args[0] .. of a call: on LIMPET_RETURN, out holds what a C function of these types is called
 * with, each as if converted to uintptr_t (buffers as pointers); on LIMPET_HOST_CALL nothing of use. args and out must
 * have room for 5. The only place where arguments are checked. */
enum limpet_status limpet_check_arguments(const struct limpet_vm* vm, const struct limpet_host* host,
                                          const uint8_t* types, const uint32_t* args, uintptr_t* out);

/* A limpet_host_call whose id has been looked up: checks the arguments, calls the function, and puts its result into
 * args[0]. */
enum limpet_status limpet_call_declared(struct limpet_vm* vm, const struct limpet_host* host, limpet_function* function,
                                        const uint8_t* types, uint32_t* args);

/* What limpet_resolve_handle returns for a handle that names nothing. */
#define LIMPET_NO_HANDLE UINTPTR_MAX

/* Defined by the firmware: what a function gets for the handle `index` (any number) of kind `kind` (of LIMPET_KIND or
 * Kind::number) when the guest in `host` passes it: a pointer, or the index itself, or LIMPET_NO_HANDLE. */
uintptr_t limpet_resolve_handle(uint32_t index, uint32_t kind, const struct limpet_host* host);

#ifdef __cplusplus
}
#endif

#ifndef __cplusplus

/* Declares a kind of handles: its name in declarations, its number (0..63, LIMPET_KIND_name), and the C type of the
 * parameter that receives it (limpet_handle_name), which holds what limpet_resolve_handle returned. */
#define LIMPET_KIND(name, number, type)                                                                                \
    typedef type limpet_handle_##name;                                                                                 \
    enum { LIMPET_KIND_##name = (number) };                                                                            \
    _Static_assert(sizeof(limpet_handle_##name) <= sizeof(uintptr_t), "a handle is passed in a register");             \
    _Static_assert((number) >= 0 && (number) <= 63, "kinds of handles are numbered 0..63");

/* Defines the limpet_host_call function `name`, which carries out the calls of `list`. Functions and their types are in
 * one table; where the types of each begin is counted from the first of these numbers, which are bytes if they can. */
#define LIMPET_CALLS(name, list)                                                                                       \
    list(LIMPET_CHECK_) extern limpet_host_call name;                                                                  \
    enum limpet_status name(struct limpet_vm* vm, const struct limpet_host* host, uint32_t id, uint32_t* args) {       \
        struct limpet_one_each {                                                                                       \
            list(LIMPET_ONE_FIELD_)                                                                                    \
        };                                                                                                             \
        enum { limpet_count = sizeof(struct limpet_one_each) };                                                        \
        struct limpet_types {                                                                                          \
            list(LIMPET_BYTES_FIELD_)                                                                                  \
        };                                                                                                             \
        typedef __typeof__(__builtin_choose_expr(limpet_count + sizeof(struct limpet_types) <= 256, (uint8_t)0,        \
                                                 (uint16_t)0)) limpet_offset;                                          \
        struct limpet_bytes {                                                                                          \
            limpet_offset starts[limpet_count];                                                                        \
            struct limpet_types types;                                                                                 \
        };                                                                                                             \
        static const struct {                                                                                          \
            struct limpet_bytes bytes;                                                                                 \
            limpet_function* functions[limpet_count];                                                                  \
        } calls = {{{list(LIMPET_START_)}, {list(LIMPET_BYTES_)}}, {list(LIMPET_FUNCTION_)}};                          \
        _Static_assert(limpet_count <= 256, "ids are 0..255");                                                         \
        if (id >= limpet_count) return LIMPET_HOST_CALL;                                                               \
        return limpet_call_declared(vm, host, calls.functions[id],                                                     \
                                    (const uint8_t*)&calls.bytes + calls.bytes.starts[id], args);                      \
    }

/* The dictionary string of `list`, as a string literal. */
#define LIMPET_DICTIONARY(list) list(LIMPET_TEXT_OF_CALL_)

/* What follows is not for use by itself. A word of a declaration such as `u8` or `inout(u8, arg(2))` is pasted behind a
 * prefix, which makes it the name of a macro: LIMPET_TEXT_u8, LIMPET_TEXT_inout(u8, arg(2)). <stdbool.h> turns bool
 * into _Bool. */

/* As text. */
#define LIMPET_TEXT_void "void"
#define LIMPET_TEXT_bool "bool"
#define LIMPET_TEXT__Bool "bool"
#define LIMPET_TEXT_u8 "u8"
#define LIMPET_TEXT_i8 "i8"
#define LIMPET_TEXT_u16 "u16"
#define LIMPET_TEXT_i16 "i16"
#define LIMPET_TEXT_u32 "u32"
#define LIMPET_TEXT_i32 "i32"
#define LIMPET_TEXT_handle(kind) "handle<" #kind ">"
#define LIMPET_TEXT_in(element, length) "in " LIMPET_TEXT_##element "[" LIMPET_LENGTH_(TEXT, length) "]"
#define LIMPET_TEXT_out(element, length) "out " LIMPET_TEXT_##element "[" LIMPET_LENGTH_(TEXT, length) "]"
#define LIMPET_TEXT_inout(element, length) "inout " LIMPET_TEXT_##element "[" LIMPET_LENGTH_(TEXT, length) "]"

/* As the C type of a parameter or a result. */
#define LIMPET_C_void void
#define LIMPET_C_bool bool
#define LIMPET_C__Bool _Bool
#define LIMPET_C_u8 uint8_t
#define LIMPET_C_i8 int8_t
#define LIMPET_C_u16 uint16_t
#define LIMPET_C_i16 int16_t
#define LIMPET_C_u32 uint32_t
#define LIMPET_C_i32 int32_t
#define LIMPET_C_handle(kind) limpet_handle_##kind
#define LIMPET_C_in(element, length) const LIMPET_C_##element*
#define LIMPET_C_out(element, length) LIMPET_C_##element*
#define LIMPET_C_inout(element, length) LIMPET_C_##element*

/* Results, in their byte. */
#define LIMPET_RESULT_void 0
#define LIMPET_RESULT_bool 8
#define LIMPET_RESULT__Bool 8
#define LIMPET_RESULT_u8 9
#define LIMPET_RESULT_i8 10
#define LIMPET_RESULT_u16 11
#define LIMPET_RESULT_i16 12
#define LIMPET_RESULT_u32 13
#define LIMPET_RESULT_i32 14

/* Arguments, as their bytes and a comma behind each. */
#define LIMPET_BYTES_none
#define LIMPET_BYTES_bool 0,
#define LIMPET_BYTES__Bool 0,
#define LIMPET_BYTES_u8 14,
#define LIMPET_BYTES_i8 15,
#define LIMPET_BYTES_u16 30,
#define LIMPET_BYTES_i16 31,
#define LIMPET_BYTES_u32 62,
#define LIMPET_BYTES_i32 63,
#define LIMPET_BYTES_handle(kind) LIMPET_TYPE_HANDLE | LIMPET_KIND_##kind,
#define LIMPET_BYTES_in(element, length)                                                                               \
    LIMPET_TYPE_BUFFER | LIMPET_SHIFT_##element << LIMPET_TYPE_ELEMENT_SHIFT | LIMPET_LENGTH_(BYTES, length),
#define LIMPET_BYTES_out(element, length) LIMPET_TYPE_WRITTEN | LIMPET_BYTES_in(element, length)
#define LIMPET_BYTES_inout(element, length) LIMPET_TYPE_WRITTEN | LIMPET_BYTES_in(element, length)
#define LIMPET_SHIFT_u8 0
#define LIMPET_SHIFT_i8 0
#define LIMPET_SHIFT_u16 1
#define LIMPET_SHIFT_i16 1
#define LIMPET_SHIFT_u32 2
#define LIMPET_SHIFT_i32 2

/* May the argument be a length: 1 or 0. */
#define LIMPET_COUNTS_none 0
#define LIMPET_COUNTS_bool 0
#define LIMPET_COUNTS__Bool 0
#define LIMPET_COUNTS_u8 1
#define LIMPET_COUNTS_i8 0
#define LIMPET_COUNTS_u16 1
#define LIMPET_COUNTS_i16 0
#define LIMPET_COUNTS_u32 1
#define LIMPET_COUNTS_i32 0
#define LIMPET_COUNTS_handle(kind) 0
#define LIMPET_COUNTS_in(element, length) 0
#define LIMPET_COUNTS_out(element, length) 0
#define LIMPET_COUNTS_inout(element, length) 0

/* Bit k: the argument needs argument k to be a length. Bit 5: its length is no length. */
#define LIMPET_NEEDS_none 0
#define LIMPET_NEEDS_bool 0
#define LIMPET_NEEDS__Bool 0
#define LIMPET_NEEDS_u8 0
#define LIMPET_NEEDS_i8 0
#define LIMPET_NEEDS_u16 0
#define LIMPET_NEEDS_i16 0
#define LIMPET_NEEDS_u32 0
#define LIMPET_NEEDS_i32 0
#define LIMPET_NEEDS_handle(kind) 0
#define LIMPET_NEEDS_in(element, length) LIMPET_LENGTH_(NEEDS, length)
#define LIMPET_NEEDS_out(element, length) LIMPET_LENGTH_(NEEDS, length)
#define LIMPET_NEEDS_inout(element, length) LIMPET_LENGTH_(NEEDS, length)

/* Lengths: LIMPET_LENGTH_(TEXT, 16) is LIMPET_TEXT_CONSTANT_(16), LIMPET_LENGTH_(TEXT, arg(2)) is
 * LIMPET_TEXT_ARGUMENT_(arg(2)): pasted behind LIMPET_PROBE_, only arg(k) becomes two arguments, of which the second is
 * taken. */
#define LIMPET_LENGTH_(what, length)                                                                                   \
    LIMPET_PASTE_(LIMPET_##what##_, LIMPET_TAKE_SECOND_(LIMPET_PROBE_##length, CONSTANT_, ~))(length)
#define LIMPET_PROBE_arg(k) ~, ARGUMENT_
#define LIMPET_NUMBER_arg(k) k
#define LIMPET_TEXT_CONSTANT_(length) LIMPET_STRING_(length)
#define LIMPET_TEXT_ARGUMENT_(length) "#" LIMPET_STRING_(LIMPET_NUMBER_##length)
#define LIMPET_BYTES_CONSTANT_(length) 0, (uint8_t)(length)
#define LIMPET_BYTES_ARGUMENT_(length) LIMPET_TYPE_LENGTH_IS_ARGUMENT, LIMPET_NUMBER_##length
#define LIMPET_NEEDS_CONSTANT_(length) ((length) >= 1 && (length) <= 255 ? 0 : 32)
#define LIMPET_NEEDS_ARGUMENT_(length) (1 << (LIMPET_NUMBER_##length))

#define LIMPET_PASTE_(a, b) LIMPET_PASTE_NOW_(a, b)
#define LIMPET_PASTE_NOW_(a, b) a##b
#define LIMPET_STRING_(x) LIMPET_STRING_NOW_(x)
#define LIMPET_STRING_NOW_(x) #x
#define LIMPET_TAKE_SECOND_(...) LIMPET_TAKE_SECOND_NOW_(__VA_ARGS__)
#define LIMPET_TAKE_SECOND_NOW_(a, b, ...) b

/* A call: LIMPET_WITH_n(macro, result, name, arguments) by the number of its arguments. */
#define LIMPET_COUNT_(...) LIMPET_TAKE_EIGHTH_(__VA_ARGS__, TOO_MANY_ARGUMENTS, 5, 4, 3, 2, 1, 0, ~)
#define LIMPET_TAKE_EIGHTH_(name, a, b, c, d, e, f, count, ...) count

/* ... as its part of each list of the table; */
#define LIMPET_NAME_(name, ...) name
#define LIMPET_ONE_FIELD_(result, ...) char LIMPET_NAME_(__VA_ARGS__, ~);
#define LIMPET_FUNCTION_(result, ...) (limpet_function*)LIMPET_NAME_(__VA_ARGS__, ~),
#define LIMPET_START_(result, ...) offsetof(struct limpet_bytes, types.LIMPET_NAME_(__VA_ARGS__, ~)),
#define LIMPET_BYTES_FIELD_(result, ...)                                                                               \
    uint8_t LIMPET_NAME_(__VA_ARGS__, ~)[sizeof((uint8_t[])LIMPET_BYTES_OF_(result, __VA_ARGS__))];
#define LIMPET_BYTES_(result, ...) LIMPET_BYTES_OF_(result, __VA_ARGS__),
#define LIMPET_BYTES_OF_(result, ...)                                                                                  \
    LIMPET_PASTE_(LIMPET_BYTES_OF_, LIMPET_COUNT_(__VA_ARGS__))(LIMPET_RESULT_##result, __VA_ARGS__)
#define LIMPET_BYTES_OF_0(r, name) LIMPET_BYTES_OF_5(r, name, none, none, none, none, none)
#define LIMPET_BYTES_OF_1(r, name, a) LIMPET_BYTES_OF_5(r, name, a, none, none, none, none)
#define LIMPET_BYTES_OF_2(r, name, a, b) LIMPET_BYTES_OF_5(r, name, a, b, none, none, none)
#define LIMPET_BYTES_OF_3(r, name, a, b, c) LIMPET_BYTES_OF_5(r, name, a, b, c, none, none)
#define LIMPET_BYTES_OF_4(r, name, a, b, c, d) LIMPET_BYTES_OF_5(r, name, a, b, c, d, none)
#define LIMPET_BYTES_OF_5(r, name, a, b, c, d, e)                                                                      \
    { LIMPET_BYTES_##a LIMPET_BYTES_##b LIMPET_BYTES_##c LIMPET_BYTES_##d LIMPET_BYTES_##e LIMPET_TYPE_RESULT | (r) }

/* ... as text; */
#define LIMPET_TEXT_OF_CALL_(result, ...)                                                                              \
    LIMPET_PASTE_(LIMPET_TEXT_OF_CALL_, LIMPET_COUNT_(__VA_ARGS__))(LIMPET_TEXT_##result, __VA_ARGS__) ");"
#define LIMPET_TEXT_OF_CALL_0(r, name) r " " #name "("
#define LIMPET_TEXT_OF_CALL_1(r, name, a) LIMPET_TEXT_OF_CALL_0(r, name) LIMPET_TEXT_##a
#define LIMPET_TEXT_OF_CALL_2(r, name, a, b) LIMPET_TEXT_OF_CALL_1(r, name, a) "," LIMPET_TEXT_##b
#define LIMPET_TEXT_OF_CALL_3(r, name, a, b, c) LIMPET_TEXT_OF_CALL_2(r, name, a, b) "," LIMPET_TEXT_##c
#define LIMPET_TEXT_OF_CALL_4(r, name, a, b, c, d) LIMPET_TEXT_OF_CALL_3(r, name, a, b, c) "," LIMPET_TEXT_##d
#define LIMPET_TEXT_OF_CALL_5(r, name, a, b, c, d, e) LIMPET_TEXT_OF_CALL_4(r, name, a, b, c, d) "," LIMPET_TEXT_##e

/* ... and as questions whether it is right. */
#define LIMPET_CHECK_(result, ...) LIMPET_PASTE_(LIMPET_CHECK_, LIMPET_COUNT_(__VA_ARGS__))(result, __VA_ARGS__)
#define LIMPET_CHECK_0(r, name) LIMPET_CHECK_TYPE_(name, LIMPET_C_##r (*)(void))
#define LIMPET_CHECK_1(r, name, a)                                                                                     \
    LIMPET_CHECK_TYPE_(name, LIMPET_C_##r (*)(LIMPET_C_##a)) LIMPET_CHECK_LENGTHS_(name, a, none, none, none, none)
#define LIMPET_CHECK_2(r, name, a, b)                                                                                  \
    LIMPET_CHECK_TYPE_(name, LIMPET_C_##r (*)(LIMPET_C_##a, LIMPET_C_##b))                                             \
    LIMPET_CHECK_LENGTHS_(name, a, b, none, none, none)
#define LIMPET_CHECK_3(r, name, a, b, c)                                                                               \
    LIMPET_CHECK_TYPE_(name, LIMPET_C_##r (*)(LIMPET_C_##a, LIMPET_C_##b, LIMPET_C_##c))                               \
    LIMPET_CHECK_LENGTHS_(name, a, b, c, none, none)
#define LIMPET_CHECK_4(r, name, a, b, c, d)                                                                            \
    LIMPET_CHECK_TYPE_(name, LIMPET_C_##r (*)(LIMPET_C_##a, LIMPET_C_##b, LIMPET_C_##c, LIMPET_C_##d))                 \
    LIMPET_CHECK_LENGTHS_(name, a, b, c, d, none)
#define LIMPET_CHECK_5(r, name, a, b, c, d, e)                                                                         \
    LIMPET_CHECK_TYPE_(name, LIMPET_C_##r (*)(LIMPET_C_##a, LIMPET_C_##b, LIMPET_C_##c, LIMPET_C_##d, LIMPET_C_##e))   \
    LIMPET_CHECK_LENGTHS_(name, a, b, c, d, e)
#define LIMPET_CHECK_TYPE_(name, type)                                                                                 \
    _Static_assert(__builtin_types_compatible_p(__typeof__(&name), type),                                              \
                   #name " is not of the type that it is declared with");
#define LIMPET_CHECK_LENGTHS_(name, a, b, c, d, e)                                                                     \
    _Static_assert(((LIMPET_NEEDS_##a | LIMPET_NEEDS_##b | LIMPET_NEEDS_##c | LIMPET_NEEDS_##d | LIMPET_NEEDS_##e) &   \
                    ~(LIMPET_COUNTS_##a | LIMPET_COUNTS_##b << 1 | LIMPET_COUNTS_##c << 2 | LIMPET_COUNTS_##d << 3 |   \
                      LIMPET_COUNTS_##e << 4)) == 0,                                                                   \
                   "a length of a buffer of " #name " is neither 1..255 nor a u8, u16 or u32 argument");

#elif __cplusplus >= 202002L
#include "limpet_calls_templates.h"
#endif
#endif
