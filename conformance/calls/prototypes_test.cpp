/// \file
/// Generated prototypes: every compiler takes them, and a guest that uses them calls what it means to.
#include "../../interp/image/image.h"
#include "../../variants/registry.h"
#include "world.h"

#include <cstdlib>
#include <filesystem>

namespace limpet::conformance {
namespace {

namespace fs = std::filesystem;

class Prototypes : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "limpet-calls-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { fs::remove_all(folder_); }

    [[nodiscard]] std::string path(const std::string& name) const { return (folder_ / name).string(); }

    void write_header(const std::vector<calls::Declaration>& declarations) const {
        std::ofstream(path("limpet_imports.h")) << calls::prototypes(declarations);
    }

    /// Does the command succeed, with nothing to say?
    [[nodiscard]] bool runs(const std::string& compiler, const std::string& arguments) const {
        const std::string command = compiler + " -Wall -Wextra -Wshadow -Wpedantic -Werror -ffreestanding -Os -I " +
                                    folder_.string() + " " + arguments + " > " + path("output") + " 2>&1";
        const bool result = std::system(command.c_str()) == 0 && fs::file_size(path("output")) == 0;
        if (!result) std::system(("cat " + path("output") + " >&2").c_str());
        return result;
    }

private:
    fs::path folder_;
};

struct Compiler {
    const char* command;
    const char* flags;
};
constexpr Compiler kCompilers[] = {
    {RISCV_GCC, "-std=c11 -march=rv32e -mabi=ilp32e"},
    {RISCV_GCC, "-std=c11 -march=rv32eac -mabi=ilp32e -flto"},
    {CLANG, "-std=c11 --target=riscv32 -march=rv32ec -mabi=ilp32e"},
    {CLANG, "-std=c11 --target=bpf -mcpu=v3"},
    {ARM_GCC, "-std=c11 -mcpu=cortex-m0plus -mthumb"},
    {HOST_CC, "-std=c11"},
    {HOST_CXX, "-std=c++20 -x c++"},
};

TEST_F(Prototypes, EveryCompilerTakesThem) {
    for (const auto& declarations : {test_declarations(), sdk_declarations()}) {
        write_header(declarations);
        std::ofstream(path("twice.c")) << "#include \"limpet_imports.h\"\n#include \"limpet_imports.h\"\n";
        for (const Compiler& compiler : kCompilers)
            EXPECT_TRUE(runs(compiler.command,
                             std::string(compiler.flags) + " -c -o " + path("twice.o") + " " + path("twice.c")))
                << compiler.command << " " << compiler.flags;
    }
}

TEST_F(Prototypes, EveryCompilerTakesCallsOfAllOfThem) {
    write_header(test_declarations());
    for (const Compiler& compiler : kCompilers)
        EXPECT_TRUE(runs(compiler.command,
                         std::string(compiler.flags) + " -c -o " + path("guest.o") + " " + CALLS_SOURCE + "/guest.c"))
            << compiler.command << " " << compiler.flags;
}

TEST_F(Prototypes, ACommentCannotEndItself) {
    write_header(calls::parse_imports("// no */ #error\n// /* nor // this \\\nvoid f(u8 a)\n"));
    std::ofstream(path("use.c")) << "#include \"limpet_imports.h\"\nvoid g(void);\nvoid g(void) { f(1); }\n";
    EXPECT_TRUE(runs(RISCV_GCC, "-march=rv32e -mabi=ilp32e -c -o " + path("use.o") + " " + path("use.c")));
}

TEST_F(Prototypes, AGuestCallsWhatItMeans) {
    write_header(test_declarations());
    const std::string link =
        std::string(" -nostdlib -T ") + LIMPET_SOURCE +
        "/firmware/sdk/guest.ld -Wl,--gc-sections,-e,guest,--defsym=limpet_entry=guest,--defsym=limpet_stack_size=1024 "
        "-o ";
    const auto test_image = [&](const std::string& isa_name) {
        std::ifstream file(path("guest.elf"), std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        const Image image = read_image(read_elf({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
        for (const auto& backend : backends()) {
            if (backend->isa_name != isa_name) continue;
            Guest guest(image.windows, image.stack_top, image.data, image.code);
            guest.host.call = test_calls_c;
            test_last = {};
            test_last.result = 0x8182f3f4;
            ASSERT_EQ(backend->prepare(guest), LIMPET_RETURN);
            guest.vm.x[10] = 2;
            EXPECT_EQ(backend->call(guest, image.entry, 10000), LIMPET_RETURN);
            EXPECT_EQ(guest.vm.x[10], 0U) << "line of guest.c";
            EXPECT_EQ(test_last.calls, 18U);
        }
    };
    const struct {
        const char* isa;
        const char* compile;
        const char* link;
    } rows[] = {{"rv32e", RISCV_GCC " -march=rv32e", "rv32e"},
                {"rv32ec", RISCV_GCC " -march=rv32eac", "rv32eac"},
                {"rv32emc", RISCV_GCC " -march=rv32emac", "rv32emac"},
                {"rv32e", CLANG " --target=riscv32 -march=rv32e", "rv32e"},
                {"rv32ec", CLANG " --target=riscv32 -march=rv32ec", "rv32eac"}};
    for (const auto& row : rows)
        for (const char* optimisation : {"-O0", "-O2", "-Os"}) {
            SCOPED_TRACE(std::string(row.compile) + " " + optimisation);
            ASSERT_TRUE(runs(row.compile, std::string("-mabi=ilp32e -std=c11 ") + optimisation +
                                              " -ffunction-sections -fdata-sections -c -o " + path("guest.o") + " " +
                                              CALLS_SOURCE + "/guest.c"));
            ASSERT_TRUE(runs(RISCV_GCC, std::string("-mabi=ilp32e -march=") + row.link + link + path("guest.elf") +
                                            " " + path("guest.o") + " -lgcc"));
            test_image(row.isa);
        }
}

} // namespace
} // namespace limpet::conformance
