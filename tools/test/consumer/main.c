/* A program that knows nothing of Limpet but its installed headers and library. */
#include <limpet_calls.h>

static uint32_t twice(uint32_t value) { return 2 * value; }

#define CONSUMER_CALLS(CALL) CALL(u32, twice, u32)
LIMPET_CALLS(consumer_calls, CONSUMER_CALLS)

uintptr_t limpet_resolve_handle(uint32_t index, uint32_t kind, const struct limpet_host* host) {
    (void)index, (void)kind, (void)host;
    return LIMPET_NO_HANDLE;
}

int main(void) {
    static uint8_t data[64];
    static uint32_t prepared[1024]; /* ample for any backend */
    /* c.add a0, a1; host call 0; c.jr ra */
    static const uint16_t code[] = {0x952e, 0x000b, 0x0000, 0x8082, LIMPET_GUARD, LIMPET_GUARD};
    const struct limpet_host host = {.data = data,
                                     .code = (const uint8_t*)code,
                                     .call = consumer_calls,
                                     .stack_top = sizeof data,
                                     .prepared = prepared,
                                     .prepared_size = sizeof prepared};
    const struct limpet_windows windows = {.data_size = 64, .writable_start = 4, .code_start = 64, .code_size = 8};
    struct limpet_vm vm;
    limpet_init(&vm, &windows);
    if (limpet_prepare(&vm, &host) != LIMPET_RETURN) return 1;
    vm.x[10] = 40;
    vm.x[11] = 2;
    if (limpet_call(&vm, &host, windows.code_start, 100) != LIMPET_RETURN) return 2;
    return vm.x[10] == 84 ? 0 : 3;
}
