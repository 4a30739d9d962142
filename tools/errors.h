/// \file
/// How the command ends: its exit statuses, and the errors that lead to them.
#pragma once

#include <stdexcept>

namespace limpet {

enum ExitStatus {
    kExitOk = 0,
    kExitGuestFailure = 1, ///< the guest stored more than 1 to tohost
    kExitTrap = 2,
    kExitRefused = 3,   ///< by the loader (LoadError) or the backend
    kExitUsage = 64,    ///< UsageError
    kExitInternal = 70, ///< anything else that is thrown
};

/// A command line that means nothing; what() is one line for the user.
class UsageError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

} // namespace limpet
