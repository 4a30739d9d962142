#include "bpf_narrow.h"

#include "../bpf/fields.h"

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

} // namespace limpet
