/// \file
/// Running a guest on a PC: budgets of any size, and the end of a run by a store to `tohost`.
#pragma once

#include "../variants/registry.h"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

/// A budget that no guest uses up: more than 500 years at 10^9 instructions a second.
inline constexpr uint64_t kFuelUnlimited = UINT64_MAX;

/// How a run ended, in a word.
[[nodiscard]] const char* end_name(limpet_status status);

/// The line about a trap, which left the guest as it is; `refusal`: why a host call was refused, "" if it was none.
void print_trap(const Guest& guest, const Backend& backend, limpet_status status, const std::string& refusal,
                std::FILE* out);

/// Why a backend does not take a guest, in words.
[[nodiscard]] std::string why_refused(const Guest& guest, const Backend& backend);

/// Runs one guest on one backend with a budget that may be larger than LIMPET_FUEL_MAX.
class Execution {
public:
    Execution(const Backend& its_backend, Guest& its_guest, uint64_t fuel);

    /// As Backend::call.
    limpet_status call(uint32_t entry);
    /// As Backend::resume. guest.vm.status must be LIMPET_FUEL.
    limpet_status resume();
    /// Resumes for one instruction, on the reference backend.
    limpet_status step();

    [[nodiscard]] bool exhausted() const { return fuel_ == 0; }
    /// Instructions executed, where the backend counts them exactly.
    [[nodiscard]] uint64_t executed() const { return budget_ - fuel_; }

    const Backend& backend;
    Guest& guest;

private:
    [[nodiscard]] uint32_t slice() const;
    limpet_status spend(uint32_t slice, limpet_status status);

    const Backend& reference_;
    uint64_t fuel_; ///< what is left
    uint64_t budget_;
};

/// Test programs end by a non-zero store to a word of memory that their symbol `tohost` names. No backend knows of it:
/// the word is made read-only, so that the store traps, and the one instruction is then run with the word writable.
class TohostWatch {
public:
    /// `address` is that of the word, which is watched only where the guest may store to all of it.
    TohostWatch(Guest& guest, uint32_t address);

    /// Goes on after a store trap. Returns LIMPET_STORE when the trap stands; otherwise the store was executed, and
    /// fired() tells whether it ended the run.
    limpet_status after_store_trap(Execution& execution);

    [[nodiscard]] bool fired() const { return fired_; }
    [[nodiscard]] uint32_t value() const;

private:
    /// What makes memory read-only in a guest.
    struct Rights {
        uint32_t writable_start;
        const Range* read_only;
        uint32_t read_only_count;
    };
    [[nodiscard]] Rights rights() const;
    void set_rights(const Rights& rights);

    Guest& guest_;
    uint32_t address_;
    Rights own_{};                 ///< the guest's, while it does not run
    std::vector<Range> read_only_; ///< the guest's own and the word
    bool watching_ = false;
    bool fired_ = false;
};

} // namespace limpet
