/// \file
/// limpet-relax ISA IN OUT: a guest linked for rv32ec becomes one for rv32ecx or rv32dense. For builds that do not go
/// through `limpet build`; runs on the machine that builds.
#include "../interp/image/relax.h"

#include "../interp/image/guest.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string_view>

int main(int argc, char** argv) {
    const std::string_view isa = argc == 4 ? argv[1] : "";
    if (isa != "rv32ecx" && isa != "rv32dense") {
        std::fputs("usage: limpet-relax rv32ecx|rv32dense IN OUT\n", stderr);
        return 64;
    }
    try {
        std::ifstream in(argv[2], std::ios::binary);
        const std::vector<uint8_t> file(std::istreambuf_iterator<char>(in), {});
        const std::vector<uint8_t> relaxed =
            limpet::relax(file, isa == "rv32ecx" ? limpet::rv32::isa::rv32ecx : limpet::rv32::isa::rv32dense);
        std::ofstream out(argv[3], std::ios::binary);
        out.write(reinterpret_cast<const char*>(relaxed.data()), static_cast<std::streamsize>(relaxed.size()));
        if (!out.flush()) throw limpet::LoadError("cannot be written");
    } catch (const limpet::LoadError& error) {
        std::fprintf(stderr, "limpet-relax: %s: %s\n", argv[3], error.what());
        return 3;
    }
    return 0;
}
