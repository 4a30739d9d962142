/// \file
/// The tables that `limpet measure` prints.
#pragma once

#include "measure_run.h"

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

/// What a backend's library adds to a firmware.
struct FlashCost {
    uint32_t bytes = 0;
    std::string built; ///< "-Os", "-O2", "asm"
};

/// The list that the cross build writes beside its images.
class FlashCosts {
public:
    /// Throws LoadError when there is none, or when it is not what the build writes.
    explicit FlashCosts(const std::string& folder);
    [[nodiscard]] const FlashCost& of(const Backend& backend) const;

private:
    std::map<std::string, FlashCost> costs_; ///< by "rv32-goto-lean-rv32ec"
};

/// What a guest takes of memory, whichever backend runs it.
struct GuestBytes {
    std::optional<uint32_t> upload; ///< of an image
    uint32_t data = 0;              ///< its data window
    uint32_t code = 0;
    uint32_t state = 0; ///< the VM struct, and frames
};

/// What one backend was seen to take for a guest.
struct Costs {
    FlashCost flash;
    GuestBytes guest;
    bool refused = false; ///< the backend cannot run it
    uint32_t prepared_bytes = 0;
    uint64_t prepare_cycles = 0;
    uint32_t stack_bytes = 0;
    std::vector<MeasuredCall> calls; ///< none: only memory was measured
};

/// Collects what is measured, and prints it.
class CostTable {
public:
    /// Names: {entry address: what it is called}.
    void add(const Backend& backend, const Costs& costs, const std::map<uint32_t, std::string>& names);
    void print(std::FILE* out) const;

private:
    using Line = std::vector<std::string>;
    std::vector<Line> memory_;
    std::vector<Line> cycles_;
};

} // namespace limpet
