#include "server.h"

#include "connection.h"
#include "machine.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace limpet::gdb {

namespace {

/// gdb's numbers for signals, which are not those of a system (include/gdb/signals.def).
enum class Signal : uint8_t { kInt = 2, kIll = 4, kTrap = 5, kSegv = 11, kSys = 12, kXcpu = 24 };

/// Breakpoints and watchpoints together; a debugger has few.
constexpr size_t kStopsMax = 1024;
/// Instructions between two looks at the connection while the guest runs.
constexpr uint32_t kLookInterval = 4096;

/// "Packet Acknowledgment", "General Query Packets"
constexpr std::string_view kFeatures = "QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;hwbreak+";

/// What `Z` packets ask for. The numbers are those of the protocol ("Packets").
enum class StopKind : uint8_t { kBreak = 0, kHardwareBreak = 1, kWrite = 2, kRead = 3, kAccess = 4 };

struct Stop {
    StopKind kind;
    uint32_t address;
    uint32_t size; ///< bytes watched

    bool operator==(const Stop&) const = default;
};

/// Takes numbers and the marks between them off the front of a packet.
class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}

    /// A hexadecimal number of 32 bits. Anything else fails the packet.
    uint32_t number() {
        uint32_t value = 0;
        const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value, 16);
        good_ = good_ && error == std::errc();
        text_.remove_prefix(static_cast<size_t>(end - text_.data()));
        return value;
    }
    void mark(char expected) {
        good_ = good_ && text_.starts_with(expected);
        if (good_) text_.remove_prefix(1);
    }
    [[nodiscard]] std::string_view rest() const { return text_; }
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] bool complete() const { return good_ && text_.empty(); }

private:
    std::string_view text_;
    bool good_ = true;
};

constexpr const char* kOk = "OK";
constexpr const char* kError = "E01";

/// A register as the protocol writes it: little-endian, two digits a byte.
std::string register_text(uint32_t value) {
    std::string bytes;
    for (int i = 0; i < 4; ++i, value >>= 8) bytes.push_back(static_cast<char>(value));
    return to_hex(bytes);
}

std::optional<uint32_t> register_value(std::string_view text) {
    const auto bytes = from_hex(text);
    if (!bytes || bytes->size() != 4) return std::nullopt;
    uint32_t value = 0;
    for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<uint8_t>((*bytes)[static_cast<size_t>(i)]);
    return value;
}

class Server {
public:
    Server(Session& session, Connection& connection)
        : session_(session), connection_(connection), machine_(session.guest(), session.execution().backend.isa) {}

    End serve();

private:
    std::string answer(const std::string& packet);
    std::string query(std::string_view packet);
    std::string description(Parser parser);
    std::string set_registers(std::string_view text);
    std::string set_register(Parser parser);
    std::string read_memory(Parser parser);
    std::string write_memory(Parser parser, bool binary);
    std::string change_stop(Parser parser, bool insert);
    std::string go_on(std::string_view packet);

    std::string run(bool one_step);
    [[nodiscard]] std::string stopped() const;
    [[nodiscard]] std::string ended();
    [[nodiscard]] const Stop* watched() const;
    [[nodiscard]] bool at_breakpoint() const;

    Session& session_;
    Connection& connection_;
    Machine machine_;
    std::vector<Stop> stops_;
    std::string last_stop_;
    bool trap_told_ = false;
    std::optional<End> end_;
};

std::string signal_text(Signal signal) { return fmt::format("T{:02x}thread:1;", static_cast<unsigned>(signal)); }

Signal signal_of(limpet_status trap) {
    switch (trap) {
    case LIMPET_ILLEGAL: return Signal::kIll;
    case LIMPET_LOAD:
    case LIMPET_STORE:
    case LIMPET_FETCH: return Signal::kSegv;
    case LIMPET_HOST_CALL: return Signal::kSys;
    case LIMPET_FUEL: return Signal::kXcpu;
    default: return Signal::kTrap;
    }
}

