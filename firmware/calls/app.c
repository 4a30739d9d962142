/* A firmware that runs a guest, whose functions do next to nothing. */
#include "firmware.h"

/* Neither static nor constant: the compiler must not know what is in them. */
uint8_t block[64];
struct limpet_vm vm;
struct limpet_windows windows;
struct limpet_host host = {.data = block, .code = block, .call = FIRMWARE_CALLS, .stack_top = 0};
uint32_t entry;
uint32_t fuel;
volatile uint32_t port;
struct spi_device spi_devices[2];

uint32_t timer_read_time(void) { return port; }
void timer_start(uint32_t clock, uint32_t period_ticks) { port = clock + period_ticks; }
uint8_t receive(uint8_t* data, uint8_t length) {
    if (length != 0) data[0] = (uint8_t)port;
    return length;
}
void respond(uint8_t message, const uint8_t* data, uint8_t length) { port = message + data[0] + length; }
void bulk_report(const uint8_t* sample, uint8_t length) { port = sample[0] + length; }
void bulk_status(uint32_t clock, uint32_t query_ticks, uint32_t sensor_bytes) {
    port = clock + query_ticks + sensor_bytes;
}
void spi_transfer(struct spi_device* bus, uint8_t* data, uint8_t length) {
    port = bus->pin + length;
    data[0] = (uint8_t)port;
}
uint8_t i2c_read(uint32_t bus, uint8_t address, uint8_t* data, uint8_t length) {
    data[0] = (uint8_t)(bus + address + length);
    return 0;
}
uint8_t i2c_write(uint32_t bus, const uint8_t* data, uint8_t length) {
    port = bus + data[0] + length;
    return 0;
}
bool gpio_in_read(uint32_t pin) { return (port >> pin & 1) != 0; }
void gpio_out_write(uint32_t pin, bool level) { port = (uint32_t)level << pin; }
void trigger_update(int32_t sample) { port = (uint32_t)sample; }

uintptr_t limpet_resolve_handle(uint32_t index, uint32_t kind, const struct limpet_host* of) {
    (void)of;
    if (index >= 2) return LIMPET_NO_HANDLE;
    return kind == LIMPET_KIND_spi ? (uintptr_t)&spi_devices[index] : index;
}

int app_main(void);
int app_main(void) {
    limpet_init(&vm, &windows);
    enum limpet_status status = limpet_prepare(&vm, &host);
    if (status == LIMPET_RETURN) status = limpet_call(&vm, &host, entry, fuel);
    while (status == LIMPET_FUEL) status = limpet_resume(&vm, &host, fuel);
    return (int)status;
}
