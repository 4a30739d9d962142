/// \file
/// The memory that calls are tried in, and the declarations that are tried.
#pragma once

#include "cases.h"
#include "table.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <new>
#include <sanitizer/asan_interface.h>
#include <stdexcept>
#include <sys/mman.h>

namespace limpet::conformance {

/// Sizes that end between elements, too.
inline constexpr limpet_windows kWindows[] = {
    {.data_size = 2048, .writable_start = 512, .code_start = 0x1000, .code_size = 16},
    {.data_size = 2047, .writable_start = 513, .code_start = 0x1000, .code_size = 16},
};

inline std::vector<calls::Declaration> test_declarations() { return calls::parse_dictionary(test_dictionary_c()); }

/// What the SDK's drivers import.
inline std::vector<calls::Declaration> sdk_declarations() {
    std::ifstream file(LIMPET_SDK_CALLS);
    return calls::parse_imports(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// Numbers of handles, unlike for each kind; those of the test table are as limpet_resolve_handle says.
inline std::vector<uint32_t> handle_counts(size_t kinds) {
    std::vector<uint32_t> result = {TEST_BUSES, TEST_PINS};
    while (result.size() < kinds) result.push_back(static_cast<uint32_t>(result.size()) + 5);
    return result;
}

inline std::vector<Judge> judges(const std::vector<calls::Declaration>& declarations, const limpet_windows& window) {
    const auto kinds = calls::handle_kinds(declarations);
    std::vector<Judge> result;
    for (const calls::Declaration& declaration : declarations)
        result.emplace_back(declaration, window, kinds, handle_counts(kinds.size()));
    return result;
}

/// Memory with guard zones around it, each larger than any guest address: a host address outside of the memory that is
/// made from a guest's number faults when it is used. At the end of its pages, but aligned for every type; what is left
/// of them AddressSanitizer guards.
class GuardedMemory {
public:
    explicit GuardedMemory(size_t size) {
        if (size > kRoomBytes) throw std::length_error("more than the room between the zones");
        void* mapped = mmap(nullptr, kMappedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) throw std::bad_alloc();
        room_ = static_cast<uint8_t*>(mapped) + kZoneBytes;
        if (mprotect(room_, kRoomBytes, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
        data_ = room_ + kRoomBytes - (size + 15) / 16 * 16;
        ASAN_POISON_MEMORY_REGION(room_, kRoomBytes);
        ASAN_UNPOISON_MEMORY_REGION(data_, size);
    }
    ~GuardedMemory() {
        ASAN_UNPOISON_MEMORY_REGION(room_, kRoomBytes);
        munmap(room_ - kZoneBytes, kMappedBytes);
    }
    GuardedMemory(const GuardedMemory&) = delete;
    GuardedMemory& operator=(const GuardedMemory&) = delete;

    [[nodiscard]] uint8_t* get() const { return data_; }
    uint8_t& operator[](size_t offset) const { return data_[offset]; }

private:
    static constexpr size_t kZoneBytes = size_t{1} << 32;
    static constexpr size_t kRoomBytes = size_t{1} << 16; // whole pages on every PC
    static constexpr size_t kMappedBytes = 2 * kZoneBytes + kRoomBytes;

    uint8_t* room_ = nullptr;
    uint8_t* data_ = nullptr;
};

/// A guest's memory, and a VM about to call.
struct World {
    explicit World(const limpet_windows& window) : data(window.data_size), size(window.data_size) {
        vm.window = window;
        host.data = data.get();
        reset();
    }

    void reset() {
        for (uint32_t i = 0; i < size; ++i) data[i] = initial(i);
    }

    /// Is the memory as it was at first?
    [[nodiscard]] bool untouched() const {
        for (uint32_t i = 0; i < size; ++i)
            if (data[i] != initial(i)) return false;
        return true;
    }
    static uint8_t initial(uint32_t offset) { return static_cast<uint8_t>(offset * 7 + 1); }

    GuardedMemory data;
    uint32_t size;
    limpet_vm vm{};
    limpet_host host{};
};

} // namespace limpet::conformance
