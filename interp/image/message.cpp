#include "message.h"

#include <algorithm>
#include <iterator>

namespace limpet {

namespace {

struct ScalarType {
    std::string_view name;
    uint32_t bytes;
};
constexpr ScalarType kScalars[] = {{"bool", 1}, {"char", 1}, {"u8", 1},  {"i8", 1},  {"u16", 2},
                                   {"i16", 2},  {"u32", 4},  {"i32", 4}, {"u64", 8}, {"i64", 8}};

} // namespace

uint32_t field_type_bytes(std::string_view type) {
    const auto* const found = std::ranges::find(kScalars, type, &ScalarType::name);
    return found == std::end(kScalars) ? 0 : found->bytes;
}

} // namespace limpet
