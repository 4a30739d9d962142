/// \file
/// The handlers of rv32-threaded on a PC, by number, and which two instructions one after the other have one.
#pragma once

#include "tables.h"

namespace limpet::rv32_threaded {

/// A kind's first one plus f, and kLong for an instruction of 4 bytes. What has none is kSlow. From kOfPair on: two
/// instructions, as kPairs counts them.
enum Handler : uint8_t {
    kOfRegister = 0,
    kOfImmediate = 16,
    kOfLoad = 32,
    kOfStore = 40,
    kOfBranch = 48,
    kOfConstant = 56,
    kOfJump = 57,
    kOfCall = 58,
    kOfIndirect = 59,
    kOfMultiply = 60,
    kOfNothing = 61,
    kSlow = 62,
    kLong = 64,
    kOfPair = 128
};

/// Which operand of the second instruction is what the first one computed: it does not wait for memory then.
enum class Uses : uint8_t { kNone, kAsFirst, kAsSecond };

struct Pair {
    uint8_t first;
    uint8_t second;
    Uses uses;
};

namespace pairs {

constexpr uint8_t reg(uint32_t f) { return static_cast<uint8_t>(kOfRegister + f); }
constexpr uint8_t imm(uint32_t f) { return static_cast<uint8_t>(kOfImmediate + f); }
constexpr uint8_t load(uint32_t f) { return static_cast<uint8_t>(kOfLoad + f); }
constexpr uint8_t store(uint32_t f) { return static_cast<uint8_t>(kOfStore + f); }
constexpr uint8_t branch(uint32_t f) { return static_cast<uint8_t>(kOfBranch + f); }
constexpr uint8_t wide(uint32_t handler) { return static_cast<uint8_t>(kLong | handler); }

/// What the workloads of bench/ run most often, but for sos and max31865, compiled for rv32ec. The first that fits is
/// taken: those that use a result stand before others.
inline constexpr Pair kList[] = {
    {wide(imm(kSll)), reg(kXor), Uses::kAsFirst},
    {reg(kXor), wide(imm(kSr)), Uses::kAsFirst},
    {wide(imm(kSr)), reg(kXor), Uses::kAsSecond},
    {reg(kXor), wide(imm(kSll)), Uses::kAsFirst},
    {wide(imm(kAnd)), wide(reg(kAdd | kAlternate)), Uses::kAsSecond},
    {wide(imm(kAdd)), wide(branch(kBeq)), Uses::kAsSecond},
    {wide(imm(kSr)), reg(kXor), Uses::kAsFirst},
    {reg(kAdd), store(kWord), Uses::kAsSecond},
    {imm(kAdd), wide(branch(kBne)), Uses::kAsSecond},
    {imm(kSll), wide(imm(kSr | kAlternate)), Uses::kAsFirst},
    {imm(kSr | kAlternate), reg(kAdd | kAlternate), Uses::kAsFirst},
    {reg(kAdd | kAlternate), imm(kSll), Uses::kAsFirst},
    {imm(kSll), reg(kAdd), Uses::kAsFirst},
    {load(kWord), reg(kAdd), Uses::kAsFirst},
    {imm(kAdd), wide(imm(kAnd)), Uses::kAsFirst},
    {reg(kXor), wide(imm(kAnd)), Uses::kAsFirst},
    {imm(kAdd), wide(branch(kBne)), Uses::kAsFirst},
    {wide(reg(kAdd | kAlternate)), store(kWord), Uses::kAsSecond},
    {imm(kAdd), store(kWord), Uses::kAsSecond},
    {reg(kXor), wide(store(kByte)), Uses::kAsSecond},
    {wide(imm(kAnd)), wide(imm(kAdd)), Uses::kAsFirst},
    {imm(kAdd), reg(kAdd), Uses::kNone},
    {wide(load(kWord)), reg(kAdd), Uses::kNone},
    {store(kWord), wide(imm(kAdd)), Uses::kNone},
    {reg(kAdd), wide(branch(kBlt)), Uses::kNone},
    {imm(kAdd), reg(kXor), Uses::kNone},
    {wide(reg(kAdd | kAlternate)), imm(kSr), Uses::kNone},
    {imm(kSr), reg(kAnd), Uses::kNone},
    {reg(kAnd), imm(kAdd), Uses::kNone},
    {reg(kXor), branch(kBne), Uses::kNone},
    {reg(kXor), imm(kAdd), Uses::kNone},
    {reg(kAdd), branch(kBne), Uses::kNone},
    {store(kWord), wide(branch(kBge)), Uses::kNone},
    {store(kWord), imm(kAdd), Uses::kNone},
    {reg(kAdd), load(kWord), Uses::kNone},
    {load(kWord), imm(kAdd), Uses::kNone},
    {store(kWord), store(kWord), Uses::kNone},
    {load(kWord), load(kWord), Uses::kNone},
    {load(kWord), reg(kAdd), Uses::kNone},
    {wide(imm(kAdd)), wide(branch(kBeq)), Uses::kNone},
    {reg(kAdd), reg(kAdd), Uses::kNone},
    {store(kWord), reg(kAdd), Uses::kNone},
    {imm(kAdd), wide(branch(kBne)), Uses::kNone},
    {wide(load(kHalfUnsigned)), load(kWord), Uses::kNone},
    {imm(kAdd), imm(kSll), Uses::kNone},
    {wide(imm(kSr | kAlternate)), imm(kSr | kAlternate), Uses::kNone},
    {load(kWord), store(kWord), Uses::kNone},
    {reg(kAdd), wide(branch(kBltu)), Uses::kNone},
    {imm(kAdd), store(kWord), Uses::kNone},
    {reg(kAdd), imm(kAdd), Uses::kNone},
    {wide(store(kByte)), imm(kAdd), Uses::kNone},
    {reg(kAdd), store(kWord), Uses::kNone},
    {imm(kAdd), load(kWord), Uses::kNone},
    {load(kWord), wide(imm(kAdd)), Uses::kNone},
    {wide(imm(kSll)), imm(kSr), Uses::kNone},
    {reg(kAdd), kOfJump, Uses::kNone},
    {reg(kOr), imm(kAdd), Uses::kNone},
    {imm(kAdd), imm(kAdd), Uses::kNone},
    {wide(imm(kAdd)), reg(kAdd), Uses::kNone},
    {wide(reg(kAdd | kAlternate)), imm(kAdd), Uses::kNone},
    {wide(load(kByteUnsigned)), imm(kAdd), Uses::kNone},
    {wide(imm(kAdd)), wide(imm(kSr)), Uses::kNone},
    {wide(imm(kSr)), wide(imm(kSr)), Uses::kNone},
    {wide(imm(kSr)), reg(kAdd), Uses::kNone},
};

} // namespace pairs

inline constexpr uint32_t kPairs = sizeof(pairs::kList) / sizeof(pairs::kList[0]);
static_assert(kOfPair + kPairs == 192, "loop() has as many labels");

/// Without C all instructions are long.
template <Isa isa> constexpr Pair pair(uint32_t number) {
    Pair its = pairs::kList[number];
    if (!isa.compressed) its = {pairs::wide(its.first), pairs::wide(its.second), its.uses};
    return its;
}

} // namespace limpet::rv32_threaded
