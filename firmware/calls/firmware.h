/* The functions of a firmware that guests may call, as far as their size does not matter. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "limpet_calls.h"

struct spi_device {
    uint32_t pin;
};

LIMPET_KIND(spi, 0, struct spi_device*)
LIMPET_KIND(i2c, 1, uint32_t)
LIMPET_KIND(gpio_in, 2, uint32_t)
LIMPET_KIND(gpio_out, 3, uint32_t)

uint32_t timer_read_time(void);
void timer_start(uint32_t clock, uint32_t period_ticks);
uint8_t receive(uint8_t* data, uint8_t length);
void respond(uint8_t message, const uint8_t* data, uint8_t length);
void bulk_report(const uint8_t* sample, uint8_t length);
void bulk_status(uint32_t clock, uint32_t query_ticks, uint32_t sensor_bytes);
void spi_transfer(struct spi_device* bus, uint8_t* data, uint8_t length);
uint8_t i2c_read(uint32_t bus, uint8_t address, uint8_t* data, uint8_t length);
uint8_t i2c_write(uint32_t bus, const uint8_t* data, uint8_t length);
bool gpio_in_read(uint32_t pin);
void gpio_out_write(uint32_t pin, bool level);
void trigger_update(int32_t sample);

/* Of table.c. */
limpet_host_call firmware_calls;

#endif
