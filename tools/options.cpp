#include "options.h"

#include "errors.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string_view>
#include <vector>

namespace limpet {

namespace {

constexpr uint32_t kMemoryBytesMax = uint32_t{1} << 30;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

uint64_t parse(const std::string& what, std::string_view text, uint64_t largest) {
    std::string_view digits = text;
    const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    if (hexadecimal) digits.remove_prefix(2);
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
    if (error == std::errc::invalid_argument || end != digits.data() + digits.size())
        throw UsageError(fmt::format("{}: '{}' is not a number", what, text));
    if (error != std::errc() || value > largest) throw UsageError(fmt::format("{}: {} is too large", what, text));
    return value;
}

void append_new(std::vector<std::string>& names, const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
}

[[noreturn]] void unknown(const char* what, const std::string& name, const std::vector<std::string>& names) {
    throw UsageError(fmt::format("unknown {} '{}'; there is: {}", what, name, fmt::join(names, ", ")));
}

} // namespace

uint32_t parse_number(const std::string& what, const std::string& text) {
    return static_cast<uint32_t>(parse(what, text, UINT32_MAX));
}

uint64_t parse_large_number(const std::string& what, const std::string& text) { return parse(what, text, UINT64_MAX); }

uint16_t parse_port(const std::string& text) { return static_cast<uint16_t>(parse("--gdb", text, UINT16_MAX)); }

MemoryOption parse_memory(const std::string& text) {
    const auto parts = split(text, ':');
    if (parts.size() != 2) throw UsageError(fmt::format("--memory: '{}' is not BASE:SIZE", text));
    const MemoryOption memory{.base = static_cast<uint32_t>(parse("--memory", parts[0], UINT32_MAX)),
                              .size = static_cast<uint32_t>(parse("--memory", parts[1], kMemoryBytesMax))};
    if (memory.base % 4 != 0) throw UsageError("--memory: BASE must be a multiple of 4");
    if (memory.size == 0) throw UsageError("--memory: SIZE must not be 0");
    if (uint64_t{memory.base} + memory.size > uint64_t{1} << 32)
        throw UsageError("--memory: it ends behind the end of the address space");
    return memory;
}

std::array<uint32_t, 6> parse_arguments(const std::string& text) {
    std::array<uint32_t, 6> arguments{};
    if (text.empty()) return arguments;
    const auto parts = split(text, ',');
    if (parts.size() > arguments.size())
        throw UsageError(fmt::format("--args: {} arguments, a guest takes at most 6", parts.size()));
    std::ranges::transform(parts, arguments.begin(), [](std::string_view part) {
        if (!part.starts_with('-')) return static_cast<uint32_t>(parse("--args", part, UINT32_MAX));
        return 0 - static_cast<uint32_t>(parse("--args", part.substr(1), uint32_t{1} << 31));
    });
    return arguments;
}

const Backend& choose_backend(const std::string& isa_name, const std::string& name) {
    std::vector<std::string> isa_names;
    std::vector<std::string> names;
    for (const auto& list : {backends(), bpf_backends()}) {
        for (const auto& backend : list) {
            append_new(isa_names, backend->isa_name);
            if (backend->isa_name != isa_name) continue;
            if (name.empty() || backend->name == name) return *backend;
            names.push_back(backend->name);
        }
    }
    if (names.empty()) unknown("isa", isa_name, isa_names);
    unknown(("backend for " + isa_name).c_str(), name, names);
}

} // namespace limpet
