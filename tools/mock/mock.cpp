#include "mock.h"

#include "../builder/sdk.h"
#include "../trace.h"

#include "check.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace limpet::mock {

namespace {

Mock* attached = nullptr; ///< limpet_host_call brings nothing else that leads to it

/// A number as its type has it.
nlohmann::ordered_json number_text(calls::Scalar type, uint32_t value) {
    switch (type) {
    case calls::Scalar::kBool: return value != 0;
    case calls::Scalar::kI8:
    case calls::Scalar::kI16:
    case calls::Scalar::kI32: return static_cast<int32_t>(value);
    default: return value;
    }
}

/// A result as a function of this type returns it.
uint32_t narrowed(calls::Scalar type, uint32_t value) {
    switch (type) {
    case calls::Scalar::kBool: return value != 0 ? 1 : 0;
    case calls::Scalar::kU8: return static_cast<uint8_t>(value);
    case calls::Scalar::kI8: return static_cast<uint32_t>(static_cast<int8_t>(value));
    case calls::Scalar::kU16: return static_cast<uint16_t>(value);
    case calls::Scalar::kI16: return static_cast<uint32_t>(static_cast<int16_t>(value));
    default: return value;
    }
}

/// Is an argument nothing but the length of a buffer?
bool is_length(const calls::Declaration& declaration, size_t number) {
    return std::ranges::any_of(declaration.arguments, [&](const calls::Argument& argument) {
        return argument.is_buffer() && argument.length_is_argument && argument.length == number;
    });
}

/// What an image imports, with the names of parameters where Klipper's firmware declares the same.
std::vector<calls::Declaration> imports_of(const Container& image) {
    const std::vector<calls::Declaration> known = read_imports("");
    std::vector<calls::Declaration> all;
    for (const Import& import : image.imports) {
        const auto same = calls::find(known, import.signature);
        all.push_back(same ? known[*same] : calls::parse_declaration(import.signature));
    }
    return all;
}

/// What a message says, or its bytes when they are not as described.
nlohmann::ordered_json message_text(const Message* message, std::span<const uint8_t> bytes) {
    if (message == nullptr || bytes.size() > message->size) return hex(bytes);
    return decode(*message, bytes);
}

} // namespace

std::vector<calls::Declaration> Mock::declared(const std::string& path, const Script& script,
                                               const std::string& imports, const Program& program) {
    if (!imports.empty()) return read_imports(imports);
    try {
        if (!script.calls().empty()) return read_imports(script.calls());
    } catch (const LoadError& error) {
        throw mock_error(path, error.what());
    }
    return program.image() != nullptr ? imports_of(*program.image()) : read_imports("");
}

Mock::Mock(const std::string& path, const std::string& imports, Program& program, std::FILE* out)
    : program_(program), out_(out), script_(path), declarations_(declared(path, script_, imports, program)),
      kinds_(calls::handle_kinds(declarations_)), klipper_(script_) {
    if (program.image() != nullptr) program.bind(declarations_);
    std::vector<FunctionScript> scripts;
    try {
        scripts = script_.functions(declarations_);
        for (const ScheduleItem& item : script_.schedule) (void)entry_address(item);
    } catch (const MockError& error) {
        throw mock_error(path, error.what());
    }
    for (size_t i = 0; i < declarations_.size(); ++i)
        functions_.push_back({.types = calls::encode(declarations_[i], kinds_),
                              .handler = Klipper::handler_of(declarations_[i]),
                              .script = std::move(scripts[i])});
}

Mock::~Mock() {
    if (attached == this) attached = nullptr;
}

void Mock::attach(Guest& guest, const std::optional<EntryCall>& only) {
    guest_ = &guest;
    only_ = only;
    only_given_ = only.has_value();
    attached = this;
    guest.host.call = host_call;
}

// The schedule

uint32_t Mock::entry_address(const ScheduleItem& item) const {
    // In the ELF file that an image is made from, entries have the names of their functions.
    const auto function = program_.find("limpet_entry_" + item.entry);
    if (program_.image() == nullptr && function) return *function;
    try {
        return program_.entry(item.entry);
    } catch (const LoadError& error) {
        throw MockError(fmt::format("{}: {}", item.place, error.what()));
    }
}

