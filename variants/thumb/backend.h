/// \file
/// The libraries of the Cortex-M0+ build as backends of this process.
#pragma once

#include "../registry.h"
#include "machine.h"

namespace limpet::thumb {

/// Where the images of this build are, or others of the same names (scripts/mutate).
[[nodiscard]] std::string image_directory();

/// Runs a library's object code. What limpet_host cannot say of a guest (a base that is not 0, read-only or executable
/// parts with gaps) the machine watches: where such a guest does what its rights forbid, it is taken back to where the
/// library was entered or came back from a host call, and the reference shows the trap. (So for
/// guests at another base than 0 a library has to make each load, into x0 too; rv32-goto does not.)
class ThumbBackend : public Backend {
public:
    ThumbBackend(std::string its_name, std::string its_isa_name, rv32::Isa its_isa, bool exact);
    /// One for eBPF.
    ThumbBackend(std::string its_name, std::string its_isa_name, bool exact);
    /// The library of a backend of this process, "NAME@thumb"; of one that is emulated, another machine for it.
    explicit ThumbBackend(const Backend& like);

    limpet_status prepare(Guest& guest) const override;
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override;
    limpet_status resume(Guest& guest, uint32_t fuel) const override;

    /// Made when it is first used: an emulator costs milliseconds to start.
    [[nodiscard]] Machine& machine() const;

private:
    std::string image_name_;
    mutable std::unique_ptr<Machine> machine_;
};

} // namespace limpet::thumb
