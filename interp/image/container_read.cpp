/// Everything in a .limpet file is hostile until it has been looked at here.
#include "container.h"

#include "../rv32/dense_1.h"
#include "container_format.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace limpet {

namespace {

using Json = nlohmann::json;
using namespace container_format;

/// Memory of a microcontroller is small; a file that says otherwise must not make a PC allocate gigabytes.
constexpr uint32_t kWindowBytesMax = 16U << 20;
constexpr size_t kNameBytesMax = 128;
constexpr uint32_t kFrameBytesMax = 512; ///< RFC 9669's implementations give no more
constexpr uint32_t kFramesMax = 256;

[[noreturn]] void fail(const std::string& what) { throw LoadError("image " + what); }

uint32_t number(std::span<const uint8_t> bytes, size_t at, uint32_t size) {
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; ++i) value |= uint32_t{bytes[at + i]} << 8 * i;
    return value;
}

uint32_t word(std::span<const uint8_t> bytes, size_t at) { return number(bytes, at, sizeof(uint32_t)); }

/// Text of a file, fit to be shown: no control characters, not endless.
std::string shown(const std::string& text) {
    std::string result = text.substr(0, kNameBytesMax);
    std::ranges::replace_if(
        result, [](char c) { return c < ' ' || c > '~'; }, '?');
    return "'" + result + "'";
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Is it a C identifier?
bool is_identifier(const std::string& text) {
    return !text.empty() && text.size() <= kNameBytesMax && !is_digit(text[0]) &&
           std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c); });
}

/// One object of the metadata, with words for what is wrong in it.
class Object {
public:
    Object(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
        if (!json.is_object()) fail("metadata: " + what_ + " is not an object");
    }

    [[nodiscard]] const Json& member(const char* key) const {
        const auto found = json_.find(key);
        if (found == json_.end()) fail("metadata: " + what_ + " has no " + key);
        return *found;
    }
    [[nodiscard]] uint32_t number(const char* key) const { return as_number(member(key), key); }
    [[nodiscard]] std::string text(const char* key) const {
        const Json& value = member(key);
        if (!value.is_string()) fail("metadata: " + std::string(key) + " of " + what_ + " is not text");
        return value.get<std::string>();
    }
    [[nodiscard]] std::string identifier(const char* key) const {
        std::string name = text(key);
        if (!is_identifier(name)) fail("metadata: " + what_ + " has the name " + shown(name) + ", no identifier");
        return name;
    }
    [[nodiscard]] const Json& list(const char* key) const {
        const Json& value = member(key);
        if (!value.is_array()) fail("metadata: " + std::string(key) + " of " + what_ + " is not a list");
        return value;
    }
    [[nodiscard]] uint32_t as_number(const Json& value, const std::string& key) const {
        // JSON has one kind of number; the library tells -1 and 1.5 apart from what is meant here.
        if (!value.is_number_unsigned() || value.get<uint64_t>() > std::numeric_limits<uint32_t>::max())
            fail("metadata: " + key + " of " + what_ + " is not a number of 32 bits");
        return value.get<uint32_t>();
    }

private:
    const Json& json_;
    std::string what_;
};

void check_header(std::span<const uint8_t> file) {
    if (!is_container(file.first(std::min(file.size(), kMagic.size())))) fail("without LMPT at its start");
    if (file.size() < kHeaderBytes) fail("is truncated: its header is cut off");
    const uint32_t version = word(file, kVersionAt) & 0xffff;
    if (version > kContainerVersion)
        fail("of the newer format version " + std::to_string(version) + "; this limpet reads " +
             std::to_string(kContainerVersion));
    if (version == 0 || word(file, kReservedAt - 2) >> 16 != 0) fail("with a header that has never been defined");
    const uint64_t size = uint64_t{kHeaderBytes} + word(file, kMetadataBytesAt) + word(file, kPayloadBytesAt);
    if (size > file.size())
        fail("is truncated: " + std::to_string(file.size()) + " of " + std::to_string(size) + " bytes");
    if (size < file.size()) fail("with " + std::to_string(file.size() - size) + " bytes behind its end");
    if (word(file, kCrcAt) != file_crc(file)) fail("with a wrong CRC");
}

void read_encoding(const Object& object, Container& container) {
    container.isa = object.text("isa");
    container.encoding = object.text("encoding");
    container.table_version = object.text("table_version");
    const auto isa = find_isa(container.isa);
    if (!isa && !container.is_bpf()) fail("for the unknown isa " + shown(container.isa));
    const bool dense = isa && isa->dense;
    const bool packed = container.is_packed() && container.isa == kPackedIsa;
    if (!packed && container.encoding != (dense ? "dense" : kPlainEncoding))
        fail("in the unknown encoding " + shown(container.encoding));
    const std::string version = dense ? rv32::dense::kTableVersion : packed ? kPackedVersion : "";
    if (container.table_version == version) return;
    if (version.empty()) fail("with a table version, which plain code has not");
    fail("with the unknown table version " + shown(container.table_version) + "; there is: " + version);
}

