#include "message.h"

#include "guest.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace limpet {

namespace {

using Json = nlohmann::ordered_json;

struct ScalarType {
    std::string_view name;
    uint32_t bytes;
};
constexpr ScalarType kScalars[] = {{"bool", 1}, {"char", 1}, {"u8", 1},  {"i8", 1},  {"u16", 2},
                                   {"i16", 2},  {"u32", 4},  {"i32", 4}, {"u64", 8}, {"i64", 8}};

/// One little-endian scalar.
Json value(std::string_view type, std::span<const uint8_t> bytes) {
    uint64_t number = 0;
    for (size_t i = bytes.size(); i-- > 0;) number = number << 8 | bytes[i];
    if (type == "bool") return number != 0;
    if (!type.starts_with('i')) return number;
    const unsigned unused = 64 - 8 * static_cast<unsigned>(bytes.size());
    return static_cast<int64_t>(number << unused) >> unused;
}

/// Text up to its first 0. JSON is UTF-8; the library replaces what is not when it prints, so it is made to.
Json text(std::span<const uint8_t> bytes) {
    const std::string raw(bytes.begin(), std::ranges::find(bytes, 0));
    return Json::parse(Json(raw).dump(-1, ' ', false, Json::error_handler_t::replace));
}

} // namespace

uint32_t field_type_bytes(std::string_view type) {
    const auto* const found = std::ranges::find(kScalars, type, &ScalarType::name);
    return found == std::end(kScalars) ? 0 : found->bytes;
}

nlohmann::ordered_json decode(const Message& message, std::span<const uint8_t> bytes) {
    if (bytes.size() > message.size)
        throw LoadError("message " + message.name + " has " + std::to_string(message.size) + " bytes, the guest sent " +
                        std::to_string(bytes.size()));
    Json result = Json::object();
    for (const MessageField& field : message.fields) {
        const uint32_t size = field_type_bytes(field.type);
        const size_t sent = bytes.size() - std::min<size_t>(bytes.size(), field.offset);
        if (field.count == 0) {
            if (sent >= size) result[field.name] = value(field.type, bytes.subspan(field.offset, size));
            continue;
        }
        const size_t count = std::min<size_t>(field.count, sent / size);
        if (field.type == "char") {
            result[field.name] = text(bytes.subspan(std::min<size_t>(bytes.size(), field.offset), count));
            continue;
        }
        Json& list = result[field.name] = Json::array();
        for (size_t i = 0; i < count; ++i)
            list.push_back(value(field.type, bytes.subspan(field.offset + i * size, size)));
    }
    return result;
}

} // namespace limpet
