/// \file
/// What the reader and the writer of .limpet files have in common (container.h shows the layout).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace limpet::container_format {

inline constexpr std::string_view kMagic = "LMPT";
inline constexpr size_t kVersionAt = 4;
inline constexpr size_t kReservedAt = 6;
inline constexpr size_t kMetadataBytesAt = 8;
inline constexpr size_t kPayloadBytesAt = 12;
inline constexpr size_t kCrcAt = 16;
inline constexpr size_t kHeaderBytes = 20;
inline constexpr size_t kBuildIdDigits = 16;

/// CRC-32 of a file that is at least a header long, with the header's own field as 0.
[[nodiscard]] uint32_t file_crc(std::span<const uint8_t> file);

/// The host call of 4 bytes or, in Xlimpet, of 2 with an id: custom-0, I-format, id in bits 31:20, all other fields 0;
/// c.x.call, id in bits 12:2. An unbound one is kUnboundId, so far as there is room for it.
[[nodiscard]] constexpr uint32_t host_call(uint32_t id, uint32_t bytes) {
    return bytes == 2 ? 0xa002 | (id & 0x7ff) << 2 : 0x0b | id << 20;
}

} // namespace limpet::container_format
