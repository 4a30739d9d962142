#include "cases.h"

#include <algorithm>
#include <cstdio>

namespace limpet::conformance {

namespace {

using calls::Argument;
using calls::Scalar;

/// Smallest and largest value of a type, as numbers; written out, because the code under test computes them.
struct Limits {
    int64_t min;
    int64_t max;
};

Limits limits_of(Scalar type) {
    switch (type) {
    case Scalar::kBool: return {0, 1};
    case Scalar::kU8: return {0, 255};
    case Scalar::kI8: return {-128, 127};
    case Scalar::kU16: return {0, 65535};
    case Scalar::kI16: return {-32768, 32767};
    case Scalar::kU32: return {0, 4294967295};
    case Scalar::kI32: return {-2147483648, 2147483647};
    }
    return {};
}

bool in_type(Scalar type, uint32_t value) {
    const Limits limits = limits_of(type);
    const int64_t number = limits.min < 0 ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
    return number >= limits.min && number <= limits.max;
}

uint64_t size_of(Scalar type) {
    switch (type) {
    case Scalar::kU8:
    case Scalar::kI8: return 1;
    case Scalar::kU16:
    case Scalar::kI16: return 2;
    default: return 4;
    }
}

constexpr auto kEdges = std::to_array<uint32_t>(
    {0,          1,          2,          3,          4,          5,          127,        128,
     129,        254,        255,        256,        257,        511,        32767,      32768,
     32769,      65535,      65536,      65537,      0x00800000, 0x01000000, 0x3fffffff, 0x40000000,
     0x40000001, 0x7fffffff, 0x80000000, 0x80000001, 0xfffeffff, 0xffff0000, 0xffff7fff, 0xffff8000,
     0xffff8001, 0xffffff00, 0xffffff7f, 0xffffff80, 0xffffff81, 0xfffffffd, 0xfffffffe, 0xffffffff});

} // namespace

uint64_t Judge::elements(const Argument& buffer, const Arguments& args) const {
    return buffer.length_is_argument ? args[buffer.length] : buffer.length;
}

uint32_t Judge::handle_count(const Argument& argument) const {
    const auto found = std::ranges::find(kinds_, argument.handle);
    return handles_[static_cast<size_t>(found - kinds_.begin())];
}

Fault Judge::buffer_fault(const Argument& buffer, uint64_t start, uint64_t count) const {
    const uint64_t bytes = count * size_of(buffer.type);
    if (count == 0) return Fault::kNone;
    if (start % size_of(buffer.type) != 0) return Fault::kMisaligned;
    if (bytes > UINT32_MAX) return Fault::kOverflow;
    if (start + bytes > UINT32_MAX) return Fault::kWrapAround;
    if (start >= window_.data_size) return Fault::kWild;
    if (start + bytes > window_.data_size) return Fault::kOverrun;
    if (buffer.is_written() && start < window_.writable_start) return Fault::kReadOnly;
    return Fault::kNone;
}

Fault Judge::fault(size_t argument, const Arguments& args) const {
    const Argument& type = arguments()[argument];
    const uint32_t value = args[argument];
    switch (type.kind) {
    case Argument::Kind::kScalar: return in_type(type.type, value) ? Fault::kNone : Fault::kValue;
    case Argument::Kind::kHandle: return value < handle_count(type) ? Fault::kNone : Fault::kHandle;
    default: return buffer_fault(type, value, elements(type, args));
    }
}

bool Judge::passes(const Arguments& args) const {
    for (size_t i = 0; i < arguments().size(); ++i)
        if (fault(i, args) != Fault::kNone) return false;
    return true;
}

Passed Judge::passed(size_t argument, const Arguments& args) const {
    const Argument& type = arguments()[argument];
    if (!type.is_buffer()) return {args[argument], 0, false};
    const uint64_t count = elements(type, args);
    return {args[argument], static_cast<uint32_t>(count * size_of(type.type)), count == 0};
}

std::set<Fault> Judge::possible_faults(size_t argument) const {
    const Argument& type = arguments()[argument];
    if (type.kind == Argument::Kind::kHandle) return {Fault::kHandle};
    if (!type.is_buffer()) {
        if (type.type == Scalar::kU32 || type.type == Scalar::kI32) return {};
        return {Fault::kValue};
    }
    std::set<Fault> result = {Fault::kWild, Fault::kWrapAround};
    if (type.length_is_argument || type.length > 1) result.insert(Fault::kOverrun); // one element, aligned: in or out
    if (size_of(type.type) > 1) result.insert(Fault::kMisaligned);
    if (type.is_written()) result.insert(Fault::kReadOnly);
    // Only a u32 can count so many elements.
    if (size_of(type.type) > 1 && type.length_is_argument && arguments()[type.length].type == Scalar::kU32)
        result.insert(Fault::kOverflow);
    return result;
}

/// Arguments with which the call passes: 2 elements where a length is an argument, buffers one behind the other.
Arguments Judge::right() const {
    Arguments result{};
    uint32_t place = (window_.writable_start + 15) & ~15U;
    for (const Argument& type : arguments())
        if (type.length_is_argument) result[type.length] = 2;
    for (size_t i = 0; i < arguments().size(); ++i) {
        if (!arguments()[i].is_buffer()) continue;
        result[i] = place;
        place += (passed(i, result).bytes + 15) & ~15U;
    }
    return result;
}

void Judge::add_buffer_cases(size_t argument, std::vector<Arguments>& cases) const {
    const Argument& type = arguments()[argument];
    const auto size = static_cast<uint32_t>(size_of(type.type));
    std::set<uint32_t> lengths = {type.length};
    if (type.length_is_argument) {
        lengths = {window_.data_size / size, window_.data_size / size + 1, UINT32_MAX / size};
        lengths.insert(kEdges.begin(), kEdges.end());
    }
    for (const uint32_t length : lengths) {
        Arguments args = right();
        if (type.length_is_argument) args[type.length] = length;
        std::set<uint32_t> places(kEdges.begin(), kEdges.end());
        const uint32_t bytes = length * size;
        for (const uint32_t edge : {0U, window_.writable_start, window_.data_size, window_.code_start})
            for (uint32_t near = 0; near <= 8; ++near) places.insert({edge + near - 4, edge - bytes + near - 4});
        for (const uint32_t place : places) {
            args[argument] = place;
            cases.push_back(args);
        }
    }
}

std::vector<Arguments> Judge::cases() const {
    std::vector<Arguments> result = {right()};
    for (size_t i = 0; i < arguments().size(); ++i) {
        if (arguments()[i].is_buffer()) {
            add_buffer_cases(i, result);
            continue;
        }
        std::set<uint32_t> values(kEdges.begin(), kEdges.end());
        if (arguments()[i].kind == Argument::Kind::kHandle)
            for (const uint32_t count : handles_)
                values.insert({count - 1, count, count + 1}); // those of other kinds, too
        for (const uint32_t value : values) {
            Arguments args = right();
            args[i] = value;
            result.push_back(args);
        }
    }
    // All buffers at one place.
    Arguments overlapping = right();
    for (size_t i = 0; i < arguments().size(); ++i)
        if (arguments()[i].is_buffer()) overlapping[i] = (window_.writable_start + 15) & ~15U;
    result.push_back(overlapping);
    return result;
}

std::string text_of(const calls::Declaration& declaration, const Arguments& args) {
    std::string result = declaration.name + "(";
    for (size_t i = 0; i < declaration.arguments.size(); ++i) {
        char word[16];
        std::snprintf(word, sizeof word, "%s%08x", i == 0 ? "" : ", ", args[i]);
        result += word;
    }
    return result + ")";
}

} // namespace limpet::conformance
