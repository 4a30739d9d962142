/// \file
/// limpet-cycles: runs a Cortex-M0+ firmware image in Unicorn, counts cycles instruction by instruction, and traces
/// the stack. It shares nothing with the QEMU plugin but the table of timings, so that each checks the other.
///
///     limpet-cycles IMAGE.elf --begin SYMBOL --end SYMBOL [--aside SYMBOL]
///
/// The image's console output (semihosting) goes to standard output, and for each region (from the instruction at
/// `begin` up to the one at `end`) a line `region cycles=C instructions=N stack=B`. The stack is the deepest below its
/// level at `begin`, what the function at `aside` (the host calls) uses not counted. A misaligned access ends the run
/// as it would on the part. Exit status: that of the image, 70 when the image cannot be run.
///
/// This program links Unicorn and is therefore under the GNU General Public License, version 2.
#include "m0plus_timing.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <gelf.h>
#include <unicorn/unicorn.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace limpet::cycles;

/// The nRF51822 of the micro:bit: flash at 0, RAM at 0x20000000 (nRF51822 product specification, "Memory").
constexpr uint64_t kFlashBytes = 0x40000;
constexpr uint64_t kRamStart = 0x20000000;
constexpr uint64_t kRamBytes = 0x4000;

void expect(uc_err error, const char* what) {
    if (error != UC_ERR_OK) throw std::runtime_error(fmt::format("{}: {}", what, uc_strerror(error)));
}

/// A firmware image: what is loaded where, and addresses of symbols (bit 0 cleared).
class Firmware {
public:
    explicit Firmware(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY)) {
        if (descriptor_ < 0) throw std::runtime_error(path + ": cannot be read");
        elf_version(EV_CURRENT);
        elf_ = elf_begin(descriptor_, ELF_C_READ, nullptr);
        GElf_Ehdr header;
        if (elf_ == nullptr || gelf_getehdr(elf_, &header) == nullptr || header.e_machine != EM_ARM)
            throw std::runtime_error(path + ": not an ELF file for Arm");
    }
    ~Firmware() {
        elf_end(elf_);
        close(descriptor_);
    }
    Firmware(const Firmware&) = delete;
    Firmware& operator=(const Firmware&) = delete;

    void load(uc_engine* uc) const {
        size_t count = 0;
        elf_getphdrnum(elf_, &count);
        for (size_t i = 0; i < count; ++i) {
            GElf_Phdr segment;
            if (gelf_getphdr(elf_, static_cast<int>(i), &segment) == nullptr || segment.p_type != PT_LOAD ||
                segment.p_filesz == 0)
                continue;
            std::vector<uint8_t> bytes(segment.p_filesz);
            const ssize_t got = pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(segment.p_offset));
            if (got != static_cast<ssize_t>(bytes.size())) throw std::runtime_error("the image is cut off");
            expect(uc_mem_write(uc, segment.p_paddr, bytes.data(), bytes.size()), "loading a segment");
        }
    }

    [[nodiscard]] uint32_t symbol(const std::string& name) const {
        Elf_Scn* section = nullptr;
        while ((section = elf_nextscn(elf_, section)) != nullptr) {
            GElf_Shdr header;
            if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB) continue;
            Elf_Data* data = elf_getdata(section, nullptr);
            for (size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
                GElf_Sym symbol;
                gelf_getsym(data, static_cast<int>(i), &symbol);
                if (name == elf_strptr(elf_, header.sh_link, symbol.st_name))
                    return static_cast<uint32_t>(symbol.st_value) & ~1U;
            }
        }
        throw std::runtime_error("no symbol " + name);
    }

private:
    int descriptor_;
    Elf* elf_ = nullptr;
};

