/// \file
/// The test's firmware on an emulated Cortex-M0+.
#pragma once

#include "cases.h"

#include <span>
#include <unicorn/unicorn.h>

namespace limpet::conformance {

/// Calls an image's dispatcher. An access that the firmware may not make (misaligned, or outside of the guest's data
/// window, the structs that it was given, its own variables and constants, and the stack) ends the call with an error.
class ThumbFirmware {
public:
    explicit ThumbFirmware(const std::string& image_path);
    ~ThumbFirmware();
    ThumbFirmware(const ThumbFirmware&) = delete;
    ThumbFirmware& operator=(const ThumbFirmware&) = delete;

    /// struct test_record as the machine sees it.
    struct Record {
        uint32_t calls;
        uint32_t count;
        std::array<uint32_t, 5> arguments;
        uint32_t sum;
        uint32_t result;
    };

    /// Guest data start here.
    static constexpr uint32_t kData = 0x20010000;

    /// Calls the dispatcher for a guest with these windows, data and a0..a4; data and args are what they are after it.
    limpet_status call(const limpet_windows& window, std::span<uint8_t> data, uint32_t id, Arguments& args);

    /// What was wrong with the last call; "" when nothing was.
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] Record& record();
    /// Of the dispatcher and what it calls, for all calls so far.
    [[nodiscard]] uint32_t deepest_stack_bytes() const { return deepest_stack_bytes_; }

private:
    static void on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t value, void* self);
    [[nodiscard]] bool allowed(uint32_t address, uint32_t size, bool write) const;
    template <class T> [[nodiscard]] T& at(uint32_t address);

    uc_engine* uc_ = nullptr;
    std::vector<uint32_t> ram_;
    uint32_t image_bytes_ = 0;
    uint32_t call_ = 0;
    uint32_t record_ = 0;
    uint32_t data_bytes_ = 0;
    uint32_t deepest_stack_bytes_ = 0;
    std::string error_;
};

} // namespace limpet::conformance
