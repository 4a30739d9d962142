/// \file
/// Short functions of known cost.
#pragma once

namespace measure {

/// Runs each function of calibration.S as a region: `timed NAME check CYCLES`, the cycles counted by hand, in
/// hexadecimal.
void run_calibration();

} // namespace measure