void read_windows(const Object& object, size_t payload_bytes, Container& container) {
    limpet_windows& windows = container.windows;
    windows.data_size = object.number("data_size");
    windows.writable_start = object.number("writable_start");
    windows.code_start = object.number("code_start");
    windows.code_size = object.number("code_size");
    container.stack_top = object.number("stack_top");
    container.stack_bytes = object.number("stack_bytes");
    if (windows.data_size > kWindowBytesMax || windows.code_start > kWindowBytesMax ||
        windows.code_size > kWindowBytesMax)
        fail("with sizes that overflow: no window may be larger than 16 MiB");
    if (windows.writable_start > windows.data_size || windows.data_size > windows.code_start)
        fail("whose windows are not in order");
    if (container.stack_top > windows.data_size || container.stack_top < windows.writable_start ||
        container.stack_bytes > container.stack_top - windows.writable_start)
        fail("whose stack is outside its writable data");
    if (container.stack_top % 16 != 0) fail("whose stack is not aligned");
    if (windows.code_size > payload_bytes || payload_bytes - windows.code_size > windows.data_size)
        fail("whose payload does not match its windows");
}

void read_frames(const Object& object, Container& container) {
    if (!container.is_bpf()) return;
    container.frame_bytes = object.number("frame_bytes");
    container.frame_count = object.number("frame_count");
    if (container.frame_bytes % 8 != 0 || container.frame_bytes > kFrameBytesMax || container.frame_count >= kFramesMax)
        fail("with " + std::to_string(container.frame_count) + " frames of " + std::to_string(container.frame_bytes) +
             " bytes");
}

/// Is there room for an instruction of `bytes` at `offset` of the code?
bool starts_instruction(uint32_t offset, uint32_t bytes, const Container& container) {
    return offset % code_unit(container) == 0 && offset < container.windows.code_size &&
           container.windows.code_size - offset >= bytes;
}

void read_entries(const Object& object, Container& container) {
    const Json& entries = object.member("entries");
    const Object values(entries, "entries");
    for (const auto& [name, address] : entries.items()) {
        if (!is_identifier(name)) fail("metadata: the entry " + shown(name) + " is no identifier");
        const Entry entry{.name = name, .address = values.as_number(address, name)};
        if (!starts_instruction(entry.address - container.windows.code_start, code_unit(container), container))
            fail("with the entry " + name + " outside its code");
        container.entries.push_back(entry);
    }
    if (container.entries.empty()) fail("without an entry");
}

void read_fixups(const Object& object, const Container& container, std::set<uint32_t>& seen, Import& import) {
    for (const Json& value : object.list("fixups")) {
        const uint32_t fixup = object.as_number(value, "fixups");
        const std::string what = "with a fixup of " + import.name + " at " + std::to_string(fixup);
        if (!starts_instruction(fixup, 1, container)) fail(what + ", outside its code");
        const HostCall unbound = host_call(container, fixup, kUnboundId);
        if (!starts_instruction(fixup, unbound.size, container)) fail(what + ", outside its code");
        if (!std::equal(unbound.bytes.begin(), unbound.bytes.begin() + unbound.size, container.code.begin() + fixup))
            fail(what + ", which is not an unbound host call");
        if (!seen.insert(fixup).second) fail(what + ", where there is another");
        import.fixups.push_back(fixup);
    }
}

/// Reads the declaration of an import.
Import read_signature(const Object& object) {
    Import import{.name = object.identifier("name"), .signature = object.text("signature"), .fixups = {}};
    try {
        const calls::Declaration declaration = calls::parse_declaration(import.signature);
        if (declaration.name != import.name) throw calls::DeclarationError("it declares " + declaration.name);
        if (canonical(declaration) != import.signature) throw calls::DeclarationError("it is not in canonical form");
    } catch (const calls::DeclarationError& error) {
        fail("that imports " + import.name + " with the signature " + shown(import.signature) + ": " + error.what());
    }
    return import;
}

void read_imports(const Object& object, Container& container) {
    std::set<std::string> names;
    std::set<uint32_t> fixups;
    for (const Json& item : object.list("imports")) {
        const Object import_object(item, "an import");
        Import import = read_signature(import_object);
        if (!names.insert(import.name).second) fail("that imports " + import.name + " twice");
        read_fixups(import_object, container, fixups, import);
        container.imports.push_back(std::move(import));
    }
    if (container.imports.size() > calls::kDeclarationsMax) fail("with more imports than there are ids");
}

