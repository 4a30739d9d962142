#include "image.h"

#include <algorithm>
#include <string>

namespace limpet {

namespace {

/// Memory of a microcontroller is small; a file that says otherwise must not make a PC allocate gigabytes.
constexpr uint32_t kDataBytesMax = 16U << 20;

/// One of the symbols that guest.ld defines.
uint32_t layout(const ElfFile& file, const char* name) {
    const Symbol* symbol = file.find(name);
    if (symbol == nullptr)
        throw LoadError(std::string("not a guest image: no symbol ") + name + ", link with guest.ld");
    return symbol->address;
}

/// Copies what of a segment is in the file to where it belongs, counted from `start`, in a window of `size` bytes.
void place(const Segment& segment, uint32_t start, uint32_t size, std::vector<uint8_t>& bytes) {
    const uint64_t first = uint64_t{segment.address} - start;
    if (segment.address < start || first + segment.size > size)
        throw LoadError("guest image with a segment outside its windows");
    const size_t end = first + segment.data.size();
    if (bytes.size() < end) bytes.resize(end);
    std::ranges::copy(segment.data, bytes.begin() + static_cast<ptrdiff_t>(first));
}

void check(const Image& image, uint32_t code_end) {
    const limpet_windows& windows = image.windows;
    if (windows.writable_start > windows.data_size || windows.data_size > windows.code_start ||
        windows.code_start > code_end || windows.data_size > kDataBytesMax || windows.code_size > kDataBytesMax)
        throw LoadError("guest image whose windows are not in order");
    if (windows.code_start % 4 != 0 || windows.code_size % 2 != 0)
        throw LoadError("guest image whose code is not aligned");
    if (image.stack_top % 16 != 0 || image.stack_top < windows.writable_start || image.stack_top > windows.data_size)
        throw LoadError("guest image whose stack is outside its data");
    if (image.entry - windows.code_start >= windows.code_size)
        throw LoadError("guest image whose entry is outside its code");
}

} // namespace

Image read_image(const ElfFile& file) {
    Image image;
    const uint32_t code_end = layout(file, "limpet_code_end");
    image.windows.data_size = layout(file, "limpet_data_end");
    image.windows.writable_start = layout(file, "limpet_writable_start");
    image.windows.code_start = layout(file, "limpet_code_start");
    image.windows.code_size = code_end - image.windows.code_start;
    image.stack_top = layout(file, "limpet_stack_top");
    image.entry = file.entry;
    image.symbols = file.symbols;
    check(image, code_end);
    for (const Segment& segment : file.segments) {
        if (segment.executable)
            place(segment, image.windows.code_start, image.windows.code_size, image.code);
        else
            place(segment, 0, image.windows.data_size, image.data);
    }
    if (image.code.size() != image.windows.code_size) throw LoadError("guest image whose code is not in the file");
    return image;
}

} // namespace limpet
