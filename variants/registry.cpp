#include "registry.h"

#include "registrations.h"

namespace limpet {

std::span<const std::unique_ptr<Backend>> backends() {
    static const BackendList list = [] {
        BackendList all;
        add_all_to(all);
        return all;
    }();
    return list;
}

const Backend* find_backend(std::string_view isa_name, std::string_view name) {
    for (const std::unique_ptr<Backend>& backend : backends())
        if (backend->isa_name == isa_name && backend->name == name) return backend.get();
    return nullptr;
}

} // namespace limpet
