/// \file
/// Declared host calls in a firmware: limpet_calls.h carried out.
#include "check.h"

namespace {

/// How each declared function is called: the calling conventions of ARM, x86-64 and AArch64 let a callee ignore
/// arguments that it does not have, and take a narrow argument from the low bits of a register.
using Call = uint32_t (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t);

/// What a function of this result type has returned, as an RV32 register holds it. On ARM that is what it did return:
/// a callee extends narrow results to 32 bits (AAPCS32, "Result Return"). Elsewhere the upper bits may be anything.
[[gnu::always_inline]] inline uint32_t as_result(uint32_t type, uint32_t value) {
#ifdef __ARM_EABI__
    static_cast<void>(type);
    return value;
#else
    switch (type & 7) {
    case 0: return static_cast<uint8_t>(value) != 0 ? 1 : 0;
    case 1: return static_cast<uint8_t>(value);
    case 2: return static_cast<uint32_t>(static_cast<int8_t>(value));
    case 3: return static_cast<uint16_t>(value);
    case 4: return static_cast<uint32_t>(static_cast<int16_t>(value));
    default: return value;
    }
#endif
}

[[gnu::always_inline]] inline uint32_t check(const limpet_vm& vm, const limpet_host& host, const uint8_t* types,
                                             const uint32_t* args, uintptr_t* out) {
    const auto resolve = [&host](uint32_t index, uint32_t kind) { return limpet_resolve_handle(index, kind, &host); };
    return limpet::calls::check(vm, host, types, args, out, resolve);
}

} // namespace

extern "C" limpet_status limpet_check_arguments(const limpet_vm* vm, const limpet_host* host, const uint8_t* types,
                                                const uint32_t* args, uintptr_t* out) {
    return check(*vm, *host, types, args, out) != 0 ? LIMPET_RETURN : LIMPET_HOST_CALL;
}

extern "C" limpet_status limpet_call_declared(limpet_vm* vm, const limpet_host* host, limpet_function* function,
                                              const uint8_t* types, uint32_t* args) {
    uintptr_t values[5]; // those that the function does not have are passed as they are, and ignored
    const uint32_t type = check(*vm, *host, types, args, values);
    if (type == 0) return LIMPET_HOST_CALL;
    const uint32_t result = reinterpret_cast<Call>(function)(values[0], values[1], values[2], values[3], values[4]);
    if ((type & LIMPET_TYPE_NOT_VOID) != 0) args[0] = as_result(type, result);
    return LIMPET_RETURN;
}
