/// \file
/// Packets of gdb's remote serial protocol ("Overview" of appendix E, "gdb Remote Serial Protocol", of the gdb manual):
/// `$data#checksum`, the data escaped, the checksum two hexadecimal digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace limpet::gdb {

/// The most data of one packet, either way; gdb is told (PacketSize).
inline constexpr size_t kPacketBytesMax = 4096;

/// Takes packets out of a stream of bytes. Whatever comes, it keeps at most one packet.
class PacketReader {
public:
    enum class Event { kNone, kPacket, kDamaged, kInterrupt };

    /// kPacket: data() is a packet; kDamaged: there was one with a wrong checksum or too long; kInterrupt: Ctrl-C.
    Event feed(uint8_t byte);
    /// The packet, until the next feed(). Escaped bytes are as they were meant.
    [[nodiscard]] const std::string& data() const { return data_; }

private:
    enum class State { kIdle, kData, kEscaped, kChecksumHigh, kChecksumLow };

    void append(uint8_t byte);

    State state_ = State::kIdle;
    std::string data_;
    uint8_t sum_ = 0;
    int digit_ = -1; ///< the checksum's first; -1: not one
    bool too_long_ = false;
};

/// A packet as it is sent.
[[nodiscard]] std::string packet(std::string_view data);

/// 0..15, or -1.
[[nodiscard]] int hex_digit(char digit);

/// Bytes as pairs of digits.
[[nodiscard]] std::string to_hex(std::string_view bytes);
/// None unless the whole text is pairs of digits.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

} // namespace limpet::gdb
