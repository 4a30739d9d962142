/* What accelerometers have in common whose FIFO is read in blocks of 8 samples: X, Y, Z in 2 bytes each, sent as they
 * are. Before it includes this, a chip's source says in what its FIFO is counted; afterwards it defines how the chip is
 * asked. */
#ifndef FIFO_BLOCKS_H
#define FIFO_BLOCKS_H

#include "limpet_guest.h"
#include "limpet_imports.h"

enum { kSampleBytes = 6, kBlockSamples = 8, kBlockBytes = kBlockSamples * kSampleBytes };

static struct {
    uint32_t rest_ticks;
    uint32_t count; /* what is known to be in the FIFO, in the chip's units */
} fifo;

/* Asks the chip for the count. */
static void count_fifo(void);

/* Takes a block from the FIFO and reports it. */
static void report_block(void);

/* Reads each rest_ticks until less than a block is left; 0 ends it. */
void LIMPET_ENTRY(query)(uint32_t rest_ticks) {
    fifo.rest_ticks = rest_ticks;
    fifo.count = 0;
    timer_sleep(rest_ticks);
}

uint32_t LIMPET_ENTRY(task)(void) {
    if (fifo.count < kBlockCount) count_fifo();
    if (fifo.count >= kBlockCount) {
        report_block();
        fifo.count -= kBlockCount;
    }
    return fifo.count >= kBlockCount ? 1 : fifo.rest_ticks;
}

#endif
