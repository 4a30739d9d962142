#include "describe.h"

#include "dwarf_file.h"

#include <algorithm>
#include <dwarf.h>
#include <optional>
#include <string>

namespace limpet {

namespace {

constexpr std::string_view kSection = ".limpet.messages";
constexpr std::string_view kVariablePrefix = "limpet_message_";

/// No host shows more; an array of structs becomes that many times their fields.
constexpr size_t kFieldsMax = 1000;

std::string name_of(Dwarf_Die& die) {
    const char* name = dwarf_diename(&die);
    return name == nullptr ? "" : name;
}

/// A number in an attribute.
std::optional<uint32_t> number(Dwarf_Die& die, unsigned attribute) {
    Dwarf_Attribute found;
    Dwarf_Word value = 0;
    if (dwarf_attr_integrate(&die, attribute, &found) == nullptr || dwarf_formudata(&found, &value) != 0)
        return std::nullopt;
    return static_cast<uint32_t>(value);
}

/// The type that a DIE refers to; none: void.
std::optional<Dwarf_Die> type_of(Dwarf_Die& die) {
    Dwarf_Attribute attribute;
    Dwarf_Die type;
    if (dwarf_attr_integrate(&die, DW_AT_type, &attribute) == nullptr ||
        dwarf_formref_die(&attribute, &type) == nullptr)
        return std::nullopt;
    return type;
}

/// A type without its typedefs and qualifiers, and the first name that was on the way.
struct Type {
    Dwarf_Die die;
    std::string name;
};

std::optional<Type> plain_type_of(Dwarf_Die& die) {
    std::string name;
    for (auto type = type_of(die); type; type = type_of(*type)) {
        if (name.empty()) name = name_of(*type);
        switch (dwarf_tag(&*type)) {
        case DW_TAG_typedef:
        case DW_TAG_const_type:
        case DW_TAG_volatile_type: continue;
        default: return Type{*type, name};
        }
    }
    return std::nullopt;
}

std::vector<Dwarf_Die> children(Dwarf_Die& die, int tag) {
    std::vector<Dwarf_Die> result;
    Dwarf_Die child;
    if (dwarf_child(&die, &child) != 0) return result;
    do {
        if (dwarf_tag(&child) == tag) result.push_back(child);
    } while (dwarf_siblingof(&child, &child) == 0);
    return result;
}

/// Makes the fields of one message.
class Layout {
public:
    explicit Layout(Message& message) : message_(message) {}

    void add_members(Dwarf_Die& structure, const std::string& prefix, uint32_t offset);

private:
    [[noreturn]] void fail(const std::string& field, const std::string& what) const {
        throw LoadError("LIMPET_MESSAGE: " + field + " of struct " + message_.name + " " + what);
    }
    void add(const std::string& name, uint32_t offset, Dwarf_Die& die);
    void add_array(const std::string& name, uint32_t offset, Dwarf_Die& array);
    void add_scalar(const std::string& name, uint32_t offset, const std::string& type, uint32_t count);
    [[nodiscard]] std::string scalar(const std::string& name, Dwarf_Die& type) const;

