#include "cache.h"

#include "../../interp/image/container.h"
#include "files.h"

#include <nlohmann/json.hpp>

namespace limpet {

namespace {

using Json = nlohmann::json;

std::string digest(const std::vector<uint8_t>& bytes) {
    return sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

bool unchanged(const Json& files) {
    for (const auto& [path, hash] : files.items())
        if (sha256(read_text(path)) != hash.get<std::string>()) return false;
    return true;
}

} // namespace

Cache::Cache(const std::filesystem::path& folder, const std::string& key) : entry_(folder / sha256(key)) {}

// An entry is three files. The manifest is written last and holds the digests of the others, so that no mixture of two
// builds is ever taken for one.
std::optional<Built> Cache::find() const {
    try {
        const Json manifest = Json::parse(read_text(entry_.string() + ".json"));
        if (!unchanged(manifest.at("files"))) return std::nullopt;
        Built built{.image = read_file(entry_.string() + ".limpet"), .elf = read_file(entry_.string() + ".elf")};
        if (digest(built.image) != manifest.at("image").get<std::string>() ||
            digest(built.elf) != manifest.at("elf").get<std::string>())
            return std::nullopt;
        return built;
    } catch (const LoadError&) {
        return std::nullopt;
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

void Cache::put(const Built& built, const std::vector<std::string>& files) const {
    Json manifest = {{"image", digest(built.image)}, {"elf", digest(built.elf)}, {"files", Json::object()}};
    for (const std::string& file : files) manifest["files"][file] = sha256(read_text(file));
    std::error_code error;
    std::filesystem::create_directories(entry_.parent_path(), error);
    write_bytes(entry_.string() + ".limpet", built.image);
    write_bytes(entry_.string() + ".elf", built.elf);
    write_text(entry_.string() + ".json", manifest.dump());
}

} // namespace limpet
