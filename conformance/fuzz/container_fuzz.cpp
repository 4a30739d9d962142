/// \file
/// Feeds libFuzzer's inputs to the reader of .limpet files. What is accepted must survive everything that a host does
/// with an image: written and read again it is the same, it can be bound, and it makes a guest.
#include "../../interp/image/container.h"
#include "../../interp/image/container_format.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

namespace {

using namespace limpet;

void require(bool holds) {
    if (!holds) std::abort();
}

void set_word(std::vector<uint8_t>& file, size_t at, size_t value) {
    for (size_t i = 0; i < sizeof(uint32_t); ++i) file[at + i] = static_cast<uint8_t>(value >> 8 * i);
}

/// The file with a header that is right, so that mutations reach what is behind it. The length of the metadata stays
/// what the input says, where the input is that long.
std::vector<uint8_t> sealed(std::vector<uint8_t> file) {
    using namespace container_format;
    if (file.size() < kHeaderBytes) return file;
    const size_t bytes = file.size() - kHeaderBytes;
    const size_t metadata_bytes = std::min<size_t>(file[kMetadataBytesAt] | file[kMetadataBytesAt + 1] << 8, bytes);
    std::ranges::copy(kMagic, file.begin());
    set_word(file, kVersionAt, kContainerVersion);
    set_word(file, kMetadataBytesAt, metadata_bytes);
    set_word(file, kPayloadBytesAt, bytes - metadata_bytes);
    set_word(file, kCrcAt, file_crc(file));
    return file;
}

void use(Container image) {
    const std::vector<uint8_t> file = write_container(image);
    Container again = read_container(file);
    require(write_container(again) == file);

    std::vector<calls::Declaration> declarations;
    for (const Import& import : image.imports) declarations.push_back(calls::parse_declaration(import.signature));
    const std::vector<uint8_t> code = bind_imports(image, declarations);
    const std::unique_ptr<Guest> guest = image.make_guest(code);
    for (const Message& message : image.messages)
        (void)decode(message, std::span(file).first(std::min<size_t>(file.size(), message.size)));
    for (const Entry& entry : image.entries)
        require(entry.address - guest->vm.window.code_start < guest->vm.window.code_size);
}

void try_file(const std::vector<uint8_t>& file) {
    Container image;
    try {
        image = read_container(file);
    } catch (const LoadError&) {
        return;
    }
    use(std::move(image));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    const std::vector<uint8_t> file(input, input + size);
    try_file(file);
    try_file(sealed(file));
    return 0;
}
