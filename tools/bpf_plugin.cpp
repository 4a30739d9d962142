#include "bpf_plugin.h"

#include "../interp/bpf/fault.h"
#include "../interp/bpf/fields.h"
#include "../interp/image/bpf_narrow.h"
#include "errors.h"
#include "execution.h"
#include "options.h"

#include <array>
#include <cctype>
#include <charconv>
#include <fmt/format.h>

namespace limpet {

namespace {

constexpr uint32_t kMemoryStart = 0x1000; ///< nothing is at NULL
constexpr uint32_t kStackBytes = 9 * 512; ///< a frame for the program and for each local call under way
constexpr size_t kMemoryBytesMax = size_t{1} << 24;

std::vector<uint8_t> parse_hex(const char* what, std::string_view text) {
    std::vector<uint8_t> bytes;
    std::string digits;
    for (const char c : text)
        if (std::isspace(static_cast<unsigned char>(c)) == 0) digits += c;
    if (digits.size() % 2 != 0) throw LoadError(fmt::format("{}: an odd number of hexadecimal digits", what));
    for (size_t i = 0; i < digits.size(); i += 2) {
        uint8_t byte = 0;
        const char* end = digits.data() + i + 2;
        if (std::from_chars(digits.data() + i, end, byte, 16).ptr != end)
            throw LoadError(fmt::format("{}: '{}' is not a hexadecimal byte", what, digits.substr(i, 2)));
        bytes.push_back(byte);
    }
    if (bytes.size() > kMemoryBytesMax) throw LoadError(fmt::format("{}: more than 16 MiB", what));
    return bytes;
}

std::string read_all(std::FILE* in) {
    std::string text;
    std::array<char, 4096> part{};
    while (const size_t size = std::fread(part.data(), 1, part.size(), in)) text.append(part.data(), size);
    if (std::ferror(in) != 0) throw LoadError("cannot read the program");
    return text;
}

limpet_status helper(limpet_vm* /*vm*/, const limpet_host* /*host*/, uint32_t id, uint32_t* args) {
    constexpr uint32_t time_since_boot = 5;
    if (id != time_since_boot) return LIMPET_HOST_CALL;
    args[0] = 0;
    return LIMPET_RETURN;
}

/// The guest, for registers of 32 bits where the backend has no others; `entry` becomes where it starts.
std::unique_ptr<Guest> make_guest(const Backend& backend, std::span<const uint8_t> code,
                                  std::span<const uint8_t> memory, std::span<const uint32_t> arguments,
                                  uint32_t& entry) {
    const auto size = static_cast<uint32_t>(memory.size());
    const Segment segment{.address = kMemoryStart, .data = memory, .size = size, .writable = true, .executable = false};
    auto guest = std::make_unique<Guest>(kMemoryStart, (size + kStackBytes + 15) & ~15U, std::span(&segment, 1));
    guest->set_bpf_program(code);
    guest->host.call = helper;
    if (const auto fault = bpf::find_fault(code)) throw LoadError(bpf::describe(*fault, code));
    if (!backend.is_narrow()) return guest;
    bpf::MapLayout layout = map_layout(*guest);
    layout.entries = {0};
    layout.registers = {0, arguments[0], arguments[1], 0, 0, 0, 0, 0, 0, 0};
    layout.wide_result = true;
    entry = narrow(*guest, layout).places[0] * bpf::kSlotBytes;
    return guest;
}

} // namespace

int bpf_plugin_command(const BpfPluginOptions& options, std::FILE* in) {
    // Each has an isa.
    const bool is_narrow =
        find_backend("ebpf", options.backend) == nullptr && find_backend("ebpf32", options.backend) != nullptr;
    const Backend& backend = choose_backend(is_narrow ? "ebpf32" : "ebpf", options.backend);
    const std::vector<uint8_t> memory = parse_hex("memory", options.memory);
    const std::vector<uint8_t> code = parse_hex("program", read_all(in));
    const auto size = static_cast<uint32_t>(memory.size());
    const std::array<uint32_t, 2> arguments = {size == 0 ? 0 : kMemoryStart, size};
    uint32_t entry = 0;
    const std::unique_ptr<Guest> owner = make_guest(backend, code, memory, arguments, entry);
    Guest& guest = *owner;
    if (backend.prepare(guest) != LIMPET_RETURN) throw LoadError(backend.name + " cannot run it");

    guest.set_arguments(arguments);
    Execution execution(backend, guest, kFuelUnlimited);
    const limpet_status status = execution.call(entry);
    if (status != LIMPET_RETURN) {
        fmt::print(stderr, "limpet: trap {} in instruction {}\n", static_cast<int>(status), guest.vm.pc / 8);
        return kExitTrap;
    }
    fmt::print("{:x}\n", uint64_t{guest.bpf.r[1]} << 32 | guest.bpf.r[0]);
    return kExitOk;
}

} // namespace limpet
