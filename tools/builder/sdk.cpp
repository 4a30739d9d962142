#include "sdk.h"

#include "files.h"

#include <stdexcept>

#define LIMPET_SDK_FILE(name, symbol) extern "C" const char symbol[], symbol##_end[];
#include "sdk_files.inc"
#undef LIMPET_SDK_FILE

namespace limpet {

namespace {

struct SdkFile {
    std::string_view name;
    std::string_view text;
};

std::vector<SdkFile> sdk_files() {
    return {
#define LIMPET_SDK_FILE(name, symbol) SdkFile{name, {symbol, symbol##_end}},
#include "sdk_files.inc"
#undef LIMPET_SDK_FILE
    };
}

} // namespace

std::string_view sdk_file(std::string_view name) {
    for (const SdkFile& file : sdk_files())
        if (file.name == name) return file.text;
    throw std::out_of_range("no SDK file of that name");
}

std::string sdk_text() {
    std::string text;
    for (const SdkFile& file : sdk_files()) text += std::string(file.name) + '\0' + std::string(file.text) + '\0';
    return text;
}

std::vector<calls::Declaration> read_imports(const std::string& path) {
    if (path.empty()) return calls::parse_imports(sdk_file("klipper.calls"));
    const std::string text = read_text(path);
    try {
        return calls::parse_imports(text);
    } catch (const LoadError& error) {
        throw LoadError(path + ": " + error.what());
    }
}

void write_sdk(const std::filesystem::path& folder, const std::vector<calls::Declaration>& declarations) {
    for (const SdkFile& file : sdk_files()) write_text(folder / file.name, file.text);
    write_text(folder / "limpet_imports.h", calls::prototypes(declarations));
}

} // namespace limpet
