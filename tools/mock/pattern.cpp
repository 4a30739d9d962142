#include "pattern.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace limpet::mock {

std::string hex(std::span<const uint8_t> bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

Pattern::Pattern(const Node& node) {
    for (const char c : node.text())
        if (c != ' ') text_.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    if (text_.size() % 2 != 0 || text_.find_first_not_of("0123456789abcdefx") != std::string::npos)
        node.fail(fmt::format("'{}' is not pairs of hexadecimal digits or x", node.text()));
}

bool Pattern::matches(std::span<const uint8_t> bytes) const {
    const std::string digits = hex(bytes);
    return std::ranges::equal(digits, text_, [](char is, char wanted) { return wanted == 'x' || is == wanted; });
}

} // namespace limpet::mock
