/// \file
/// Bytes that are expected: digits that may be anything are written x.
#pragma once

#include "json.h"

#include <span>
#include <string>

namespace limpet::mock {

/// Lower-case, two digits a byte.
[[nodiscard]] std::string hex(std::span<const uint8_t> bytes);

class Pattern {
public:
    /// "01xx". Throws MockError.
    explicit Pattern(const Node& node);

    [[nodiscard]] bool matches(std::span<const uint8_t> bytes) const;
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_; ///< as hex() writes it, but with x
};

} // namespace limpet::mock
