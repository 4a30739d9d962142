/// \file
/// limpet-bpf-guest OBJECT ENTRY BASE: lays an eBPF object out as a guest that starts with its function ENTRY, and
/// writes what limpet_add_guest_images takes: BASE.limpet (the words that guest.ld describes), BASE.rodata, BASE.data,
/// BASE.text. Runs on the machine that builds.
#include "../interp/image/bpf_object.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace {

using limpet::BpfObject;
using limpet::LoadError;

void write(const std::string& path, std::span<const uint8_t> bytes) {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw LoadError(path + " cannot be written");
}

void write_pieces(const BpfObject& object, const std::string& entry, const std::string& base) {
    const auto function = std::ranges::find(object.functions, entry, &limpet::Symbol::name);
    if (function == object.functions.end()) throw LoadError("there is no function '" + entry + "'");
    const std::span data(object.data);
    // All pieces are whole words: code is read by words where it stands.
    const uint32_t initialised = (std::max<uint32_t>(object.initialised_bytes, object.stack_top) + 3) & ~3U;
    const std::span constants = data.subspan(limpet::kBpfUnusedBytes, object.writable_start - limpet::kBpfUnusedBytes);
    const std::span variables = data.subspan(object.stack_top, initialised - object.stack_top);
    const size_t words[] = {data.size(),        object.writable_start, 0,
                            object.code.size(), object.stack_top,      limpet::kBpfUnusedBytes,
                            constants.size(),   variables.size(),      function->address,
                            object.frame_bytes};
    std::vector<uint8_t> header;
    for (const size_t word : words)
        for (unsigned shift = 0; shift < 32; shift += 8) header.push_back(static_cast<uint8_t>(word >> shift));
    write(base + ".limpet", header);
    write(base + ".rodata", constants);
    write(base + ".data", variables);
    write(base + ".text", object.code);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fputs("usage: limpet-bpf-guest OBJECT ENTRY BASE\n", stderr);
        return 64;
    }
    try {
        std::ifstream in(argv[1], std::ios::binary);
        const std::vector<uint8_t> file(std::istreambuf_iterator<char>(in), {});
        if (!limpet::is_bpf_object(file)) throw LoadError("not an eBPF object");
        write_pieces(limpet::read_bpf_object(file), argv[2], argv[3]);
    } catch (const LoadError& error) {
        std::fprintf(stderr, "limpet-bpf-guest: %s: %s\n", argv[1], error.what());
        return 3;
    }
    return 0;
}
