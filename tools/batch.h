/// \file
/// `limpet batch`: many small cases in one stream, for test programs in any language.
#pragma once

#include "../variants/registry.h"

namespace limpet {

/// Answers requests from file descriptor `in` on file descriptor `out` until the stream ends. All numbers are
/// little-endian.
///
///     request: u32 length of the rest; u32 x1..x15; u32 base, size, code_size, fuel; code_size bytes of code, the
///              read-only and executable head of the memory at base; then the first bytes of the memory behind it
///     reply:   u32 length of the rest; u32 status (enum limpet_status); u32 pc; u32 x1..x15; u64 instructions
///              executed (0 where the backend does not count them); the memory behind the code, up to its last
///              non-zero byte
///
/// For eBPF registers are u64 r0..r10, the code is not in memory, whose first bytes follow it, and starts at address 0;
/// a program that the verifier refuses has the address of the instruction at fault as pc. ebpf32: the same programs,
/// mapped to 32-bit registers; upper halves of registers in replies are 0, and a program of which that may be untrue of
/// r0 is refused.
///
/// A case that makes no sense (more code or data than memory, more memory than 64 MiB) has the status LIMPET_REFUSED.
/// Replies are written at the latest before the next request is waited for.
/// Throws LoadError when the stream ends inside a request, or a request is too short to be one.
void batch(const Backend& backend, int in, int out);

} // namespace limpet
