/// \file
/// The arguments of declared host calls: the one place where they are checked, on microcontrollers and PCs alike.
#pragma once

#include "../memory.h"
#include "limpet_calls.h"

namespace limpet::calls {

/// `value` rotated right by `shift` bits, 0..31.
constexpr uint32_t rotated_right(uint32_t value, uint32_t shift) { return value >> shift | value << (-shift & 31); }

/// Is `value` one of the type of numbers that has this byte?
constexpr bool is_value(uint32_t type, uint32_t value) {
    const uint32_t sign = type & 1;
    const uint32_t bits_less_1 = type / 2; // less 1, so that no shift is by 32
    return (value + (sign << bits_less_1)) >> bits_less_1 >> 1 == 0;
}

/// May the host read (and write, when `written`) `count` elements of 1 << shift bytes at `offset`, and are they
/// aligned?
template <class Host> [[gnu::always_inline]] inline bool is_buffer(const limpet_vm& vm, const Host& host, bool written,
                                                                   uint32_t shift, uint32_t offset, uint32_t count) {
    // What this asks of a range that is not inside the window does not matter: what follows refuses that.
    if (written && offset < vm.window.writable_start && !writable_below_window(host, offset, count << shift))
        return false;
    // In elements, because a length in bytes might overflow; and a rotation makes a misaligned offset a large one.
    uint32_t last_start = 0;
    if (__builtin_sub_overflow(vm.window.data_size >> shift, count, &last_start)) return false;
    return rotated_right(offset, shift) <= last_start;
}

/// limpet_check_arguments for any host, but it returns the byte of the result, or 0. resolve(index, kind) is
/// limpet_resolve_handle.
template <class Host, class Resolve>
[[gnu::always_inline]] inline uint32_t check(const limpet_vm& vm, const Host& host, const uint8_t* types,
                                             const uint32_t* args, uintptr_t* out, const Resolve& resolve) {
    const uint32_t* arg = args;
    uint32_t type = 0;
    while ((type = *types++) < LIMPET_TYPE_RESULT) {
        const uint32_t value = *arg++;
        uintptr_t result = value;
        if (type < LIMPET_TYPE_BUFFER) {
            if (!is_value(type, value)) return 0;
        } else if (type >= LIMPET_TYPE_HANDLE) {
            result = resolve(value, type - LIMPET_TYPE_HANDLE);
            if (result == LIMPET_NO_HANDLE) return 0;
        } else {
            uint32_t count = *types++;
            if ((type & LIMPET_TYPE_LENGTH_IS_ARGUMENT) != 0) count = args[count];
            uint32_t offset = 0; // of a buffer of no elements
            if (count != 0) {
                offset = offset_of(host, value);
                const bool written = (type & LIMPET_TYPE_WRITTEN) != 0;
                if (!is_buffer(vm, host, written, type >> LIMPET_TYPE_ELEMENT_SHIFT & 3, offset, count)) return 0;
            }
            result = reinterpret_cast<uintptr_t>(host.data) + offset;
        }
        *out++ = result;
    }
    return type;
}

} // namespace limpet::calls
