/// \file
/// How one instruction on 64-bit registers becomes one on 32-bit registers, given what is known of its operands. These
/// are the rules of map.h that compute or compare; conformance/bpf/map_proof_test.cpp proves each for all inputs.
#pragma once

#include "decode.h"
#include "range.h"

#include <optional>
#include <string>
#include <vector>

namespace limpet::bpf {

/// What the 32-bit machine keeps of a 64-bit register.
enum class Half : uint8_t {
    kLow,  ///< its lower half
    kHigh, ///< its upper half; the lower one is 0. So `r <<= 32; r s>>= 32` are no instructions at all
    kNone  ///< nothing that can be used: paths meet that keep different halves
};

struct Value {
    Range range = kAnything; ///< of the register; where its upper half is kept, of that half, as a number
    Half half = Half::kLow;

    bool operator==(const Value&) const = default;
};

/// What becomes of an instruction.
struct Mapped {
    std::vector<uint64_t> code; ///< for 32-bit registers; jumps keep their distance in slots of the original
    Value result;               ///< of the register that is written
    std::string refusal;        ///< why there is none
};

/// Arithmetic. `b` is what the second operand holds: of an immediate, the constant.
[[nodiscard]] Mapped map_arithmetic(const Instruction& row, uint64_t insn, const Value& a, const Value& b);

/// A conditional jump, which compares a and b.
[[nodiscard]] Mapped map_condition(uint64_t insn, const Value& a, const Value& b);

/// The constant that an instruction has as its second operand, as 64-bit registers see it.
[[nodiscard]] Value immediate_value(uint64_t insn);

/// What is known of a register, when the jump that compares it with `b` is taken, or is not; none: that cannot be.
/// code: of the jump; wide: JMP, else JMP32.
[[nodiscard]] std::optional<Range> refined(uint32_t code, bool wide, bool taken, const Range& a, const Range& b);

/// The code of the jump that compares the other way round: a < b as b > a.
[[nodiscard]] uint32_t mirrored(uint32_t code);

} // namespace limpet::bpf
