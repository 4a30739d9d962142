// Limpet in Klipper: the commands, and what guests may call. PROTOCOL.md tells what the PC sees of it.
//
// This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE here).

#include <string.h> // memcpy

#include "autoconf.h"       // CONFIG_WANT_SPI
#include "basecmd.h"        // oid_alloc
#include "board/gpio.h"     // gpio_in_setup
#include "board/irq.h"      // irq_disable
#include "board/misc.h"     // timer_read_time
#include "command.h"        // DECL_COMMAND
#include "i2ccmds.h"        // i2c_dev_read
#include "sched.h"          // DECL_TASK
#include "sensor_bulk.h"    // sensor_bulk_report
#include "spicmds.h"        // spidev_transfer
#include "trigger_analog.h" // trigger_analog_update

#include "limpet_calls.h"
#include "limpet_klipper_calls.h" // LIMPET_KLIPPER_CALLS, made by settings.py as limpet_klipper_names.h
#include "limpet_service.h"

// With filters, Klipper's function of this name is compiled under another one (limpet.mk), and ours comes before it.
#if LIMPET_FILTER
#define LIMPET_SEND_BULK limpet_send_bulk
void limpet_send_bulk(struct sensor_bulk* bulk, uint8_t oid);
#else
#define LIMPET_SEND_BULK sensor_bulk_report
#endif

/* Instances */

// What a command does. The first ones give the VM a device; handles name those that guests use themselves.
enum operation {
    DEVICE_SPI,
    DEVICE_I2C,
    DEVICE_GPIO_IN,
    DEVICE_GPIO_OUT,
    TRIGGER,
    FILTER,
    CONFIGURE,
    WRITE,
    SEAL,
    CALL
};

struct device {
    struct device* next;
    uint32_t kind;
    union {
        struct spidev_s* spi;
        struct i2cdev_s* i2c;
#if CONFIG_HAVE_GPIO
        struct gpio_in in;
        struct gpio_out out;
#endif
    };
};

struct limpet {
    struct limpet_service service; // the first
    struct device *devices, *polled;
    struct trigger_analog* trigger;
    uint16_t filter_entry;
    uint8_t filter_oid;
    struct sensor_bulk bulk;
    uint8_t block[] __aligned(__alignof__(void*));
};

_Static_assert(sizeof(struct limpet_timer) == sizeof(struct timer) &&
                   offsetof(struct limpet_timer, function) == offsetof(struct timer, func) &&
                   offsetof(struct limpet_timer, clock) == offsetof(struct timer, waketime),
               "the service's timer is Klipper's");

// All VMs: the first one, which has the others behind it. At a shutdown they are given up: Klipper's memory may be
// given out anew, and its timers are off. The VM whose guest runs, what came with the command that it carries out, and
// where its bulk data go.
static struct {
    struct limpet* first;
    struct limpet* limpet;
    const uint8_t* data;
    uint8_t length;
#if LIMPET_FILTER
    uint8_t bulk_oid;
    struct sensor_bulk* bulk;
#endif
} current;

static struct limpet* limpet_of(struct limpet_service* service) { return (struct limpet*)service; }

static struct limpet_service* current_service(void) { return &current.limpet->service; }

static void limpet_select(struct limpet* limpet) {
    current.limpet = limpet;
    current.length = 0;
#if LIMPET_FILTER
    current.bulk = &limpet->bulk;
    current.bulk_oid = limpet->service.number;
#endif
}

static struct sensor_bulk* current_bulk(void) {
#if LIMPET_FILTER
    return current.bulk;
#else
    return &current.limpet->bulk;
#endif
}

static uint8_t current_bulk_oid(void) {
#if LIMPET_FILTER
    return current.bulk_oid;
#else
    return current_service()->number;
#endif
}

static void limpet_say(int32_t message, const uint8_t* data, uint8_t length) {
    sendf("limpet_data oid=%c message=%i data=%*s", current_service()->number, message, length, data);
}

/* What the service asks for */

