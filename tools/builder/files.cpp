#include "files.h"

#include "../../interp/image/guest.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sha256.h>
#include <sys/stat.h>
#include <unistd.h>

namespace limpet {

namespace {

namespace fs = std::filesystem;

/// No guest is larger; an endless file (/dev/zero) is.
constexpr size_t kFileBytesMax = size_t{1} << 28;

[[noreturn]] void fail(const char* what, const fs::path& path) {
    throw LoadError(std::string(what) + " " + path.string() + ": " + std::strerror(errno));
}

/// The rights that a new file has: mkstemp gives it fewer.
mode_t usual_mode() {
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

bool write_all(int descriptor, std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return true;
}

} // namespace

std::vector<uint8_t> read_file(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream) throw LoadError(std::string("cannot open it: ") + std::strerror(errno));
    std::vector<uint8_t> bytes;
    std::vector<char> chunk(size_t{1} << 16);
    do {
        errno = 0;
        stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
        if (stream.bad() || (stream.gcount() == 0 && errno != 0))
            throw LoadError(std::string("cannot read it: ") + std::strerror(errno));
        bytes.insert(bytes.end(), chunk.begin(), chunk.begin() + stream.gcount());
        if (bytes.size() > kFileBytesMax) throw LoadError("larger than any guest");
    } while (stream);
    return bytes;
}

std::string read_text(const fs::path& path) {
    try {
        const std::vector<uint8_t> bytes = read_file(path);
        return {bytes.begin(), bytes.end()};
    } catch (const LoadError& error) {
        throw LoadError(path.string() + ": " + error.what());
    }
}

void write_bytes(const fs::path& path, std::span<const uint8_t> bytes) {
    std::error_code no_file;
    const fs::path target = fs::is_symlink(path, no_file) ? fs::weakly_canonical(path) : path;
    // A device or a pipe keeps its name and cannot be written half.
    const bool in_place = fs::exists(target, no_file) && !fs::is_regular_file(target, no_file);
    std::string name = target.string() + (in_place ? "" : ".XXXXXX");
    const int descriptor = in_place ? open(name.c_str(), O_WRONLY | O_CLOEXEC) : mkstemp(name.data());
    if (descriptor < 0) fail("cannot write", path);
    const bool written = write_all(descriptor, bytes) && (in_place || fchmod(descriptor, usual_mode()) == 0);
    const bool closed = close(descriptor) == 0;
    if (written && closed && (in_place || std::rename(name.c_str(), target.c_str()) == 0)) return;
    const int why = errno;
    if (!in_place) unlink(name.c_str());
    errno = why;
    fail("cannot write", path);
}

void write_text(const fs::path& path, std::string_view text) {
    write_bytes(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string sha256(std::string_view text) {
    char digits[SHA256_DIGEST_STRING_LENGTH];
    return SHA256Data(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digits);
}

TemporaryFolder::TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "limpet-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) fail("cannot make", name);
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored; // nothing can be done about it here
    fs::remove_all(path_, ignored);
}

} // namespace limpet
