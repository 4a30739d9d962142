/// \file
/// rv32-jit: a guest's code is translated into Thumb when it is prepared. README.md describes how.
#pragma once

#include "../../preparation.h"
#include "runtime.h"
#include "step.h"
#include "translate.h"

namespace limpet::rv32_jit {

/// Bytes of the table of so many landings; one place at least stays empty.
constexpr uint32_t table_bytes(uint32_t landings) {
    uint32_t bytes = 2;
    while (bytes <= 2 * landings) bytes *= 2;
    return bytes;
}

template <Isa isa> struct Preparation {
    static constexpr bool kNeedsCode = true;
    static constexpr bool kTranslateMeasures = true;

    static uint32_t size(const limpet_vm& vm, const limpet_host& host) {
        if (vm.window.code_size > kCodeBytesMax) return 0; // refused whatever there is
        return bytes(Translator<isa>(vm, host.code).measure(nullptr, 0));
    }

    static limpet_status translate(limpet_vm& vm, const limpet_host& host) {
        if (vm.window.code_size > kCodeBytesMax) return LIMPET_REFUSED;
        Translator<isa> translator(vm, host.code);
        auto* const end = static_cast<Label*>(host.prepared) + host.prepared_size / sizeof(Label);
        const Extent extent = translator.measure(end, host.prepared_size / sizeof(Label));
        const uint32_t table = table_bytes(extent.landings);
        const uint32_t halfwords = table / 2 + extent.halfwords;
        if (halfwords > 0xffff || bytes(extent) > host.prepared_size) return LIMPET_REFUSED;
        auto* const header = static_cast<Header*>(host.prepared);
        header->mask = static_cast<uint16_t>(table - 2);
        header->halfwords = static_cast<uint16_t>(halfwords);
        auto* const places = reinterpret_cast<uint16_t*>(header + 1);
        for (uint32_t i = 0; i < table / 2; ++i) places[i] = 0;
        translator.write(places, table / 2, header->mask);
        asm volatile("dsb\n\tisb" ::: "memory"); // DDI0419, B2.5: instructions that were written
        return LIMPET_RETURN;
    }

    static uint32_t kept(const limpet_vm& /*vm*/, const limpet_host& host) {
        const auto* const header = static_cast<const Header*>(host.prepared);
        return (sizeof(Header) + 2 * header->halfwords + 3U) & ~3U;
    }

private:
    static uint32_t bytes(const Extent& extent) {
        const uint32_t kept = sizeof(Header) + table_bytes(extent.landings) + 2 * extent.halfwords;
        return ((kept + 3) & ~3U) + extent.labels * sizeof(Label);
    }
};

/// Where translated code goes on that left at `site` for an instruction `d`, which was carried out meanwhile; bit 0
/// set.
[[gnu::always_inline]] inline uint32_t behind(uint32_t site, const Decoded& d, bool jumped) {
    // Behind the index and an access: what gives the address, and the access.
    if (d.kind == kStore && d.rs2 < 10) return site + 12;
    if (d.kind == kStore || d.kind == kLoad) return site + 6;
    if (!jumped) return site + 2;
    return site - (t::is_bl_second(halfword_at(site - 5)) ? 6 : 4); // the jump before the exit
}

// What happens between two visits of translated code. These functions are called one after the other from run(), not
// one from another: the host's stack is scarce.

/// Puts vm.pc on what translated code has left at `site` for (0: it is there). Keeps in trap_address the site, if
/// translated code can be gone on with. False: the budget is used up before that. (A jump back that has charged is
/// carried out first: it would charge again.)
[[gnu::noinline]] inline bool find_pc(limpet_vm& vm, uint32_t site) {
    if (site != 0) {
        const uint32_t index = halfword_at(site - 1);
        vm.pc = vm.window.code_start + 2 * (index & ~kNoReturn);
        if ((index & kNoReturn) != 0) {
            if (halfword_at(site - 3) == t::blx(kRuntime)) --vm.fuel; // what the runtime carries out has charged
            site = 0;
        }
    } else {
        --vm.fuel;
    }
    vm.trap_address = site; // until go_on()
    if (site != 0 || static_cast<int32_t>(vm.fuel) >= 0) return true;
    vm.fuel = 0;
    return false;
}

/// Carries out what is at vm.pc. Returns kGoOn with vm.pc at the next instruction, or how the run ends.
template <Isa isa> [[gnu::noinline]] limpet_status carry_out(limpet_vm& vm, const limpet_host& host, Packed packed) {
    return step<isa>(vm, host, unpack(packed));
}

/// The same for M. In one frame: division alone takes 20 bytes.
[[gnu::noinline, gnu::flatten]] inline limpet_status carry_out_multiply(limpet_vm& vm, uint32_t low) {
    const Decoded d = unpack(low);
    vm.pc += d.length;
    vm.x[d.rd] = multiply_divide(d.f3 & 7, vm.x[d.rs1], vm.x[d.rs2]);
    vm.x[0] = 0;
    return kGoOn;
}

/// Where translated code goes on after the instruction with the low word `low` was carried out, 1: nowhere, 0: the
/// budget is used up.
[[gnu::noinline]] inline uint32_t go_on(limpet_vm& vm, const limpet_host& host, uint32_t low) {
    const Decoded d = unpack(low);
    const uint32_t site = vm.trap_address;
    vm.trap_address = 0;
    if (static_cast<int32_t>(vm.fuel) < 0) {
        vm.fuel = 0;
        vm.trap_address = site - reinterpret_cast<uintptr_t>(host.prepared);
        return 0;
    }
    if (site == 0 || !is_good_stack(vm)) return 1;
    const uint32_t next = 2 * halfword_at(site - 1) + d.length;
    const bool jumped = vm.pc - vm.window.code_start != next;
    vm.pc = vm.x[d.rd];
    return behind(site, d, jumped);
}

/// The site at which a run stopped for fuel, as go_on() has kept it, or 0.
[[gnu::noinline]] inline uint32_t stopped_at(const limpet_vm& vm, const limpet_host& host) {
    const uint32_t offset = vm.trap_address;
    const auto* const header = static_cast<const Header*>(host.prepared);
    if (offset % 2 == 0 || offset < sizeof(Header) + 5 || offset > 2U * header->halfwords) return 0;
    const uint32_t site = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(host.prepared)) + offset;
    return halfword_at(site - 3) == t::blx(kRuntime) ? site : 0;
}