void limpet_platform_lock(void) { irq_disable(); }
void limpet_platform_unlock(void) { irq_enable(); }
void limpet_platform_wake(void) { sched_wake_tasks(); }
uint8_t* limpet_platform_block(struct limpet_service* service) { return limpet_of(service)->block; }
void* limpet_platform_allocate(uint32_t bytes) { return alloc_chunk(bytes); }
void limpet_platform_disarm(struct limpet_service* service) { sched_del_timer((struct timer*)&service->timer); }
void limpet_platform_arm(struct limpet_service* service) { sched_add_timer((struct timer*)&service->timer); }
void limpet_platform_restart(struct limpet_service* service) { sensor_bulk_reset(&limpet_of(service)->bulk); }

uint32_t limpet_platform_sum(const uint8_t* data, uint32_t bytes) {
    uint16_t sum = 0xffff;
    if (sizeof(uint_fast8_t) > 1) { // so long a block can be for Klipper's own function; else the same
        sum = crc16_ccitt((uint8_t*)data, bytes);
    } else {
        while (bytes--) {
            uint8_t byte = *data++ ^ sum;
            byte ^= byte << 4;
            sum = (byte << 8 | sum >> 8) ^ byte >> 4 ^ byte << 3;
        }
    }
    return sum + (uint8_t)LIMPET_KIND_CRC;
}

void limpet_platform_report(struct limpet_service* service) {
    struct limpet_vm* vm = &service->vm;
    vm->fuel = vm->x[10]; // pc, this, trap_address and status are next to each other
    limpet_say(~service->overruns, (uint8_t*)&vm->pc, 16);
}

uintptr_t limpet_resolve_handle(uint32_t index, uint32_t kind, const struct limpet_host* host) {
    struct device* device;
    for (device = current.limpet->devices; device; device = device->next)
        if (device->kind == kind && !index--) return (uintptr_t)device;
    return LIMPET_NO_HANDLE;
}

bool limpet_platform_read_pin(struct limpet_service* service) {
#if CONFIG_HAVE_GPIO
    return !!gpio_in_read(limpet_of(service)->polled->in);
#else
    return 0;
#endif
}

/* What guests may call: firmware/sdk/klipper.calls explains it */

void limpet_timer_start(uint32_t clock, uint32_t period_ticks) {
    limpet_service_start(current_service(), clock, period_ticks);
}

#if LIMPET_SLEEPS
void limpet_timer_sleep(uint32_t ticks) { limpet_service_sleep(current_service(), ticks); }
#endif

uint8_t limpet_receive(uint8_t* data, uint8_t length) {
    if (length > current.length) length = current.length;
    memcpy(data, current.data, length);
    return length;
}

void limpet_respond(uint8_t message, const uint8_t* data, uint8_t length) { limpet_say(message, data, length); }

void limpet_bulk_report(const uint8_t* sample, uint8_t length) {
    struct sensor_bulk* bulk = current_bulk();
    uint_fast8_t end = bulk->data_count + length;
    if (end > sizeof(bulk->data)) // samples of different lengths are no bulk data
        return;
    memcpy(&bulk->data[bulk->data_count], sample, length);
    bulk->data_count = end;
    if (end + length > sizeof(bulk->data)) LIMPET_SEND_BULK(bulk, current_bulk_oid());
}

void limpet_bulk_sample(uint32_t sample, uint8_t length) {
    limpet_bulk_report((uint8_t*)&sample, length > sizeof(sample) ? sizeof(sample) : length);
}

void limpet_bulk_status(uint32_t clock, uint32_t query_ticks, uint32_t sensor_bytes) {
    struct sensor_bulk* bulk = current_bulk();
    bulk->possible_overflows = current_service()->overruns;
    sensor_bulk_status(bulk, current_bulk_oid(), clock, query_ticks, sensor_bytes);
}

void limpet_bulk_overflow(uint32_t flags) {
    if (flags) current_service()->overruns++;
}

#if LIMPET_HAS_try_shutdown // the text is in the dictionary, whether or not the function is in the firmware
void limpet_try_shutdown(uint8_t reason) {
    current_service()->vm.status = LIMPET_SHUTDOWN;
    limpet_platform_report(current_service()); // its result is the argument
    shutdown("Limpet driver");
}
#endif

LIMPET_KIND(spi, DEVICE_SPI, struct device*)
LIMPET_KIND(i2c, DEVICE_I2C, struct device*)
LIMPET_KIND(gpio_in, DEVICE_GPIO_IN, struct device*)
LIMPET_KIND(gpio_out, DEVICE_GPIO_OUT, struct device*)

