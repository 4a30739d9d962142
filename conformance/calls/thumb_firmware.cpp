#include "thumb_firmware.h"

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace limpet::conformance {

namespace {

constexpr uint32_t kImage = 0x00010000; // image.ld
constexpr uint32_t kImageSize = 0x10000;
constexpr uint32_t kRam = 0x20000000;
constexpr uint32_t kRamSize = 0x20000;
constexpr uint32_t kVm = kRam + 0x1000;
constexpr uint32_t kHost = kRam + 0x2000;
constexpr uint32_t kStackEnd = kRam + 0x4000;
constexpr uint32_t kStackBytes = 512; // what Klipper gives to everything
constexpr uint32_t kReturn = kRam + 0x5000;
constexpr uint32_t kVariables = kRam + 0x8000; // image.ld
constexpr uint32_t kVariablesSize = 0x1000;
constexpr uint32_t kArgs = kVm + offsetof(limpet_vm, x) + 10 * sizeof(uint32_t);

/// struct limpet_host as the machine sees it.
struct Host {
    uint32_t data;
    uint32_t code;
    uint32_t call;
    uint32_t stack_top;
    uint32_t prepared;
    uint32_t prepared_size;
};

void check(uc_err error, const char* what) {
    if (error != UC_ERR_OK) throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(error));
}

bool inside(uint32_t address, uint32_t size, uint32_t start, uint32_t length) {
    return address - start < length && length - (address - start) >= size;
}

} // namespace

template <class T> T& ThumbFirmware::at(uint32_t address) {
    return *reinterpret_cast<T*>(reinterpret_cast<uint8_t*>(ram_.data()) + (address - kRam));
}

ThumbFirmware::ThumbFirmware(const std::string& image_path) : ram_(kRamSize / 4) {
    std::ifstream file(image_path, std::ios::binary);
    const std::vector<char> image{std::istreambuf_iterator<char>(file), {}};
    if (image.size() < 8 || image.size() > kImageSize) throw std::runtime_error("no image " + image_path);
    image_bytes_ = static_cast<uint32_t>(image.size());
    std::memcpy(&call_, &image[0], 4);
    std::memcpy(&record_, &image[4], 4);
    check(uc_open(UC_ARCH_ARM, static_cast<uc_mode>(UC_MODE_THUMB | UC_MODE_MCLASS), &uc_), "open");
    check(uc_ctl_set_cpu_model(uc_, UC_CPU_ARM_CORTEX_M0), "Cortex-M0");
    check(uc_mem_map(uc_, kImage, kImageSize, UC_PROT_READ | UC_PROT_EXEC), "map image");
    check(uc_mem_write(uc_, kImage, image.data(), image.size()), "write image");
    check(uc_mem_map_ptr(uc_, kRam, kRamSize, UC_PROT_ALL, ram_.data()), "map RAM");
    uc_hook hook = 0;
    check(uc_hook_add(uc_, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, reinterpret_cast<void*>(on_access), this, 1, 0),
          "hook");
}

ThumbFirmware::~ThumbFirmware() { uc_close(uc_); }

ThumbFirmware::Record& ThumbFirmware::record() { return at<Record>(record_); }

bool ThumbFirmware::allowed(uint32_t address, uint32_t size, bool write) const {
    if (address % size != 0) return false; // faults on ARMv6-M, not in Unicorn
    if (inside(address, size, kStackEnd - kStackBytes, kStackBytes) || inside(address, size, kData, data_bytes_) ||
        inside(address, size, kVariables, kVariablesSize) || inside(address, size, kArgs, 4))
        return true;
    return !write && (inside(address, size, kVm, sizeof(limpet_vm)) || inside(address, size, kHost, sizeof(Host)) ||
                      inside(address, size, kImage, image_bytes_));
}

void ThumbFirmware::on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t /*value*/,
                              void* self) {
    auto& firmware = *static_cast<ThumbFirmware*>(self);
    const auto place = static_cast<uint32_t>(address);
    if (inside(place, 4, kStackEnd - kStackBytes, kStackBytes))
        firmware.deepest_stack_bytes_ = std::max(firmware.deepest_stack_bytes_, kStackEnd - place);
    if (firmware.allowed(place, static_cast<uint32_t>(size), type == UC_MEM_WRITE)) return;
    char text[64];
    std::snprintf(text, sizeof text, "%s of %d bytes at %08x", type == UC_MEM_WRITE ? "write" : "read", size, place);
    firmware.error_ = text;
    uc_emu_stop(uc);
}

limpet_status ThumbFirmware::call(const limpet_windows& window, std::span<uint8_t> data, uint32_t id, Arguments& args) {
    auto& vm = at<limpet_vm>(kVm);
    vm = {};
    vm.window = window;
    std::ranges::copy(args, vm.x + 10);
    const limpet_vm before = vm;
    at<Host>(kHost) = {.data = kData, .code = 0, .call = 0, .stack_top = 0, .prepared = 0, .prepared_size = 0};
    std::ranges::copy(data, &at<uint8_t>(kData));
    data_bytes_ = static_cast<uint32_t>(data.size());
    error_.clear();

    constexpr uint32_t kThumb = 1; // bit 0 of a code address
    uint32_t core[] = {kVm, kHost, id, kArgs, 4, 5, 6, 7, kStackEnd, kReturn | kThumb};
    int names[] = {UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3, UC_ARM_REG_R4,
                   UC_ARM_REG_R5, UC_ARM_REG_R6, UC_ARM_REG_R7, UC_ARM_REG_SP, UC_ARM_REG_LR};
    void* places[std::size(core)];
    std::ranges::transform(core, places, [](uint32_t& r) -> void* { return &r; });
    check(uc_reg_write_batch(uc_, names, places, std::size(core)), "write registers");
    const uc_err status = uc_emu_start(uc_, call_, kReturn, 0, 0);
    check(uc_reg_read_batch(uc_, names, places, std::size(core)), "read registers");

    if (error_.empty() && status != UC_ERR_OK) error_ = uc_strerror(status);
    const uint32_t kept[] = {4, 5, 6, 7, kStackEnd}; // AAPCS32
    if (error_.empty() && !std::equal(std::begin(kept), std::end(kept), core + 4)) error_ = "changed r4..r7 or sp";
    std::copy_n(vm.x + 10, args.size(), args.begin());
    vm.x[10] = before.x[10];
    if (error_.empty() && std::memcmp(&vm, &before, sizeof vm) != 0) error_ = "changed the VM";
    std::copy_n(&at<uint8_t>(kData), data.size(), data.begin());
    return static_cast<limpet_status>(core[0]);
}

} // namespace limpet::conformance
