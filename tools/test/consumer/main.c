/* A program that knows nothing of Limpet but its installed header and library. */
#include <limpet.h>

int main(void) {
    static uint8_t data[64];
    static const uint16_t code[] = {0x952e, 0x8082, LIMPET_GUARD, LIMPET_GUARD}; /* c.add a0, a1; c.jr ra */
    const struct limpet_host host = {.data = data, .code = (const uint8_t*)code, .stack_top = sizeof data};
    const struct limpet_windows windows = {.data_size = 64, .writable_start = 4, .code_start = 64, .code_size = 4};
    struct limpet_vm vm;
    limpet_init(&vm, &windows);
    if (limpet_prepare(&vm, &host) != LIMPET_RETURN) return 1;
    vm.x[10] = 40;
    vm.x[11] = 2;
    if (limpet_call(&vm, &host, windows.code_start, 100) != LIMPET_RETURN) return 2;
    return vm.x[10] == 42 ? 0 : 3;
}
