/// \file
/// What declared host calls cost on Cortex-M0+, from the sizes of linked images.
#include <elf.h>
#include <fstream>
#include <gtest/gtest.h>
#include <vector>

namespace limpet::conformance {
namespace {

/// Bytes that an image takes in flash: those of its file that are loaded.
uint32_t flash_bytes(const std::string& image) {
    std::ifstream file(std::string(CALLS_FLASH_IMAGES) + "/" + image, std::ios::binary);
    Elf32_Ehdr header{};
    file.read(reinterpret_cast<char*>(&header), sizeof header);
    std::vector<Elf32_Phdr> segments(header.e_phnum);
    file.seekg(header.e_phoff);
    file.read(reinterpret_cast<char*>(segments.data()),
              static_cast<std::streamsize>(segments.size() * sizeof segments[0]));
    EXPECT_TRUE(file.good()) << image;
    uint32_t bytes = 0;
    for (const Elf32_Phdr& segment : segments)
        if (segment.p_type == PT_LOAD) bytes += segment.p_filesz;
    return bytes;
}

TEST(Flash, DispatcherCheckerAndTwelveCalls) {
    const uint32_t with = flash_bytes("flash-calls-declared.elf");
    const uint32_t without = flash_bytes("flash-calls-none.elf");
    EXPECT_GT(without, 1000U); // a firmware with a backend
    EXPECT_LE(with - without, 320U);
    EXPECT_GT(with - without, 12U * 8); // at least the table
    RecordProperty("flash_bytes", static_cast<int>(with - without));
    std::printf("12 declared host calls: %u bytes of flash\n", with - without);
}

} // namespace
} // namespace limpet::conformance
