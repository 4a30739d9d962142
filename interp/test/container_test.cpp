/// \file
/// The .limpet file: what is written is read again, and every malformed file is refused by name of the fault.
#include "../image/bpf_encoding.h"
#include "../image/container.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include <cstring>
#include <functional>

namespace {

using namespace limpet;
using Json = nlohmann::json;

constexpr uint32_t kUnboundCall = 0xfff0000b;
constexpr size_t kHeaderBytes = 20;

void append(std::vector<uint8_t>& bytes, uint32_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
}

/// limpet.call; limpet.call; c.jr ra: the code of both entries.
Container example() {
    Container image;
    image.isa = "rv32ec";
    image.windows = {.data_size = 96, .writable_start = 16, .code_start = 96, .code_size = 10};
    image.stack_top = 80;
    image.stack_bytes = 64;
    image.entries = {{"task", 96}, {"timer", 104}};
    image.imports = {{"spi_transfer", "void spi_transfer(handle<spi>,inout u8[#2],u8)", {0}},
                     {"timer_read_time", "u32 timer_read_time()", {4}}};
    image.messages = {{.id = 7,
                       .name = "reading",
                       .size = 8,
                       .fields = {{.name = "clock", .offset = 0, .type = "u32"},
                                  {.name = "axis", .offset = 4, .type = "i16", .count = 2}}}};
    for (uint8_t i = 0; i < 90; ++i) image.data.push_back(i);
    append(image.code, kUnboundCall, 4);
    append(image.code, kUnboundCall, 4);
    append(image.code, 0x8082, 2);
    image.lines = {{96, "driver.c:12"}, {100, ""}, {104, "driver.c:3"}};
    return image;
}

std::vector<uint8_t> example_file() {
    Container image = example();
    return write_container(image);
}

uint32_t word(const std::vector<uint8_t>& file, size_t at) {
    uint32_t value;
    std::memcpy(&value, &file[at], sizeof value);
    return value;
}

void set_word(std::vector<uint8_t>& file, size_t at, uint32_t value) { std::memcpy(&file[at], &value, sizeof value); }

/// Makes the CRC right again, computed from its definition and not by the code under test.
std::vector<uint8_t> sealed(std::vector<uint8_t> file) {
    set_word(file, 16, 0);
    set_word(file, 16, static_cast<uint32_t>(crc32(0, file.data(), static_cast<uInt>(file.size()))));
    return file;
}

std::string refusal(const std::vector<uint8_t>& file) {
    try {
        (void)read_container(file);
        return "accepted";
    } catch (const LoadError& error) {
        return error.what();
    }
}

/// A file with other metadata and everything else right.
std::vector<uint8_t> with_metadata(const std::string& text) {
    std::vector<uint8_t> file = example_file();
    const auto begin = file.begin() + kHeaderBytes;
    const std::vector<uint8_t> payload(begin + word(file, 8), file.end());
    file.resize(kHeaderBytes);
    set_word(file, 8, static_cast<uint32_t>(text.size()));
    file.insert(file.end(), text.begin(), text.end());
    file.insert(file.end(), payload.begin(), payload.end());
    return sealed(file);
}

std::string example_metadata() {
    const std::vector<uint8_t> file = example_file();
    return {file.begin() + kHeaderBytes, file.begin() + kHeaderBytes + word(file, 8)};
}

/// What is said of an image whose value at a JSON pointer is another.
std::string with(const std::string& pointer, const Json& value) {
    Json metadata = Json::parse(example_metadata());
    metadata[Json::json_pointer(pointer)] = value;
    return refusal(with_metadata(metadata.dump()));
}

TEST(Container, IsReadAsItWasWritten) {
    const Container image = example();
    const Container read = read_container(example_file());
    EXPECT_EQ(read.isa, image.isa);
    EXPECT_EQ(read.encoding, "plain");
    EXPECT_EQ(std::memcmp(&read.windows, &image.windows, sizeof image.windows), 0);
    EXPECT_EQ(read.stack_top, image.stack_top);
    EXPECT_EQ(read.stack_bytes, image.stack_bytes);
    EXPECT_EQ(read.data, image.data);
    EXPECT_EQ(read.code, image.code);
    ASSERT_NE(read.find_entry("timer"), nullptr);
    EXPECT_EQ(read.find_entry("timer")->address, 104U);
    EXPECT_EQ(read.find_entry("command"), nullptr);
    ASSERT_EQ(read.imports.size(), 2U);
    EXPECT_EQ(read.imports[0].signature, image.imports[0].signature);
    EXPECT_EQ(read.imports[1].fixups, image.imports[1].fixups);
    ASSERT_EQ(read.messages.size(), 1U);
    EXPECT_EQ(read.messages[0].id, 7U);
    EXPECT_EQ(read.messages[0].fields[1].name, "axis");
    EXPECT_EQ(read.messages[0].fields[1].count, 2U);
    EXPECT_EQ(read.messages[0].fields[0].count, 0U);
    EXPECT_EQ(read.lines, image.lines);
}

/// call 0xfff; exit; with one frame more than the outermost.
Container bpf_example() {
    Container image;
    image.isa = "ebpf";
    image.windows = {.data_size = 48, .writable_start = 8, .code_start = 48, .code_size = 16};
    image.stack_top = 48;
    image.stack_bytes = 32;
    image.frame_bytes = 16;
    image.frame_count = 1;
    image.entries = {{"task", 48}};
    image.imports = {{"timer_read_time", "u32 timer_read_time()", {0}}};
    append(image.code, 0x85, 4);
    append(image.code, 0xfff, 4);
    append(image.code, 0x95, 4);
    append(image.code, 0, 4);
    return image;
}

/// What is said of an image that is changed.
std::string refused(Container image, const std::function<void(Container&)>& change) {
    change(image);
    try {
        (void)write_container(image);
        return "accepted";
    } catch (const LoadError& error) {
        return error.what();
    }
}

TEST(Container, OfEbpfHasFrames) {
    Container image = bpf_example();
    const Container read = read_container(write_container(image));
    EXPECT_EQ(read.frame_bytes, 16U);
    EXPECT_EQ(read.frame_count, 1U);
    const std::vector<calls::Declaration> declarations = calls::parse_imports("void first()\nu32 timer_read_time()\n");
    const std::vector<uint8_t> code = bind_imports(read, declarations);
    EXPECT_EQ(code, (std::vector<uint8_t>{0x85, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}));
    const auto guest = read.make_guest(code);
    EXPECT_TRUE(guest->is_bpf());
    EXPECT_EQ(guest->bpf_host.frame_count, 1U);
    EXPECT_EQ(guest->bpf_host.frame_bytes, 16U);
    EXPECT_EQ(guest->vm.window.code_start, 48U);
    EXPECT_EQ(guest->vm.window.code_size, 16U);
    EXPECT_EQ(guest->host.stack_top, 48U);
}

/// call 0xff; exit: packed.
void make_packed(Container& image) {
    image.encoding = kPackedEncoding;
    image.table_version = kPackedVersion;
    image.code = {0x85, 0xff, 0x95};
    image.windows.code_size = 3;
}

TEST(Container, OfPackedCodeIsBoundAndUnpacked) {
    Container image = bpf_example();
    make_packed(image);
    const Container read = read_container(write_container(image));
    const std::vector<calls::Declaration> declarations = calls::parse_imports("void first()\nu32 timer_read_time()\n");
    EXPECT_EQ(bind_imports(read, declarations), (std::vector<uint8_t>{0x85, 1, 0x95}));
    Container plain = unpack_image(read);
    EXPECT_EQ(plain.code, bpf_example().code);
    EXPECT_EQ(write_container(plain), [] {
        Container example = bpf_example();
        return write_container(example);
    }());
    pack_image(plain);
    EXPECT_EQ(plain.code, image.code);
}

TEST(Container, OfPackedCodeIsRefusedByNameOfItsFault) {
    const auto change = [](const std::function<void(Container&)>& what) {
        return refused(bpf_example(), [&](Container& image) {
            make_packed(image);
            what(image);
        });
    };
    EXPECT_EQ(change([](Container&) {}), "accepted");
    EXPECT_EQ(change([](Container& image) { image.table_version = "2"; }),
              "image with the unknown table version '2'; there is: packed-1");
    EXPECT_EQ(change([](Container& image) { image.encoding = "zipped"; }), "image in the unknown encoding 'zipped'");
    EXPECT_EQ(change([](Container& image) { image.isa = "rv32ec"; }), "image in the unknown encoding 'packed'");
    EXPECT_EQ(change([](Container& image) { image.imports[0].fixups = {1}; }),
              "image with a fixup of timer_read_time at 1, which is not an unbound host call");
    EXPECT_EQ(change([](Container& image) { image.imports[0].fixups = {2}; }),
              "image with a fixup of timer_read_time at 2, outside its code");
    Container inside = bpf_example();
    make_packed(inside);
    inside.entries[0].address = 49;
    EXPECT_THROW((void)unpack_image(inside), LoadError);
}

TEST(Container, OfEbpfIsRefusedByNameOfItsFault) {
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.frame_bytes = 12; }),
              "image with 1 frames of 12 bytes");
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.frame_bytes = 520; }),
              "image with 1 frames of 520 bytes");
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.frame_count = 256; }),
              "image with 256 frames of 16 bytes");
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.entries[0].address = 52; }),
              "image with the entry task outside its code");
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.imports[0].fixups = {4}; }),
              "image with a fixup of timer_read_time at 4, outside its code");
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.imports[0].fixups = {8}; }),
              "image with a fixup of timer_read_time at 8, which is not an unbound host call");
    EXPECT_EQ(refused(bpf_example(), [](Container& image) { image.code[1] = 0x10; }),
              "image with a fixup of timer_read_time at 0, which is not an unbound host call");
    EXPECT_EQ(refused(bpf_example(),
                      [](Container& image) {
                          image.code.resize(12);
                          image.windows.code_size = 12;
                      }),
              "image whose code is not aligned");
}

