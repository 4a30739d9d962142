#include "bpf_encoding.h"

#include "../bpf/fields.h"
#include "../bpf/packed_program.h"

namespace limpet {

namespace {

/// Everything in an image that is at an instruction, put where `moved` says that the instruction is.
template <class Moved> void move_places(Container& image, const Container& from, const Moved& moved) {
    const uint32_t start = image.windows.code_start;
    for (Entry& entry : image.entries) entry.address = start + moved(entry.address - start, "the entry " + entry.name);
    for (Import& import : image.imports)
        for (uint32_t& fixup : import.fixups) fixup = moved(fixup, "a fixup of " + import.name);
    image.lines.clear();
    for (const auto& [address, line] : from.lines) image.lines[start + moved(address - start, "a line")] = line;
}

} // namespace

void pack_image(Container& image) {
    // An id that one byte has room for, so that calls have that room.
    for (const Import& import : image.imports)
        for (const uint32_t fixup : import.fixups) bind_host_call(image, fixup, UINT8_MAX, image.code);
    const bpf::PackedProgram program = bpf::pack(image.code);
    const Container plain = image;
    image.encoding = kPackedEncoding;
    image.table_version = kPackedVersion;
    image.code = program.code;
    image.windows.code_size = static_cast<uint32_t>(program.code.size());
    move_places(image, plain, [&](uint32_t at, const std::string&) { return program.starts.at(at / bpf::kSlotBytes); });
}

Container unpack_image(const Container& packed) {
    const auto program = bpf::unpack(packed.code);
    if (!program) throw LoadError("image whose packed code is no program that may run");
    Container image = packed;
    image.encoding = kPlainEncoding;
    image.table_version = "";
    image.code = program->code;
    image.windows.code_size = static_cast<uint32_t>(program->code.size());
    move_places(image, packed, [&](uint32_t at, const std::string& what) {
        const auto slot = program->slots.find(at);
        if (slot == program->slots.end()) throw LoadError("image with " + what + " that is not at an instruction");
        return slot->second * bpf::kSlotBytes;
    });
    for (const Import& import : image.imports)
        for (const uint32_t fixup : import.fixups) bind_host_call(image, fixup, kUnboundId, image.code);
    return image;
}

} // namespace limpet
