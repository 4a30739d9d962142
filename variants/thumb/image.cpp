/// \file
/// The start of an image that holds one library of a firmware: where its functions are, for the emulator to call.
#include "../../interp/limpet.h"

namespace {

using Function = void (*)();

} // namespace

/// The order is that of Machine::Function.
extern "C" __attribute__((section(".table"), used)) const Function limpet_image_table[] = {
    reinterpret_cast<Function>(limpet_init),          reinterpret_cast<Function>(limpet_prepare),
    reinterpret_cast<Function>(limpet_call),          reinterpret_cast<Function>(limpet_resume),
    reinterpret_cast<Function>(limpet_prepared_size), reinterpret_cast<Function>(limpet_prepared_kept)};
