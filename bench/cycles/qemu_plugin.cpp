/// \file
/// Counts Cortex-M0+ cycles in QEMU: a TCG plugin.
///
///     qemu-system-arm ... -plugin liblimpet_cycles.so,begin=0xADDR,end=0xADDR,out=FILE[,profile=FILE]
///
/// A region is what runs between the instruction at `begin` (counted) and the one at `end` (not counted). For each, in
/// the order of time, `out` gets a line `region cycles=C instructions=N`. `profile` gets one line per instruction
/// address that ran inside any region: `address halfwords executed taken cycles`.
///
/// Each instruction has a counter that the translated code increments itself; cycles are computed from the counters
/// when a region ends. What counters of instructions cannot tell is whether a conditional branch was taken: that is
/// seen by the block that runs next.
#include "m0plus_timing.h"
#include "qemu_plugin_api.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string_view>

using namespace limpet::cycles;

namespace {

/// How often one instruction ran.
struct Instruction {
    uint32_t address;
    uint16_t first;
    uint16_t second;
    Timing timing;
    uint64_t executed = 0; ///< ever
    uint64_t taken = 0;
    uint64_t executed_before = 0; ///< before this region
    uint64_t taken_before = 0;
    uint64_t executed_inside = 0; ///< in all regions that have ended
    uint64_t taken_inside = 0;
};

/// A translated block, as far as its conditional branch (always its last instruction) needs it.
struct Block {
    uint32_t address;
    uint32_t fall_through;
    Instruction* branch; ///< nullptr: it does not end in a conditional branch
};

/// Made once and never destroyed: QEMU calls at_exit after static objects are gone.
struct Counter {
    uint32_t begin = 0;
    uint32_t end = 0;
    FILE* out = nullptr;
    FILE* profile = nullptr;
    std::map<std::pair<uint32_t, uint32_t>, Instruction*> by_code; ///< the code at an address may change
    std::deque<Instruction> instructions;
    std::deque<Block> blocks;
    const Block* previous = nullptr;
    bool inside = false;
};

Counter* counter;

Instruction* instruction_for(const qemu_plugin_insn* insn) {
    const auto address = static_cast<uint32_t>(qemu_plugin_insn_vaddr(insn));
    uint16_t half[2] = {0, 0};
    std::memcpy(half, qemu_plugin_insn_data(insn), 2);
    if (instruction_bytes(half[0]) == 4) std::memcpy(half, qemu_plugin_insn_data(insn), 4);
    Instruction*& known = counter->by_code[{address, static_cast<uint32_t>(half[0]) << 16 | half[1]}];
    if (known == nullptr)
        known = &counter->instructions.emplace_back(
            Instruction{.address = address, .first = half[0], .second = half[1], .timing = timing(half[0], half[1])});
    return known;
}

void on_begin(unsigned /*vcpu*/, void* /*user*/) {
    for (Instruction& instruction : counter->instructions) {
        instruction.executed_before = instruction.executed;
        instruction.taken_before = instruction.taken;
    }
    counter->inside = true;
}

void on_end(unsigned /*vcpu*/, void* /*user*/) {
    if (!counter->inside) return;
    counter->inside = false;
    uint64_t cycles = 0;
    uint64_t executed_sum = 0;
    for (Instruction& instruction : counter->instructions) {
        const uint64_t executed = instruction.executed - instruction.executed_before;
        const uint64_t taken = instruction.taken - instruction.taken_before;
        if (executed != 0 && instruction.timing.cycles == 0) {
            std::fprintf(counter->out, "error no timing for %04x at %08x\n", instruction.first, instruction.address);
            return;
        }
        instruction.executed_inside += executed;
        instruction.taken_inside += taken;
        cycles += executed * instruction.timing.cycles + taken;
        executed_sum += executed;
    }
    std::fprintf(counter->out, "region cycles=%llu instructions=%llu\n", static_cast<unsigned long long>(cycles),
                 static_cast<unsigned long long>(executed_sum));
}

void on_block(unsigned /*vcpu*/, void* user) {
    const auto* block = static_cast<const Block*>(user);
    const Block* previous = counter->previous;
    if (previous->branch != nullptr && block->address != previous->fall_through) ++previous->branch->taken;
    counter->previous = block;
}

void on_translation(qemu_plugin_id_t /*id*/, qemu_plugin_tb* tb) {
    const size_t count = qemu_plugin_tb_n_insns(tb);
    Instruction* last = nullptr;
    for (size_t i = 0; i < count; ++i) {
        qemu_plugin_insn* insn = qemu_plugin_tb_get_insn(tb, i);
        last = instruction_for(insn);
        if (last->address == counter->begin)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin, QEMU_PLUGIN_CB_NO_REGS, nullptr);
        if (last->address == counter->end)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end, QEMU_PLUGIN_CB_NO_REGS, nullptr);
        qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &last->executed, 1);
    }
    Block& block = counter->blocks.emplace_back(
        Block{.address = static_cast<uint32_t>(qemu_plugin_tb_vaddr(tb)), .fall_through = 0, .branch = nullptr});
    if (last != nullptr && last->timing.conditional) {
        block.branch = last;
        block.fall_through = last->address + 2;
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, &block);
}

void at_exit(qemu_plugin_id_t /*id*/, void* /*user*/) {
    if (counter->profile != nullptr) {
        for (const auto& [key, instruction] : counter->by_code) {
            const uint64_t cycles =
                instruction->executed_inside * instruction->timing.cycles + instruction->taken_inside;
            if (instruction->executed_inside == 0) continue;
            std::fprintf(counter->profile, "%08x %08x %llu %llu %llu\n", instruction->address, key.second,
                         static_cast<unsigned long long>(instruction->executed_inside),
                         static_cast<unsigned long long>(instruction->taken_inside),
                         static_cast<unsigned long long>(cycles));
        }
        std::fclose(counter->profile);
    }
    std::fclose(counter->out);
}

/// The value of argument `name=value`, or nullptr.
const char* value_of(std::string_view argument, std::string_view name) {
    if (!argument.starts_with(name) || argument.size() <= name.size() || argument[name.size()] != '=') return nullptr;
    return argument.data() + name.size() + 1;
}

} // namespace

extern "C" {

[[gnu::visibility("default")]] extern const int qemu_plugin_version = 1;

[[gnu::visibility("default")]] int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* /*info*/, int argc,
                                                       char** argv) {
    counter = new Counter;
    counter->previous = &counter->blocks.emplace_back(Block{.address = 0, .fall_through = 0, .branch = nullptr});
    for (int i = 0; i < argc; ++i) {
        if (const char* begin = value_of(argv[i], "begin"))
            counter->begin = static_cast<uint32_t>(std::strtoul(begin, nullptr, 0));
        else if (const char* end = value_of(argv[i], "end"))
            counter->end = static_cast<uint32_t>(std::strtoul(end, nullptr, 0));
        else if (const char* out = value_of(argv[i], "out"))
            counter->out = std::fopen(out, "w");
        else if (const char* profile = value_of(argv[i], "profile"))
            counter->profile = std::fopen(profile, "w");
        else
            return 1;
    }
    if (counter->begin == 0 || counter->end == 0 || counter->out == nullptr) {
        std::fputs("limpet_cycles: begin=, end= and out= are needed\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, at_exit, nullptr);
    return 0;
}

} // extern "C"
