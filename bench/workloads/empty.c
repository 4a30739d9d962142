#include "workloads.h"

uint32_t empty(uint32_t seed) { return seed; }