/// Is it a path to a field: identifiers, dots, and indices in brackets?
bool is_field_name(const std::string& name) {
    return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '[' || c == ']';
    });
}

MessageField read_field(const Json& item, const Message& message) {
    const Object object(item, "a field of message " + message.name);
    MessageField field{.name = object.text("name"),
                       .offset = object.number("offset"),
                       .type = object.text("type"),
                       .count = object.number("count")};
    if (!is_field_name(field.name)) fail("metadata: message " + message.name + " has the field " + shown(field.name));
    const uint64_t bytes = field_type_bytes(field.type);
    if (bytes == 0)
        fail("metadata: " + field.name + " of message " + message.name + " has the unknown type " + shown(field.type));
    if (field.offset + bytes * std::max(field.count, 1U) > message.size)
        fail("metadata: " + field.name + " ends behind its message " + message.name);
    return field;
}

void read_messages(const Object& object, Container& container) {
    std::set<uint32_t> ids;
    for (const Json& item : object.list("messages")) {
        const Object message_object(item, "a message");
        Message message{.id = message_object.number("id"),
                        .name = message_object.identifier("name"),
                        .size = message_object.number("size"),
                        .fields = {}};
        if (message.size > kWindowBytesMax) fail("with sizes that overflow: message " + message.name);
        if (!ids.insert(message.id).second) fail("with two messages " + std::to_string(message.id));
        std::set<std::string> names;
        for (const Json& field : message_object.list("fields")) {
            message.fields.push_back(read_field(field, message));
            if (!names.insert(message.fields.back().name).second)
                fail("metadata: message " + message.name + " has two fields " + message.fields.back().name);
        }
        container.messages.push_back(std::move(message));
    }
}

void read_build_id(const Object& object, Container& container) {
    container.build_id = object.text("build_id");
    const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
    if (container.build_id.size() != kBuildIdDigits || !std::ranges::all_of(container.build_id, is_hex))
        fail("with the build id " + shown(container.build_id));
}

/// Names of source files, which are shown to users.
std::vector<std::string> read_files(const Object& lines) {
    std::vector<std::string> files;
    for (const Json& name : lines.list("files")) {
        if (!name.is_string()) fail("metadata: a file of lines is not text");
        const std::string text = name.get<std::string>();
        files.push_back(shown(text).substr(1, std::min(text.size(), kNameBytesMax)));
    }
    return files;
}

void read_lines(const Json& metadata, Container& container) {
    if (!metadata.contains("lines")) return;
    const Object lines(metadata["lines"], "lines");
    const std::vector<std::string> files = read_files(lines);
    for (const Json& row : lines.list("rows")) {
        if (!row.is_array() || row.size() != 3) fail("metadata: a row of lines is not three numbers");
        const uint32_t address = lines.as_number(row[0], "a row");
        const uint32_t file = lines.as_number(row[1], "a row");
        const uint32_t line = lines.as_number(row[2], "a row");
        if (line != 0 && file >= files.size()) fail("metadata: a row of lines names no file");
        if (!container.lines.empty() && address <= container.lines.rbegin()->first)
            fail("metadata: lines are not in order");
        container.lines[address] = line == 0 ? "" : files[file] + ":" + std::to_string(line);
    }
}

Json parse(std::span<const uint8_t> text) {
    Json metadata = Json::parse(text.begin(), text.end(), nullptr, false);
    if (metadata.is_discarded()) fail("metadata is not JSON");
    return metadata;
}

} // namespace

bool is_container(std::span<const uint8_t> file) {
    return file.size() >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), file.begin());
}

Container read_container(std::span<const uint8_t> file) {
    check_header(file);
    const uint32_t metadata_bytes = word(file, kMetadataBytesAt);
    const std::span<const uint8_t> payload = file.subspan(kHeaderBytes + metadata_bytes);
    const Json metadata = parse(file.subspan(kHeaderBytes, metadata_bytes));
    const Object object(metadata, "the image");

    Container container;
    read_encoding(object, container);
    read_windows(object, payload.size(), container);
    read_frames(object, container);
    if (container.windows.code_start % 4 != 0 || container.windows.code_size % code_unit(container) != 0)
        fail("whose code is not aligned");
    const auto code = payload.last(container.windows.code_size);
    const auto data = payload.first(payload.size() - code.size());
    container.code.assign(code.begin(), code.end());
    container.data.assign(data.begin(), data.end());
    read_entries(object, container);
    read_imports(object, container);
    read_messages(object, container);
    read_build_id(object, container);
    read_lines(metadata, container);
    return container;
}

} // namespace limpet
