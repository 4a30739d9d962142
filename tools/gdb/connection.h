/// \file
/// One debugger on a TCP port of this machine.
#pragma once

#include "packet.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace limpet::gdb {

class Connection {
public:
    /// Listens on 127.0.0.1, says so on standard error, and waits for a debugger. Port 0: any that is free.
    /// Throws UsageError when the port cannot be had.
    explicit Connection(uint16_t port);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Waits for the next packet; none: the debugger has gone. Damaged ones are asked for again.
    std::optional<std::string> receive();
    void send(std::string_view data);

    /// While the guest runs: has the debugger asked it to stop, or gone? Does not wait. Packets that arrive meanwhile
    /// are against the protocol and are dropped.
    bool interrupted();

    /// From now on packets are not acknowledged (QStartNoAckMode).
    void stop_acknowledging() { acknowledges_ = false; }

    /// Lets the debugger read what was sent last, and leave.
    void close();

private:
    bool fill();
    void write(std::string_view bytes);

    int fd_ = -1;
    PacketReader reader_;
    std::array<uint8_t, kPacketBytesMax> buffer_{}; ///< what has been read from the socket
    size_t first_ = 0;
    size_t last_ = 0;
    bool acknowledges_ = true;
    bool gone_ = false;
};

} // namespace limpet::gdb
