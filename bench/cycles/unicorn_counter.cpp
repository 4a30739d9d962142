/// \file
/// limpet-cycles: runs a firmware image of firmware/boards in Unicorn, counts the cycles of a Cortex-M0+ instruction by
/// instruction, and traces the stack. It shares nothing with the QEMU plugin but the table of timings, so that each
/// checks the other.
///
///     limpet-cycles IMAGE.elf --begin SYMBOL --end SYMBOL [--board NAME] [--load FILE] [--aside SYMBOL]
///
/// The image's console output goes to standard output, and for each region (from the instruction at `begin` up to the
/// one at `end`) a line `region cycles=C instructions=N stack=B`. The stack is the deepest below its level at `begin`,
/// what the function at `aside` (the host calls) uses not counted. `load` is what would be flashed, a .bin or .uf2
/// file, instead of what the ELF file holds. A misaligned access, or what the board would not stand, ends the run. Exit
/// status: that of the image, 70 when the image cannot be run.
///
/// This program links Unicorn and is therefore under the GNU General Public License, version 2.
#include "board_model.h"
#include "m0plus_timing.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <unicorn/unicorn.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace limpet::cycles;

void expect(uc_err error, const char* what) {
    if (error != UC_ERR_OK) throw std::runtime_error(fmt::format("{}: {}", what, uc_strerror(error)));
}

/// SysTick, as far as an image reads time from it (ARM DDI0419C, B3.3): counts the core's cycles down. Of the rest of
/// that page only VTOR is there, which has no effect: no exception is taken here.
class SystemRegisters {
public:
    uint32_t read(uint32_t offset, uint64_t cycles) {
        if ((control_ & 5) != 5 || reload_ != 0xffffff) return 0; // enabled, by the core's clock, over 24 bits
        if (offset == kCurrent) return static_cast<uint32_t>(started_ - cycles) & 0xffffff;
        if (offset != kControl) return 0;
        const bool passed_zero = (cycles - started_) >> 24 != rounds_seen_;
        rounds_seen_ = (cycles - started_) >> 24;
        return control_ | (passed_zero ? 1U << 16 : 0);
    }
    void write(uint32_t offset, uint32_t value, uint64_t cycles) {
        if (offset == kControl) control_ = value;
        if (offset == kReload) reload_ = value;
        if (offset != kControl && offset != kCurrent) return;
        started_ = cycles;
        rounds_seen_ = 0;
    }

private:
    static constexpr uint32_t kControl = 0x10;
    static constexpr uint32_t kReload = 0x14;
    static constexpr uint32_t kCurrent = 0x18;

    uint32_t control_ = 0;
    uint32_t reload_ = 0;
    uint64_t started_ = 0;     ///< at 0
    uint64_t rounds_seen_ = 0; ///< since then, when the control register was last read
};

