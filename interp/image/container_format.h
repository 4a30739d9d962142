/// \file
/// What the reader and the writer of .limpet files have in common (container.h shows the layout).
#pragma once

#include "container.h"

#include <array>
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

/// What instructions of a container's code are a multiple of, and start at a multiple of, in bytes.
[[nodiscard]] uint32_t code_unit(const Container& container);

/// A host call with an id as it stands at a fixup, of which at least the first byte is inside the code. Of rv32 4 bytes
/// (custom-0, I-format, id in bits 31:20, all other fields 0) or, in Xlimpet, 2 (c.x.call, id in bits 12:2), as those
/// that stand there; of eBPF 8 or, packed, 2; of rv32dense the byte of the id. An unbound one is kUnboundId, so far as
/// there is room for it.
struct HostCall {
    std::array<uint8_t, 8> bytes{};
    uint32_t size = 0;
};
[[nodiscard]] HostCall host_call(const Container& container, uint32_t fixup, uint32_t id);

} // namespace limpet::container_format