/// How the run ended. A trap is a signal that stops the guest first, so that the debugger can look at it, and that
/// ends it when it is told to go on.
std::string Server::ended() {
    const limpet_status status = session_.status();
    const bool well = session_.ended_by_tohost() || status == LIMPET_RETURN || status == LIMPET_ECALL;
    if (!well && !trap_told_) {
        trap_told_ = true;
        return signal_text(signal_of(status));
    }
    end_ = End::kEnded;
    return well ? "W00" : fmt::format("X{:02x}", static_cast<unsigned>(signal_of(status)));
}

const Stop* Server::watched() const {
    if (std::ranges::none_of(stops_, [](const Stop& stop) { return stop.kind >= StopKind::kWrite; })) return nullptr;
    const std::optional<Access> access = machine_.next_access();
    if (!access) return nullptr;
    const auto found = std::ranges::find_if(stops_, [&](const Stop& stop) {
        const bool kind =
            stop.kind == StopKind::kAccess || stop.kind == (access->is_store ? StopKind::kWrite : StopKind::kRead);
        return kind && (access->address - stop.address < stop.size || stop.address - access->address < access->size);
    });
    return found == stops_.end() ? nullptr : &*found;
}

bool Server::at_breakpoint() const {
    return std::ranges::any_of(stops_, [&](const Stop& stop) {
        return stop.kind <= StopKind::kHardwareBreak && stop.address == machine_.pc();
    });
}

/// Runs until something stops the guest. A breakpoint where it stands is passed.
std::string Server::run(bool one_step) {
    for (uint32_t steps = 1; session_.running(); ++steps) {
        const Stop* watch = watched();
        session_.step();
        if (!session_.running()) break;
        if (watch != nullptr) {
            constexpr std::string_view kNames[] = {"watch", "rwatch", "awatch"};
            const auto name = kNames[static_cast<size_t>(watch->kind) - static_cast<size_t>(StopKind::kWrite)];
            return fmt::format("T05thread:1;{}:{:x};", name, watch->address);
        }
        if (one_step) return signal_text(Signal::kTrap);
        if (at_breakpoint()) return "T05thread:1;swbreak:;";
        if (steps % kLookInterval == 0 && connection_.interrupted()) return signal_text(Signal::kInt);
    }
    return ended();
}

/// c, s, C, S, and vCont. There is one thread, so the first action counts. An address to go on at is set through the
/// pc by every gdb; a signal to deliver means nothing to a guest.
std::string Server::go_on(std::string_view packet) {
    if (packet.starts_with("vCont;")) packet.remove_prefix(6);
    last_stop_ = run(packet[0] == 's' || packet[0] == 'S');
    return last_stop_;
}

std::string Server::set_registers(std::string_view text) {
    if (text.size() != size_t{kRegisters} * 8) return kError;
    std::vector<uint32_t> values;
    for (uint32_t i = 0; i < kRegisters; ++i) {
        const auto value = register_value(text.substr(size_t{i} * 8, 8));
        if (!value) return kError;
        values.push_back(*value);
    }
    if (!machine_.set_register(kPc, values[kPc])) return kError;
    for (uint32_t i = 0; i < kPc; ++i) machine_.set_register(i, values[i]);
    return kOk;
}

std::string Server::set_register(Parser parser) {
    const uint32_t number = parser.number();
    parser.mark('=');
    const auto value = register_value(parser.rest());
    if (!parser.good() || !value || number >= kRegisters) return kError;
    return machine_.set_register(number, *value) ? kOk : kError;
}

std::string Server::read_memory(Parser parser) {
    const uint32_t address = parser.number();
    parser.mark(',');
    const uint32_t size = parser.number();
    if (!parser.complete()) return kError;
    const std::string bytes = machine_.read(address, std::min<uint32_t>(size, kPacketBytesMax / 2));
    return bytes.empty() && size != 0 ? kError : to_hex(bytes);
}

