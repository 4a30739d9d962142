/* The host calls of the workload max31865, by fixed ids. Drivers have declared ones: firmware/sdk.
 *
 * In a guest for rv32 each is one instruction, custom-0 in I-format with the id in bits 31:20 and the other fields 0:
 * arguments are in a0.., the result in a0, and no other register changes. Everywhere else (the firmware itself, a PC)
 * they are the C functions that carry the calls out. */
#ifndef LIMPET_MAX31865_CALLS_H
#define LIMPET_MAX31865_CALLS_H

#include <stdint.h>

enum host_call_id {
    HOST_CALL_SPI_TRANSFER = 1,
    HOST_CALL_READ_CLOCK = 2,
    HOST_CALL_REPORT = 3,
};

#ifdef __riscv

/* Full-duplex transfer: sends `length` bytes of `buffer` with the chip selected and replaces them by the answer. */
static inline __attribute__((always_inline)) void host_spi_transfer(uint8_t* buffer, uint32_t length) {
    register uint32_t a0 __asm__("a0") = (uint32_t)buffer;
    register uint32_t a1 __asm__("a1") = length;
    __asm__ volatile(".insn i 0x0b, 0, x0, x0, %[id]"
                     : "+r"(a0)
                     : [id] "i"(HOST_CALL_SPI_TRANSFER), "r"(a1)
                     : "memory");
}

/* The firmware's clock, in ticks. */
static inline __attribute__((always_inline)) uint32_t host_read_clock(void) {
    register uint32_t a0 __asm__("a0");
    __asm__ volatile(".insn i 0x0b, 0, x0, x0, %[id]" : "=r"(a0) : [id] "i"(HOST_CALL_READ_CLOCK));
    return a0;
}

/* Sends one reading to the PC: when it was taken, the sensor's value, and its fault bits (0: none). */
static inline __attribute__((always_inline)) void host_report(uint32_t clock, uint32_t value, uint32_t fault) {
    register uint32_t a0 __asm__("a0") = clock;
    register uint32_t a1 __asm__("a1") = value;
    register uint32_t a2 __asm__("a2") = fault;
    __asm__ volatile(".insn i 0x0b, 0, x0, x0, %[id]" : "+r"(a0) : [id] "i"(HOST_CALL_REPORT), "r"(a1), "r"(a2));
}

#elif defined(__bpf__)

/* A call of the helper function of that number. */
static void (*const host_spi_transfer)(uint8_t*, uint32_t) = (void*)HOST_CALL_SPI_TRANSFER;
static uint32_t (*const host_read_clock)(void) = (void*)HOST_CALL_READ_CLOCK;
static void (*const host_report)(uint32_t, uint32_t, uint32_t) = (void*)HOST_CALL_REPORT;

#else

#ifdef __cplusplus
extern "C" {
#endif
void host_spi_transfer(uint8_t* buffer, uint32_t length);
uint32_t host_read_clock(void);
void host_report(uint32_t clock, uint32_t value, uint32_t fault);
#ifdef __cplusplus
}
#endif

#endif
#endif