std::optional<EntryCall> Mock::next() {
    if (!failure_.empty()) return std::nullopt;
    if (only_given_) return std::exchange(only_, std::nullopt);
    while (item_ < script_.schedule.size() && times_ == script_.schedule[item_].times) {
        ++item_;
        times_ = 0;
    }
    if (item_ == script_.schedule.size()) return std::nullopt;
    const ScheduleItem& item = script_.schedule[item_];
    EntryCall call{.address = entry_address(item), .arguments = item.arguments};
    klipper_.command = item.data;
    try {
        if (item.timer && !klipper_.timer_runs())
            throw Unexpected(
                fmt::format("{}: the timer does not run, after {} of {} times", item.place, times_, item.times));
        if (item.timer) std::ranges::copy(klipper_.wait_for_timer(), call.arguments.begin());
    } catch (const Unexpected& unexpected) {
        failure_ = unexpected.what();
        return std::nullopt;
    }
    ++times_;
    return call;
}

void Mock::returned(uint32_t result) {
    if (only_given_) return;
    const ScheduleItem& item = script_.schedule[item_];
    if (item.timer) klipper_.task_returned(result);
    if (item.result && *item.result != result)
        failure_ = fmt::format("{}: the result is {}, not {}", item.place, result, *item.result);
}

// Host calls

limpet_status Mock::host_call(limpet_vm* vm, const limpet_host* /*host*/, uint32_t id, uint32_t* args) {
    return attached->call(*vm, id, args);
}

limpet_status Mock::call(limpet_vm& vm, uint32_t id, uint32_t* args) {
    if (id >= functions_.size()) {
        refusal_ = fmt::format("no host call {} is declared", id);
        return LIMPET_HOST_CALL;
    }
    Function& function = functions_[id];
    const calls::Declaration& declaration = declarations_[id];
    std::array<uintptr_t, calls::kArgumentsMax> checked{};
    const auto resolve = [&](uint32_t index, uint32_t kind) -> uintptr_t {
        return index < script_.handles(kinds_[kind]) ? index : LIMPET_NO_HANDLE;
    };
    if (calls::check(vm, guest_->host, function.types.data(), args, checked.data(), resolve) == 0) {
        refusal_ = "bad argument: " + call_text(declaration, args);
        return LIMPET_HOST_CALL;
    }
    const Call call(declaration, checked);
    try {
        nlohmann::ordered_json before = values(function, call, false);
        check_expected(function, call);
        const Result result = carry_out(function, call);
        if (!result) {
            refusal_ = "refused by the mock: " + call_text(declaration, args);
            return LIMPET_HOST_CALL;
        }
        if (declaration.result) args[0] = narrowed(*declaration.result, *result);
        print(function, call, std::move(before), args[0]);
    } catch (const Unexpected& unexpected) {
        failure_ = unexpected.what();
        return LIMPET_HOST_CALL;
    }
    klipper_.clock += script_.step;
    return klipper_.shutdown() ? LIMPET_HOST_CALL : LIMPET_RETURN;
}

Result Mock::carry_out(Function& function, const Call& call) {
    FunctionScript& script = function.script;
    if (!script.result && script.out.empty())
        return function.handler == nullptr ? 0 : (klipper_.*function.handler)(call);
    for (auto& [number, source] : script.out) {
        const Bytes bytes = source(klipper_.clock);
        const std::span<uint8_t> room = call.bytes(number);
        std::copy_n(bytes.begin(), std::min(bytes.size(), room.size()), room.begin());
    }
    return script.result ? script.result(klipper_.clock) : Result(0);
}

