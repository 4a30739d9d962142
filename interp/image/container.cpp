#include "container.h"

#include "../bpf/fields.h"
#include "../bpf/packed.h"
#include "container_format.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sha256.h>
#include <zlib.h>

namespace limpet {

namespace {

using Json = nlohmann::json;

struct NamedIsa {
    std::string_view name;
    rv32::Isa isa;
};
constexpr NamedIsa kIsas[] = {
    {"rv32e", rv32::isa::rv32e},     {"rv32ec", rv32::isa::rv32ec},       {"rv32emc", rv32::isa::rv32emc},
    {"rv32ecx", rv32::isa::rv32ecx}, {"rv32dense", rv32::isa::rv32dense},
};

constexpr std::string_view kBpfIsas[] = {"ebpf", "ebpf32"};

Json entries_json(const Container& container) {
    Json result = Json::object();
    for (const Entry& entry : container.entries) result[entry.name] = entry.address;
    return result;
}

Json imports_json(const Container& container) {
    Json result = Json::array();
    for (const Import& import : container.imports)
        result.push_back({{"name", import.name}, {"signature", import.signature}, {"fixups", import.fixups}});
    return result;
}

Json messages_json(const Container& container) {
    Json result = Json::array();
    for (const Message& message : container.messages) {
        Json fields = Json::array();
        for (const MessageField& field : message.fields)
            fields.push_back(
                {{"name", field.name}, {"offset", field.offset}, {"type", field.type}, {"count", field.count}});
        result.push_back({{"id", message.id}, {"name", message.name}, {"size", message.size}, {"fields", fields}});
    }
    return result;
}

Json lines_json(const Container& container) {
    Json files = Json::array();
    Json rows = Json::array();
    for (const auto& [address, text] : container.lines) {
        const size_t colon = text.rfind(':');
        if (colon == std::string::npos) {
            rows.push_back({address, 0, 0});
            continue;
        }
        const Json file = text.substr(0, colon);
        const auto known = std::ranges::find(files, file);
        const auto position = known - files.begin();
        if (known == files.end()) files.push_back(file);
        rows.push_back({address, position, std::stoul(text.substr(colon + 1))});
    }
    return {{"files", files}, {"rows", rows}};
}

/// What the image does: all but the build id and the source lines.
Json metadata_json(const Container& container) {
    Json all = {{"isa", container.isa},
                {"encoding", container.encoding},
                {"table_version", container.table_version},
                {"data_size", container.windows.data_size},
                {"writable_start", container.windows.writable_start},
                {"code_start", container.windows.code_start},
                {"code_size", container.windows.code_size},
                {"stack_top", container.stack_top},
                {"stack_bytes", container.stack_bytes},
                {"entries", entries_json(container)},
                {"imports", imports_json(container)},
                {"messages", messages_json(container)}};
    if (container.is_bpf()) {
        all["frame_bytes"] = container.frame_bytes;
        all["frame_count"] = container.frame_count;
    }
    return all;
}

/// What two builds that do the same have in common.
std::string make_build_id(const std::string& metadata, const std::vector<uint8_t>& payload) {
    SHA2_CTX context;
    std::array<uint8_t, SHA256_DIGEST_LENGTH> digest{};
    SHA256Init(&context);
    SHA256Update(&context, reinterpret_cast<const uint8_t*>(metadata.data()), metadata.size());
    SHA256Update(&context, payload.data(), payload.size());
    SHA256Final(digest.data(), &context);
    std::string text;
    for (size_t i = 0; i < container_format::kBuildIdDigits / 2; ++i)
        for (const unsigned digit : {digest[i] >> 4, digest[i] & 15}) text += "0123456789abcdef"[digit];
    return text;
}

void put(std::vector<uint8_t>& file, size_t offset, uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i, value >>= 8) file[offset + i] = static_cast<uint8_t>(value);
}

/// Why a firmware that lacks an import cannot run the guest.
std::string unbound(const Import& import, std::span<const calls::Declaration> declarations) {
    const auto other = std::ranges::find(declarations, import.name, &calls::Declaration::name);
    const std::string wanted = "the guest imports '" + import.signature + "', ";
    if (other != declarations.end()) return wanted + "the firmware declares '" + canonical(*other) + "'";
    return wanted + "which the firmware does not declare";
}

} // namespace

const Entry* Container::find_entry(std::string_view name) const {
    const auto found = std::ranges::find(entries, name, &Entry::name);
    return found == entries.end() ? nullptr : &*found;
}

