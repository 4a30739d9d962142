#include "bpf_machine.h"

#include "registrations.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <sys/mman.h>

namespace limpet::thumb {

namespace {

// The machine's addresses. RAM is what lies from kRam on; each part has more than a page of nothing before the next.
constexpr uint32_t kImage = 0x20000000; // image.ld
constexpr uint32_t kImageSize = 0x10000;
constexpr uint32_t kRam = 0x10000000;
constexpr uint32_t kRamSize = 0x100000;
constexpr uint32_t kVm = kRam + 0x1004; // limpet_bpf.h promises a multiple of 4 and no more, here and for code
constexpr uint32_t kHost = kRam + 0x2000;
constexpr uint32_t kFrames = kRam + 0x3004;
constexpr uint32_t kFramesMax = 0x1000;
constexpr uint32_t kStackEnd = kRam + 0x6000;
constexpr uint32_t kStackBytes = 512;         // what Klipper gives to everything
constexpr uint32_t kReturn = kRam + 0x7000;   ///< where the functions return to,
constexpr uint32_t kHostCall = kRam + 0x7010; ///< and where host calls go
constexpr uint32_t kData = kRam + 0x10000;
constexpr uint32_t kDataMax = 0x20000;
constexpr uint32_t kCode = kData + kDataMax + 0x10004;
constexpr uint32_t kCodeMax = 0x20000;
constexpr uint32_t kPrepared = kCode + kCodeMax + 0x10000; // a multiple of 4 and no more
constexpr uint32_t kPreparedMax = 0x40000;

constexpr uint32_t kThumb = 1; ///< bit 0 of a code address
constexpr uint32_t kVmInState = offsetof(limpet_bpf_vm, as.vm);

/// struct limpet_bpf_host as the machine sees it.
struct Host {
    uint32_t data = kData;
    uint32_t code = kCode;
    uint32_t call = 0;
    uint32_t stack_top = 0;
    uint32_t prepared = kPrepared;
    uint32_t prepared_size = 0;
    uint32_t frames = kFrames;
    uint32_t frame_count = 0;
    uint32_t frame_bytes = 0;
};

constexpr size_t kSp = 13;
constexpr size_t kLr = 14;
constexpr size_t kPc = 15;
constexpr std::array<int, 16> kCoreIds = {UC_ARM_REG_R0,  UC_ARM_REG_R1, UC_ARM_REG_R2,  UC_ARM_REG_R3,
                                          UC_ARM_REG_R4,  UC_ARM_REG_R5, UC_ARM_REG_R6,  UC_ARM_REG_R7,
                                          UC_ARM_REG_R8,  UC_ARM_REG_R9, UC_ARM_REG_R10, UC_ARM_REG_R11,
                                          UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR,  UC_ARM_REG_PC};

std::array<void*, 16> places(std::array<uint32_t, 16>& core) {
    std::array<void*, 16> result{};
    std::ranges::transform(core, result.begin(), [](uint32_t& r) { return &r; });
    return result;
}

void check(uc_err error, const char* what) {
    if (error != UC_ERR_OK) throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(error));
}

std::vector<uint8_t> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot open " + path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool inside(uint32_t address, uint32_t size, uint32_t start, uint32_t length) {
    return address - start < length && length - (address - start) >= size;
}

/// The images of this build, or others of the same names (scripts/mutate).
std::string image_directory() {
    const char* other = std::getenv("LIMPET_THUMB_IMAGES");
    return other == nullptr ? kThumbImages : other;
}

} // namespace

static_assert(sizeof(limpet_bpf_vm) == 124 && sizeof(limpet_bpf_frame) == 36, "the same structs on both machines");

