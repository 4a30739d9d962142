#include "script.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace limpet::mock {

namespace {

/// More handles of a kind than any firmware has: what a file says must not make the command allocate without bound.
constexpr uint32_t kHandlesMax = 1 << 16;

/// A number, "trap", or {"start": a, "step": b}.
Source<Result> result_source(const Node& node) {
    if (node.is_object() && node.find("start")) {
        node.only({"start", "step"});
        return [value = node.at("start").number(), step = node.at("step").number()](uint32_t /*clock*/) mutable {
            const uint32_t now = value;
            value += step;
            return Result(now);
        };
    }
    return parse_source<Result>(node, [](const Node& value) -> Result {
        if (value.is_text() && value.text() == "trap") return std::nullopt;
        return value.number();
    });
}

Source<uint32_t> level_source(const Node& node) {
    return parse_source<uint32_t>(node, [](const Node& value) {
        if (value.number() > 1) value.fail("a level is 0 or 1");
        return value.number();
    });
}

/// The number of an argument that is called by its name or its number.
size_t argument_number(const calls::Declaration& declaration, const std::string& name, const Node& blamed) {
    for (size_t i = 0; i < declaration.arguments.size(); ++i)
        if (argument_name(declaration, i) == name || std::to_string(i) == name) return i;
    blamed.fail(fmt::format("{} has no argument '{}'", declaration.name, name));
}

ExpectedCall expected_call(const Node& node, const calls::Declaration& declaration) {
    ExpectedCall call{.place = node.place(), .arguments = {}, .buffers = {}};
    for (const auto& [key, member] : node.members()) {
        const size_t number = argument_number(declaration, key, node);
        if (declaration.arguments[number].is_buffer())
            call.buffers.emplace(number, Pattern(member));
        else
            call.arguments.emplace_back(number, member.number());
    }
    return call;
}

} // namespace

std::string argument_name(const calls::Declaration& declaration, size_t number) {
    const std::string& name = declaration.arguments[number].name;
    return name.empty() ? std::to_string(number) : name;
}

Script::Script(const std::string& path) : file_(path) {
    try {
        parse(file_.root(), path);
    } catch (const MockError& error) {
        throw mock_error(path, error.what());
    }
}

void Script::parse(const Node& root, const std::string& path) {
    root.only({"calls", "clock", "handles", "spi", "i2c", "gpio_in", "functions", "schedule", "end"});
    if (const auto node = root.find("calls"))
        calls_ = (std::filesystem::path(path).parent_path() / node->text()).string();
    if (const auto node = root.find("clock")) {
        node->only({"start", "step"});
        if (const auto member = node->find("start")) clock = member->number();
        if (const auto member = node->find("step")) step = member->number();
    }
    if (const auto node = root.find("spi"))
        for (const Node& item : node->items()) spi.emplace_back(item);
    if (const auto node = root.find("i2c"))
        for (const Node& item : node->items()) i2c.emplace_back(item);
    if (const auto node = root.find("gpio_in"))
        for (const Node& item : node->items()) inputs.push_back(level_source(item));
    handles_ = {{"spi", static_cast<uint32_t>(spi.size())},
                {"i2c", static_cast<uint32_t>(i2c.size())},
                {"gpio_in", static_cast<uint32_t>(inputs.size())}};
    if (const auto node = root.find("handles"))
        for (const auto& [kind, member] : node->members()) {
            if (handles_.contains(kind)) member.fail("counted by the list of that name");
            if (member.number() > kHandlesMax) member.fail("more than any firmware has");
            handles_[kind] = member.number();
        }
    if (const auto node = root.find("functions")) (void)node->members();
    if (const auto node = root.find("schedule")) parse_schedule(*node);
    if (const auto node = root.find("end")) {
        expects_shutdown = node->text() == "shutdown";
        if (!expects_shutdown && node->text() != "return") node->fail("is neither \"return\" nor \"shutdown\"");
    }
}

void Script::parse_schedule(const Node& list) {
    for (const Node& node : list.items()) {
        ScheduleItem item;
        item.place = node.place();
        if (const auto times = node.find("timer")) {
            node.only({"timer", "entry"});
            item.timer = true;
            item.entry = "task";
            item.times = times->number();
        } else {
            node.only({"entry", "args", "data", "times", "result"});
            (void)node.at("entry");
        }
        if (const auto member = node.find("entry")) item.entry = member->text();
        if (const auto member = node.find("times")) item.times = member->number();
        if (const auto member = node.find("data")) item.data = member->bytes();
        if (const auto member = node.find("result")) item.result = member->number();
        if (const auto member = node.find("args")) {
            const std::vector<Node> arguments = member->items();
            if (arguments.size() > item.arguments.size()) member->fail("a guest takes at most 6 arguments");
            std::ranges::transform(arguments, item.arguments.begin(), &Node::number);
        }
        schedule.push_back(std::move(item));
    }
    if (schedule.empty()) list.fail("an empty list");
}

FunctionScript Script::parse_function(const Node& node, const calls::Declaration& declaration) {
    node.only({"result", "out", "expect", "print", "message"});
    FunctionScript script;
    if (const auto member = node.find("result")) script.result = result_source(*member);
    if (const auto member = node.find("out"))
        for (const auto& [key, value] : member->members()) {
            const size_t number = argument_number(declaration, key, *member);
            if (!declaration.arguments[number].is_written()) value.fail("the host does not write to it");
            script.out[number] = parse_source<Bytes>(value, [](const Node& bytes) { return bytes.bytes(); });
        }
    if (const auto member = node.find("expect"))
        for (const Node& item : member->items()) script.expected.push_back(expected_call(item, declaration));
    if (const auto member = node.find("print")) script.print = member->boolean();
    if (const auto member = node.find("message")) script.message = member->text();
    return script;
}

std::vector<FunctionScript> Script::functions(std::span<const calls::Declaration> declarations) const {
    std::vector<FunctionScript> scripts(declarations.size());
    const auto all = file_.root().find("functions");
    if (!all) return scripts;
    for (const auto& [name, node] : all->members()) {
        const auto found = std::ranges::find(declarations, name, &calls::Declaration::name);
        if (found == declarations.end()) node.fail("no host call of that name is declared");
        scripts[static_cast<size_t>(found - declarations.begin())] = parse_function(node, *found);
    }
    return scripts;
}

uint32_t Script::handles(const std::string& kind) const {
    const auto found = handles_.find(kind);
    return found == handles_.end() ? 1 : found->second;
}

} // namespace limpet::mock
