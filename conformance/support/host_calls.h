/// \file
/// The host call that test vectors use, the same for backends and for the oracle.
#pragma once

#include "../../interp/limpet.h"

#include <cstdint>

namespace limpet::conformance {

inline constexpr uint32_t kKnownIds = 0x800; ///< ids from here on are unknown

/// Result of a known id: depends on the id and on each argument.
constexpr uint32_t host_call_result(uint32_t id, const uint32_t* args) {
    uint32_t result = id;
    for (int i = 0; i < 5; ++i) result = result * 31 + args[i];
    return result;
}

inline limpet_status test_host_call(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t id, uint32_t* args) {
    if (id >= kKnownIds) return LIMPET_HOST_CALL;
    args[0] = host_call_result(id, args);
    return LIMPET_RETURN;
}

} // namespace limpet::conformance
