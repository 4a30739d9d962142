/// \file
/// JSON files that people write, and that may be hostile: each value knows where it is, and says so when it is wrong.
#pragma once

#include "../errors.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace limpet::mock {

using Bytes = std::vector<uint8_t>;

/// A mock file that cannot be used; what() is one line for the user.
class MockError : public UsageError {
    using UsageError::UsageError;
};

/// What is wrong with a file, in one line whatever the file contains.
[[nodiscard]] MockError mock_error(const std::string& path, std::string_view what);

/// A value in a JSON text, valid as long as the text's root is. Everything throws MockError when it is of another kind.
class Node {
public:
    Node(const nlohmann::json& value, std::string place) : value_(&value), place_(std::move(place)) {}

    [[noreturn]] void fail(std::string_view what) const;
    [[nodiscard]] const std::string& place() const { return place_; } ///< "spi[0].registers"

    /// Up to 32 bits: a number, which may be negative, true or false, or a hexadecimal one as "0x12".
    [[nodiscard]] uint32_t number() const;
    [[nodiscard]] bool boolean() const;
    [[nodiscard]] std::string text() const;
    /// Hexadecimal digits, two a byte; spaces between bytes are for people.
    [[nodiscard]] Bytes bytes() const;

    [[nodiscard]] bool is_object() const;
    [[nodiscard]] bool is_array() const;
    [[nodiscard]] bool is_text() const;

    /// A member of an object.
    [[nodiscard]] Node at(std::string_view key) const;
    [[nodiscard]] std::optional<Node> find(std::string_view key) const;
    /// All members of an object, or of an array.
    [[nodiscard]] std::vector<std::pair<std::string, Node>> members() const;
    [[nodiscard]] std::vector<Node> items() const;
    /// Throws unless it is an object whose members have no names but these.
    void only(std::initializer_list<std::string_view> keys) const;

private:
    const nlohmann::json* value_;
    std::string place_;
};

/// A file of JSON with `//` comments.
class JsonFile {
public:
    /// Throws MockError.
    explicit JsonFile(const std::string& path);

    [[nodiscard]] Node root() const { return {*value_, ""}; }

private:
    std::shared_ptr<const nlohmann::json> value_; ///< on the heap: nodes point into it
};

/// As Node::number, of the name of a member.
[[nodiscard]] uint32_t number_in(const std::string& text, const Node& blamed);
/// As Node::bytes.
[[nodiscard]] Bytes bytes_in(const std::string& text, const Node& blamed);

/// Values that come one after the other; some depend on the clock.
template <class T> using Source = std::function<T(uint32_t clock)>;

/// A list of values, each of which comes once or {"times": N, "value": V} times. The last one stays, or all `cycle`.
template <class T> Source<T> list_source(const Node& node, bool cycle, const std::function<T(const Node&)>& parse) {
    std::vector<std::pair<uint32_t, T>> runs;
    for (const Node& item : node.items()) {
        if (!item.is_object()) {
            runs.emplace_back(1, parse(item));
            continue;
        }
        item.only({"times", "value"});
        runs.emplace_back(item.at("times").number(), parse(item.at("value")));
        if (runs.back().first == 0) item.fail("0 times");
    }
    if (runs.empty()) node.fail("an empty list");
    return [runs, cycle, index = size_t{0}, used = uint32_t{0}](uint32_t /*clock*/) mutable {
        const auto& [times, value] = runs[index];
        if (++used >= times && (cycle || index + 1 < runs.size())) {
            index = (index + 1) % runs.size();
            used = 0;
        }
        return value;
    };
}

/// What each clock from 0 on says until the next: {"0": V, "5000": V}.
template <class T> Source<T> clock_source(const Node& node, const std::function<T(const Node&)>& parse) {
    std::map<uint32_t, T> values;
    for (const auto& [key, member] : node.members()) values.emplace(number_in(key, node), parse(member));
    if (values.empty() || values.begin()->first != 0) node.fail("needs a value from clock 0 on");
    return [values](uint32_t clock) { return std::prev(values.upper_bound(clock))->second; };
}

/// V | [V, ..] | {"cycle": [V, ..]} | {"at": {clock: V, ..}}
template <class T> Source<T> parse_source(const Node& node, const std::function<T(const Node&)>& parse) {
    if (node.is_array()) return list_source<T>(node, false, parse);
    if (!node.is_object()) return [value = parse(node)](uint32_t /*clock*/) { return value; };
    node.only({"cycle", "at"});
    if (const auto cycle = node.find("cycle")) return list_source<T>(*cycle, true, parse);
    return clock_source<T>(node.at("at"), parse);
}

} // namespace limpet::mock
