/// \file
/// A guest on a PC: its memory, its code and its state, ready for a backend to run.
#pragma once

#include "../bpf/packed_program.h"
#include "../limpet_bpf.h"
#include "../memory.h"

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

namespace limpet {

/// A file or a description of memory that cannot be loaded; what() is one line for the user.
class LoadError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A piece of a guest's memory that has rights of its own. Memory that no segment describes is writable and not
/// executable.
struct Segment {
    uint32_t address;              ///< guest address
    std::span<const uint8_t> data; ///< first bytes; the rest of the segment is 0
    uint32_t size;                 ///< bytes in memory, at least data.size()
    bool writable;
    bool executable;
};

/// What limpet_bpf_host is, on a PC.
struct MappedBpfHost {
    MappedHost memory;
    limpet_bpf_frame* frames;
    uint32_t frame_count;
    uint32_t frame_bytes;
};

/// Owns what limpet_host points to. Not copyable, because vm and host are handed to backends by reference.
class Guest {
public:
    /// Both windows over one memory of `size` bytes at guest address `base` (a multiple of 2). Executable segments are
    /// fetched from a copy, so they must not be writable. sp starts at the end of memory, 16-byte aligned.
    /// Throws LoadError when a segment does not fit into the memory, overlaps another, or is writable and executable.
    Guest(uint32_t base, uint32_t size, std::span<const Segment> segments);

    /// A guest image: `data` is the start of a data window at address 0, `code` the whole code window. Both must be as
    /// long as `windows` says at most; what of the data window `data` does not give is 0.
    Guest(const limpet_windows& windows, uint32_t stack_top, std::span<const uint8_t> data,
          std::span<const uint8_t> code);

    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

    /// Makes it a guest for eBPF, whose code is not in its memory. By default as RFC 9669's implementations have
    /// frames.
    void set_bpf_program(std::span<const uint8_t> code, uint32_t code_start = 0, uint32_t frame_bytes = 512,
                         uint32_t frame_count = 8);

    limpet_bpf_vm bpf{}; ///< the state of an eBPF guest; that of all others is the part of it that follows
    limpet_vm& vm = bpf.as.vm;
    MappedBpfHost bpf_host{}; ///< likewise
    MappedHost& host = bpf_host.memory;
    std::shared_ptr<const bpf::PackedProgram> packed; ///< of an eBPF guest: what bpf-packed has made of it

    /// The register words that a run can change: x1..x15; of an eBPF guest r0..r10, each its lower half first.
    [[nodiscard]] std::span<uint32_t> registers() {
        if (is_bpf()) return bpf.r;
        return std::span(vm.x).subspan(1);
    }
    [[nodiscard]] bool is_bpf() const { return bpf_host.frames != nullptr; }

    /// For the next call: a0.., or r1.. of an eBPF guest; those that it has no register for must be 0.
    void set_arguments(std::span<const uint32_t> arguments);
    /// Of a call that has returned: a0, or the lower half of r0.
    [[nodiscard]] uint32_t result() const { return is_bpf() ? bpf.r[0] : vm.x[10]; }

    [[nodiscard]] std::span<uint8_t> memory() { return memory_; }
    [[nodiscard]] std::span<const uint8_t> memory() const { return memory_; }
    [[nodiscard]] std::span<const uint8_t> code() const { return code_; } ///< the code window without its guard

    /// Makes host.prepared memory of that many bytes; what was there is lost.
    void provide_prepared(uint32_t size);

    /// Is there a whole instruction at pc, inside executable memory and not cut off by its end? (Not of rv32dense.)
    [[nodiscard]] bool can_fetch(uint32_t pc, bool compressed) const;

    /// The instruction at pc (16 bits when its low bits say so and `compressed`), 0 where it cannot be fetched.
    [[nodiscard]] uint32_t instruction_at(uint32_t pc, bool compressed) const;

private:
    [[nodiscard]] uint32_t halfword_at(uint32_t pc) const;
    void copy_code(uint32_t base, limpet_windows& window);

    std::vector<uint8_t> memory_;
    std::vector<uint8_t> code_;
    std::vector<uint64_t> prepared_;
    std::vector<Range> read_only_;
    std::vector<Range> executable_;
    std::vector<limpet_bpf_frame> frames_;
};

} // namespace limpet
