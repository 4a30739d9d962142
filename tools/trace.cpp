#include "trace.h"

#include "listing.h"

#include <fmt/format.h>

namespace limpet {

void trace_line(const Execution& execution, const Program& program, const limpet_vm& before, std::FILE* out) {
    const rv32::Isa isa = execution.backend.isa;
    const uint32_t insn = execution.guest.instruction_at(before.pc, isa.compressed);
    std::string line = listing_line(program, isa, before.pc, insn);
    for (unsigned i = 1; i < 16; ++i)
        if (execution.guest.vm.x[i] != before.x[i]) line += fmt::format("  x{}={:08x}", i, execution.guest.vm.x[i]);
    fmt::print(out, "{}\n", line);
}

} // namespace limpet
