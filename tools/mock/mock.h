/// \file
/// `limpet run --mock`: the firmware around a guest, scripted by a file (mock.md).
#pragma once

#include "../program.h"
#include "../session.h"
#include "klipper.h"

#include "limpet_calls.h"

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace limpet::mock {

/// What carries out a guest's host calls, and says which entries run. One at a time: a host call knows only its guest.
class Mock : public Schedule {
public:
    /// `imports`: a file of declarations; "": the one that the mock file names, or what the image imports, or Klipper's
    /// firmware. Gives their ids to an image's host calls. What is printed goes to `out`, a JSON object a line.
    /// Throws MockError and LoadError.
    Mock(const std::string& path, const std::string& imports, Program& program, std::FILE* out);
    ~Mock() override;

    [[nodiscard]] bool has_schedule() const { return !script_.schedule.empty(); }
    /// Makes this what carries out the guest's host calls. `only`: the one call of a run whose entry the command line
    /// gives, instead of the schedule.
    void attach(Guest& guest, const std::optional<EntryCall>& only);

    std::optional<EntryCall> next() override;
    void returned(uint32_t result) override;

    [[nodiscard]] const std::vector<calls::Declaration>& declarations() const { return declarations_; }

    /// How the run ended, if the mock has a say in it: in a line of text, "" when all was well, and whether that is how
    /// it was to end. Nothing when the guest trapped by itself.
    struct Verdict {
        bool good;
        std::string text;
    };
    [[nodiscard]] std::optional<Verdict> verdict(limpet_status status) const;
    /// Why a host call trapped; "": none did.
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

private:
    struct Function {
        std::vector<uint8_t> types;
        Klipper::Handler handler;
        FunctionScript script;
    };

    static limpet_status host_call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args);
    static std::vector<calls::Declaration> declared(const std::string& path, const Script& script,
                                                    const std::string& imports, const Program& program);
    limpet_status call(limpet_vm& vm, uint32_t id, uint32_t* args);
    Result carry_out(Function& function, const Call& call);
    void check_expected(Function& function, const Call& call);
    void print(const Function& function, const Call& call, nlohmann::ordered_json before, uint32_t result) const;
    [[nodiscard]] nlohmann::ordered_json values(const Function& function, const Call& call, bool written) const;
    [[nodiscard]] uint32_t entry_address(const ScheduleItem& item) const;
    void check_complete() const;

    const Program& program_;
    std::FILE* out_;
    Script script_;
    std::vector<calls::Declaration> declarations_;
    std::vector<std::string> kinds_; ///< of handles, by number
    std::vector<Function> functions_;
    Klipper klipper_;
    Guest* guest_ = nullptr;
    std::optional<EntryCall> only_;
    bool only_given_ = false;
    size_t item_ = 0;     ///< of the schedule
    uint32_t times_ = 0;  ///< that it has been called
    std::string failure_; ///< what the guest did that was not expected; "": nothing
    std::string refusal_;
};

} // namespace limpet::mock
