/// \file
/// What the translator, the translated code and what runs it agree on.
///
/// Prepared memory: the header, a hash table of landings (halfwords: where a landing's code is, counted in halfwords
/// from the table; 0: none), then the translated code. Before each landing's code stands a halfword with its index.
/// An index is the distance of an instruction from the start of the code, in halfwords.
#pragma once

#include "../../../interp/limpet.h"

#include <stddef.h>

namespace limpet::rv32_jit {

struct Header {
    uint16_t mask;      ///< of a byte offset into the table
    uint16_t halfwords; ///< of table and code
};

/// Index of an exit from which translated code cannot be gone on with: what follows relies on more than the exit told.
inline constexpr uint32_t kNoReturn = 0x8000;
inline constexpr uint32_t kCodeBytesMax = 0x8000 * 2;

/// What registers hold while translated code runs. a0..a5 are in r0..r5; what is not in a register is in limpet_vm.
enum Register : uint32_t {
    kTemp = 6,    ///< nothing between guest instructions, or where sp points in the host's memory
    kVm = 7,      ///< &vm
    kS0 = 8,      ///< x8
    kRuntime = 9, ///< entry of runtime.h
    kData = 10,   ///< host.data
    kEnd = 11,    ///< bytes of data in whole words
    kFuel = 12,   ///< vm.fuel
    kLink = 14    ///< nothing
};

/// May translated code run with this sp? Only when it is aligned and in the writable part of the data window, or at the
/// end of its last whole word.
inline bool is_good_stack(const limpet_vm& vm) {
    const uint32_t sp = vm.x[2];
    return sp % 4 == 0 && sp >= vm.window.writable_start && sp <= (vm.window.data_size & ~3U);
}

/// Where runtime.h is entered: distances from kRuntime.
enum Entry : uint32_t { kExit = 0, kReturn = 2, kJump = 4, kJumpAndLink = 6, kCall = 8, kSetStack = 10 };

// Where things are in struct limpet_vm and limpet_host, for translated code and assembly.
inline constexpr uint32_t kPcOffset = 64;
inline constexpr uint32_t kScratchOffset = 72; ///< trap_address: means nothing while a guest runs
inline constexpr uint32_t kWritableOffset = 84;
static_assert(offsetof(limpet_vm, pc) == kPcOffset && offsetof(limpet_vm, fuel) == 68 &&
              offsetof(limpet_vm, trap_address) == kScratchOffset && offsetof(limpet_vm, window) == 80 &&
              offsetof(limpet_windows, data_size) == 0 && offsetof(limpet_windows, writable_start) == 4 &&
              offsetof(limpet_windows, code_start) == 8 && offsetof(limpet_windows, code_size) == 12);

} // namespace limpet::rv32_jit