#if CONFIG_WANT_SPI
void limpet_spi_transfer(struct device* bus, uint8_t* data, uint8_t length) {
    spidev_transfer(bus->spi, 1, length, data);
}

uint32_t limpet_spi_exchange(struct device* bus, uint32_t data, uint8_t length) {
    if (length - 1 > 3u) return 0;
    uint_fast8_t unused = 32 - 8 * length;
    uint32_t bytes = __builtin_bswap32(data << unused);
    spidev_transfer(bus->spi, 1, length, (uint8_t*)&bytes);
    return __builtin_bswap32(bytes) >> unused;
}

uint32_t limpet_cs_pulse_latch(struct device* bus) {
    struct gpio_out cs = spidev_get_cs_pin(bus->spi);
    if (!spidev_have_cs_pin(bus->spi)) return timer_read_time();
    gpio_out_write(cs, 0);
    uint32_t start = timer_read_time();
    while (timer_read_time() - start <= timer_from_us(1))
        ;
    irq_disable();
    gpio_out_write(cs, 1);
    uint32_t end = timer_read_time();
    irq_enable();
    return end;
}
#endif

#if CONFIG_WANT_I2C
uint8_t limpet_i2c_read(struct device* bus, uint8_t address, uint8_t* data, uint8_t length) {
    return i2c_dev_read(bus->i2c, 1, &address, length, data);
}

uint8_t limpet_i2c_write(struct device* bus, const uint8_t* data, uint8_t length) {
    return i2c_dev_write(bus->i2c, length, (uint8_t*)data);
}

void limpet_i2c_shutdown_on_err(uint8_t status) { i2c_shutdown_on_err(status); }
#endif

#if CONFIG_HAVE_GPIO && LIMPET_POLLS
void limpet_timer_poll(struct device* pin, bool level, uint32_t poll_ticks, uint32_t rest_ticks) {
    limpet_timer_start(0, 0); // before the pin changes, which the timer looks at
    current.limpet->polled = pin;
    limpet_service_poll(current_service(), level, poll_ticks, rest_ticks);
}
#endif

#if CONFIG_HAVE_GPIO
bool limpet_gpio_in_read(struct device* pin) { return !!gpio_in_read(pin->in); }

void limpet_gpio_out_write(struct device* pin, bool level) { gpio_out_write(pin->out, level); }

// HX71x: each level for 200 ns; high for 50 us powers it down, hence without interrupts.
static void wait_200_ns(void) {
    uint32_t start = timer_read_time();
    while (timer_read_time() - start <= timer_from_us(1000) / 5000)
        ;
}

uint32_t limpet_shift_in(struct device* data, struct device* clock, uint32_t bits) {
    uint32_t result = 0;
    if (bits > 32) bits = 32;
    while (bits--) {
        irq_disable();
        gpio_out_write(clock->out, 1);
        wait_200_ns();
        gpio_out_write(clock->out, 0);
        result = result << 1 | !!gpio_in_read(data->in);
        irq_enable();
        wait_200_ns();
    }
    return result;
}
#endif

#if CONFIG_WANT_TRIGGER_ANALOG
void limpet_trigger_update(int32_t sample) { trigger_analog_update(current.limpet->trigger, sample); }

void limpet_trigger_error(uint8_t code) { trigger_analog_note_error(current.limpet->trigger, code); }
#endif

/* The command */

enum argument { OID, OPERATION, A, B, LENGTH, DATA };

static void limpet_configure(uint32_t* args) {
    struct limpet_windows windows;
    uint32_t bytes = limpet_service_layout(args[A], args[B], args[B] >> 16, &windows);
    struct limpet* limpet = alloc_chunk(sizeof(*limpet) + bytes);
    struct limpet_service* service = &limpet->service;
    service->own = current.first;
    current.first = limpet;
    service->number = args[OID];
    service->timer.function = limpet_service_tick; // which returns SF_RESCHEDULE, or SF_DONE
    service->slices_max = args[A] >> 16;
    service->vm.window = windows;
    service->vm.status = LIMPET_REFUSED;
}

