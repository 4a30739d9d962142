@ rv32-jit/compact: less RAM and flash than rv32-jit. README.md explains it.
#define LIMPET_COMPACT
#include "jit.S"
