/// \file
/// The arguments of declared host calls: the one place where they are checked, on microcontrollers and PCs alike.
#pragma once

#include "../memory.h"
#include "limpet_calls.h"

namespace limpet::calls {

/// `value` rotated right by `shift` bits, 0..31.
constexpr uint32_t rotated_right(uint32_t value, uint32_t shift) { return value >> shift | value << (-shift & 31); }

/// Is `value` one of the type that `detail` (of struct limpet_signature) describes?
constexpr bool is_value(uint32_t detail, uint32_t value) {
    const uint32_t sign = detail & 1;
    const uint32_t bits_less_1 = detail / 2; // less 1, so that no shift is by 32
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

/// limpet_check_arguments for any host. resolve(index, kind) is limpet_resolve_handle.
template <class Host, class Resolve>
[[gnu::always_inline]] inline bool check(const limpet_vm& vm, const Host& host, const limpet_signature& signature,
                                         const uint32_t* args, uintptr_t* out, const Resolve& resolve) {
    const uint32_t* arg = args;
    const auto* details = reinterpret_cast<const uint8_t*>(&signature);         // the fifth is in types
    for (uint32_t types = signature.types & ~0xfffU; types != 0; types <<= 4) { // without result and last detail
        const uint32_t value = *arg++;
        uint32_t detail = *details++;
        const uint32_t size_code = types >> 30;
        uintptr_t result = value;
        if (size_code == 0) {
            if (static_cast<int32_t>(types << 3) < 0) {
                if (!is_value(detail, value)) return false;
            } else {
                result = resolve(value, detail);
                if (result == LIMPET_NO_HANDLE) return false;
            }
        } else {
            const auto* at_args = reinterpret_cast<const char*>(args);
            if (static_cast<int32_t>(types << 2) < 0) detail = *reinterpret_cast<const uint32_t*>(at_args + detail);
            uint32_t offset = 0; // of a buffer of no elements
            if (detail != 0) {
                offset = offset_of(host, value);
                if (!is_buffer(vm, host, static_cast<int32_t>(types << 3) < 0, size_code - 1, offset, detail))
                    return false;
            }
            result = reinterpret_cast<uintptr_t>(host.data) + offset;
        }
        *out++ = result;
    }
    return true;
}

} // namespace limpet::calls
