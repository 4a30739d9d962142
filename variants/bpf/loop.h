/// \file
/// The dispatch loop of bpf-goto and bpf-threaded.
#pragma once

#include "handlers.h"

namespace limpet::bpf {

/// Place: see handlers.h. With `labels` it only tells where its handlers are, by opcode.
// NOLINTNEXTLINE(readability-function-size): the handlers have to be in one function
template <class Place, class Host>
limpet_status execute(limpet_bpf_vm* state, const Host* host_pointer, const void* const** labels) {
    static const void* const kHandlers[256] = {
        // clang-format off
        // class: ld, ldx, st, stx, alu32, jmp, jmp32, alu64
        &&rare, &&rare, &&rare, &&rare, &&add32_imm, &&ja, &&ja32, &&add64_imm, // 0x00
        &&rare, &&rare, &&rare, &&rare, &&add32_reg, &&rare, &&rare, &&add64_reg, // 0x08
        &&rare, &&rare, &&rare, &&rare, &&sub32_imm, &&jeq64_imm, &&jeq32_imm, &&sub64_imm, // 0x10
        &&lddw, &&rare, &&rare, &&rare, &&sub32_reg, &&jeq64_reg, &&jeq32_reg, &&sub64_reg, // 0x18
        &&rare, &&rare, &&rare, &&rare, &&mul32_imm, &&jgt64_imm, &&jgt32_imm, &&mul64_imm, // 0x20
        &&rare, &&rare, &&rare, &&rare, &&mul32_reg, &&jgt64_reg, &&jgt32_reg, &&mul64_reg, // 0x28
        &&rare, &&rare, &&rare, &&rare, &&rare, &&jge64_imm, &&jge32_imm, &&rare, // 0x30
        &&rare, &&rare, &&rare, &&rare, &&rare, &&jge64_reg, &&jge32_reg, &&rare, // 0x38
        &&rare, &&rare, &&rare, &&rare, &&or32_imm, &&jset64_imm, &&jset32_imm, &&or64_imm, // 0x40
        &&rare, &&rare, &&rare, &&rare, &&or32_reg, &&jset64_reg, &&jset32_reg, &&or64_reg, // 0x48
        &&rare, &&rare, &&rare, &&rare, &&and32_imm, &&jne64_imm, &&jne32_imm, &&and64_imm, // 0x50
        &&rare, &&rare, &&rare, &&rare, &&and32_reg, &&jne64_reg, &&jne32_reg, &&and64_reg, // 0x58
        &&rare, &&ldxw, &&rare, &&stxw, &&lsh32_imm, &&jsgt64_imm, &&jsgt32_imm, &&lsh64_imm, // 0x60
        &&rare, &&ldxh, &&rare, &&stxh, &&lsh32_reg, &&jsgt64_reg, &&jsgt32_reg, &&lsh64_reg, // 0x68
        &&rare, &&ldxb, &&rare, &&stxb, &&rsh32_imm, &&jsge64_imm, &&jsge32_imm, &&rsh64_imm, // 0x70
        &&rare, &&ldxdw, &&rare, &&stxdw, &&rsh32_reg, &&jsge64_reg, &&jsge32_reg, &&rsh64_reg, // 0x78
        &&rare, &&rare, &&rare, &&rare, &&neg32, &&call, &&rare, &&neg64, // 0x80
        &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, // 0x88
        &&rare, &&rare, &&rare, &&rare, &&rare, &&exit, &&rare, &&rare, // 0x90
        &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, // 0x98
        &&rare, &&rare, &&rare, &&rare, &&xor32_imm, &&jlt64_imm, &&jlt32_imm, &&xor64_imm, // 0xa0
        &&rare, &&rare, &&rare, &&rare, &&xor32_reg, &&jlt64_reg, &&jlt32_reg, &&xor64_reg, // 0xa8
        &&rare, &&rare, &&rare, &&rare, &&mov32_imm, &&jle64_imm, &&jle32_imm, &&mov64_imm, // 0xb0
        &&rare, &&rare, &&rare, &&rare, &&mov32_reg, &&jle64_reg, &&jle32_reg, &&mov64_reg, // 0xb8
        &&rare, &&rare, &&rare, &&rare, &&arsh32_imm, &&jslt64_imm, &&jslt32_imm, &&arsh64_imm, // 0xc0
        &&rare, &&rare, &&rare, &&rare, &&arsh32_reg, &&jslt64_reg, &&jslt32_reg, &&arsh64_reg, // 0xc8
        &&rare, &&rare, &&rare, &&rare, &&rare, &&jsle64_imm, &&jsle32_imm, &&rare, // 0xd0
        &&rare, &&rare, &&rare, &&rare, &&rare, &&jsle64_reg, &&jsle32_reg, &&rare, // 0xd8
        &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, // 0xe0
        &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, // 0xe8
        &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, // 0xf0
        &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, &&rare, // 0xf8
        // clang-format on
    };
    if (labels != nullptr) {
        *labels = kHandlers;
        return LIMPET_RETURN;
    }
    const Host& host = *host_pointer;
    limpet_vm& vm = state->as.vm;
    if (vm.fuel == 0) return LIMPET_FUEL;
    char* const r = reinterpret_cast<char*>(state->r);
    const AlignedWindow window(vm, host.memory);
    using Unit = typename Place::Unit;
    const Unit* const units = Place::units(host);
    Place p(unit_at(vm, units, vm.pc));
    const Unit* charged = p.unit; // what ran before it is charged
    uintptr_t fuel = uintptr_t{vm.fuel < LIMPET_FUEL_MAX ? vm.fuel : LIMPET_FUEL_MAX} * sizeof(Unit);
    limpet_status status = LIMPET_RETURN;
    const Unit* target;
    goto* p.handler(kHandlers);

add32_imm:
    arithmetic<kAdd, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
add32_reg:
    arithmetic<kAdd, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
add64_imm:
    arithmetic<kAdd, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
add64_reg:
    arithmetic<kAdd, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
sub32_imm:
    arithmetic<kSub, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
sub32_reg:
    arithmetic<kSub, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
sub64_imm:
    arithmetic<kSub, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
sub64_reg:
    arithmetic<kSub, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mul32_imm:
    arithmetic<kMul, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mul32_reg:
    arithmetic<kMul, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mul64_imm:
    arithmetic<kMul, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mul64_reg:
    arithmetic<kMul, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
or32_imm:
    arithmetic<kOr, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
or32_reg:
    arithmetic<kOr, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
or64_imm:
    arithmetic<kOr, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
or64_reg:
    arithmetic<kOr, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
and32_imm:
    arithmetic<kAnd, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
and32_reg:
    arithmetic<kAnd, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
and64_imm:
    arithmetic<kAnd, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
and64_reg:
    arithmetic<kAnd, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
lsh32_imm:
    arithmetic<kLsh, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
lsh32_reg:
    arithmetic<kLsh, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
lsh64_imm:
    arithmetic<kLsh, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
lsh64_reg:
    arithmetic<kLsh, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
rsh32_imm:
    arithmetic<kRsh, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
rsh32_reg:
    arithmetic<kRsh, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
rsh64_imm:
    arithmetic<kRsh, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
rsh64_reg:
    arithmetic<kRsh, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
neg32:
    arithmetic<kNeg, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
neg64:
    arithmetic<kNeg, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
xor32_imm:
    arithmetic<kXor, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
xor32_reg:
    arithmetic<kXor, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
xor64_imm:
    arithmetic<kXor, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
xor64_reg:
    arithmetic<kXor, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mov32_imm:
    arithmetic<kMov, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mov32_reg:
    if (p.extends()) goto rare;
    arithmetic<kMov, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mov64_imm:
    arithmetic<kMov, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
mov64_reg:
    if (p.extends()) goto rare;
    arithmetic<kMov, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
arsh32_imm:
    arithmetic<kArsh, false, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
arsh32_reg:
    arithmetic<kArsh, false, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
arsh64_imm:
    arithmetic<kArsh, true, false>(r, p);
    p.step();
    goto* p.handler(kHandlers);
arsh64_reg:
    arithmetic<kArsh, true, true>(r, p);
    p.step();
    goto* p.handler(kHandlers);
jeq32_imm:
    if (taken<kJeq, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jeq32_reg:
    if (taken<kJeq, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jeq64_imm:
    if (taken<kJeq, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jeq64_reg:
    if (taken<kJeq, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jgt32_imm:
    if (taken<kJgt, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jgt32_reg:
    if (taken<kJgt, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jgt64_imm:
    if (taken<kJgt, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jgt64_reg:
    if (taken<kJgt, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jge32_imm:
    if (taken<kJge, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jge32_reg:
    if (taken<kJge, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jge64_imm:
    if (taken<kJge, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jge64_reg:
    if (taken<kJge, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jset32_imm:
    if (taken<kJset, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jset32_reg:
    if (taken<kJset, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jset64_imm:
    if (taken<kJset, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jset64_reg:
    if (taken<kJset, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jne32_imm:
    if (taken<kJne, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jne32_reg:
    if (taken<kJne, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jne64_imm:
    if (taken<kJne, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jne64_reg:
    if (taken<kJne, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsgt32_imm:
    if (taken<kJsgt, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsgt32_reg:
    if (taken<kJsgt, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsgt64_imm:
    if (taken<kJsgt, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsgt64_reg:
    if (taken<kJsgt, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsge32_imm:
    if (taken<kJsge, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsge32_reg:
    if (taken<kJsge, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsge64_imm:
    if (taken<kJsge, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsge64_reg:
    if (taken<kJsge, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jlt32_imm:
    if (taken<kJlt, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jlt32_reg:
    if (taken<kJlt, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jlt64_imm:
    if (taken<kJlt, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jlt64_reg:
    if (taken<kJlt, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jle32_imm:
    if (taken<kJle, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jle32_reg:
    if (taken<kJle, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jle64_imm:
    if (taken<kJle, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jle64_reg:
    if (taken<kJle, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jslt32_imm:
    if (taken<kJslt, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jslt32_reg:
    if (taken<kJslt, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jslt64_imm:
    if (taken<kJslt, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jslt64_reg:
    if (taken<kJslt, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsle32_imm:
    if (taken<kJsle, false, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsle32_reg:
    if (taken<kJsle, false, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsle64_imm:
    if (taken<kJsle, true, false>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
jsle64_reg:
    if (taken<kJsle, true, true>(r, p)) goto jump;
    p.step();
    goto* p.handler(kHandlers);
ldxb:
    if (!load<1>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
stxb:
    if (!store<1>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
ldxh:
    if (!load<2>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
stxh:
    if (!store<2>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
ldxw:
    if (!load<4>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
stxw:
    if (!store<4>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
ldxdw:
    if (!load<8>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);
stxdw:
    if (!store<8>(r, p, window, host)) goto rare;
    p.step();
    goto* p.handler(kHandlers);

lddw:
    set_words(at(r, p.to()), p.number(), p.upper_half());
    p.step(2);
    goto* p.handler(kHandlers);

call:
    vm.pc = address_of(vm, units, p.unit) + kSlotBytes;
    if (is_local_call(host, units, p.unit)) {
        status = LIMPET_STORE;
        if (!push_frame(*state, host)) goto trap;
        goto ja32;
    }
    vm.fuel = left(fuel, p.unit + 1, charged);
    status = host_call(*state, host, p.number());
    if (status != LIMPET_RETURN) return status;
    p.step();
    goto* p.handler(kHandlers);

exit:
    if (state->depth == 0) {
        vm.pc = address_of(vm, units, p.unit);
        vm.fuel = left(fuel, p.unit + 1, charged);
        return LIMPET_RETURN;
    }
    pop_frame(*state, host);
    target = unit_at(vm, units, vm.pc);
    goto go_on;

ja32:
    target = p.far_target();
    goto go_on;

ja:
jump:
    target = p.target();
go_on:
    if (!charge(fuel, p.unit, charged, target)) {
        vm.pc = address_of(vm, units, target);
        vm.fuel = 0;
        return LIMPET_FUEL;
    }
    p = Place(target);
    goto* p.handler(kHandlers);

rare:
    status = generic(*state, host, units, p.unit);
    if (status != LIMPET_RETURN) goto trap;
    p.step();
    goto* p.handler(kHandlers);

trap:
    vm.pc = address_of(vm, units, p.unit);
    vm.fuel = left(fuel, p.unit, charged);
    return status;
}

} // namespace limpet::bpf
