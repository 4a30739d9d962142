@ The first bytes of an image that is loaded into SRAM: where the boot ROM starts it (RP2040 datasheet, 2.8.1.4).
    .syntax unified
    .cpu cortex-m0plus
    .thumb
    .section .boot, "ax"
    .global board_ram_entry
    .type board_ram_entry, %function
    .thumb_func
board_ram_entry:
#define VECTORS board_vectors
#include "enter.S"