std::optional<rv32::Isa> find_isa(std::string_view name) {
    const auto* const found = std::ranges::find(kIsas, name, &NamedIsa::name);
    return found == std::end(kIsas) ? std::nullopt : std::optional(found->isa);
}

bool is_bpf_isa(std::string_view name) { return std::ranges::find(kBpfIsas, name) != std::end(kBpfIsas); }

std::unique_ptr<Guest> Container::make_guest(std::span<const uint8_t> bound_code) const {
    if (!is_bpf()) return std::make_unique<Guest>(windows, stack_top, data, bound_code);
    limpet_windows memory = windows;
    memory.code_size = 0; // it is put in place by set_bpf_program
    auto guest = std::make_unique<Guest>(memory, stack_top, data, std::span<const uint8_t>());
    guest->set_bpf_program(bound_code, windows.code_start, frame_bytes, frame_count);
    return guest;
}

std::vector<uint8_t> write_container(Container& container) {
    using namespace container_format;
    std::vector<uint8_t> payload = container.data;
    payload.insert(payload.end(), container.code.begin(), container.code.end());
    Json metadata = metadata_json(container);
    container.build_id = make_build_id(metadata.dump(), payload);
    metadata["build_id"] = container.build_id;
    if (!container.lines.empty()) metadata["lines"] = lines_json(container);
    const std::string text = metadata.dump();

    std::vector<uint8_t> file(kHeaderBytes);
    std::ranges::copy(kMagic, file.begin());
    put(file, kVersionAt, kContainerVersion, sizeof kContainerVersion);
    put(file, kMetadataBytesAt, static_cast<uint32_t>(text.size()), sizeof(uint32_t));
    put(file, kPayloadBytesAt, static_cast<uint32_t>(payload.size()), sizeof(uint32_t));
    file.insert(file.end(), text.begin(), text.end());
    file.insert(file.end(), payload.begin(), payload.end());
    put(file, kCrcAt, file_crc(file), sizeof(uint32_t));
    (void)read_container(file);
    return file;
}

std::vector<uint8_t> bind_imports(const Container& container, std::span<const calls::Declaration> declarations) {
    std::vector<uint8_t> code = container.code;
    for (const Import& import : container.imports) {
        const auto id = calls::find(declarations, import.signature);
        if (!id) throw LoadError(unbound(import, declarations));
        for (const uint32_t fixup : import.fixups) bind_host_call(container, fixup, *id, code);
    }
    return code;
}

void bind_host_call(const Container& container, uint32_t fixup, uint32_t id, std::vector<uint8_t>& code) {
    const container_format::HostCall call = container_format::host_call(container, fixup, id);
    std::copy_n(call.bytes.begin(), call.size, code.begin() + fixup);
}

uint32_t container_format::code_unit(const Container& container) {
    if (container.is_bpf()) return container.is_packed() ? 1 : bpf::kSlotBytes;
    return find_isa(container.isa).value().alignment();
}

container_format::HostCall container_format::host_call(const Container& container, uint32_t fixup, uint32_t id) {
    HostCall call;
    uint64_t insn = uint64_t{id} << 20 | 0x0b;
    call.size = 4;
    if (container.is_packed()) {
        insn = bpf::packed::kHostCallOpcode | (id & 0xff) << 8;
        call.size = 2;
    } else if (container.is_bpf()) {
        insn = bpf::make(bpf::jump_opcode(bpf::kJmp, bpf::kCall), 0, 0, 0, static_cast<int32_t>(id));
        call.size = bpf::kSlotBytes;
    } else if (find_isa(container.isa).value().xlimpet && (container.code[fixup] & 3) != 3) {
        insn = 0xa002 | (id & 0x7ff) << 2;
        call.size = 2;
    } else if (find_isa(container.isa).value().dense) {
        insn = id;
        call.size = 1;
    }
    for (uint32_t i = 0; i < call.size; ++i) call.bytes[i] = static_cast<uint8_t>(insn >> 8 * i);
    return call;
}

uint32_t container_format::file_crc(std::span<const uint8_t> file) {
    constexpr uint8_t zero[sizeof(uint32_t)] = {};
    uLong crc = crc32(0, file.data(), kCrcAt);
    crc = crc32(crc, zero, sizeof zero);
    const auto rest = file.subspan(kCrcAt + sizeof zero);
    return static_cast<uint32_t>(crc32(crc, rest.data(), static_cast<uInt>(rest.size())));
}

} // namespace limpet
