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

std::span<const std::unique_ptr<Backend>> bpf_backends() {
    static const BackendList list = [] {
        BackendList all;
        add_all_bpf_to(all);
        return all;
    }();
    return list;
}

const Backend* find_backend(std::string_view isa_name, std::string_view name) {
    for (const auto& list : {backends(), bpf_backends()})
        for (const std::unique_ptr<Backend>& backend : list)
            if (backend->isa_name == isa_name && backend->name == name) return backend.get();
    return nullptr;
}

} // namespace limpet