    Message& message_;
};

void Layout::add_members(Dwarf_Die& structure, const std::string& prefix, uint32_t offset) {
    for (Dwarf_Die& member : children(structure, DW_TAG_member)) {
        // The members of a struct without a name are members of the one around it.
        const std::string own_name = name_of(member);
        const std::string name = own_name.empty() ? prefix : prefix + (prefix.empty() ? "" : ".") + own_name;
        if (dwarf_hasattr_integrate(&member, DW_AT_bit_size) != 0)
            fail(name, "is a bit-field: compilers differ in where its bits are; send a whole number");
        add(name, offset + number(member, DW_AT_data_member_location).value_or(0), member);
    }
}

/// Adds what has the type of `die`: a member, or an array for its elements.
void Layout::add(const std::string& name, uint32_t offset, Dwarf_Die& die) {
    auto type = plain_type_of(die);
    if (!type) fail(name, "has no type");
    switch (dwarf_tag(&type->die)) {
    case DW_TAG_structure_type: return add_members(type->die, name, offset);
    case DW_TAG_array_type: return add_array(name, offset, type->die);
    case DW_TAG_base_type:
    case DW_TAG_enumeration_type: return add_scalar(name, offset, scalar(name, type->die), 0);
    case DW_TAG_pointer_type: fail(name, "is a pointer, which means nothing to the host");
    case DW_TAG_union_type: fail(name, "is a union: the host cannot know which member was sent");
    default: fail(name, "has a type that the host cannot show");
    }
}

/// Elements of an array; all dimensions become one.
uint32_t elements(Dwarf_Die& array) {
    uint64_t count = 1;
    for (Dwarf_Die& dimension : children(array, DW_TAG_subrange_type)) {
        const auto last = number(dimension, DW_AT_upper_bound);
        count *= number(dimension, DW_AT_count).value_or(last ? *last + 1 : 0);
        if (count == 0 || count > UINT16_MAX) return 0;
    }
    return static_cast<uint32_t>(count);
}

void Layout::add_array(const std::string& name, uint32_t offset, Dwarf_Die& array) {
    const uint32_t count = elements(array);
    if (count == 0) fail(name, "is an array of no fixed length, or of more than 65535 elements");
    auto element = plain_type_of(array);
    if (!element) fail(name, "has no type");
    const int tag = dwarf_tag(&element->die);
    if (tag == DW_TAG_base_type || tag == DW_TAG_enumeration_type)
        return add_scalar(name, offset, scalar(name, element->die), count);
    const uint32_t bytes = number(element->die, DW_AT_byte_size).value_or(0);
    for (uint32_t i = 0; i < count; ++i) add(name + "[" + std::to_string(i) + "]", offset + i * bytes, array);
}

void Layout::add_scalar(const std::string& name, uint32_t offset, const std::string& type, uint32_t count) {
    if (message_.fields.size() == kFieldsMax) fail(name, "is one field too many");
    message_.fields.push_back({.name = name, .offset = offset, .type = type, .count = count});
}

/// What field_type_bytes calls a number or an enum.
std::string Layout::scalar(const std::string& name, Dwarf_Die& type) const {
    if (dwarf_tag(&type) == DW_TAG_enumeration_type) {
        if (auto underlying = plain_type_of(type)) return scalar(name, underlying->die);
    }
    const std::string bits = std::to_string(number(type, DW_AT_byte_size).value_or(0) * 8);
    std::string result;
    switch (number(type, DW_AT_encoding).value_or(DW_ATE_unsigned)) {
    case DW_ATE_boolean: result = "bool"; break;
    case DW_ATE_signed:
    case DW_ATE_signed_char: result = "i" + bits; break;
    case DW_ATE_unsigned:
    case DW_ATE_unsigned_char: result = name_of(type) == "char" ? "char" : "u" + bits; break;
    default: break;
    }
    if (field_type_bytes(result) == 0) fail(name, "has the type " + name_of(type) + ", which the host cannot show");
    return result;
}

/// The id in a variable that LIMPET_MESSAGE defines; none: this DIE is only a declaration of it.
std::optional<uint32_t> message_id(std::span<const Section> notes, Dwarf_Die& variable) {
    Dwarf_Attribute attribute;
    Dwarf_Op* operations = nullptr;
    size_t count = 0;
    if (dwarf_attr(&variable, DW_AT_location, &attribute) == nullptr ||
        dwarf_getlocation(&attribute, &operations, &count) != 0 || count == 0)
        return std::nullopt;
    const auto section = std::ranges::find(notes, kSection, &Section::name);
    uint32_t id = 0;
    if (section == notes.end() || operations[0].number + sizeof id > section->data.size())
        throw LoadError("LIMPET_MESSAGE: its section is missing");
    for (size_t i = sizeof id; i-- > 0;) id = id << 8 | section->data[operations[0].number + i];
    return id;
}

/// The message that a variable of LIMPET_MESSAGE describes. Its type: const union { uint32_t number; type* layout; }.
Message read_message(uint32_t id, Dwarf_Die& variable) {
    auto both = plain_type_of(variable);
    std::optional<Type> pointer;
    std::optional<Type> type;
    if (both)
        for (Dwarf_Die& member : children(both->die, DW_TAG_member)) pointer = plain_type_of(member);
    if (pointer) type = plain_type_of(pointer->die);
    if (!type || dwarf_tag(&type->die) != DW_TAG_structure_type || type->name.empty())
        throw LoadError("LIMPET_MESSAGE: message " + std::to_string(id) + " is not a struct with a name");
    const auto size = number(type->die, DW_AT_byte_size);
    if (!size) throw LoadError("LIMPET_MESSAGE: struct " + type->name + " is not defined");
    Message message{.id = id, .name = type->name, .size = *size, .fields = {}};
    Layout(message).add_members(type->die, "", 0);
    return message;
}

void add(std::vector<Message>& messages, Message message) {
    const auto other = std::ranges::find(messages, message.id, &Message::id);
    if (other == messages.end())
        messages.push_back(std::move(message));
    else if (*other != message)
        throw LoadError("LIMPET_MESSAGE: message " + std::to_string(message.id) + " has two layouts, struct " +
                        other->name + " and struct " + message.name);
}

} // namespace

std::vector<Message> described_messages(std::span<const Section> notes, std::span<const uint8_t> bytes) {
    std::vector<Message> messages;
    DwarfFile(bytes).each_unit([&](Dwarf_Die& unit) {
        for (Dwarf_Die& variable : children(unit, DW_TAG_variable))
            if (name_of(variable).starts_with(kVariablePrefix))
                if (const auto id = message_id(notes, variable)) add(messages, read_message(*id, variable));
    });
    std::ranges::sort(messages, {}, &Message::id);
    return messages;
}

} // namespace limpet
