#include "bpf_narrow.h"

#include "../bpf/fields.h"

#include <iterator>
#include <utility>

namespace limpet {

bpf::MapLayout map_layout(const Guest& guest) {
    const MappedHost& host = guest.host;
    const limpet_windows& window = guest.vm.window;
    bpf::MapLayout layout;
    layout.memory_start = host.base;
    layout.memory_end = uint64_t{host.base} + window.data_size;
    layout.writable_start = uint64_t{host.base} + window.writable_start;
    layout.stack_top = host.stack_top;
    layout.frame_bytes = guest.bpf_host.frame_bytes;
    layout.frame_count = guest.bpf_host.frame_count;
    return layout;
}

bpf::MappedProgram narrow(Guest& guest, const bpf::MapLayout& layout) {
    const std::vector<uint8_t> code(guest.code().begin(), guest.code().end());
    if (const auto fault = bpf::find_fault(code)) throw LoadError(bpf::describe(*fault, code));
    auto mapped = bpf::map_program(code, layout);
    if (const auto* fault = std::get_if<bpf::Fault>(&mapped)) throw LoadError(bpf::describe(*fault, code));
    auto& program = std::get<bpf::MappedProgram>(mapped);
    const MappedBpfHost host = guest.bpf_host; // which a new program resets
    guest.set_bpf_program(program.code);
    guest.bpf_host.frames = host.frames;
    guest.bpf_host.frame_count = host.frame_count;
    guest.bpf_host.frame_bytes = host.frame_bytes;
    return std::move(program);
}

void narrow(Guest& guest, uint32_t& entry) {
    bpf::MapLayout layout = map_layout(guest);
    layout.entries = {entry / bpf::kSlotBytes};
    entry = narrow(guest, layout).places[entry / bpf::kSlotBytes] * bpf::kSlotBytes;
}

void narrow(Container& image) {
    const uint32_t start = image.windows.code_start;
    bpf::MapLayout layout;
    layout.memory_end = image.windows.data_size;
    layout.writable_start = image.windows.writable_start;
    layout.stack_top = image.stack_top;
    layout.frame_bytes = image.frame_bytes;
    layout.frame_count = image.frame_count;
    for (const Entry& entry : image.entries) layout.entries.push_back((entry.address - start) / bpf::kSlotBytes);
    const auto mapped = bpf::map_program(image.code, layout);
    if (const auto* fault = std::get_if<bpf::Fault>(&mapped)) {
        const auto behind = image.lines.upper_bound(start + fault->slot * bpf::kSlotBytes);
        const std::string line = behind == image.lines.begin() ? "" : std::prev(behind)->second;
        throw LoadError((line.empty() ? "" : line + ": ") + bpf::describe(*fault, image.code));
    }
    const auto& program = std::get<bpf::MappedProgram>(mapped);
    const auto place = [&](uint32_t offset) { return program.places[offset / bpf::kSlotBytes] * bpf::kSlotBytes; };
    for (Entry& entry : image.entries) entry.address = start + place(entry.address - start);
    // What cannot be reached is gone, and its host calls with it.
    std::map<uint32_t, std::string> lines;
    for (uint32_t slot = 0; slot < program.origins.size(); ++slot) {
        const auto behind = image.lines.upper_bound(start + program.origins[slot] * bpf::kSlotBytes);
        const std::string line = behind == image.lines.begin() ? "" : std::prev(behind)->second;
        if (lines.empty() ? !line.empty() : std::prev(lines.end())->second != line)
            lines[start + slot * bpf::kSlotBytes] = line;
    }
    for (Import& import : image.imports) {
        std::vector<uint32_t> fixups;
        for (const uint32_t fixup : import.fixups)
            if (program.origins[place(fixup) / bpf::kSlotBytes] == fixup / bpf::kSlotBytes)
                fixups.push_back(place(fixup));
        import.fixups = fixups;
    }
    std::erase_if(image.imports, [](const Import& import) { return import.fixups.empty(); });
    image.lines = lines;
    image.code = program.code;
    image.windows.code_size = static_cast<uint32_t>(program.code.size());
}

} // namespace limpet
