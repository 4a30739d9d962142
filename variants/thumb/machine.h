/// \file
/// A Cortex-M0+ as far as a library needs one: its image, a stack, and the places that limpet.h's callers provide.
#pragma once

#include "../../interp/image/guest.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unicorn/unicorn.h>
#include <vector>

namespace limpet::thumb {

/// Thrown when a guest did what limpet_host cannot forbid and its rights do. The guest is back where the library was
/// entered, or where it came back from its last host call.
struct Forbidden {
    std::string image_path;
    std::optional<uint32_t> entry; ///< the call that has to be made again; none: the guest is to be resumed
    uint32_t fuel;                 ///< what the budget still allowed there
};

/// Sees each instruction of a library before it runs.
class Observer {
public:
    Observer() = default;
    Observer(const Observer&) = delete;
    Observer& operator=(const Observer&) = delete;
    virtual ~Observer() = default;

    /// first, second: the halfword at the address, and the one behind it.
    virtual void instruction(uint32_t address, uint16_t first, uint16_t second, uint32_t sp) = 0;
    /// The instruction before this was the last one: its function has returned, or calls the host.
    virtual void left(bool returned) = 0;
};

/// Bytes that memory is said to begin behind where it does.
struct Displaced {
    uint32_t data = 0, code = 0, prepared = 0;
};

/// Runs the functions of one image. Every access is held to what silicon and limpet.h allow: naturally aligned (ARMv6-M
/// faults otherwise; Unicorn's Cortex-M0 does not), and inside the VM struct, the host struct, the guest's memory and
/// frames, the image's constants or the stack. An access that is not ends the program with a message, because whatever
/// comes after it would mean nothing.
class Machine {
public:
    /// What guests it runs: rv32 without or with instructions of 2 bytes, or eBPF.
    enum class Kind : uint8_t { kPlain, kCompressed, kBpf };

    Machine(std::string image_path, Kind kind);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// limpet.h's functions, for a guest that is copied into the machine and back; prepare provides the memory that
    /// limpet_prepared_size demands, and refuses a guest that the machine has no room for. While a host call is under
    /// way, no other guest may be run here. call and resume may throw Forbidden.
    limpet_status prepare(Guest& guest);
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel);
    limpet_status resume(Guest& guest, uint32_t fuel);

    /// limpet_prepare with so many bytes. What it accepts of displaced memory cannot be run.
    limpet_status prepare_in(Guest& guest, uint32_t prepared_bytes, Displaced displaced = {});

    /// limpet_prepared_kept, after prepare.
    uint32_t prepared_kept(Guest& guest);

    /// From now on; nullptr: nobody. It costs most of the speed.
    void observe(Observer* observer);

    /// The most that any run has used, the frames of host calls excluded.
    [[nodiscard]] uint32_t deepest_stack_bytes() const { return deepest_stack_bytes_; }
    /// The same of limpet_prepare and limpet_prepared_size.
    [[nodiscard]] uint32_t deepest_prepare_stack_bytes() const { return deepest_prepare_stack_bytes_; }

private:
    /// Words of the table that an image starts with; those for eBPF have no kPreparedKept.
    enum class Function { kInit, kPrepare, kCall, kResume, kPreparedSize, kPreparedKept };

    /// Registers r0..r12, sp, lr, pc.
    using Core = std::array<uint32_t, 16>;

    [[nodiscard]] static bool holds(const Guest& guest);
    uint32_t result_of(Function function, Guest& guest, uint32_t a = 0, uint32_t b = 0);
    limpet_status checked(Guest& guest, uint32_t status);
    static void on_instruction(uc_engine* uc, uint64_t address, uint32_t size, void* self);
    [[nodiscard]] const uint8_t* code(uint32_t address) const;
    static bool on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t value, void* self);
    void access(uint32_t address, uint32_t size, bool write);
    [[nodiscard]] uint32_t notes_bytes() const;
    [[nodiscard]] bool allowed(uint32_t address, uint32_t size, bool write) const;
    [[nodiscard]] bool breaks_rights(uint32_t address, uint32_t size, bool write) const;
    [[noreturn]] void fail(const std::string& what) const;

    void put(const Guest& guest);
    void get(Guest& guest) const;
    void go(Core& core);
    void save(const Guest& guest, std::optional<uint32_t> entry, uint32_t fuel);
    [[noreturn]] void take_back(Guest& guest);
    void host_call(Guest& guest, Core& core);
    [[nodiscard]] uint8_t* ram(uint32_t address);
    [[nodiscard]] const uint8_t* ram(uint32_t address) const;

    std::string image_path_;
    Kind kind_;
    uc_engine* uc_ = nullptr;
    uint8_t* ram_ = nullptr;
    std::vector<uint8_t> image_;
    Observer* observer_ = nullptr;
    uc_hook observer_hook_ = 0;
    uint32_t state_bytes_;             ///< of the VM struct,
    uint32_t vm_;                      ///< in which struct limpet_vm is there,
    uint32_t host_bytes_;              ///< of the host struct
    uint32_t code_;                    ///< where the code is,
    uint32_t guard_bytes_;             ///< with so much behind it
    uint32_t frames_bytes_ = 0;        ///< of the guest's frames
    const MappedHost* host_ = nullptr; ///< of the guest that is in the machine
    limpet_windows window_{};          ///< its windows
    uint32_t data_ = 0;                ///< where its data window is
    uint32_t prepared_size_ = 0;       ///< of its prepared code
    Displaced displaced_;
    bool preparing_ = false;      ///< limpet_prepare runs: it alone may change prepared code, but for notes_bytes()
    bool sizing_ = false;         ///< limpet_prepared_size runs
    bool watched_ = false;        ///< does it have rights that limpet_host cannot tell?
    bool forbidden_ = false;      ///< it went beyond them
    Forbidden saved_{};           ///< where it is taken back to then, with
    limpet_bpf_vm saved_state_{}; ///< its state
    std::vector<uint8_t> saved_memory_;
    std::vector<limpet_bpf_frame> saved_frames_;
    uint32_t stack_start_;  ///< sp at the call of the function that runs
    uint32_t host_call_sp_; ///< sp at the last host call
    uint32_t deepest_stack_bytes_ = 0;
    uint32_t deepest_prepare_stack_bytes_ = 0;
};

} // namespace limpet::thumb
