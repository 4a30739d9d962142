/// \file
/// Where the operands of an eBPF instruction are (RFC 9669, section 3): 8 bytes, little-endian, seen as a number
///
///     63        32 31      16 15  12 11   8 7      0
///     imm          offset     src    dst    opcode
///
/// Microcontrollers fetch it as two words: the lower one is called its head.
#pragma once

#include <stdint.h>

namespace limpet::bpf {

inline constexpr uint32_t kSlotBytes = 8;
inline constexpr uint32_t kFramePointer = 10; ///< r10, which is never written
inline constexpr uint32_t kRegisters = 11;

constexpr uint32_t opcode(uint32_t head) { return head & 0xff; }
constexpr uint32_t dst(uint32_t head) { return head >> 8 & 15; }
constexpr uint32_t src(uint32_t head) { return head >> 12 & 15; }
constexpr int32_t offset(uint32_t head) { return static_cast<int32_t>(head) >> 16; }

constexpr uint32_t head(uint64_t insn) { return static_cast<uint32_t>(insn); }
constexpr int32_t imm(uint64_t insn) { return static_cast<int32_t>(insn >> 32); }

constexpr uint64_t make(uint32_t opcode, uint32_t dst = 0, uint32_t src = 0, int32_t offset = 0, int32_t imm = 0) {
    return opcode | dst << 8 | src << 12 | static_cast<uint32_t>(offset) << 16 |
           static_cast<uint64_t>(static_cast<uint32_t>(imm)) << 32;
}

/// Instruction classes: the low three bits of an opcode (section 3.1).
enum Class : uint32_t { kLd = 0, kLdx = 1, kSt = 2, kStx = 3, kAlu32 = 4, kJmp = 5, kJmp32 = 6, kAlu64 = 7 };

/// In arithmetic and jumps: bits 7:4 are the code, this bit says that the operand is a register (section 4).
inline constexpr uint32_t kSource = 8;

/// Codes of arithmetic (section 4.1).
enum Alu : uint32_t {
    kAdd = 0,
    kSub = 1,
    kMul = 2,
    kDiv = 3,
    kOr = 4,
    kAnd = 5,
    kLsh = 6,
    kRsh = 7,
    kNeg = 8,
    kMod = 9,
    kXor = 10,
    kMov = 11,
    kArsh = 12,
    kEnd = 13
};

/// Codes of jumps (section 4.3).
enum Jump : uint32_t {
    kJa = 0,
    kJeq = 1,
    kJgt = 2,
    kJge = 3,
    kJset = 4,
    kJne = 5,
    kJsgt = 6,
    kJsge = 7,
    kCall = 8,
    kExit = 9,
    kJlt = 10,
    kJle = 11,
    kJslt = 12,
    kJsle = 13
};

/// In loads and stores: bits 4:3 are the size (section 5), bits 7:5 the mode.
enum Size : uint32_t { kWord = 0, kHalf = 1, kByte = 2, kDouble = 3 };
enum Mode : uint32_t { kImmediate = 0, kMemory = 3, kMemorySigned = 4, kAtomic = 6 };

constexpr uint32_t code(uint32_t opcode) { return opcode >> 4; }
constexpr uint32_t size_code(uint32_t opcode) { return opcode >> 3 & 3; }
constexpr uint32_t mode(uint32_t opcode) { return opcode >> 5; }

/// Bytes of memory that a size code means: 4, 2, 1, 8.
constexpr uint32_t size_bytes(uint32_t size_code) { return size_code == kDouble ? 8 : 4U >> size_code; }

constexpr uint32_t alu_opcode(Class cls, Alu op, uint32_t source = 0) { return cls | source | op << 4; }
constexpr uint32_t jump_opcode(Class cls, Jump op, uint32_t source = 0) { return cls | source | op << 4; }
constexpr uint32_t memory_opcode(Class cls, Mode m, Size size) { return cls | size << 3 | m << 5; }

inline constexpr uint32_t kLddw = memory_opcode(kLd, kImmediate, kDouble); // 0x18

/// Immediates of atomic operations (section 5.3): the code of the arithmetic in bits 7:4, and whether the old value is
/// fetched. Exchanges always fetch.
inline constexpr uint32_t kFetch = 1;
inline constexpr uint32_t kExchange = 0xe1;
inline constexpr uint32_t kCompareExchange = 0xf1;

} // namespace limpet::bpf
