/// \file
/// What arguments a host call may have, computed in another way than by the code under test; and cases that try every
/// edge of every argument of a declaration.
#pragma once

#include "../../interp/calls/signature.h"
#include "../../interp/limpet.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace limpet::conformance {

using Arguments = std::array<uint32_t, 5>;

/// Each way in which an argument can be wrong.
enum class Fault {
    kNone,
    kValue,      ///< a number that is none of its type
    kHandle,     ///< a handle that names nothing
    kMisaligned, ///< of a buffer, whatever else is wrong with it
    kWild,       ///< a buffer that starts outside of the window
    kOverrun,    ///< starts inside and ends outside
    kWrapAround, ///< ends behind address 0xffffffff
    kOverflow,   ///< its length in bytes is 2^32 or more
    kReadOnly,   ///< starts in read-only data and the host would write to it
};

/// What a function gets for one argument.
struct Passed {
    uint32_t value;   ///< the number or the handle; of a buffer, how far it is from the start of the window
    uint32_t bytes;   ///< of a buffer
    bool any_pointer; ///< a buffer of no elements: it is enough that it is a pointer into the window
};

/// Judges one declaration's arguments.
class Judge {
public:
    /// How many handles there are of each kind: `handles[i]` of kind handle_kinds(all)[i].
    Judge(calls::Declaration declaration, const limpet_windows& window, std::vector<std::string> kinds,
          std::vector<uint32_t> handles)
        : declaration_(std::move(declaration)), window_(window), kinds_(std::move(kinds)),
          handles_(std::move(handles)) {}

    [[nodiscard]] Fault fault(size_t argument, const Arguments& args) const;
    [[nodiscard]] bool passes(const Arguments& args) const;
    [[nodiscard]] Passed passed(size_t argument, const Arguments& args) const;

    /// Every edge of every argument, the others being right.
    [[nodiscard]] std::vector<Arguments> cases() const;
    /// The faults that argument can have.
    [[nodiscard]] std::set<Fault> possible_faults(size_t argument) const;

    [[nodiscard]] const calls::Declaration& declaration() const { return declaration_; }
    [[nodiscard]] const std::vector<calls::Argument>& arguments() const { return declaration_.arguments; }

private:
    [[nodiscard]] uint64_t elements(const calls::Argument& buffer, const Arguments& args) const;
    [[nodiscard]] uint32_t handle_count(const calls::Argument& argument) const;
    [[nodiscard]] Arguments right() const;
    [[nodiscard]] Fault buffer_fault(const calls::Argument& buffer, uint64_t start, uint64_t count) const;
    void add_buffer_cases(size_t argument, std::vector<Arguments>& cases) const;

    calls::Declaration declaration_;
    limpet_windows window_;
    std::vector<std::string> kinds_;
    std::vector<uint32_t> handles_;
};

/// "spi_transfer(00000000, 00000104, 00000002)"
[[nodiscard]] std::string text_of(const calls::Declaration& declaration, const Arguments& args);

} // namespace limpet::conformance
