#include "json.h"

#include "../../interp/image/guest.h"
#include "../builder/files.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace limpet::mock {

namespace {

/// Of a line that quotes what a file contains.
constexpr size_t kLineCharactersMax = 240;

} // namespace

MockError mock_error(const std::string& path, std::string_view what) {
    std::string line(what.substr(0, kLineCharactersMax));
    std::ranges::replace_if(
        line, [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
    return MockError(fmt::format("--mock {}: {}{}", path, line, what.size() > line.size() ? "..." : ""));
}

void Node::fail(std::string_view what) const {
    throw MockError(place_.empty() ? std::string(what) : fmt::format("{}: {}", place_, what));
}

uint32_t number_in(const std::string& text, const Node& blamed) {
    const bool hexadecimal = text.starts_with("0x");
    const char* first = text.data() + (hexadecimal ? 2 : 0);
    const char* last = text.data() + text.size();
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(first, last, value, hexadecimal ? 16 : 10);
    if (error != std::errc() || end != last) blamed.fail(fmt::format("'{}' is not a number of 32 bits", text));
    return value;
}

Bytes bytes_in(const std::string& text, const Node& blamed) {
    Bytes bytes;
    for (size_t i = 0; i < text.size();) {
        if (text[i] == ' ') {
            ++i;
            continue;
        }
        uint8_t byte = 0;
        const char* first = text.data() + i;
        const char* last = first + std::min<size_t>(2, text.size() - i);
        if (std::from_chars(first, last, byte, 16).ptr != first + 2)
            blamed.fail(fmt::format("'{}' is not pairs of hexadecimal digits", text));
        bytes.push_back(byte);
        i += 2;
    }
    return bytes;
}

JsonFile::JsonFile(const std::string& path) {
    try {
        value_ = std::make_shared<nlohmann::json>(nlohmann::json::parse(read_file(path), nullptr, true, true));
    } catch (const LoadError& error) {
        throw mock_error(path, error.what());
    } catch (const nlohmann::json::parse_error& error) {
        const std::string_view what = error.what(); // "[json.exception.parse_error.101] parse error at line 1, .."
        const size_t start = what.find("] ");
        throw mock_error(path, start == std::string_view::npos ? what : what.substr(start + 2));
    }
}

bool Node::is_object() const { return value_->is_object(); }
bool Node::is_array() const { return value_->is_array(); }
bool Node::is_text() const { return value_->is_string(); }

uint32_t Node::number() const {
    if (value_->is_string()) return number_in(value_->get<std::string>(), *this);
    if (value_->is_boolean()) return value_->get<bool>() ? 1 : 0;
    if (value_->is_number_unsigned() && value_->get<uint64_t>() <= UINT32_MAX) return value_->get<uint32_t>();
    if (value_->is_number_integer() && value_->get<int64_t>() < 0 && value_->get<int64_t>() >= INT32_MIN)
        return static_cast<uint32_t>(value_->get<int64_t>());
    fail("is not a number of 32 bits");
}

bool Node::boolean() const {
    if (!value_->is_boolean()) fail("is neither true nor false");
    return value_->get<bool>();
}

std::string Node::text() const {
    if (!value_->is_string()) fail("is not a text");
    return value_->get<std::string>();
}

Bytes Node::bytes() const { return bytes_in(text(), *this); }

Node Node::at(std::string_view key) const {
    if (auto member = find(key)) return *member;
    fail(fmt::format("needs \"{}\"", key));
}

std::optional<Node> Node::find(std::string_view key) const {
    if (!is_object()) fail("is not an object");
    const auto found = value_->find(key);
    if (found == value_->end()) return std::nullopt;
    return Node(*found, place_.empty() ? std::string(key) : fmt::format("{}.{}", place_, key));
}

std::vector<std::pair<std::string, Node>> Node::members() const {
    if (!is_object()) fail("is not an object");
    std::vector<std::pair<std::string, Node>> all;
    for (const auto& [key, value] : value_->items()) all.emplace_back(key, *find(key));
    return all;
}

std::vector<Node> Node::items() const {
    if (!is_array()) fail("is not a list");
    std::vector<Node> all;
    for (size_t i = 0; i < value_->size(); ++i) all.emplace_back((*value_)[i], fmt::format("{}[{}]", place_, i));
    return all;
}

void Node::only(std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, member] : members()) {
        if (std::ranges::find(keys, key) != keys.end()) continue;
        std::string known;
        for (const std::string_view name : keys) known += fmt::format("{}{}", known.empty() ? "" : ", ", name);
        fail(fmt::format("unknown \"{}\"; there is: {}", key, known));
    }
}

} // namespace limpet::mock
