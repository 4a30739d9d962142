/// \file
/// `limpet run --gdb`: a debugger sees the guest as a machine of its own.
#pragma once

#include "../session.h"

#include <cstdint>

namespace limpet::gdb {

enum class End {
    kEnded,    ///< the session's run
    kDetached, ///< the debugger; the guest is to go on without it
    kKilled,   ///< the guest, by the debugger, or the connection was lost
};

/// Waits for gdb on a port of this machine and serves it. The session stands before an instruction, or has ended.
/// Nothing that comes over the connection does harm: it changes the guest's registers and writable memory only.
End serve(Session& session, uint16_t port);

} // namespace limpet::gdb
