/// \file
/// Programs for 64-bit registers on machines with 32-bit ones (profile ebpf32). Each register keeps the lower half of
/// what the program means, and for every instruction it is proved that nothing else is observed; where that fails, the
/// program is refused. For PCs.
///
/// What the result means is the same, with this in mind:
///  - registers are their lower halves, and the result is that of r0. An address is one, too: the proof is that a
///    64-bit address with an upper half misses the memory with its lower half, too, so that both trap;
///  - after a trap, a register in the middle of a pair of shifts (`r <<= 32; r s>>= 32`) holds its upper half;
///  - other instructions cost fuel: those that are not needed are gone.
#pragma once

#include "fault.h"
#include "range.h"

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace limpet::bpf {

/// What the mapping relies on: with another memory it must be done anew.
struct MapLayout {
    uint64_t memory_start = 0;
    uint64_t memory_end = 0;         ///< behind the last byte; at most 2^32
    uint64_t writable_start = 0;     ///< from here on, all of it may be stored to
    uint32_t stack_top = 0;          ///< r10 of the outermost function
    uint32_t frame_bytes = 0;        ///< and how far below it that of a called function is,
    uint32_t frame_count = 0;        ///< at most this deep
    std::vector<uint32_t> entries;   ///< slots where it may be called
    std::vector<uint64_t> registers; ///< r0..r9 of that call, if known; else r1..r5 are any 32-bit numbers, the rest 0
    bool wide_result = false;        ///< all of r0 is the result: the upper half must be known to be 0
};

struct MappedProgram {
    std::vector<uint8_t> code;     ///< ALU32, JMP32, accesses of up to 4 bytes: legal by table.h, and by is_narrow()
    std::vector<uint32_t> origins; ///< for each slot of it, the slot of the program that it was made from
    std::vector<uint32_t> places;  ///< for each slot of the program, where it begins; of an unreachable one, anywhere
};

/// Is it an instruction for 32-bit registers? Of a legal one.
[[nodiscard]] bool is_narrow(uint64_t insn);

/// Maps a program that find_fault() lets pass, or says where it cannot be done and why.
[[nodiscard]] std::variant<MappedProgram, Fault> map_program(std::span<const uint8_t> code, const MapLayout& layout);

} // namespace limpet::bpf