TEST(Container, BuildIdTellsContentsApart) {
    Container image = example();
    (void)write_container(image);
    const std::string id = image.build_id;
    (void)write_container(image);
    EXPECT_EQ(image.build_id, id);
    image.data[5] ^= 1;
    (void)write_container(image);
    EXPECT_NE(image.build_id, id);
    image = example();
    image.entries[1].name = "filter";
    (void)write_container(image);
    EXPECT_NE(image.build_id, id);
    image = example();
    image.lines.clear(); // does the same
    (void)write_container(image);
    EXPECT_EQ(image.build_id, id);
}

TEST(Container, EveryTruncationIsRefusedAsOne) {
    const std::vector<uint8_t> file = example_file();
    for (size_t size = 0; size < file.size(); ++size) {
        const std::string told = refusal({file.begin(), file.begin() + static_cast<ptrdiff_t>(size)});
        EXPECT_NE(told.find(size < 4 ? "without LMPT" : "is truncated"), std::string::npos) << size << ": " << told;
    }
}

TEST(Container, EveryChangedBitIsRefused) {
    const std::vector<uint8_t> file = example_file();
    for (size_t bit = 0; bit < file.size() * 8; ++bit) {
        std::vector<uint8_t> changed = file;
        changed[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
        EXPECT_NE(refusal(changed), "accepted") << bit;
    }
    std::vector<uint8_t> payload = file;
    payload.back() ^= 1;
    EXPECT_EQ(refusal(payload), "image with a wrong CRC");
}

TEST(Container, HeadersOfOtherKindsAreRefused) {
    const auto patched = [](size_t at, uint32_t value) {
        std::vector<uint8_t> file = example_file();
        set_word(file, at, value);
        return refusal(sealed(file));
    };
    EXPECT_EQ(patched(0, 0x464c457f), "image without LMPT at its start");
    EXPECT_EQ(patched(4, 2), "image of the newer format version 2; this limpet reads 1");
    EXPECT_EQ(patched(4, 0xffff), "image of the newer format version 65535; this limpet reads 1");
    EXPECT_EQ(patched(4, 0), "image with a header that has never been defined");
    EXPECT_EQ(patched(4, 0x10001), "image with a header that has never been defined");
    for (const size_t size_at : {8U, 12U}) {
        EXPECT_NE(patched(size_at, 0xffffffff).find("image is truncated: "), std::string::npos);
        EXPECT_NE(patched(size_at, 0).find(" bytes behind its end"), std::string::npos);
    }
    std::vector<uint8_t> longer = example_file();
    longer.push_back(0);
    EXPECT_EQ(refusal(longer), "image with 1 bytes behind its end");
}

TEST(Container, NonsenseInsteadOfMetadataIsRefused) {
    for (const char* text : {"", "{", "nonsense", "{\"isa\": \"\xff\"}", "{} {}", "{\"isa\": 1e999}", "nul"})
        EXPECT_EQ(refusal(with_metadata(text)), "image metadata is not JSON") << text;
    for (const char* text : {"[]", "3", "null", "\"isa\""})
        EXPECT_EQ(refusal(with_metadata(text)), "image metadata: the image is not an object") << text;
    EXPECT_EQ(refusal(with_metadata("{}")), "image metadata: the image has no isa");
    const std::string deep(100000, '[');
    EXPECT_EQ(refusal(with_metadata(deep)), "image metadata is not JSON");
    EXPECT_EQ(refusal(with_metadata(deep + std::string(100000, ']'))), "image metadata: the image is not an object");
}

TEST(Container, NothingMayBeMissing) {
    const Json metadata = Json::parse(example_metadata());
    for (const auto& [key, value] : metadata.items()) {
        Json less = metadata;
        less.erase(key);
        const bool optional = key == "lines";
        EXPECT_EQ(refusal(with_metadata(less.dump())),
                  optional ? "accepted" : "image metadata: the image has no " + key);
        EXPECT_NE(with("/" + key, nullptr), "accepted") << key;
        EXPECT_NE(with("/" + key, -1), "accepted") << key;
        EXPECT_NE(with("/" + key, 1.5), "accepted") << key;
        EXPECT_NE(with("/" + key, 0x100000000), "accepted") << key;
        EXPECT_NE(with("/" + key, Json::array({Json::array()})), "accepted") << key;
    }
    for (const char* list : {"/imports/0", "/messages/0", "/messages/0/fields/0"}) {
        const Json::json_pointer at(list);
        for (const auto& [key, value] : metadata[at].items()) {
            Json less = metadata;
            less[at].erase(key);
            EXPECT_NE(refusal(with_metadata(less.dump())).find(" has no " + key), std::string::npos);
            EXPECT_NE(with(std::string(list) + "/" + key, Json::object()), "accepted") << list << key;
        }
    }
}

TEST(Container, UnknownCodeIsRefused) {
    EXPECT_EQ(with("/isa", "rv64"), "image for the unknown isa 'rv64'");
    EXPECT_EQ(with("/isa", "\x1b[2J"), "image for the unknown isa '?[2J'");
    EXPECT_EQ(with("/encoding", "dense"), "image in the unknown encoding 'dense'");
    EXPECT_EQ(with("/table_version", "1"), "image with a table version, which plain code has not");
}

/// Code of rv32dense: a host call, a return, and a table by which they are that.
Container dense_example() {
    Container image = example();
    image.isa = "rv32dense";
    image.encoding = "dense";
    image.table_version = "dense-1";
    image.windows.code_size = 4;
    image.code = {0x00, 0xff, 0x00, 0xff};
    image.entries = {{"task", 98}}; // at any address
    image.imports = {{"timer_read_time", "u32 timer_read_time()", {1, 3}}};
    return image;
}

TEST(Container, DenseCodeHasIdsInBytes) {
    Container image = dense_example();
    const auto declarations = calls::parse_imports("void f()\nu32 timer_read_time()\n");
    EXPECT_EQ(bind_imports(read_container(write_container(image)), declarations),
              (std::vector<uint8_t>{0x00, 0x01, 0x00, 0x01}));
}

TEST(Container, UnknownDenseCodeIsRefused) {
    EXPECT_EQ(refused(dense_example(), [](Container& image) { image.table_version = "dense-2"; }),
              "image with the unknown table version 'dense-2'; there is: dense-1");
    EXPECT_EQ(refused(dense_example(), [](Container& image) { image.table_version = ""; }),
              "image with the unknown table version ''; there is: dense-1");
    EXPECT_EQ(refused(dense_example(), [](Container& image) { image.encoding = "plain"; }),
              "image in the unknown encoding 'plain'");
    EXPECT_EQ(refused(dense_example(), [](Container& image) { image.imports[0].fixups = {4}; }),
              "image with a fixup of timer_read_time at 4, outside its code");
    EXPECT_EQ(refused(dense_example(), [](Container& image) { image.imports[0].fixups = {2}; }),
              "image with a fixup of timer_read_time at 2, which is not an unbound host call");
    EXPECT_EQ(refused(dense_example(), [](Container& image) { image.entries[0].address = 100; }),
              "image with the entry task outside its code");
}

TEST(Container, WindowsThatDoNotHoldAreRefused) {
    EXPECT_EQ(with("/data_size", 0xffffffff), "image with sizes that overflow: no window may be larger than 16 MiB");
    EXPECT_EQ(with("/code_size", 0xfffffffe), "image with sizes that overflow: no window may be larger than 16 MiB");
    EXPECT_EQ(with("/code_start", 0xfffffffc), "image with sizes that overflow: no window may be larger than 16 MiB");
    EXPECT_EQ(with("/writable_start", 97), "image whose windows are not in order");
    EXPECT_EQ(with("/code_start", 92), "image whose windows are not in order");
    EXPECT_EQ(with("/data_size", 100), "image whose windows are not in order");
    EXPECT_EQ(with("/stack_top", 112), "image whose stack is outside its writable data");
    EXPECT_EQ(with("/stack_top", 0), "image whose stack is outside its writable data");
    EXPECT_EQ(with("/stack_bytes", 65), "image whose stack is outside its writable data");
    EXPECT_EQ(with("/stack_top", 84), "image whose stack is not aligned");
    EXPECT_EQ(with("/code_size", 102), "image whose payload does not match its windows");
    EXPECT_EQ(with("/code_size", 2), "image whose payload does not match its windows");
    EXPECT_EQ(with("/data_size", 88), "image whose payload does not match its windows");
    EXPECT_EQ(with("/code_start", 98), "image whose code is not aligned");
    EXPECT_EQ(with("/code_size", 9), "image whose code is not aligned");
    EXPECT_EQ(with("/isa", "rv32e"), "image whose code is not aligned");
}

TEST(Container, EntriesOutsideTheCodeAreRefused) {
    for (const uint32_t address : {95U, 94U, 97U, 106U, 0U, 0xffffffffU})
        EXPECT_EQ(with("/entries/task", address), "image with the entry task outside its code") << address;
    EXPECT_EQ(with("/entries", Json::object()), "image without an entry");
    EXPECT_EQ(with("/entries/task", "96"), "image metadata: task of entries is not a number of 32 bits");
    EXPECT_EQ(with("/entries/a b", 96), "image metadata: the entry 'a b' is no identifier");
}

TEST(Container, FixupsThatAreNoHostCallsAreRefused) {
    const std::string at = "image with a fixup of spi_transfer at ";
    for (const uint32_t offset : {7U, 8U, 10U, 1U, 0xfffffffcU})
        EXPECT_EQ(with("/imports/0/fixups/0", offset), at + std::to_string(offset) + ", outside its code");
    EXPECT_EQ(with("/imports/0/fixups/0", 6), at + "6, which is not an unbound host call");
    EXPECT_EQ(with("/imports/0/fixups/0", 4), "image with a fixup of timer_read_time at 4, where there is another");
    EXPECT_NE(with("/imports/0/fixups/0", "0").find("not a number"), std::string::npos);
}

TEST(Container, ImportsThatMakeNoSenseAreRefused) {
    EXPECT_EQ(with("/imports/0/name", "9"), "image metadata: an import has the name '9', no identifier");
    const std::string with_signature = "image that imports spi_transfer with the signature ";
    EXPECT_EQ(with("/imports/0/signature", "void other()"), with_signature + "'void other()': it declares other");
    EXPECT_EQ(with("/imports/0/signature", "void spi_transfer(u8 a)"),
              with_signature + "'void spi_transfer(u8 a)': it is not in canonical form");
    EXPECT_EQ(with("/imports/0/signature", "void spi_transfer(\x1b)"),
              with_signature + "'void spi_transfer(?)': expected the type of an argument at '?)'");
    const Json import = {{"name", "f"}, {"signature", "void f()"}, {"fixups", Json::array()}};
    EXPECT_EQ(with("/imports", Json::array({import, import})), "image that imports f twice");
    Json many = Json::array();
    for (int i = 0; i < 257; ++i) {
        const std::string name = "f" + std::to_string(i);
        many.push_back({{"name", name}, {"signature", "void " + name + "()"}, {"fixups", Json::array()}});
    }
    EXPECT_EQ(with("/imports", many), "image with more imports than there are ids");
    many.erase(256);
    EXPECT_EQ(with("/imports", many), "accepted");
}

TEST(Container, MessagesThatMakeNoSenseAreRefused) {
    EXPECT_EQ(with("/messages/0/name", ""), "image metadata: a message has the name '', no identifier");
    EXPECT_EQ(with("/messages/0/size", 0x7fffffff), "image with sizes that overflow: message reading");
    EXPECT_EQ(with("/messages/0/fields/0/type", "f32"),
              "image metadata: clock of message reading has the unknown type 'f32'");
    EXPECT_EQ(with("/messages/0/fields/0/name", "a\nb"), "image metadata: message reading has the field 'a?b'");
    const std::string behind = "image metadata: axis ends behind its message reading";
    EXPECT_EQ(with("/messages/0/fields/1/offset", 5), behind);
    EXPECT_EQ(with("/messages/0/fields/1/offset", 0xfffffffe), behind);
    EXPECT_EQ(with("/messages/0/fields/1/count", 3), behind);
    EXPECT_EQ(with("/messages/0/fields/1/count", 0x80000000), behind);
    EXPECT_EQ(with("/messages/0/fields/1/name", "clock"), "image metadata: message reading has two fields clock");
    const Json message = {{"id", 1}, {"name", "m"}, {"size", 0}, {"fields", Json::array()}};
    EXPECT_EQ(with("/messages", Json::array({message, message})), "image with two messages 1");
    EXPECT_EQ(with("/build_id", "0123"), "image with the build id '0123'");
    EXPECT_EQ(with("/build_id", "0123456789abcdeF"), "image with the build id '0123456789abcdeF'");
}

TEST(Container, Lines) {
    EXPECT_EQ(with("/lines/rows/2/0", 100), "image metadata: lines are not in order");
    EXPECT_EQ(with("/lines/rows/0/1", 1), "image metadata: a row of lines names no file");
    EXPECT_EQ(with("/lines/rows/1/1", 1), "accepted"); // line 0 names none
    EXPECT_EQ(with("/lines/rows/0", Json::array({96, 0})), "image metadata: a row of lines is not three numbers");
    EXPECT_EQ(with("/lines/rows/0/2", -1), "image metadata: a row of lines is not a number of 32 bits");
    EXPECT_EQ(with("/lines/files/0", 1), "image metadata: a file of lines is not text");
    EXPECT_EQ(with("/lines/rows", 1), "image metadata: rows of lines is not a list");
    EXPECT_EQ(with("/lines", 1), "image metadata: lines is not an object");
    Json metadata = Json::parse(example_metadata());
    metadata["lines"]["files"][0] = "a\x1b.c";
    EXPECT_EQ(read_container(with_metadata(metadata.dump())).lines.begin()->second, "a?.c:12");
    metadata.erase("lines");
    EXPECT_TRUE(read_container(with_metadata(metadata.dump())).lines.empty());
}

TEST(Container, WhatCannotBeReadIsNotWritten) {
    Container image = example();
    image.entries[0].address = 0;
    EXPECT_THROW((void)write_container(image), LoadError);
    image = example();
    image.isa = "rv32dense";
    EXPECT_THROW((void)write_container(image), LoadError);
}

std::vector<calls::Declaration> declared(const std::vector<std::string>& lines) {
    std::vector<calls::Declaration> result;
    for (const std::string& line : lines) result.push_back(calls::parse_declaration(line));
    return result;
}

TEST(Bind, GivesEachCallTheIdOfTheFirmware) {
    const Container image = read_container(example_file());
    std::vector<std::string> lines = {"u32 timer_read_time()", "bool other()"};
    lines.resize(255, "void filler()");
    lines.emplace_back("void spi_transfer(handle<spi>bus,inout u8 [#2]data,u8 length)");
    const std::vector<uint8_t> code = bind_imports(image, declared(lines));
    EXPECT_EQ(word(code, 0), 0x0ff0000bU);
    EXPECT_EQ(word(code, 4), 0x0000000bU);
    EXPECT_EQ(std::vector<uint8_t>(code.begin() + 8, code.end()),
              std::vector<uint8_t>(image.code.begin() + 8, image.code.end()));
}

TEST(Bind, AFirmwareThatLacksAnImportIsToldWhich) {
    const Container image = read_container(example_file());
    const auto told = [&](const std::vector<std::string>& lines) -> std::string {
        try {
            (void)bind_imports(image, declared(lines));
            return "bound";
        } catch (const LoadError& error) {
            return error.what();
        }
    };
    const std::string spi = "void spi_transfer(handle<spi>,inout u8[#2],u8)";
    EXPECT_EQ(told({spi}), "the guest imports 'u32 timer_read_time()', which the firmware does not declare");
    EXPECT_EQ(told({}), "the guest imports '" + spi + "', which the firmware does not declare");
    EXPECT_EQ(told({spi, "i32 timer_read_time()"}),
              "the guest imports 'u32 timer_read_time()', the firmware declares 'i32 timer_read_time()'");
    EXPECT_EQ(told({"u32 timer_read_time()", spi}), "bound");
}

} // namespace
