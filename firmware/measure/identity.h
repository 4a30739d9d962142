/// \file
/// What an image is, for whoever reads its output.
#pragma once

namespace measure {

/// `begin board=... chip=... clock_hz=... backend=... isa=... opt=... guest_opt=... commit=... image=...`: numbers in
/// hexadecimal; image is the linker's hash of all that is linked.
void print_identity();

} // namespace measure
