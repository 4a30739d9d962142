/// \file
/// A mock file (mock.md), read and checked.
#pragma once

#include "../../interp/calls/signature.h"
#include "chip.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace limpet::mock {

/// A result of a host call; none: the call is refused, which is a trap.
using Result = std::optional<uint32_t>;

/// What arguments of a call must be, by number.
struct ExpectedCall {
    std::string place;
    std::vector<std::pair<size_t, uint32_t>> arguments;
    std::map<size_t, Pattern> buffers; ///< the arguments that are buffers
};

/// What the file says of one function. Parts that it leaves out are as the function does them by itself.
struct FunctionScript {
    Source<Result> result;
    std::map<size_t, Source<Bytes>> out; ///< by argument
    std::vector<ExpectedCall> expected;
    std::optional<bool> print;
    std::string message; ///< the struct that its buffers hold; "": not known
    uint32_t calls = 0;  ///< made so far
};

/// A part of the schedule.
struct ScheduleItem {
    std::string place;
    std::string entry;  ///< called so often
    bool timer = false; ///< each time that the timer goes off, instead of at once
    uint32_t times = 1;
    std::array<uint32_t, 6> arguments{};
    Bytes data;                     ///< what `receive` gets
    std::optional<uint32_t> result; ///< expected
};

class Script {
public:
    /// Throws MockError.
    explicit Script(const std::string& path);

    /// The file of declarations that it names; "": none.
    [[nodiscard]] const std::string& calls() const { return calls_; }
    /// What it says of functions, by id. Throws MockError when it names one that is not declared.
    [[nodiscard]] std::vector<FunctionScript> functions(std::span<const calls::Declaration> declarations) const;
    /// How many handles of a kind there are.
    [[nodiscard]] uint32_t handles(const std::string& kind) const;

    uint32_t clock = 0; ///< at the start
    uint32_t step = 1;  ///< ticks that a host call takes
    bool expects_shutdown = false;
    std::vector<Chip> spi;
    std::vector<Chip> i2c;
    std::vector<Source<uint32_t>> inputs; ///< gpio_in
    std::vector<ScheduleItem> schedule;   ///< empty: none is given

private:
    void parse(const Node& root, const std::string& path);
    void parse_schedule(const Node& list);
    [[nodiscard]] static FunctionScript parse_function(const Node& node, const calls::Declaration& declaration);

    JsonFile file_;
    std::string calls_;
    std::map<std::string, uint32_t> handles_;
};

/// An argument's name, or its number when it has none.
[[nodiscard]] std::string argument_name(const calls::Declaration& declaration, size_t number);

} // namespace limpet::mock
