#include "workloads.h"

static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

uint32_t fib(uint32_t seed) { return fibonacci(seed + 14); }
