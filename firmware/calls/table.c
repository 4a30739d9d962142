#include "firmware.h"

#define FIRMWARE_LIST(CALL)                                                                                            \
    CALL(u32, timer_read_time)                                                                                         \
    CALL(void, timer_start, u32, u32)                                                                                  \
    CALL(u8, receive, out(u8, arg(1)), u8)                                                                             \
    CALL(void, respond, u8, in(u8, arg(2)), u8)                                                                        \
    CALL(void, bulk_report, in(u8, arg(1)), u8)                                                                        \
    CALL(void, bulk_status, u32, u32, u32)                                                                             \
    CALL(void, spi_transfer, handle(spi), inout(u8, arg(2)), u8)                                                       \
    CALL(u8, i2c_read, handle(i2c), u8, out(u8, arg(3)), u8)                                                           \
    CALL(u8, i2c_write, handle(i2c), in(u8, arg(2)), u8)                                                               \
    CALL(bool, gpio_in_read, handle(gpio_in))                                                                          \
    CALL(void, gpio_out_write, handle(gpio_out), bool)                                                                 \
    CALL(void, trigger_update, i32)

LIMPET_CALLS(firmware_calls, FIRMWARE_LIST)
