/// \file
/// All backends of this build, in one process.
#pragma once

#include "../interp/image/guest.h"
#include "../interp/rv32/isa.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limpet {

/// One way to run guests of one isa. The calls mean what those of limpet.h mean. A backend may live elsewhere than in
/// this process (Thumb code in an emulator): then it brings guest.vm and guest.memory() up to date before it returns
/// and before each host call.
class Backend {
public:
    Backend(std::string its_name, std::string its_isa_name, rv32::Isa its_isa, bool exact, bool is_emulated = false)
        : name(std::move(its_name)), isa_name(std::move(its_isa_name)), isa(its_isa), counts_exactly(exact),
          emulated(is_emulated) {}
    /// One for eBPF.
    Backend(std::string its_name, std::string its_isa_name, bool exact, bool is_emulated = false)
        : name(std::move(its_name)), isa_name(std::move(its_isa_name)), bpf(true), counts_exactly(exact),
          emulated(is_emulated) {}
    /// One that runs the same guests in another way.
    Backend(const Backend& like, std::string its_name, bool is_emulated)
        : name(std::move(its_name)), isa_name(like.isa_name), isa(like.isa), bpf(like.bpf),
          counts_exactly(like.counts_exactly), emulated(is_emulated) {}
    /// Are a guest's registers 32 bits wide? Of eBPF: it runs what bpf::map_program has made.
    [[nodiscard]] bool is_narrow() const { return isa_name == "ebpf32"; }
    /// Is there a library of it for microcontrollers? (The reference runs programs for 32-bit registers on PCs alone.)
    [[nodiscard]] bool has_library() const { return emulated || !is_narrow(); }
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;
    virtual ~Backend() = default;

    virtual limpet_status prepare(Guest& guest) const = 0;
    virtual limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const = 0;
    virtual limpet_status resume(Guest& guest, uint32_t fuel) const = 0;

    const std::string name;     ///< "rv32-switch", "rv32-goto/lean"
    const std::string isa_name; ///< "rv32ec"
    const rv32::Isa isa{};
    const bool bpf = false;    ///< it runs eBPF programs: then isa says nothing
    const bool counts_exactly; ///< each instruction costs one unit of fuel, no more and no less
    const bool emulated;       ///< Thumb code in an emulator: how fast it is here says nothing
};

/// Those for rv32, in the order of registration; the first of each isa is its reference.
[[nodiscard]] std::span<const std::unique_ptr<Backend>> backends();

/// Those for eBPF; the first is the reference for all of them.
[[nodiscard]] std::span<const std::unique_ptr<Backend>> bpf_backends();

/// Of either kind; nullptr when there is none.
[[nodiscard]] const Backend* find_backend(std::string_view isa_name, std::string_view name);

} // namespace limpet
