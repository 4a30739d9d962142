#include "batch.h"

#include "../interp/bpf/fields.h"
#include "../interp/image/bpf_narrow.h"
#include "execution.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <unistd.h>

namespace limpet {

namespace {

constexpr size_t kMemoryBytesMax = size_t{1} << 26;
constexpr size_t kRegisterWordsMax = 22;
constexpr size_t kBufferBytes = size_t{1} << 16;

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Replies on their way out.
class Writer {
public:
    explicit Writer(int fd) : fd_(fd) {}

    void u32(uint32_t value) {
        for (unsigned i = 0; i < 4; ++i, value >>= 8) buffer_.push_back(static_cast<uint8_t>(value));
    }
    void bytes(std::span<const uint8_t> data) { buffer_.insert(buffer_.end(), data.begin(), data.end()); }

    void end_of_reply() {
        if (buffer_.size() >= kBufferBytes) flush();
    }
    void flush() {
        for (size_t done = 0; done < buffer_.size();) {
            const ssize_t count = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
            if (count < 0 && errno != EINTR) fail("cannot write replies");
            if (count > 0) done += static_cast<size_t>(count);
        }
        buffer_.clear();
    }

private:
    int fd_;
    std::vector<uint8_t> buffer_;
};

/// Requests on their way in. Flushes the replies before it waits, so that a program may ask one case at a time.
class Reader {
public:
    Reader(int fd, Writer& writer) : fd_(fd), writer_(writer), buffer_(kBufferBytes) {}

    /// Fills `data`; false: the stream ended. `count` receives how many bytes there were.
    bool read(std::span<uint8_t> data, size_t& count) {
        for (count = 0; count < data.size();) {
            if (first_ == last_ && !fill()) return false;
            const size_t part = std::min(data.size() - count, last_ - first_);
            std::memcpy(data.data() + count, buffer_.data() + first_, part);
            first_ += part;
            count += part;
        }
        return true;
    }

private:
    bool fill() {
        writer_.flush();
        ssize_t count = 0;
        do count = ::read(fd_, buffer_.data(), buffer_.size());
        while (count < 0 && errno == EINTR);
        if (count < 0) fail("cannot read requests");
        first_ = 0;
        last_ = static_cast<size_t>(count);
        return count != 0;
    }

