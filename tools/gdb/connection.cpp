#include "connection.h"

#include "../errors.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace limpet::gdb {

namespace {

/// How long a debugger may take to read the last packet.
constexpr int kLeaveMilliseconds = 2000;
/// How often it is listened to before it is left alone.
constexpr int kLeaveReads = 16;

/// A file descriptor that is closed when an error leaves this file.
struct Socket {
    explicit Socket(int its_fd) : fd(its_fd) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (fd >= 0) ::close(fd);
    }
    int fd;
};

[[noreturn]] void refuse(uint16_t port) {
    throw UsageError(fmt::format("--gdb: cannot listen on port {}: {}", port, std::strerror(errno)));
}

bool readable(int fd, int milliseconds) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, milliseconds) > 0;
}

/// Accepts one debugger.
int accept_one(uint16_t port) {
    const Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK); // nobody but this machine
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (listener.fd < 0 || ::bind(listener.fd, generic, size) != 0 || ::listen(listener.fd, 1) != 0 ||
        ::getsockname(listener.fd, generic, &size) != 0)
        refuse(port);
    fmt::print(stderr, "limpet: gdb may connect: target remote 127.0.0.1:{}\n", ntohs(address.sin_port));
    const int fd = ::accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) refuse(port);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

} // namespace

Connection::Connection(uint16_t port) : fd_(accept_one(port)) {}

Connection::~Connection() { ::close(fd_); }

/// Reads what has arrived, or waits for it; false: the debugger has gone.
bool Connection::fill() {
    ssize_t count = 0;
    do count = ::read(fd_, buffer_.data(), buffer_.size());
    while (count < 0 && errno == EINTR);
    first_ = 0;
    last_ = count > 0 ? static_cast<size_t>(count) : 0;
    gone_ = gone_ || count <= 0;
    return count > 0;
}

void Connection::write(std::string_view bytes) {
    while (!bytes.empty() && !gone_) {
        const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
        gone_ = count < 0 && errno != EINTR;
    }
}

void Connection::send(std::string_view data) { write(packet(data)); }

std::optional<std::string> Connection::receive() {
    while (!gone_) {
        while (first_ < last_) {
            switch (reader_.feed(buffer_[first_++])) {
            case PacketReader::Event::kPacket:
                if (acknowledges_) write("+");
                return reader_.data();
            case PacketReader::Event::kDamaged:
                if (acknowledges_) write("-");
                break;
            default: break; // acknowledgements; Ctrl-C when nothing runs
            }
        }
        fill();
    }
    return std::nullopt;
}

bool Connection::interrupted() {
    bool asked = false;
    if (first_ == last_ && readable(fd_, 0)) fill();
    while (first_ < last_) asked = reader_.feed(buffer_[first_++]) == PacketReader::Event::kInterrupt || asked;
    return asked || gone_;
}

void Connection::close() {
    ::shutdown(fd_, SHUT_WR);
    for (int reads = 0; reads < kLeaveReads && !gone_ && readable(fd_, kLeaveMilliseconds); ++reads) fill();
}

} // namespace limpet::gdb
