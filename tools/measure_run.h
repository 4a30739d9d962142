/// \file
/// Running a guest under a backend as a firmware would have it: the backend's Cortex-M0+ library, its cycles counted.
#pragma once

#include "../variants/thumb/backend.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace limpet {

/// Counts the cycles of a library's functions, and follows its stack. Each instruction is charged when the next one is
/// known, which tells whether a branch was taken.
class CycleCounter : public thumb::Observer {
public:
    /// From here on a new function is called.
    void begin() { begun_ = false; }

    void instruction(uint32_t address, uint16_t first, uint16_t second, uint32_t sp) override;
    void left(bool returned) override;

    /// Of the last function that was called, with the `blx` of the firmware, as the measuring images count. Throws
    /// std::runtime_error when an instruction has no timing.
    [[nodiscard]] uint64_t cycles() const;
    /// The deepest stack of that function, host calls excluded.
    [[nodiscard]] uint32_t stack_bytes() const { return sp_at_begin_ - sp_lowest_; }

private:
    void charge(uint32_t next);

    bool pending_ = false; ///< there is an instruction that is not charged yet
    uint32_t address_ = 0;
    std::array<uint16_t, 2> halfwords_{};
    uint64_t cycles_ = 0;
    bool begun_ = false;  ///< an instruction of the function has been seen
    std::string unknown_; ///< an instruction without timing; "": none
    uint32_t sp_at_begin_ = 0;
    uint32_t sp_lowest_ = 0;
};

/// One call of a guest.
struct MeasuredCall {
    uint32_t entry = 0;
    uint32_t result = 0;
    uint64_t guest_insns = 0; ///< by a backend that counts exactly
    uint64_t cycles = 0;      ///< by a library in the emulator
};

/// Runs guests by another backend and keeps what each call took.
class MeasuringBackend : public Backend {
public:
    /// The reference, which tells how many instructions a guest executes.
    explicit MeasuringBackend(const Backend& reference);
    /// A library in the emulator. Nobody else may run it meanwhile.
    explicit MeasuringBackend(const thumb::ThumbBackend& library);
    ~MeasuringBackend() override;

    limpet_status prepare(Guest& guest) const override;
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override;
    limpet_status resume(Guest& guest, uint32_t fuel) const override;

    [[nodiscard]] const std::vector<MeasuredCall>& calls() const { return calls_; }
    [[nodiscard]] uint64_t prepare_cycles() const { return prepare_cycles_; }
    /// What stays of prepared code.
    [[nodiscard]] uint32_t prepared_bytes() const { return prepared_bytes_; }
    /// The deepest of all calls.
    [[nodiscard]] uint32_t stack_bytes() const { return stack_bytes_; }

private:
    limpet_status finish(const Guest& guest, uint32_t fuel, limpet_status status) const;

    const Backend& inner_;
    const thumb::ThumbBackend* library_;
    mutable CycleCounter counter_;
    mutable std::vector<MeasuredCall> calls_;
    mutable uint64_t prepare_cycles_ = 0;
    mutable uint32_t prepared_bytes_ = 0;
    mutable uint32_t stack_bytes_ = 0;
};

} // namespace limpet
