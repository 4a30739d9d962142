#include "packet.h"

namespace limpet::gdb {

namespace {

constexpr uint8_t kInterruptByte = 0x03; // "Interrupts"
constexpr uint8_t kEscapeFlip = 0x20;    // an escaped byte is sent with this bit flipped, behind '}'
constexpr std::string_view kDigits = "0123456789abcdef";

} // namespace

void PacketReader::append(uint8_t byte) {
    too_long_ = data_.size() >= kPacketBytesMax;
    if (!too_long_) data_.push_back(static_cast<char>(byte));
}

PacketReader::Event PacketReader::feed(uint8_t byte) {
    if (byte == '$' && state_ != State::kEscaped) { // also when the end of the one before was lost
        const bool cut = state_ != State::kIdle;
        *this = {};
        state_ = State::kData;
        return cut ? Event::kDamaged : Event::kNone;
    }
    switch (state_) {
    case State::kIdle: return byte == kInterruptByte ? Event::kInterrupt : Event::kNone;
    case State::kData:
        if (byte == '#') {
            state_ = State::kChecksumHigh;
            return Event::kNone;
        }
        sum_ = static_cast<uint8_t>(sum_ + byte);
        if (byte == '}')
            state_ = State::kEscaped;
        else
            append(byte);
        return Event::kNone;
    case State::kEscaped:
        sum_ = static_cast<uint8_t>(sum_ + byte);
        append(byte ^ kEscapeFlip);
        state_ = State::kData;
        return Event::kNone;
    case State::kChecksumHigh:
        digit_ = hex_digit(static_cast<char>(byte));
        state_ = State::kChecksumLow;
        return Event::kNone;
    case State::kChecksumLow: break;
    }
    state_ = State::kIdle;
    const int low = hex_digit(static_cast<char>(byte));
    const bool right = !too_long_ && digit_ >= 0 && low >= 0 && digit_ * 16 + low == sum_;
    return right ? Event::kPacket : Event::kDamaged;
}

std::string packet(std::string_view data) {
    std::string framed = "$";
    uint8_t sum = 0;
    const auto put = [&](char byte) {
        framed.push_back(byte);
        sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(byte));
    };
    for (const char byte : data) {
        const bool special = byte == '$' || byte == '#' || byte == '}' || byte == '*';
        if (special) put('}');
        put(special ? static_cast<char>(byte ^ kEscapeFlip) : byte);
    }
    framed += {'#', kDigits[sum >> 4], kDigits[sum & 15]};
    return framed;
}

int hex_digit(char digit) {
    const auto lower = static_cast<char>(digit >= 'A' && digit <= 'F' ? digit - 'A' + 'a' : digit);
    const size_t value = kDigits.find(lower);
    return value == std::string_view::npos ? -1 : static_cast<int>(value);
}

std::string to_hex(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const char byte : bytes) {
        text.push_back(kDigits[static_cast<uint8_t>(byte) >> 4]);
        text.push_back(kDigits[static_cast<uint8_t>(byte) & 15]);
    }
    return text;
}

std::optional<std::string> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        bytes.push_back(static_cast<char>(high * 16 + low));
    }
    return bytes;
}

} // namespace limpet::gdb