void Mock::check_expected(Function& function, const Call& call) {
    FunctionScript& script = function.script;
    const uint32_t number = script.calls++;
    if (number >= script.expected.size()) return;
    const ExpectedCall& expected = script.expected[number];
    for (const auto& [i, value] : expected.arguments)
        if (call.number(i) != value)
            throw Unexpected(fmt::format("{}: {} is {}, not {}", expected.place, argument_name(call.declaration, i),
                                         number_text(call.declaration.arguments[i].type, call.number(i)).dump(),
                                         number_text(call.declaration.arguments[i].type, value).dump()));
    for (const auto& [i, pattern] : expected.buffers)
        if (!pattern.matches(call.bytes(i)))
            throw Unexpected(fmt::format("{}: {} is {}, not {}", expected.place, argument_name(call.declaration, i),
                                         hex(call.bytes(i)), pattern.text()));
}

// What is printed

/// The arguments of a call, without those that are only lengths: what the guest passes, or what the host has written.
nlohmann::ordered_json Mock::values(const Function& function, const Call& call, bool written) const {
    nlohmann::ordered_json all = nlohmann::ordered_json::object();
    const Message* message = nullptr;
    if (const Container* image = program_.image(); image != nullptr && !function.script.message.empty()) {
        const auto found = std::ranges::find(image->messages, function.script.message, &Message::name);
        if (found != image->messages.end()) message = &*found;
    }
    for (size_t i = 0; i < call.declaration.arguments.size(); ++i) {
        const calls::Argument& argument = call.declaration.arguments[i];
        const bool wanted = written ? argument.is_written() : argument.kind != calls::Argument::Kind::kOut;
        if (!wanted || is_length(call.declaration, i)) continue;
        all[argument_name(call.declaration, i)] =
            argument.is_buffer() ? message_text(message, call.bytes(i)) : number_text(argument.type, call.number(i));
    }
    return all;
}

void Mock::print(const Function& function, const Call& call, nlohmann::ordered_json before, uint32_t result) const {
    const std::string& name = call.declaration.name;
    const bool by_itself = function.handler == nullptr || Klipper::goes_to_the_pc(function.handler);
    const bool nothing = function.handler != nullptr && name == "bulk_overflow" && call.number(0) == 0;
    if (!function.script.print.value_or(by_itself && !nothing)) return;
    nlohmann::ordered_json line = {{"clock", klipper_.clock}, {"call", name}};
    const Message* message = nullptr;
    if (function.handler != nullptr && name == "respond" && program_.image() != nullptr) {
        const auto& messages = program_.image()->messages;
        const auto found = std::ranges::find(messages, call.number(0), &Message::id);
        if (found != messages.end()) message = &*found;
    }
    if (message != nullptr) {
        line["message"] = message->name;
        line["fields"] = message_text(message, call.bytes(1));
    } else {
        if (!before.empty()) line["args"] = std::move(before);
    }
    if (auto out = values(function, call, true); !out.empty()) line["out"] = std::move(out);
    if (call.declaration.result) line["result"] = number_text(*call.declaration.result, result);
    fmt::print(out_, "{}\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// The end

void Mock::check_complete() const {
    for (size_t i = 0; i < functions_.size(); ++i)
        if (const FunctionScript& script = functions_[i].script; script.calls < script.expected.size())
            throw Unexpected(fmt::format("functions.{}.expect: {} of {} calls were made", declarations_[i].name,
                                         script.calls, script.expected.size()));
    for (const Chip& chip : script_.spi) chip.check_complete();
    for (const Chip& chip : script_.i2c) chip.check_complete();
    if (script_.expects_shutdown && !klipper_.shutdown()) throw Unexpected("end: the guest did not stop the firmware");
}

std::optional<Mock::Verdict> Mock::verdict(limpet_status status) const {
    if (!failure_.empty()) return Verdict{.good = false, .text = failure_};
    if (klipper_.shutdown() && !script_.expects_shutdown)
        return Verdict{.good = false, .text = "the guest stopped the firmware: " + *klipper_.shutdown()};
    if (!klipper_.shutdown() && status != LIMPET_RETURN && status != LIMPET_ECALL) return std::nullopt;
    try {
        check_complete();
    } catch (const Unexpected& unexpected) {
        return Verdict{.good = false, .text = unexpected.what()};
    }
    return Verdict{.good = true, .text = ""};
}

} // namespace limpet::mock
