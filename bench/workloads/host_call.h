/// \file
/// What a firmware does with the host calls of the workloads.
#pragma once

#include "limpet.h"

/// Carries out the host calls of max31865_calls.h, each argument checked. (The stack trace knows it by this name.)
extern "C" limpet_host_call measure_host_call;
