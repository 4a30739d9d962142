/// \file
/// limpet-relax IN OUT: a guest linked for rv32ec becomes one for rv32ecx. For builds that do not go through
/// `limpet build`; runs on the machine that builds.
#include "../interp/image/relax.h"

#include "../interp/image/guest.h"

#include <cstdio>
#include <fstream>
#include <iterator>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: limpet-relax IN OUT\n", stderr);
        return 64;
    }
    try {
        std::ifstream in(argv[1], std::ios::binary);
        const std::vector<uint8_t> file(std::istreambuf_iterator<char>(in), {});
        const std::vector<uint8_t> relaxed = limpet::relax(file, limpet::rv32::isa::rv32ecx);
        std::ofstream out(argv[2], std::ios::binary);
        out.write(reinterpret_cast<const char*>(relaxed.data()), static_cast<std::streamsize>(relaxed.size()));
        if (!out.flush()) throw limpet::LoadError("cannot be written");
    } catch (const limpet::LoadError& error) {
        std::fprintf(stderr, "limpet-relax: %s: %s\n", argv[2], error.what());
        return 3;
    }
    return 0;
}
