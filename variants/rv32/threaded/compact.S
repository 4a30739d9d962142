@ rv32-threaded/compact: less flash than rv32-threaded, by fewer registers in the machine and fewer handlers for them.
#define LIMPET_HANDLERS "compact.inc"
#define LIMPET_KEPT 2
#include "threaded.S"
