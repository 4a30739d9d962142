#include "lines.h"

#include "dwarf_file.h"

#include <filesystem>

namespace limpet {

namespace {

void add_line(Dwarf_Line* line, std::string_view generated, std::map<uint32_t, std::string>& lines) {
    Dwarf_Addr address = 0;
    int number = 0;
    bool ends = false;
    const char* source = dwarf_linesrc(line, nullptr, nullptr);
    if (dwarf_lineaddr(line, &address) != 0 || dwarf_lineno(line, &number) != 0 ||
        dwarf_lineendsequence(line, &ends) != 0)
        return;
    const auto at = static_cast<uint32_t>(address);
    if (ends) {
        lines.try_emplace(at, "");
    } else if (source != nullptr && number != 0) {
        // Of several lines that begin at one address, the last is the one whose code is there.
        const std::string name = std::filesystem::path(source).filename().string();
        if (name != generated) lines[at] = name + ":" + std::to_string(number);
    }
}

} // namespace

std::map<uint32_t, std::string> source_lines(std::span<const uint8_t> elf_file, std::string_view generated) {
    std::map<uint32_t, std::string> lines;
    DwarfFile(elf_file).each_unit([&](Dwarf_Die& unit) {
        Dwarf_Lines* rows = nullptr;
        size_t count = 0;
        if (dwarf_getsrclines(&unit, &rows, &count) != 0) return;
        for (size_t i = 0; i < count; ++i) add_line(dwarf_onesrcline(rows, i), generated, lines);
    });
    return lines;
}

} // namespace limpet
