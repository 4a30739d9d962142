/// \file
/// Guests that try to harm their host.
#pragma once

namespace measure {

/// Runs each guest function of hostile_guest.S; true when each ended as its table says.
bool run_hostile_guests();

} // namespace measure
