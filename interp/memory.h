/// \file
/// The guest's memory: every load, store and jump of every backend is checked by the functions here.
///
/// On a microcontroller a guest address is an offset into the data window (limpet_host). On a PC plain ELF files
/// may be linked anywhere and have read-only and executable parts in any order: MappedHost adds that, and the
/// overloads below are the only places that know the difference.
#pragma once

#include "limpet.h"

namespace limpet {

/// Guest addresses start .. start + size - 1.
struct Range {
    uint32_t start;
    uint32_t size;

    [[nodiscard]] constexpr bool contains(uint32_t address) const { return address - start < size; }
};

/// A host whose guests see their memory at any address. writable_start is then an offset from base, as every
/// offset below is; ranges are guest addresses.
struct MappedHost : limpet_host {
    uint32_t base;          ///< guest address of data[0]; even
    const Range* read_only; ///< parts below writable_start that must not be stored to; between them, stores pass
    uint32_t read_only_count;
    const Range* executable; ///< parts of the code window that may be fetched from; none: all of it
    uint32_t executable_count;
};

/// How far a guest address is from the start of the data window.
inline uint32_t offset_of(const limpet_host& /*host*/, uint32_t address) { return address; }
inline uint32_t offset_of(const MappedHost& host, uint32_t address) { return address - host.base; }

/// May `size` bytes at `offset`, which are inside memory but not all behind writable_start, be stored to?
inline bool writable_below_window(const limpet_host& /*host*/, uint32_t /*offset*/, uint32_t /*size*/) { return false; }
inline bool writable_below_window(const MappedHost& host, uint32_t offset, uint32_t size) {
    for (uint32_t i = 0; i < host.read_only_count; ++i) {
        const Range& range = host.read_only[i];
        if (offset_of(host, range.start) < offset + size && offset < offset_of(host, range.start) + range.size)
            return false;
    }
    return host.read_only_count != 0;
}

/// Is an address inside the code window executable?
inline bool executable_in_window(const limpet_host& /*host*/, uint32_t /*address*/) { return true; }
inline bool executable_in_window(const MappedHost& host, uint32_t address) {
    for (uint32_t i = 0; i < host.executable_count; ++i)
        if (host.executable[i].contains(address)) return true;
    return host.executable_count == 0;
}

/// May a jump go to `address`? (Its alignment is checked where a profile demands it.)
template <class Host>
[[gnu::always_inline]] inline bool fetchable(const limpet_vm& vm, const Host& host, uint32_t address) {
    return address - vm.window.code_start < vm.window.code_size && executable_in_window(host, address);
}

/// Is part of an instruction that ends before guest address `end` behind the end of the code?
template <class Host> [[gnu::always_inline]] inline bool cut_off(const limpet_vm& vm, const Host& host, uint32_t end) {
    return end - vm.window.code_start > vm.window.code_size || !executable_in_window(host, end - 2);
}

/// Is an access of `size` bytes at `offset` inside the data window?
inline bool loadable(const limpet_vm& vm, uint32_t offset, uint32_t size) {
    return offset < vm.window.data_size && vm.window.data_size - offset >= size;
}

/// Is such an access in a part of the data window that may be stored to?
template <class Host> inline bool writable(const limpet_vm& vm, const Host& host, uint32_t offset, uint32_t size) {
    return offset >= vm.window.writable_start || writable_below_window(host, offset, size);
}

template <class Host> inline bool storable(const limpet_vm& vm, const Host& host, uint32_t offset, uint32_t size) {
    return loadable(vm, offset, size) && writable(vm, host, offset, size);
}

/// The little-endian number of `size` bytes (1, 2, 4) at any alignment.
inline uint32_t get_bytes(const uint8_t* from, uint32_t size) {
    uint32_t value = 0;
    do {
        value = value << 8 | from[--size];
    } while (size != 0);
    return value;
}
inline void put_bytes(uint8_t* to, uint32_t size, uint32_t value) {
    for (uint32_t i = 0; i < size; ++i, value >>= 8) to[i] = static_cast<uint8_t>(value);
}

/// The same, with aligned words in one go.
inline uint32_t get_number(const uint8_t* from, uint32_t size) {
    using Word [[gnu::may_alias]] = uint32_t;
    if (size == 4 && reinterpret_cast<uintptr_t>(from) % 4 == 0) return *reinterpret_cast<const Word*>(from);
    return get_bytes(from, size);
}
inline void put_number(uint8_t* to, uint32_t size, uint32_t value) {
    using Word [[gnu::may_alias]] = uint32_t;
    if (size == 4 && reinterpret_cast<uintptr_t>(to) % 4 == 0)
        *reinterpret_cast<Word*>(to) = value;
    else
        put_bytes(to, size, value);
}

/// Loads the little-endian number of `size` bytes (1, 2, 4) at any alignment; false: load trap.
template <class Host>
inline bool load_bytes(const limpet_vm& vm, const Host& host, uint32_t address, uint32_t size, uint32_t& value) {
    const uint32_t offset = offset_of(host, address);
    if (!loadable(vm, offset, size)) return false;
    value = get_bytes(host.data + offset, size);
    return true;
}

/// Stores the low `size` bytes (1, 2, 4) of value at any alignment; false: store trap, and nothing was stored.
template <class Host>
inline bool store_bytes(const limpet_vm& vm, const Host& host, uint32_t address, uint32_t size, uint32_t value) {
    const uint32_t offset = offset_of(host, address);
    if (!storable(vm, host, offset, size)) return false;
    put_bytes(host.data + offset, size, value);
    return true;
}

/// What a fast path needs to know of the data window: an access that is aligned and lies in whole words of the window
/// may be made at once. The others are no business of a fast path: load_bytes and store_bytes judge them.
struct AlignedWindow {
    const limpet_vm& vm;
    uint8_t* data;
    uint32_t end; ///< bytes of data in whole words

    template <class Host> [[gnu::always_inline]] AlignedWindow(const limpet_vm& its_vm, const Host& host)
        : vm(its_vm), data(host.data), end(its_vm.window.data_size & ~3U) {}

    /// May `size` bytes (1, 2, 4) at `offset` be loaded at once?
    [[nodiscard, gnu::always_inline]] bool loadable(uint32_t offset, uint32_t size) const {
        return (offset & (size - 1)) == 0 && offset < end;
    }
    [[nodiscard, gnu::always_inline]] bool storable(uint32_t offset, uint32_t size) const {
        return loadable(offset, size) && offset >= vm.window.writable_start;
    }
    /// Loads or stores a T where the functions above say that it may be done.
    template <class T> [[gnu::always_inline]] uint32_t load(uint32_t offset) const {
        using Any [[gnu::may_alias]] = T;
        return static_cast<uint32_t>(*reinterpret_cast<const Any*>(data + offset));
    }
    template <class T> [[gnu::always_inline]] void store(uint32_t offset, uint32_t value) const {
        using Any [[gnu::may_alias]] = T;
        *reinterpret_cast<Any*>(data + offset) = static_cast<T>(value);
    }
};

} // namespace limpet