/// Runs the image. Each instruction is charged when the next one is known, which tells whether a branch was taken.
class Run {
public:
    Run(const Firmware& firmware, uint32_t begin, uint32_t end, uint32_t aside)
        : begin_(begin), end_(end), aside_(aside) {
        expect(uc_open(UC_ARCH_ARM, static_cast<uc_mode>(UC_MODE_THUMB | UC_MODE_MCLASS), &uc_), "Unicorn");
        expect(uc_ctl_set_cpu_model(uc_, UC_CPU_ARM_CORTEX_M0), "Cortex-M0");
        expect(uc_mem_map(uc_, 0, kFlashBytes, UC_PROT_READ | UC_PROT_EXEC), "flash");
        expect(uc_mem_map(uc_, kRamStart, kRamBytes, UC_PROT_ALL), "RAM");
        firmware.load(uc_);
        uc_hook hook;
        expect(uc_hook_add(uc_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(on_instruction), this, 1, 0), "hook");
        expect(uc_hook_add(uc_, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, reinterpret_cast<void*>(on_access), this,
                           1, 0),
               "hook");
        expect(uc_hook_add(uc_, &hook, UC_HOOK_INTR, reinterpret_cast<void*>(on_interrupt), this, 1, 0), "hook");
    }
    ~Run() { uc_close(uc_); }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// The image's exit status.
    int operator()() {
        const uint32_t sp = word(0);
        expect(uc_reg_write(uc_, UC_ARM_REG_SP, &sp), "sp");
        const uc_err error = uc_emu_start(uc_, word(4) | 1, ~uint64_t{0}, 0, 0);
        if (!fault_.empty()) throw std::runtime_error(fault_);
        expect(error, "the image faulted");
        if (!ended_) throw std::runtime_error("the image stopped without an exit status");
        return exit_status_;
    }

private:
    uint32_t word(uint64_t address) const {
        uint32_t value = 0;
        expect(uc_mem_read(uc_, address, &value, 4), "reading memory");
        return value;
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
        if (inside_) {
            charge(address);
            follow_stack(address);
        }
        if (address == begin_) {
            inside_ = true;
            cycles_ = instructions_ = 0;
            sp_at_begin_ = sp_lowest_ = reg(UC_ARM_REG_SP);
        } else if (address == end_ && inside_) {
            inside_ = false;
            fmt::print("region cycles={} instructions={} stack={}\n", cycles_, instructions_,
                       sp_at_begin_ - sp_lowest_);
        }
        previous_address_ = address;
        expect(uc_mem_read(uc_, address, previous_, 4), "reading an instruction");
    }

    void charge(uint32_t address) {
        const Timing cost = timing(previous_[0], previous_[1]);
        if (cost.cycles == 0) stop(fmt::format("no timing for {:04x} at {:08x}", previous_[0], previous_address_));
        const bool taken = cost.conditional && address != previous_address_ + 2;
        cycles_ += cost.cycles + (taken ? 1 : 0);
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
            ended_ = true;
            exit_status_ = static_cast<int>(word(argument + 4));
            uc_emu_stop(uc_);
            return;
        default: stop(fmt::format("semihosting operation {:#x}", reg(UC_ARM_REG_R0))); return;
        }
        const uint32_t next = (previous_address_ + 2) | 1;
        uc_reg_write(uc_, UC_ARM_REG_PC, &next);
    }

    void print(uint32_t address) const {
        for (char c = 0;; ++address) {
            expect(uc_mem_read(uc_, address, &c, 1), "reading the console");
            if (c == 0) return;
            std::fputc(c, stdout);
        }
    }

    uc_engine* uc_ = nullptr;
    uint32_t begin_;
    uint32_t end_;
    uint32_t aside_;
    uint32_t aside_return_ = 0; ///< not 0: inside the function at aside_, which returns there
    bool inside_ = false;
    uint64_t cycles_ = 0;
    uint64_t instructions_ = 0;
    uint32_t sp_at_begin_ = 0;
    uint32_t sp_lowest_ = 0;
    uint32_t previous_address_ = 0;
    uint16_t previous_[2] = {0, 0};
    std::string fault_;
    bool ended_ = false;
    int exit_status_ = 0;
};

int run_command(int argc, char** argv) {
    CLI::App app{"Runs a Cortex-M0+ image in Unicorn and counts the cycles of its regions."};
    std::string image;
    std::string begin;
    std::string end;
    std::string aside;
    app.set_version_flag("--version",
                         fmt::format("Unicorn {}.{}.{}", UC_VERSION_MAJOR, UC_VERSION_MINOR, UC_VERSION_PATCH));
    app.add_option("image", image, "ELF file of the firmware")->required();
    app.add_option("--begin", begin, "symbol: first instruction of a region")->required();
    app.add_option("--end", end, "symbol: the instruction behind a region")->required();
    app.add_option("--aside", aside, "symbol: function whose stack is not counted");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 64;
    }
    const Firmware firmware(image);
    Run run(firmware, firmware.symbol(begin), firmware.symbol(end),
            aside.empty() ? UINT32_MAX : firmware.symbol(aside));
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
