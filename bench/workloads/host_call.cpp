#include "host_call.h"

#include "max31865_calls.h"

extern "C" limpet_status measure_host_call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    switch (id) {
    case HOST_CALL_SPI_TRANSFER: {
        const uint32_t start = args[0];
        const uint32_t bytes = args[1];
        const uint32_t writable_bytes = vm->window.data_size - vm->window.writable_start;
        const uint32_t offset = start - vm->window.writable_start;
        if (bytes < 2 || offset >= writable_bytes || writable_bytes - offset < bytes) return LIMPET_HOST_CALL;
        host_spi_transfer(host->data + start, bytes);
        return LIMPET_RETURN;
    }
    case HOST_CALL_READ_CLOCK: args[0] = host_read_clock(); return LIMPET_RETURN;
    case HOST_CALL_REPORT: host_report(args[0], args[1], args[2]); return LIMPET_RETURN;
    default: return LIMPET_HOST_CALL;
    }
}
