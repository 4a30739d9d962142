/// \file
/// The memory that calls are tried in, and the declarations that are tried.
#pragma once

#include "cases.h"
#include "table.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>

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

/// A guest's memory on the heap, with nothing behind it that belongs to anybody, and a VM about to call.
struct World {
    explicit World(const limpet_windows& window)
        : data(std::make_unique<uint8_t[]>(window.data_size)), size(window.data_size) {
        vm.window = window;
        host.data = data.get();
        reset();
    }

    void reset() {
        for (uint32_t i = 0; i < size; ++i) data[i] = static_cast<uint8_t>(i * 7 + 1);
    }

    std::unique_ptr<uint8_t[]> data;
    uint32_t size;
    limpet_vm vm{};
    limpet_host host{};
};

} // namespace limpet::conformance