BpfMachine::BpfMachine(std::string image_path)
    : image_path_(std::move(image_path)), image_(read_file(image_path_)), stack_start_(kStackEnd),
      host_call_sp_(kStackEnd) {
    if (image_.size() > kImageSize) throw std::runtime_error(image_path_ + " is too large");
    void* memory = mmap(nullptr, kRamSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
    ram_ = static_cast<uint8_t*>(memory);
    check(uc_open(UC_ARCH_ARM, static_cast<uc_mode>(UC_MODE_THUMB | UC_MODE_MCLASS), &uc_), "open");
    check(uc_ctl_set_cpu_model(uc_, UC_CPU_ARM_CORTEX_M0), "Cortex-M0");
    check(uc_mem_map(uc_, kImage, kImageSize, UC_PROT_READ | UC_PROT_EXEC), "map image");
    check(uc_mem_write(uc_, kImage, image_.data(), image_.size()), "write image");
    check(uc_mem_map_ptr(uc_, kRam, kRamSize, UC_PROT_ALL, ram_), "map RAM");
    uc_hook hook = 0;
    check(uc_hook_add(uc_, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, reinterpret_cast<void*>(on_access), this, 1, 0),
          "hook");
    const auto stop = +[](uc_engine* uc, uint64_t, uint32_t, void*) { uc_emu_stop(uc); };
    check(uc_hook_add(uc_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(stop), nullptr, kReturn, kHostCall), "hook");
}

BpfMachine::~BpfMachine() {
    if (uc_ != nullptr) uc_close(uc_);
    munmap(ram_, kRamSize);
}

void BpfMachine::watch(std::function<void(uint32_t, const uint8_t*)> watcher) {
    watcher_ = std::move(watcher);
    image_.resize(image_.size() + 2); // so that the last instruction has 4 bytes to show, too
    const auto hook_function = +[](uc_engine* /*uc*/, uint64_t address, uint32_t /*size*/, void* self) {
        auto* machine = static_cast<BpfMachine*>(self);
        machine->watcher_(static_cast<uint32_t>(address), &machine->image_[address - kImage]);
    };
    uc_hook hook = 0;
    check(uc_hook_add(uc_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(hook_function), this, kImage,
                      kImage + image_.size() - 3),
          "hook");
}

uint8_t* BpfMachine::ram(uint32_t address) const { return ram_ + (address - kRam); }

void BpfMachine::fail(const std::string& what) const {
    Core core{};
    auto to = places(core);
    uc_reg_read_batch(uc_, const_cast<int*>(kCoreIds.data()), to.data(), 16);
    std::fprintf(stderr, "%s: %s; pc=%08x lr=%08x sp=%08x\n", image_path_.c_str(), what.c_str(), core[kPc], core[kLr],
                 core[kSp]);
    std::fflush(stderr);
    std::abort();
}

void BpfMachine::on_access(uc_engine* /*uc*/, uc_mem_type type, uint64_t address, int size, int64_t /*value*/,
                           void* self) {
    static_cast<BpfMachine*>(self)->access(static_cast<uint32_t>(address), static_cast<uint32_t>(size),
                                           type == UC_MEM_WRITE);
}

bool BpfMachine::allowed(uint32_t address, uint32_t size, bool write) const {
    if (inside(address, size, kVm, sizeof(limpet_bpf_vm)) || inside(address, size, kData, window_.data_size) ||
        inside(address, size, kFrames, frame_bytes_))
        return true;
    if ((!write || preparing_) && inside(address, size, kPrepared, prepared_bytes_)) return true;
    return !write && (inside(address, size, kHost, sizeof(Host)) || inside(address, size, kCode, window_.code_size) ||
                      inside(address, size, kImage, static_cast<uint32_t>(image_.size())));
}

void BpfMachine::access(uint32_t address, uint32_t size, bool write) {
    const bool in_stack = inside(address, size, kStackEnd - kStackBytes, kStackBytes);
    if (in_stack && address < stack_start_)
        deepest_stack_bytes_ = std::max(deepest_stack_bytes_, stack_start_ - address);
    const bool aligned = address % size == 0;
    if (aligned && (in_stack || allowed(address, size, write))) return;
    char text[80];
    std::snprintf(text, sizeof text, "%s %s of %u bytes at %08x", aligned ? "forbidden" : "misaligned",
                  write ? "write" : "read", size, address);
    fail(text);
}

void BpfMachine::put(const Guest& guest) {
    window_ = guest.vm.window;
    frame_bytes_ = guest.bpf_host.frame_count * static_cast<uint32_t>(sizeof(limpet_bpf_frame));
    prepared_bytes_ = guest.host.prepared_size;
    if (window_.data_size > kDataMax || window_.code_size > kCodeMax || frame_bytes_ > kFramesMax ||
        prepared_bytes_ > kPreparedMax)
        throw std::length_error("the guest is too large for the emulated machine");
    Host host;
    host.call = guest.host.call == nullptr ? 0 : kHostCall | kThumb;
    host.stack_top = guest.host.stack_top;
    host.prepared_size = prepared_bytes_;
    host.frame_count = guest.bpf_host.frame_count;
    host.frame_bytes = guest.bpf_host.frame_bytes;
    std::memcpy(ram(kVm), &guest.bpf, sizeof guest.bpf);
    std::memcpy(ram(kHost), &host, sizeof host);
    std::memcpy(ram(kFrames), guest.bpf_host.frames, frame_bytes_);
    std::memcpy(ram(kData), guest.host.data, window_.data_size);
    std::memcpy(ram(kCode), guest.host.code, window_.code_size);
    if (prepared_bytes_ != 0) std::memcpy(ram(kPrepared), guest.host.prepared, prepared_bytes_);
}

void BpfMachine::get(Guest& guest) const {
    std::memcpy(&guest.bpf, ram(kVm), sizeof guest.bpf);
    std::memcpy(guest.bpf_host.frames, ram(kFrames), frame_bytes_);
    std::memcpy(guest.host.data, ram(kData), window_.data_size);
    if (preparing_ && prepared_bytes_ != 0) std::memcpy(guest.host.prepared, ram(kPrepared), prepared_bytes_);
}

/// Runs until the function returns or calls the host; then core[kPc] tells which.
void BpfMachine::go(Core& core) {
    auto at = places(core);
    check(uc_reg_write_batch(uc_, const_cast<int*>(kCoreIds.data()), at.data(), kPc), "write registers");
    const uc_err error = uc_emu_start(uc_, core[kPc] | kThumb, 0, 0, 0);
    if (error != UC_ERR_OK) fail(uc_strerror(error));
    check(uc_reg_read_batch(uc_, const_cast<int*>(kCoreIds.data()), at.data(), 16), "read registers");
    core[kPc] &= ~kThumb;
    if (core[kPc] != kReturn && core[kPc] != kHostCall) fail("stopped in the middle");
}

/// The library calls host.call(vm, host, id, args). The callback may leave by longjmp: this frame owns nothing.
void BpfMachine::host_call(Guest& guest, Core& core) {
    get(guest);
    const uint32_t args = core[3];
    if (core[0] != kVm + kVmInState || core[1] != kHost || args % 4 != 0) fail("host call with wrong arguments");
    std::array<uint32_t, 5> copy{};
    std::memcpy(copy.data(), ram(args), sizeof copy);
    host_call_sp_ = core[kSp];
    core[0] = guest.host.call(&guest.vm, &guest.host, core[2], copy.data());
    put(guest);
    std::memcpy(ram(args), copy.data(), sizeof copy);
    core[1] = core[2] = core[3] = core[12] = 0xdeadbeef; // a callee may change these
    core[kPc] = core[kLr];
}

uint32_t BpfMachine::run(Function function, Guest& guest, uint32_t a, uint32_t b) {
    // Only from within a host call can a guest that is running be entered; it must be refused, on the same stack.
    stack_start_ = guest.vm.status == LIMPET_RUNNING ? host_call_sp_ : kStackEnd;
    const uint32_t sp = stack_start_;
    put(guest);
    Core core{};
    for (uint32_t i = 4; i < 12; ++i) core[i] = 0x11111111 * i; // must come back unchanged (AAPCS)
    const Core before = core;
    core[0] = kVm;
    core[1] = kHost;
    core[2] = a;
    core[3] = b;
    core[kSp] = sp;
    core[kLr] = kReturn | kThumb;
    std::memcpy(&core[kPc], &image_[static_cast<size_t>(function) * 4], 4);
    for (go(core); core[kPc] == kHostCall; go(core)) {
        host_call(guest, core);
        stack_start_ = sp;
    }
    get(guest);
    if (core[kSp] != sp || !std::equal(&core[4], &core[12], &before[4])) fail("callee-saved register changed");
    return core[0];
}

limpet_status BpfMachine::prepare(Guest& guest) {
    guest.provide_prepared(0);
    guest.provide_prepared(run(Function::kPreparedSize, guest));
    preparing_ = true;
    const auto status = static_cast<limpet_status>(run(Function::kPrepare, guest));
    preparing_ = false;
    return status;
}

BpfThumbBackend::BpfThumbBackend(const Backend& like)
    : Backend(like.name + "@thumb", like.isa_name, like.counts_exactly) {}

BpfMachine& BpfThumbBackend::machine() const {
    if (!machine_) {
        std::string image = name.substr(0, name.find('@'));
        std::ranges::replace(image, '/', '-');
        machine_ = std::make_unique<BpfMachine>(image_directory() + "/thumb-" + image + "-" + isa_name + ".bin");
    }
    return *machine_;
}

limpet_status BpfThumbBackend::prepare(Guest& guest) const { return machine().prepare(guest); }
limpet_status BpfThumbBackend::call(Guest& guest, uint32_t entry, uint32_t fuel) const {
    return static_cast<limpet_status>(machine().run(BpfMachine::Function::kCall, guest, entry, fuel));
}
limpet_status BpfThumbBackend::resume(Guest& guest, uint32_t fuel) const {
    return static_cast<limpet_status>(machine().run(BpfMachine::Function::kResume, guest, fuel));
}

} // namespace limpet::thumb
