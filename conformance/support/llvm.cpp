#include "llvm.h"

#include "build_paths.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <unistd.h>

namespace limpet::conformance {

namespace {

/// A directory that goes away with what is in it.
class Scratch {
public:
    Scratch() : path_("/tmp/limpet-conformance-XXXXXX") {
        if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    }
    ~Scratch() {
        for (const char* name : {"/t.s", "/t.o", "/t.txt"}) std::remove((path_ + name).c_str());
        rmdir(path_.c_str());
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    [[nodiscard]] std::string file(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
}

/// "   1c: \tc.j\t0x1c <.text+0x1c>  " -> "c.j\t0x1c"
std::string instruction_of(std::string line) {
    line.erase(0, line.find('\t') + 1);
    if (const size_t symbol = line.find(" <."); symbol != std::string::npos) line.erase(symbol);
    line.erase(line.find_last_not_of(" \t") + 1);
    return line;
}

} // namespace

std::vector<std::string> llvm_text(std::span<const uint32_t> encodings, uint32_t bytes, const std::string& extensions) {
    const Scratch scratch;
    const std::string attributes = "+e,+c,+m" + extensions;
    {
        std::ofstream source(scratch.file("t.s"));
        for (const uint32_t insn : encodings) source << (bytes == 2 ? ".short " : ".word ") << insn << '\n';
    }
    run(std::string(kLlvmMc) + " -triple=riscv32 -mattr=" + attributes + " -filetype=obj " + scratch.file("t.s") +
        " -o " + scratch.file("t.o"));
    run(std::string(kLlvmObjdump) + " -d -z -M no-aliases --mattr=" + attributes + " --no-show-raw-insn " +
        scratch.file("t.o") + " > " + scratch.file("t.txt"));
    std::vector<std::string> texts;
    std::ifstream listing(scratch.file("t.txt"));
    for (std::string line; std::getline(listing, line);)
        if (line.starts_with(' ')) texts.push_back(instruction_of(line));
    if (texts.size() != encodings.size()) throw std::runtime_error("llvm-objdump printed other instructions");
    return texts;
}

/// What llvm-mc makes of bytes, one instruction after another.
static std::vector<std::string> disassembled(std::span<const uint8_t> code, const std::string& target) {
    const Scratch scratch;
    {
        std::ofstream source(scratch.file("t.s"));
        for (const uint8_t byte : code) source << uint32_t{byte} << '\n';
    }
    run(std::string(kLlvmMc) + " --disassemble " + target + " " + scratch.file("t.s") + " > " + scratch.file("t.txt"));
    std::vector<std::string> texts;
    std::ifstream listing(scratch.file("t.txt"));
    for (std::string line; std::getline(listing, line);)
        if (line.starts_with('\t') && line != "\t.text") texts.push_back(instruction_of(line));
    return texts;
}

std::vector<std::string> llvm_bpf_text(std::span<const uint8_t> code) {
    return disassembled(code, "-triple=bpfel -mcpu=v4");
}

std::vector<std::string> llvm_thumb_text(std::span<const uint16_t> code) {
    std::vector<uint8_t> bytes;
    for (const uint16_t halfword : code) {
        bytes.push_back(static_cast<uint8_t>(halfword));
        bytes.push_back(static_cast<uint8_t>(halfword >> 8));
    }
    return disassembled(bytes, "-triple=thumbv6m");
}

} // namespace limpet::conformance
