/// \file
/// From an eBPF object to the image that is handed out.
#pragma once

#include "bpf_object.h"
#include "container.h"

#include <optional>
#include <span>
#include <string>

namespace limpet {

/// Takes an image out of an object, as pack() does for rv32: functions that LIMPET_ENTRY names are entries, host calls
/// have the ids of `declarations` and are unbound in the image. How deep local calls nest is computed from the code, or
/// is what `stack_bytes` has room for. The build id and the messages are left to others.
/// Throws LoadError as read_bpf_object does, when the verifier would refuse the code, when there is no entry, when it
/// calls what is not declared, and when it is recursive and no bound is declared.
[[nodiscard]] Container pack_bpf(std::span<const uint8_t> object, const std::string& isa,
                                 std::span<const calls::Declaration> declarations, std::optional<uint32_t> stack_bytes);

} // namespace limpet