std::string Server::write_memory(Parser parser, bool binary) {
    const uint32_t address = parser.number();
    parser.mark(',');
    const uint32_t size = parser.number();
    parser.mark(':');
    const auto bytes = binary ? std::optional<std::string>(parser.rest()) : from_hex(parser.rest());
    if (!parser.good() || !bytes || bytes->size() != size) return kError;
    return machine_.write(address, *bytes) ? kOk : kError;
}

std::string Server::change_stop(Parser parser, bool insert) {
    const uint32_t kind = parser.number();
    parser.mark(',');
    const uint32_t address = parser.number();
    parser.mark(',');
    const uint32_t size = parser.number();
    if (!parser.complete()) return kError; // conditions were not offered (qSupported)
    if (kind > static_cast<uint32_t>(StopKind::kAccess)) return "";
    const Stop stop{.kind = static_cast<StopKind>(kind), .address = address, .size = size};
    std::erase(stops_, stop);
    if (!insert) return kOk;
    if (stops_.size() >= kStopsMax) return kError;
    stops_.push_back(stop);
    return kOk;
}

/// A part of target.xml: "offset,length".
std::string Server::description(Parser parser) {
    const uint32_t offset = parser.number();
    parser.mark(',');
    const uint32_t length = parser.number();
    const std::string_view text = target_description();
    if (!parser.complete() || offset > text.size()) return kError;
    const std::string_view part = text.substr(offset, std::min<size_t>(length, kPacketBytesMax / 2));
    return (offset + part.size() < text.size() ? "m" : "l") + std::string(part);
}

std::string Server::query(std::string_view packet) {
    constexpr std::string_view kDescription = "qXfer:features:read:target.xml:";
    if (packet.starts_with("qSupported")) return fmt::format("PacketSize={:x};{}", kPacketBytesMax, kFeatures);
    if (packet.starts_with(kDescription)) return description(Parser(packet.substr(kDescription.size())));
    if (packet == "qAttached") return "0"; // gdb ends what it started when it quits
    if (packet == "qC") return "QC1";
    if (packet == "qfThreadInfo") return "m1";
    if (packet == "qsThreadInfo") return "l";
    return "";
}

/// The answer to one packet; empty: the protocol's word for a packet that is not known.
std::string Server::answer(const std::string& packet) {
    if (packet.empty()) return "";
    const std::string_view rest = std::string_view(packet).substr(1);
    switch (packet[0]) {
    case '?': return last_stop_;
    case 'g': {
        std::string all;
        for (uint32_t i = 0; i < kRegisters; ++i) all += register_text(machine_.get_register(i));
        return all;
    }
    case 'G': return set_registers(rest);
    case 'p': {
        Parser parser(rest);
        const uint32_t number = parser.number();
        return parser.complete() && number < kRegisters ? register_text(machine_.get_register(number)) : kError;
    }
    case 'P': return set_register(Parser(rest));
    case 'm': return read_memory(Parser(rest));
    case 'M': return write_memory(Parser(rest), false);
    case 'X': return write_memory(Parser(rest), true);
    case 'c':
    case 's':
    case 'C':
    case 'S': return go_on(packet);
    case 'Z':
    case 'z': return change_stop(Parser(rest), packet[0] == 'Z');
    case 'H':
    case 'T': return kOk;
    case 'q': return query(packet);
    case 'D': end_ = End::kDetached; return kOk;
    default: break;
    }
    if (packet == "QStartNoAckMode") {
        connection_.stop_acknowledging();
        return kOk;
    }
    if (packet == "vCont?") return "vCont;c;C;s;S";
    if (packet.starts_with("vCont;") && packet.size() > 6) return go_on(packet);
    return "";
}

End Server::serve() {
    last_stop_ = session_.running() ? signal_text(Signal::kTrap) : ended();
    while (!end_) {
        const std::optional<std::string> packet = connection_.receive();
        if (!packet || *packet == "k") return End::kKilled;
        connection_.send(answer(*packet));
    }
    connection_.close();
    return *end_;
}

} // namespace

End serve(Session& session, uint16_t port) {
    Connection connection(port);
    return Server(session, connection).serve();
}

} // namespace limpet::gdb
