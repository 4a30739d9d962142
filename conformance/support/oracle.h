/// \file
/// What a run must do, by Unicorn's RISC-V. Values, addresses and targets are Unicorn's; legality is judged by the
/// instruction table (Unicorn runs x16 and most reserved encodings), bounds by Layout::allows. Instead of a 16-bit
/// instruction of Xlimpet, which Unicorn does not know, it runs the 32-bit one that the table says it abbreviates.
#pragma once

#include "vector.h"

#include <unicorn/unicorn.h>

namespace limpet::conformance {

/// One address space of Unicorn's. Runs host calls as test_host_call does.
class Oracle {
public:
    explicit Oracle(const Layout& layout);
    ~Oracle();
    Oracle(const Oracle&) = delete;
    Oracle& operator=(const Oracle&) = delete;

    /// What a machine of profile `isa` makes of v; false when the run says too little about what it should be: an
    /// instruction jumps into itself or to the instruction behind it, just outside the code.
    bool run(const Vector& v, rv32::Isa isa, Outcome& outcome);

    /// The data window after the run.
    [[nodiscard]] std::span<const uint8_t> data() const;

private:
    static void on_instruction(uc_engine* uc, uint64_t address, uint32_t size, void* self);
    static bool on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t value, void* self);

    void reset(const Vector& v, rv32::Isa isa);
    void arrive(uint32_t pc);
    void begin(uint32_t pc);
    bool came_by_jump(uint32_t pc) const;
    void access(uint32_t address, uint32_t size, bool store);
    void stop(limpet_status status, uint32_t pc);
    bool perform_host_call();
    bool perform_expanded();
    void undo();
    [[nodiscard]] Registers registers() const;
    [[nodiscard]] uint8_t* at(uint32_t address) { return pages_ + (address - first_page_); }

    const Layout& layout_;
    uc_engine* uc_ = nullptr;
    uint8_t* pages_ = nullptr; ///< what Unicorn sees from first_page_ on
    uint32_t first_page_;
    uint32_t pages_size_;
    std::vector<uint8_t> initial_;

    // The run under way.
    const Vector* vector_ = nullptr;
    rv32::Isa isa_{};
    Outcome* outcome_ = nullptr;
    bool stopped_ = false;
    bool ambiguous_ = false;
    bool calling_host_ = false;
    bool expanding_ = false; ///< the instruction at pc_ is run as its 32-bit form, elsewhere
    bool first_ = true;      ///< no instruction has begun yet
    uint32_t pc_ = 0;        ///< of the instruction that began last,
    uint32_t insn_ = 0;      ///< its bits,
    uint32_t size_ = 0;      ///< its size
    uint32_t next_ = 0;      ///< what follows it, where it was not Unicorn that ran it,
    Registers x_{};          ///< and the registers before it
    bool accessed_ = false;  ///< it has accessed memory
    uint32_t undo_at_ = 0;   ///< bytes that a refused store may overwrite
    uint32_t undo_size_ = 0;
    std::array<uint8_t, 4> undo_{};
};

} // namespace limpet::conformance
