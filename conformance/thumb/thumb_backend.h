/// \file
/// The libraries of the Cortex-M0+ build as backends of this process.
#pragma once

#include "../../variants/registry.h"
#include "thumb_machine.h"

namespace limpet::conformance {

/// Runs a library's object code; guests that limpet_host can describe only: base 0, no lists of ranges.
class ThumbBackend : public Backend {
public:
    ThumbBackend(const Backend& like, std::string image_path)
        : Backend(like.name + "@thumb", like.isa_name, like.isa, like.counts_exactly), path_(std::move(image_path)) {}

    limpet_status prepare(Guest& guest) const override { return machine().prepare(guest); }
    limpet_status call(Guest& guest, uint32_t entry, uint32_t fuel) const override {
        return machine().run(ThumbMachine::Function::kCall, guest, entry, fuel);
    }
    limpet_status resume(Guest& guest, uint32_t fuel) const override {
        return machine().run(ThumbMachine::Function::kResume, guest, fuel);
    }

    /// Made when it is first used: an emulator costs milliseconds to start.
    [[nodiscard]] ThumbMachine& machine() const {
        if (!machine_) machine_ = std::make_unique<ThumbMachine>(path_);
        return *machine_;
    }

private:
    std::string path_;
    mutable std::unique_ptr<ThumbMachine> machine_;
};

} // namespace limpet::conformance
