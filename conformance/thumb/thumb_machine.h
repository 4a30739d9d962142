/// \file
/// A Cortex-M0+ as far as a library needs one: its image, a stack, and the places that limpet.h's callers provide.
#pragma once

#include "../../interp/image/guest.h"

#include <array>
#include <cstdint>
#include <string>
#include <unicorn/unicorn.h>
#include <vector>

namespace limpet::conformance {

/// Runs the functions of one image. Every access is held to what silicon and limpet.h allow: naturally aligned (ARMv6-M
/// faults otherwise; Unicorn's Cortex-M0 does not), and inside the VM struct, the host struct, the guest's memory, the
/// image's constants or the stack. An access that is not ends the test program with a message, because whatever
/// comes after it would mean nothing.
class ThumbMachine {
public:
    /// Words of the table that an image starts with.
    enum class Function { kInit, kPrepare, kCall, kResume, kPreparedSize };

    explicit ThumbMachine(std::string image_path);
    ~ThumbMachine();
    ThumbMachine(const ThumbMachine&) = delete;
    ThumbMachine& operator=(const ThumbMachine&) = delete;

    /// Copies the guest into the machine, calls function(&vm, &host, a, b), and copies the guest back. While a host
    /// call is under way, no other guest may be run here.
    limpet_status run(Function function, Guest& guest, uint32_t a = 0, uint32_t b = 0) {
        return static_cast<limpet_status>(result_of(function, guest, a, b));
    }

    /// limpet_prepared_size, then limpet_prepare with so much memory.
    limpet_status prepare(Guest& guest);

    /// The most that any run has used, the frames of host calls excluded.
    [[nodiscard]] uint32_t deepest_stack_bytes() const { return deepest_stack_bytes_; }

private:
    /// Registers r0..r12, sp, lr, pc.
    using Core = std::array<uint32_t, 16>;

    uint32_t result_of(Function function, Guest& guest, uint32_t a = 0, uint32_t b = 0);
    static void on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t value, void* self);
    void access(uint32_t address, uint32_t size, bool write);
    [[nodiscard]] bool allowed(uint32_t address, uint32_t size, bool write) const;
    [[noreturn]] void fail(const std::string& what) const;

    void put(const Guest& guest);
    void get(Guest& guest) const;
    void go(Core& core);
    void host_call(Guest& guest, Core& core);
    [[nodiscard]] uint8_t* ram(uint32_t address);
    [[nodiscard]] const uint8_t* ram(uint32_t address) const;

    std::string image_path_;
    uc_engine* uc_ = nullptr;
    uint8_t* ram_ = nullptr;
    std::vector<uint8_t> image_;
    limpet_windows window_{};    ///< of the guest that is in the machine
    uint32_t prepared_size_ = 0; ///< of its prepared code
    bool preparing_ = false;     ///< limpet_prepare runs: it alone may change prepared code
    uint32_t stack_start_;       ///< sp at the call of the function that runs
    uint32_t host_call_sp_;      ///< sp at the last host call
    uint32_t deepest_stack_bytes_ = 0;
};

} // namespace limpet::conformance
