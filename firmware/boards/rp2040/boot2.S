@ The second stage of booting, which the boot ROM copies from the first 256 bytes of flash to the end of SRAM, checks
@ (checksum_boot2 adds the checksum) and runs (RP2040 datasheet, 2.8.1.3.1). It lets flash be read through memory, with
@ the plain read command 03h that every serial flash has: nothing that is timed runs from there.
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    @ SSI registers and fields: 4.10.13
    .equ SSI, 0x18000000
    .equ CTRLR0, 0x00
    .equ CTRLR1, 0x04
    .equ SSIENR, 0x08
    .equ BAUDR, 0x14
    .equ SPI_CTRLR0, 0xf4
    .equ CLOCK_DIVIDER, 4                        @ 31 MHz once the core has 125; 03h may have 50
    .equ FRAMES_OF_32_READ, 31 << 16 | 3 << 8    @ DFS_32, TMOD: EEPROM read
    .equ READ_03H, 0x03 << 24 | 2 << 8 | 6 << 2  @ XIP_CMD, INST_L: 8 bits, ADDR_L: 24 bits, all on one wire

    .text
    .global boot2
    .type boot2, %function
    .thumb_func
boot2:
    ldr r3, =SSI
    movs r1, #0
    str r1, [r3, #SSIENR]                        @ off while it is set up
    movs r0, #CLOCK_DIVIDER
    str r0, [r3, #BAUDR]
    ldr r0, =FRAMES_OF_32_READ
    str r0, [r3, #CTRLR0]
    str r1, [r3, #CTRLR1]                        @ one frame for each read
    movs r2, #SPI_CTRLR0
    ldr r0, =READ_03H
    str r0, [r3, r2]
    movs r0, #1
    str r0, [r3, #SSIENR]
#define VECTORS 0x10000100
#include "enter.S"