/// Where translated code goes on that stopped before the jump `packed` to the address that waits in x0; 1: it is
/// another jump, as the state is not what go_on() left.
[[gnu::noinline]] inline uint32_t stopped_before(limpet_vm& vm, Packed packed) {
    const Decoded d = unpack(packed);
    const uint32_t target = vm.pc + d.imm;
    const uint32_t pc = vm.x[0];
    const uint32_t site = vm.trap_address;
    vm.trap_address = 0;
    vm.x[0] = 0;
    vm.pc = pc;
    if ((d.kind != kJal && d.kind != kBranch) || target != pc || !is_good_stack(vm)) return 1;
    return behind(site, d, true);
}

/// Where translated code for vm.pc begins, or 0: there is none, or it must not run.
[[gnu::noinline]] inline uint32_t landing(const limpet_vm& vm, const limpet_host& host) {
    return is_good_stack(vm) ? find(&vm, &host) : 0;
}

template <Isa isa, class Host> [[gnu::always_inline]] inline limpet_status run(limpet_vm& vm, const Host& host) {
    if (vm.fuel > LIMPET_FUEL_MAX) vm.fuel = LIMPET_FUEL_MAX;
    uint32_t native = stopped_at(vm, host);
    if (native != 0) {
        vm.x[0] = vm.pc;
        find_pc(vm, native);
        native = stopped_before(vm, decode<isa>(vm.window, host.code, vm.pc - vm.window.code_start));
    }
    if (native <= 1) native = landing(vm, host);
    for (;;) {
        if (native != 0) native = enter(&vm, &host, native);
        if (!find_pc(vm, native)) return LIMPET_FUEL;
        const Packed packed = decode<isa>(vm.window, host.code, vm.pc - vm.window.code_start);
        const auto low = static_cast<uint32_t>(packed);
        const limpet_status status =
            isa.multiply && field(low, 25, 25) != 0 ? carry_out_multiply(vm, low) : carry_out<isa>(vm, host, packed);
        if (status != kGoOn) {
            if (static_cast<int32_t>(vm.fuel) < 0) vm.fuel = 0;
            return status;
        }
        native = go_on(vm, host, low);
        if (native == 0) return LIMPET_FUEL;
        if (native == 1) native = landing(vm, host);
    }
}

} // namespace limpet::rv32_jit
