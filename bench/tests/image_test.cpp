/// \file
/// Guest images on a PC: what the build links must load and run, and no damaged file may do more than be refused.
#include "../../interp/image/image.h"
#include "../../variants/registry.h"
#include "guests_folder.h"
#include "host_call.h"
#include "workloads.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

namespace {

using namespace limpet;

std::vector<uint8_t> file(const std::string& name) {
    std::ifstream in(std::string(kGuestsFolder) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Gives a symbol of an ELF file another value.
void set_symbol(std::vector<uint8_t>& bytes, const std::string& name, uint32_t value) {
    Elf32_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const auto section = [&](uint32_t i) {
        Elf32_Shdr result;
        std::memcpy(&result, &bytes[header.e_shoff + i * sizeof result], sizeof result);
        return result;
    };
    for (uint32_t i = 0; i < header.e_shnum; ++i) {
        if (section(i).sh_type != SHT_SYMTAB) continue;
        const Elf32_Shdr strings = section(section(i).sh_link);
        for (uint32_t at = section(i).sh_offset; at < section(i).sh_offset + section(i).sh_size;) {
            Elf32_Sym symbol;
            std::memcpy(&symbol, &bytes[at], sizeof symbol);
            if (name == reinterpret_cast<const char*>(&bytes[strings.sh_offset + symbol.st_name])) {
                symbol.st_value = value;
                std::memcpy(&bytes[at], &symbol, sizeof symbol);
                return;
            }
            at += sizeof symbol;
        }
    }
    FAIL() << "no symbol " << name;
}

std::string refusal(const std::function<void(std::vector<uint8_t>&)>& damage) {
    std::vector<uint8_t> bytes = file("rv32ec-O2/sos.elf");
    damage(bytes);
    try {
        (void)read_image(read_elf(bytes));
        return "loaded";
    } catch (const LoadError& error) {
        return error.what();
    }
}

TEST(Image, HoldsWhatGuestLdSays) {
    const Image image = read_image(read_elf(file("rv32ec-O2/sos.elf")));
    EXPECT_GE(image.windows.writable_start, 4 + 40U); // behind the filter's ten coefficients
    EXPECT_GE(image.stack_top, image.windows.writable_start + 256);
    EXPECT_LE(image.stack_top, image.windows.data_size);
    EXPECT_EQ(image.data.size(), image.windows.writable_start); // no initialised variables
    EXPECT_EQ(image.code.size(), image.windows.code_size);
    EXPECT_EQ(image.windows.code_start % 4, 0U);
}

TEST(Image, RunsOnEveryBackend) {
    for (const std::unique_ptr<Backend>& backend : backends()) {
        const Image image = read_image(read_elf(file(backend->isa_name + "-O2/max31865.elf")));
        Guest guest(image.windows, image.stack_top, image.data, image.code);
        guest.host.call = measure_host_call;
        ASSERT_EQ(backend->prepare(guest), LIMPET_RETURN);
        guest.vm.x[10] = 7;
        EXPECT_EQ(backend->call(guest, image.entry, LIMPET_FUEL_MAX), LIMPET_RETURN) << backend->name;
        EXPECT_EQ(guest.vm.x[10], max31865(7)) << backend->name << ' ' << backend->isa_name;
    }
}

TEST(Image, WindowsThatDoNotHoldAreRefused) {
    const auto with = [](const char* symbol, uint32_t value) {
        return refusal([=](std::vector<uint8_t>& bytes) { set_symbol(bytes, symbol, value); });
    };
    EXPECT_EQ(with("limpet_code_start", 2), "guest image whose windows are not in order");
    EXPECT_EQ(with("limpet_code_end", 0), "guest image whose windows are not in order");
    EXPECT_EQ(with("limpet_code_end", 0x7fffffff), "guest image whose windows are not in order");
    EXPECT_EQ(with("limpet_data_end", 0), "guest image whose windows are not in order");
    EXPECT_EQ(with("limpet_data_end", 0xf0000000), "guest image whose windows are not in order");
    EXPECT_EQ(with("limpet_writable_start", 0xffffffff), "guest image whose windows are not in order");
    EXPECT_EQ(with("limpet_stack_top", 0), "guest image whose stack is outside its data");
    EXPECT_EQ(with("limpet_stack_top", 0x1000000), "guest image whose stack is outside its data");
    EXPECT_EQ(with("limpet_stack_top", 0x121), "guest image whose stack is outside its data");
}

TEST(Image, AnEntryOutsideTheCodeIsRefused) {
    EXPECT_EQ(refusal([](std::vector<uint8_t>& bytes) { bytes[offsetof(Elf32_Ehdr, e_entry) + 3] = 0x20; }),
              "guest image whose entry is outside its code");
}

TEST(Image, AFileThatGuestLdDidNotLinkIsRefused) {
    const std::string name = "limpet_stack_top";
    const std::string told = refusal([&](std::vector<uint8_t>& bytes) {
        const auto at = std::search(bytes.begin(), bytes.end(), name.begin(), name.end());
        ASSERT_NE(at, bytes.end());
        *at = 'L';
    });
    EXPECT_EQ(told, "not a guest image: no symbol limpet_stack_top, link with guest.ld");
}

/// Fails on a crash, an exception of another kind or a guest that is larger than a PC should allocate.
TEST(Image, AnyDamagedByteIsLoadedOrRefused) {
    const std::vector<uint8_t> whole = file("rv32e-O2/accel.elf");
    ASSERT_FALSE(whole.empty());
    uint32_t refused = 0;
    for (size_t at = 0; at < whole.size(); ++at)
        for (const uint8_t change : {0x01, 0x80, 0xff}) {
            std::vector<uint8_t> bytes = whole;
            bytes[at] ^= change;
            try {
                const Image image = read_image(read_elf(bytes));
                const Guest guest(image.windows, image.stack_top, image.data, image.code);
                EXPECT_EQ(guest.code().size() % 2, 0U);
            } catch (const LoadError&) {
                ++refused;
            }
        }
    EXPECT_GT(refused, 100U);
    for (size_t size = 0; size < whole.size(); size += 7) try {
            (void)read_image(read_elf(std::span(whole).first(size)));
        } catch (const LoadError&) {
            ++refused;
        }
}

} // namespace
