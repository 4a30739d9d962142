#include "driver.h"

#include "folders.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace limpet::drivers {

namespace {

/// Instructions that a call may take before it counts as one that does not end.
constexpr uint32_t kFuel = 10000;

/// The firmware that runs a guest just now: a host call knows nothing else of its surroundings.
Firmware* current = nullptr;

limpet_status call_firmware(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* arguments) {
    return current->call(*vm, static_cast<const MappedHost&>(*host), id, arguments);
}

/// LIMPET_DRIVER_IMAGES: images with a bug in them, for `mutate`.
Container read_image(const Backend& backend, const std::string& name) {
    const char* folder = std::getenv("LIMPET_DRIVER_IMAGES");
    const std::string path =
        std::string(folder != nullptr ? folder : kImagesFolder) + "/" + backend.isa_name + "/" + name + ".limpet";
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(path + " cannot be read");
    const std::vector<uint8_t> bytes(std::istreambuf_iterator<char>(file), {});
    return read_container(bytes);
}

} // namespace

Driver::Driver(const Backend& backend, const std::string& name)
    : backend_(backend), container_(read_image(backend, name)) {
    const std::vector<uint8_t> code = bind_imports(container_, declared_calls());
    guest_ = container_.make_guest(code);
    guest_->host.call = call_firmware;
    EXPECT_EQ(backend.prepare(*guest_), LIMPET_RETURN);
}

uint32_t Driver::run(uint32_t address, std::span<const uint32_t> arguments) {
    std::array<uint32_t, 6> words{};
    std::ranges::copy(arguments, words.begin());
    guest_->set_arguments(words);
    current = &firmware;
    const limpet_status status = backend_.call(*guest_, address, kFuel);
    current = nullptr;
    EXPECT_EQ(status, firmware.i2c_failure ? LIMPET_HOST_CALL : expected_status)
        << std::hex << "pc " << guest_->vm.pc << ", address " << guest_->vm.trap_address;
    return guest_->result();
}

void Driver::call(const std::string& entry, std::initializer_list<uint32_t> arguments) {
    const Entry* found = container_.find_entry(entry);
    ASSERT_NE(found, nullptr) << entry;
    run(found->address, arguments);
}

void Driver::run_task() {
    const Entry* task = container_.find_entry("task");
    ASSERT_NE(task, nullptr);
    ++runs_;
    const uint32_t result = run(task->address, firmware.begin_run());
    firmware.end_run(result);
}

void Driver::run_for(uint32_t ticks) {
    const uint32_t start = firmware.clock;
    while (firmware.clock - start < ticks) {
        firmware.advance(1);
        if (firmware.pending()) run_task();
    }
}

void Driver::run_once() {
    constexpr uint32_t kTicksMax = 1'000'000;
    const uint32_t start = firmware.clock;
    while (!firmware.pending()) {
        ASSERT_LT(firmware.clock - start, kTicksMax) << "the timer does not go off";
        firmware.advance(1);
    }
    run_task();
}

std::string backend_name(const testing::TestParamInfo<const Backend*>& info) {
    std::string name = info.param->isa_name + "_" + info.param->name;
    std::ranges::replace_if(
        name, [](char c) { return c == '-' || c == '/'; }, '_');
    return name;
}

std::vector<const Backend*> all_backends() {
    std::vector<const Backend*> result;
    for (const auto& list : {backends(), bpf_backends()})
        for (const auto& backend : list)
            if (std::string_view(kIsas).find(' ' + backend->isa_name + ' ') != std::string_view::npos)
                result.push_back(backend.get());
    return result;
}

} // namespace limpet::drivers