/// Runs the image. Each instruction is charged when the next one is known, which tells whether a branch was taken.
class Run : private MemoryView {
public:
    Run(BoardModel& board, const std::vector<Piece>& pieces, uint32_t begin, uint32_t end, uint32_t aside)
        : board_(board), begin_(begin), end_(end), aside_(aside) {
        expect(uc_open(UC_ARCH_ARM, static_cast<uc_mode>(UC_MODE_THUMB | UC_MODE_MCLASS), &uc_), "Unicorn");
        expect(uc_ctl_set_cpu_model(uc_, UC_CPU_ARM_CORTEX_M0), "Cortex-M0");
        for (const Memory& memory : board.memories())
            expect(uc_mem_map(uc_, memory.start, memory.bytes,
                              memory.writable ? UC_PROT_ALL : UC_PROT_READ | UC_PROT_EXEC),
                   "memory");
        for (const Piece& piece : pieces) write(piece.address, piece.bytes);
        for (const PeripheralRange& range : board.peripherals()) map_registers(range);
        map_registers({kSystemRegisters, 0x1000});
        uc_hook hook;
        expect(uc_hook_add(uc_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(on_instruction), this, 1, 0), "hook");
        expect(uc_hook_add(uc_, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, reinterpret_cast<void*>(on_access), this,
                           1, 0),
               "hook");
        expect(uc_hook_add(uc_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(on_interrupt), this, 1, 0), "hook");
    }
    ~Run() override { uc_close(uc_); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// The image's exit status.
    int operator()() {
        const Start start = board_.reset(*this);
        expect(uc_reg_write(uc_, UC_ARM_REG_SP, &start.sp), "sp");
        const uc_err error = uc_emu_start(uc_, start.pc | 1, ~uint64_t{0}, 0, 0);
        if (!fault_.empty()) throw std::runtime_error(fault_);
        expect(error, "the image faulted");
        if (!status_) throw std::runtime_error("the image stopped without an exit status");
        return *status_;
    }

private:
    /// Registers that Unicorn hands to us.
    struct Registers {
        Run* run;
        uint32_t start;
    };

    static constexpr uint32_t kSystemRegisters = 0xe000e000;

    [[nodiscard]] uint32_t word(uint32_t address) const override {
        uint32_t value = 0;
        expect(uc_mem_read(uc_, address, &value, 4), "reading memory");
        return value;
    }

    void write(uint32_t address, std::span<const uint8_t> bytes) override {
        expect(uc_mem_write(uc_, address, bytes.data(), bytes.size()), "loading the image");
    }

    void map_registers(PeripheralRange range) {
        Registers& registers = registers_.emplace_back(Registers{this, range.start});
        expect(uc_mmio_map(uc_, range.start, range.bytes, on_register_read, &registers, on_register_write, &registers),
               "registers");
    }

    static uint64_t on_register_read(uc_engine* /*uc*/, uint64_t offset, unsigned /*size*/, void* user) {
        const auto& registers = *static_cast<Registers*>(user);
        uint32_t value = 0;
        hooked(registers.run, [&](Run& run) {
            value = registers.start == kSystemRegisters
                        ? run.system_.read(static_cast<uint32_t>(offset), run.cycles_)
                        : run.board_.read(registers.start + static_cast<uint32_t>(offset));
        });
        return value;
    }

    static void on_register_write(uc_engine* /*uc*/, uint64_t offset, unsigned /*size*/, uint64_t value, void* user) {
        const auto& registers = *static_cast<Registers*>(user);
        hooked(registers.run, [&](Run& run) {
            const auto word = static_cast<uint32_t>(value);
            if (registers.start == kSystemRegisters)
                run.system_.write(static_cast<uint32_t>(offset), word, run.cycles_);
            else
                run.board_.write(registers.start + static_cast<uint32_t>(offset), word);
            if (run.board_.console.status()) run.end_with(*run.board_.console.status());
        });
    }

    void end_with(int status) {
        status_ = status;
        uc_emu_stop(uc_);
    }

    uint32_t reg(int id) const {
        uint32_t value = 0;
        uc_reg_read(uc_, id, &value);
        return value;
    }

    void stop(std::string fault) {
        if (fault_.empty()) fault_ = std::move(fault);
        uc_emu_stop(uc_);
    }

    /// Does what a hook has to do. No exception may pass through Unicorn's frames.
    template <class Work> static void hooked(void* user, Work work) {
        auto& run = *static_cast<Run*>(user);
        try {
            work(run);
        } catch (const std::exception& error) {
            run.stop(error.what());
        }
    }

    static void on_instruction(uc_engine* /*uc*/, uint64_t address, uint32_t /*size*/, void* user) {
        hooked(user, [&](Run& run) { run.instruction(static_cast<uint32_t>(address)); });
    }

    void instruction(uint32_t address) {
        charge(address);
        if (inside_) follow_stack(address);
        if (address == begin_) {
            inside_ = true;
            cycles_at_begin_ = cycles_;
            instructions_ = 0;
            sp_at_begin_ = sp_lowest_ = reg(UC_ARM_REG_SP);
        } else if (address == end_ && inside_) {
            inside_ = false;
            fmt::print("region cycles={} instructions={} stack={}\n", cycles_ - cycles_at_begin_, instructions_,
                       sp_at_begin_ - sp_lowest_);
        }
        previous_address_ = address;
        expect(uc_mem_read(uc_, address, previous_, 4), "reading an instruction");
    }

    void charge(uint32_t address) {
        const Timing cost = timing(previous_[0], previous_[1]);
        if (cost.cycles == 0 && inside_)
            stop(fmt::format("no timing for {:04x} at {:08x}", previous_[0], previous_address_));
        cycles_ += executed_cycles(cost, previous_address_, address);
        ++instructions_;
    }

    void follow_stack(uint32_t address) {
        if (aside_return_ != 0) {
            if (address == aside_return_) aside_return_ = 0;
        } else if (address == aside_) {
            aside_return_ = reg(UC_ARM_REG_LR) & ~1U;
        } else {
            sp_lowest_ = std::min(sp_lowest_, reg(UC_ARM_REG_SP));
        }
    }

    static void on_access(uc_engine* /*uc*/, uc_mem_type /*type*/, uint64_t address, int size, int64_t /*value*/,
                          void* user) {
        auto& run = *static_cast<Run*>(user);
        if (address % static_cast<unsigned>(size) != 0)
            run.stop(
                fmt::format("misaligned access of {} bytes to {:08x} at {:08x}", size, address, run.previous_address_));
    }

    static void on_interrupt(uc_engine* /*uc*/, uint32_t number, void* user) {
        hooked(user, [&](Run& run) { run.interrupt(number); });
    }

    /// Semihosting (Arm, "Semihosting for AArch32 and AArch64"): bkpt 0xab, operation in r0, argument in r1.
    void interrupt(uint32_t number) {
        if (previous_[0] != 0xbeab) {
            stop(fmt::format("exception {} at {:08x}", number, previous_address_));
            return;
        }
        const uint32_t argument = reg(UC_ARM_REG_R1);
        switch (reg(UC_ARM_REG_R0)) {
        case 0x04: print(argument); break;
        case 0x20: // SYS_EXIT_EXTENDED: {reason, status}
            end_with(static_cast<int>(word(argument + 4)));
            return;
        default: stop(fmt::format("semihosting operation {:#x}", reg(UC_ARM_REG_R0))); return;
        }
        const uint32_t next = (previous_address_ + 2) | 1;
        uc_reg_write(uc_, UC_ARM_REG_PC, &next);
    }

    void print(uint32_t address) {
        for (char c = 0;; ++address) {
            expect(uc_mem_read(uc_, address, &c, 1), "reading the console");
            if (c == 0) return;
            board_.console.put(c);
        }
    }

    uc_engine* uc_ = nullptr;
    BoardModel& board_;
    std::deque<Registers> registers_; ///< a deque: Unicorn keeps their addresses
    SystemRegisters system_;
    uint32_t begin_;
    uint32_t end_;
    uint32_t aside_;
    uint32_t aside_return_ = 0; ///< not 0: inside the function at aside_, which returns there
    bool inside_ = false;
    uint64_t cycles_ = 0; ///< since the start
    uint64_t cycles_at_begin_ = 0;
    uint64_t instructions_ = 0;
    uint32_t sp_at_begin_ = 0;
    uint32_t sp_lowest_ = 0;
    uint32_t previous_address_ = 0;
    uint16_t previous_[2] = {0, 0};
    std::string fault_;
    std::optional<int> status_;
};

int run_command(int argc, char** argv) {
    CLI::App app{"Runs a Cortex-M0+ image in Unicorn and counts the cycles of its regions."};
    std::string image;
    std::string begin;
    std::string end;
    std::string aside;
    std::string board = "qemu-microbit";
    std::string load;
    app.set_version_flag("--version",
                         fmt::format("Unicorn {}.{}.{}", UC_VERSION_MAJOR, UC_VERSION_MINOR, UC_VERSION_PATCH));
    app.add_option("image", image, "ELF file of the firmware")->required();
    app.add_option("--begin", begin, "symbol: first instruction of a region")->required();
    app.add_option("--end", end, "symbol: the instruction behind a region")->required();
    app.add_option("--aside", aside, "symbol: function whose stack is not counted");
    app.add_option("--board", board, "folder in firmware/boards (default qemu-microbit)");
    app.add_option("--load", load, ".bin or .uf2 file to run; the ELF file then only tells the symbols");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 64;
    }
    const ElfFile elf(image);
    const auto model = make_board_model(board);
    Run run(*model, load.empty() ? elf.pieces() : read_flash_file(load, model->flash_start()), elf.symbol(begin),
            elf.symbol(end), aside.empty() ? UINT32_MAX : elf.symbol(aside));
    return run();
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run_command(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "limpet-cycles: %s\n", error.what());
        return 70;
    }
}