static void limpet_attach(struct limpet* limpet, uint32_t* args) {
    uint32_t operation = args[OPERATION];
#if LIMPET_FILTER
    if (operation == FILTER) {
        limpet->filter_oid = args[A];
        limpet->filter_entry = args[B];
        return;
    }
#endif
#if CONFIG_WANT_TRIGGER_ANALOG
    if (operation == TRIGGER) {
        limpet->trigger = trigger_analog_oid_lookup(args[A]);
        return;
    }
#endif
    struct device* device = alloc_chunk(sizeof(*device));
    device->kind = operation;
    device->next = limpet->devices;
    limpet->devices = device;
#if CONFIG_WANT_SPI
    if (operation == DEVICE_SPI) device->spi = spidev_oid_lookup(args[A]);
#endif
#if CONFIG_WANT_I2C
    if (operation == DEVICE_I2C) device->i2c = i2cdev_oid_lookup(args[A]);
#endif
#if CONFIG_HAVE_GPIO
    if (operation == DEVICE_GPIO_IN) device->in = gpio_in_setup(args[A], args[B]);
    if (operation == DEVICE_GPIO_OUT) device->out = gpio_out_setup(args[A], args[B]);
#endif
}

void command_limpet(uint32_t* args) {
    uint32_t operation = args[OPERATION];
    if (operation == CONFIGURE) {
        limpet_configure(args);
        return;
    }
    struct limpet* limpet = current.first;
    for (; limpet && limpet->service.number != args[OID]; limpet = limpet->service.own)
        ;
    if (!limpet) return;
    limpet_select(limpet);
    struct limpet_service* service = &limpet->service;
    if (operation == WRITE) {
        limpet_service_write(service, args[A], command_decode_ptr(args[DATA]), args[LENGTH]);
    } else if (operation == SEAL) {
        limpet_service_seal(service, args[A]);
    } else if (operation == CALL) {
        const uint8_t* data = command_decode_ptr(args[DATA]);
        int32_t rest = args[LENGTH] - 4 * LIMPET_SERVICE_ARGUMENTS;
        if (rest < 0) {
            limpet_platform_report(service);
            return;
        }
        current.length = rest;
        current.data = data + 4 * LIMPET_SERVICE_ARGUMENTS;
        limpet_service_call(service, args[A], data);
    } else {
        limpet_attach(limpet, args);
    }
}
DECL_COMMAND(command_limpet, "limpet oid=%c do=%c a=%u b=%u data=%*s");

// Not into Klipper's function of all tasks, which is not optimised for size.
void noinline limpet_task(void) {
    struct limpet* limpet;
    for (limpet = current.first; limpet; limpet = limpet->service.own) {
        limpet_select(limpet);
        limpet_service_turn(&limpet->service);
    }
}
DECL_TASK(limpet_task);

void limpet_shutdown(void) { current.first = NULL; }
DECL_SHUTDOWN(limpet_shutdown);

#if LIMPET_FILTER
/* A native sensor sends its bulk data: a filter takes them, and gives what is sent instead */

void sensor_bulk_report(struct sensor_bulk* bulk, uint8_t oid) {
    struct limpet* limpet;
    for (limpet = current.first; limpet; limpet = limpet->service.own) {
        if (!limpet->filter_entry || limpet->filter_oid != oid) continue;
        limpet_select(limpet);
        current.bulk = bulk;
        current.bulk_oid = oid;
        current.data = bulk->data; // a guest takes them before it reports what overwrites them
        current.length = bulk->data_count;
        bulk->data_count = 0;
        limpet_service_filter(&limpet->service, limpet->filter_entry, current.length);
        if (!bulk->data_count) return;
        break;
    }
    limpet_send_bulk(bulk, oid);
}
#endif

/* The table of calls, and what the dictionary tells of it */

#if LIMPET_FILTER
DECL_CONSTANT("LIMPET_FILTER", 1);
#endif
DECL_CONSTANT_STR("LIMPET", "3 " LIMPET_KIND_TEXT " " LIMPET_KLIPPER_MARKS);

// From here on the names that guests know are the functions above; Klipper has some of these names itself.
#include "limpet_klipper_names.h"
LIMPET_CALLS(limpet_calls, LIMPET_KLIPPER_CALLS)

enum limpet_status limpet_platform_call(struct limpet_vm* vm, const struct limpet_host* host, uint32_t id,
                                        uint32_t* args) {
    if (limpet_service_time_left() <= 0) return LIMPET_FUEL;
    return limpet_calls(vm, host, id, args);
}
