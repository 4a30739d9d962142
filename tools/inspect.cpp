#include "inspect.h"

#include "../interp/bpf/fault.h"
#include "../interp/image/bpf_encoding.h"
#include "builder/sdk.h"
#include "execution.h"
#include "program.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace limpet {

namespace {

/// What of the data window is uploaded.
struct UploadedData {
    explicit UploadedData(const Container& image)
        // The first bytes are unused: no object is at NULL.
        : read_only(image.windows.writable_start -
                    std::min(image.windows.writable_start, image.is_bpf() ? kBpfUnusedBytes : 4U)),
          initialised(image.data.size() - std::min<size_t>(image.data.size(), image.stack_top)) {}
    size_t read_only;
    size_t initialised;
};

/// "1 byte", "2 bytes"
std::string count(size_t number, std::string_view what) {
    return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

void print_memory(const Container& image, std::FILE* out) {
    const limpet_windows& windows = image.windows;
    const UploadedData data(image);
    const size_t variables = windows.data_size - image.stack_top;
    fmt::print(out, "upload     {}: {} code, {} read-only data, {} initialised variables\n",
               count(upload_bytes(image), "byte"), image.code.size(), data.read_only, data.initialised);
    fmt::print(out, "memory     {}: {} code, {} data ({} stack, {} variables)\n",
               count(size_t{windows.data_size} + windows.code_size, "byte"), windows.code_size, windows.data_size,
               image.stack_top - windows.writable_start, variables);
    fmt::print(out, "stack      {} at most\n", count(image.stack_bytes, "byte"));
    fmt::print(out, "windows    data 0..{:#x}, writable from {:#x}, code {:#x}..{:#x}, sp {:#x}\n", windows.data_size,
               windows.writable_start, windows.code_start, windows.code_start + windows.code_size, image.stack_top);
    if (image.is_bpf())
        fmt::print(out, "frames     {} deep, {} each\n", image.frame_count, count(image.frame_bytes, "byte"));
    if (image.isa == kPackedIsa && !image.is_packed() && !bpf::find_fault(image.code)) {
        Container packed = image;
        pack_image(packed);
        fmt::print(out, "packed     {} of code\n", count(packed.code.size(), "byte"));
    }
}

void print_message(const Message& message, std::FILE* out) {
    fmt::print(out, "message    {} {}, {}\n", message.id, message.name, count(message.size, "byte"));
    for (const MessageField& field : message.fields) {
        const std::string type = field.count == 0 ? field.type : fmt::format("{}[{}]", field.type, field.count);
        fmt::print(out, "           {:4} {:8} {}\n", field.offset, type, field.name);
    }
}

} // namespace

uint32_t upload_bytes(const Container& image) {
    const UploadedData data(image);
    return static_cast<uint32_t>(image.code.size() + data.read_only + data.initialised);
}

void print_info(const Container& image, std::FILE* out) {
    fmt::print(out, "isa        {}, {}\n", image.isa, image.encoding);
    fmt::print(out, "build id   {}\n", image.build_id);
    print_memory(image, out);
    for (const Entry& entry : image.entries) fmt::print(out, "entry      {:#06x} {}\n", entry.address, entry.name);
    for (const Import& import : image.imports)
        fmt::print(out, "import     {}, {}\n", import.signature, count(import.fixups.size(), "call"));
    for (const Message& message : image.messages) print_message(message, out);
}

void check_guest(const std::string& path, const std::string& imports) {
    Program program(path, 0);
    if (!imports.empty()) program.bind(read_imports(imports));
    for (const auto& list : {backends(), bpf_backends()}) {
        for (const std::unique_ptr<Backend>& backend : list) {
            if (backend->isa_name != program.isa_name()) continue;
            const std::unique_ptr<Guest> guest = program.make_guest({}, backend->bpf);
            if (backend->prepare(*guest) != LIMPET_RETURN) throw LoadError(why_refused(*guest, *backend));
        }
    }
}

} // namespace limpet
