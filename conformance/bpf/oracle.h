/// \file
/// What an eBPF instruction must do, by Unicorn's RISC-V: each is lowered to the few RV64 instructions that do the
/// same.
#pragma once

#include "subjects.h"

#include <unicorn/unicorn.h>

namespace limpet::conformance::bpf {

/// One instruction with everything that it can depend on.
struct Case {
    const Instruction* row;
    uint64_t insn;
    uint64_t second; ///< of lddw
    Registers r;
};

struct Outcome {
    limpet_status status = LIMPET_RETURN; ///< LIMPET_LOAD and LIMPET_STORE are traps
    bool taken = false;                   ///< of a jump
    uint32_t trap_address = 0;
    Registers r{};
};

/// Runs everything but calls and exits. Knows from RFC 9669 by itself where RISC-V differs: division by zero, results
/// of 32-bit operations, byte orders. Whether an access is allowed is for Layout to say.
class Oracle {
public:
    explicit Oracle(const Layout& layout);
    ~Oracle();
    Oracle(const Oracle&) = delete;
    Oracle& operator=(const Oracle&) = delete;

    [[nodiscard]] Outcome run(const Case& c);

    /// The guest's memory after the run.
    [[nodiscard]] std::span<const uint8_t> memory() const;

private:
    static bool on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t value, void* self);

    const Layout layout_;
    uc_engine* uc_ = nullptr;
    uint8_t* pages_ = nullptr; ///< what Unicorn sees from first_page_ on
    uint32_t first_page_;
    uint32_t pages_size_;
    std::vector<uint8_t> initial_;
    // The run under way.
    bool guards_ = false; ///< accesses are the guest's
    bool store_ = false;  ///< they count as stores
    bool trapped_ = false;
    uint64_t trap_address_ = 0;
};

} // namespace limpet::conformance::bpf