    int fd_;
    Writer& writer_;
    std::vector<uint8_t> buffer_;
    size_t first_ = 0;
    size_t last_ = 0;
};

uint32_t u32_at(std::span<const uint8_t> bytes, size_t at) {
    uint32_t value = 0;
    for (size_t i = 4; i-- > 0;) value = value << 8 | bytes[at + i];
    return value;
}

/// x1..x15, or r0..r10 with two words each.
size_t register_words(const Backend& backend) { return backend.bpf ? kRegisterWordsMax : 15; }

/// What precedes the code in a request.
size_t header_bytes(const Backend& backend) { return (register_words(backend) + 4) * sizeof(uint32_t); }

struct Request {
    std::array<uint32_t, kRegisterWordsMax> all_registers;
    std::span<const uint32_t> registers; ///< those that the guest has
    uint32_t base;
    uint32_t size;
    uint32_t code_size;
    uint32_t fuel;
    std::span<const uint8_t> code_and_data;
};

void parse(const Backend& backend, std::span<const uint8_t> bytes, Request& request) {
    size_t at = 0;
    const auto next = [&] { return u32_at(bytes, 4 * at++); };
    const std::span<uint32_t> registers = std::span(request.all_registers).first(register_words(backend));
    for (uint32_t& word : registers) word = next();
    request.registers = registers;
    request.base = next();
    request.size = next();
    request.code_size = next();
    request.fuel = next();
    request.code_and_data = bytes.subspan(header_bytes(backend));
}

/// Up to the last byte that is not zero. Most memory is zero: eight bytes a step.
std::span<const uint8_t> without_zeros_at_end(std::span<const uint8_t> memory) {
    size_t size = memory.size();
    for (uint64_t word = 0; size >= sizeof word; size -= sizeof word) {
        std::memcpy(&word, memory.data() + size - sizeof word, sizeof word);
        if (word != 0) break;
    }
    while (size > 0 && memory[size - 1] == 0) --size;
    return memory.first(size);
}

void reply(Writer& writer, limpet_status status, uint32_t pc, std::span<const uint32_t> registers, uint64_t executed,
           std::span<const uint8_t> memory) {
    const std::span<const uint8_t> rest = without_zeros_at_end(memory);
    writer.u32(static_cast<uint32_t>((2 + registers.size() + 2) * sizeof(uint32_t) + rest.size()));
    writer.u32(status);
    writer.u32(pc);
    for (const uint32_t word : registers) writer.u32(word);
    writer.u32(static_cast<uint32_t>(executed));
    writer.u32(static_cast<uint32_t>(executed >> 32));
    writer.bytes(rest);
    writer.end_of_reply();
}

/// The guest of a request: code first in its memory, or, of an eBPF program, beside it.
std::unique_ptr<Guest> make_guest(const Backend& backend, const Request& request) {
    const auto code = request.code_and_data.first(request.code_size);
    const auto data = request.code_and_data.subspan(request.code_size);
    const uint32_t code_in_memory = backend.bpf ? 0 : request.code_size;
    const Segment segments[] = {{.address = request.base,
                                 .data = code.first(code_in_memory),
                                 .size = code_in_memory,
                                 .writable = false,
                                 .executable = true},
                                {.address = request.base + code_in_memory,
                                 .data = data,
                                 .size = request.size - code_in_memory,
                                 .writable = true,
                                 .executable = false}};
    auto guest = std::make_unique<Guest>(request.base, request.size, segments);
    if (backend.bpf) guest->set_bpf_program(code);
    return guest;
}

/// Enters the guest with exactly the registers of the request, where Backend::call would set most of them.
limpet_status run(Execution& execution, const Request& request, uint32_t entry) {
    Guest& guest = execution.guest;
    if (execution.backend.prepare(guest) != LIMPET_RETURN) return LIMPET_REFUSED;
    std::ranges::copy(request.registers, guest.registers().begin());
    if (execution.backend.is_narrow())
        for (size_t i = 1; i < request.registers.size(); i += 2) guest.registers()[i] = 0;
    guest.vm.pc = entry;
    const uint32_t alignment = execution.backend.isa.compressed ? 2 : 4;
    if (!fetchable(guest.vm, guest.host, guest.vm.pc) || guest.vm.pc % alignment != 0) return LIMPET_FETCH;
    guest.vm.status = LIMPET_FUEL;
    return execution.resume();
}

/// Maps a guest to 32-bit registers, knowing what is in them.
bpf::MappedProgram narrow_for(Guest& guest, const Request& request) {
    bpf::MapLayout layout = map_layout(guest);
    layout.entries = {0};
    layout.wide_result = true;
    for (size_t i = 0; i < request.registers.size(); i += 2)
        layout.registers.push_back(uint64_t{request.registers[i + 1]} << 32 | request.registers[i]);
    if (layout.registers.back() >> 32 != 0) throw LoadError("r10 has an upper half");
    layout.stack_top = static_cast<uint32_t>(layout.registers.back());
    layout.registers.pop_back();
    return narrow(guest, layout);
}

bool makes_sense(const Backend& backend, const Request& request) {
    const size_t given = request.code_and_data.size();
    if (request.size > kMemoryBytesMax || request.code_size > given) return false;
    const size_t in_memory = backend.bpf ? given - request.code_size : given;
    return in_memory <= request.size && (backend.bpf || request.code_size <= request.size);
}

void answer(const Backend& backend, const Request& request, Writer& writer) {
    const auto refuse = [&](uint32_t pc) { reply(writer, LIMPET_REFUSED, pc, request.registers, 0, {}); };
    if (!makes_sense(backend, request)) return refuse(backend.bpf ? 0 : request.base);
    try {
        const std::unique_ptr<Guest> guest = make_guest(backend, request);
        uint32_t entry = backend.bpf ? 0 : request.base;
        std::optional<bpf::MappedProgram> mapped;
        if (backend.is_narrow()) {
            mapped = narrow_for(*guest, request);
            entry = mapped->places[0] * bpf::kSlotBytes;
        }
        Execution execution(backend, *guest, request.fuel);
        const limpet_status status = run(execution, request, entry);
        uint32_t pc = guest->vm.pc;
        if (mapped && pc / bpf::kSlotBytes < mapped->origins.size())
            pc = mapped->origins[pc / bpf::kSlotBytes] * bpf::kSlotBytes;
        if (status == LIMPET_REFUSED) return refuse(backend.bpf ? pc : request.base);
        reply(writer, status, pc, guest->registers(), backend.counts_exactly ? execution.executed() : 0,
              guest->memory().subspan(backend.bpf ? 0 : request.code_size));
    } catch (const LoadError&) {
        refuse(backend.bpf ? 0 : request.base);
    }
}

} // namespace

void batch(const Backend& backend, int in, int out) {
    Writer writer(out);
    Reader reader(in, writer);
    std::vector<uint8_t> bytes;
    Request request{};
    std::array<uint8_t, sizeof(uint32_t)> prefix{};
    for (uint64_t number = 1;; ++number) {
        size_t count = 0;
        if (!reader.read(prefix, count)) {
            writer.flush();
            if (count == 0) return;
            throw LoadError(fmt::format("request {}: the stream ends inside its length", number));
        }
        const uint32_t length = u32_at(prefix, 0);
        const size_t header = header_bytes(backend);
        const bool sensible = length >= header && length <= header + kMemoryBytesMax;
        if (sensible) {
            bytes.resize(length);
            if (reader.read(bytes, count)) {
                parse(backend, bytes, request);
                answer(backend, request, writer);
                continue;
            }
        }
        writer.flush();
        if (!sensible) throw LoadError(fmt::format("request {}: {} bytes cannot be a request", number, length));
        throw LoadError(fmt::format("request {}: the stream ends after {} of {} bytes", number, count, length));
    }
}

} // namespace limpet
