/// \file
/// What a guest sends, described well enough to be read by name: the fields of a C struct.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limpet {

/// Scalars of a message: bool, char (an array of them is text), u8 i8 u16 i16 u32 i32 u64 i64.
/// Returns the size in bytes, 0: no such type.
[[nodiscard]] uint32_t field_type_bytes(std::string_view type);

struct MessageField {
    std::string name;   ///< "temperature"; in a struct of the struct "calibration.offset", "axis[2].raw"
    uint32_t offset;    ///< bytes from the start of the message
    std::string type;   ///< of one element
    uint32_t count = 0; ///< elements of an array; 0: it is none

    bool operator==(const MessageField&) const = default;
};

struct Message {
    uint32_t id;
    std::string name; ///< the struct's tag
    uint32_t size;    ///< bytes
    std::vector<MessageField> fields;

    bool operator==(const Message&) const = default;
};

/// The fields of a message that was sent, by name and in their order: numbers, booleans, lists, and text for arrays of
/// char, up to its first 0 (what is no UTF-8 becomes U+FFFD). A message may be cut off: fields that were not sent whole
/// are left out, and arrays have the elements that were sent.
/// Throws LoadError when more was sent than the layout has.
[[nodiscard]] nlohmann::ordered_json decode(const Message& message, std::span<const uint8_t> bytes);

} // namespace limpet
