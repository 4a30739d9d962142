/// \file
/// The eBPF libraries of the Cortex-M0+ build as backends of this process.
#pragma once

#include "../registry.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unicorn/unicorn.h>
#include <vector>

namespace limpet::thumb {

/// Runs the functions of one image on Unicorn's Cortex-M0. An access that is misaligned (silicon faults, Unicorn does
/// not), or outside the VM struct, the host struct, the frames, the guest's memory, its program, the image's constants
/// and the stack, ends the program with a message. For guests at base 0 with one read-only part.
class BpfMachine {
public:
    /// Words of the table that an image starts with.
    enum class Function { kInit, kPrepare, kCall, kResume, kPreparedSize };

    explicit BpfMachine(std::string image_path);
    ~BpfMachine();
    BpfMachine(const BpfMachine&) = delete;
    BpfMachine& operator=(const BpfMachine&) = delete;

    /// Copies the guest into the machine, calls function(&vm, &host, a, b), and copies the guest back.
    uint32_t run(Function function, Guest& guest, uint32_t a = 0, uint32_t b = 0);
    /// limpet_bpf_prepare, with the memory that it needs.
    limpet_status prepare(Guest& guest);

    /// Is told of each instruction before it runs: its address, and its bytes (4, whatever it has). Slow.
    void watch(std::function<void(uint32_t address, const uint8_t* bytes)> watcher);

    /// The most that any run has used, the frames of host calls excluded.
    [[nodiscard]] uint32_t deepest_stack_bytes() const { return deepest_stack_bytes_; }

private:
    /// Registers r0..r12, sp, lr, pc.
    using Core = std::array<uint32_t, 16>;

    static void on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t value, void* self);
    void access(uint32_t address, uint32_t size, bool write);
    [[nodiscard]] bool allowed(uint32_t address, uint32_t size, bool write) const;
    [[noreturn]] void fail(const std::string& what) const;
    void put(const Guest& guest);
    void get(Guest& guest) const;
    void go(Core& core);
    void host_call(Guest& guest, Core& core);
    [[nodiscard]] uint8_t* ram(uint32_t address) const;

    std::string image_path_;
    std::function<void(uint32_t, const uint8_t*)> watcher_;
    uc_engine* uc_ = nullptr;
    uint8_t* ram_ = nullptr;
    std::vector<uint8_t> image_;
    limpet_windows window_{};     ///< of the guest that is in the machine,
    uint32_t prepared_bytes_ = 0; ///< its prepared code,
    bool preparing_ = false;      ///< which limpet_bpf_prepare alone may change,
    uint32_t frame_bytes_ = 0;    ///< and of its frames
    uint32_t stack_start_;        ///< sp at the call of the function that runs
    uint32_t host_call_sp_;       ///< sp at the last host call
    uint32_t deepest_stack_bytes_ = 0;
};

class BpfThumbBackend : public Backend {
public:
    explicit BpfThumbBackend(const Backend& like);
    limpet_status prepare(Guest& guest) const override;
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override;
    limpet_status resume(Guest& guest, uint32_t fuel) const override;

    /// Made when it is first used: an emulator costs milliseconds to start.
    [[nodiscard]] BpfMachine& machine() const;

private:
    mutable std::unique_ptr<BpfMachine> machine_;
};

} // namespace limpet::thumb
