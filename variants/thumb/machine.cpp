#include "machine.h"

#include "../../interp/rv32/run.h"

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
// Data comes first: a library finds guest address a at data - base + a, so what lies behind the data window is behind
// its end for the guest too. What would be below a base is nowhere, or no part of the machine (holds).
constexpr uint32_t kRam = 0x10000000;
constexpr uint32_t kData = kRam + 0x10000;
constexpr uint32_t kDataMax = 0x04000000;
constexpr uint32_t kCode = kData + kDataMax + 0x10002; // limpet.h promises a multiple of 2 and no more
constexpr uint32_t kCodeMax = 0x04000000;
constexpr uint32_t kPrepared = kCode + kCodeMax + 0x10002; // a multiple of 4 and no more
constexpr uint32_t kPreparedMax = 0x00800000;
constexpr uint32_t kPlaces = kPrepared + kPreparedMax + 0xfffc; ///< of everything else
static_assert(kPrepared % 8 == 4);
constexpr uint32_t kRamSize = kPlaces + 0x10000 - kRam;
constexpr uint32_t kImage = 0x20000000; // image.ld
constexpr uint32_t kImageSize = 0x10000;
constexpr uint32_t kVm = kPlaces + 0x1004; // a multiple of 4 and no more
constexpr uint32_t kHost = kPlaces + 0x2000;
constexpr uint32_t kStackEnd = kPlaces + 0x4000;
constexpr uint32_t kStackBytes = 512;            // what Klipper gives to everything
constexpr uint32_t kReturn = kPlaces + 0x5000;   ///< where the functions return to,
constexpr uint32_t kHostCall = kPlaces + 0x5010; ///< and where host calls go
constexpr uint32_t kFrames = kPlaces + 0x7004;   // a multiple of 4 and no more
constexpr uint32_t kFramesMax = 0x3000;

constexpr uint32_t kThumb = 1; ///< bit 0 of a code address

/// struct limpet_bpf_host as the machine sees it, which begins with struct limpet_host.
struct Host {
    uint32_t data;
    uint32_t code;
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

} // namespace

static_assert(sizeof(limpet_vm) == 96 && sizeof(limpet_bpf_vm) == 124 && sizeof(limpet_bpf_frame) == 36,
              "the same structs on both machines");

Machine::Machine(std::string image_path, Kind kind)
    : image_path_(std::move(image_path)), kind_(kind), image_(read_file(image_path_)), stack_start_(kStackEnd),
      host_call_sp_(kStackEnd) {
    if (kind_ == Kind::kBpf) {
        state_bytes_ = sizeof(limpet_bpf_vm);
        vm_ = kVm + offsetof(limpet_bpf_vm, as.vm);
        host_bytes_ = sizeof(Host);
        code_ = kCode + 2; // limpet_bpf.h promises a multiple of 4
        guard_bytes_ = 0;
    } else {
        state_bytes_ = sizeof(limpet_vm);
        vm_ = kVm;
        host_bytes_ = offsetof(Host, frames);
        code_ = kCode;
        guard_bytes_ = LIMPET_GUARD_BYTES;
    }
    if (image_.size() > kImageSize) throw std::runtime_error(image_path_ + " is too large");
    void* memory = mmap(nullptr, kRamSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
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
    check(uc_hook_add(uc_, &hook, UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED,
                      reinterpret_cast<void*>(on_access), this, 1, 0),
          "hook");
    const auto stop = +[](uc_engine* uc, uint64_t, uint32_t, void*) { uc_emu_stop(uc); };
    check(uc_hook_add(uc_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(stop), nullptr, kReturn, kHostCall), "hook");
}

Machine::~Machine() {
    if (uc_ != nullptr) uc_close(uc_);
    munmap(ram_, kRamSize);
}

uint8_t* Machine::ram(uint32_t address) { return ram_ + (address - kRam); }
const uint8_t* Machine::ram(uint32_t address) const { return ram_ + (address - kRam); }

void Machine::fail(const std::string& what) const {
    Core core{};
    auto to = places(core);
    uc_reg_read_batch(uc_, const_cast<int*>(kCoreIds.data()), to.data(), 16);
    std::fprintf(stderr, "%s: %s; pc=%08x lr=%08x sp=%08x\n", image_path_.c_str(), what.c_str(), core[kPc], core[kLr],
                 core[kSp]);
    std::fflush(stderr);
    std::abort();
}

void Machine::observe(Observer* observer) {
    if (observer_ != nullptr) check(uc_hook_del(uc_, observer_hook_), "remove hook");
    observer_ = observer;
    if (observer_ != nullptr)
        check(uc_hook_add(uc_, &observer_hook_, UC_HOOK_CODE, reinterpret_cast<void*>(on_instruction), this, 1, 0),
              "hook");
    // Hooks are part of translations.
    check(uc_ctl_remove_cache(uc_, kImage, kImage + kImageSize), "forget translations");
    check(uc_ctl_remove_cache(uc_, kPrepared, kPrepared + kPreparedMax), "forget translations");
}

/// What is at an address that is executed.
const uint8_t* Machine::code(uint32_t address) const {
    const bool in_image = inside(address, 2, kImage, static_cast<uint32_t>(image_.size()));
    return in_image ? &image_[address - kImage] : ram(address);
}

void Machine::on_instruction(uc_engine* uc, uint64_t address, uint32_t /*size*/, void* self) {
    const auto place = static_cast<uint32_t>(address);
    if (place == kReturn || place == kHostCall) return;
    const auto& machine = *static_cast<Machine*>(self);
    uint16_t halfwords[2] = {};
    // The last instruction of an image may have a halfword.
    const bool last = place + 2 - kImage == machine.image_.size();
    std::memcpy(halfwords, machine.code(place), last ? sizeof *halfwords : sizeof halfwords);
    uint32_t sp = 0;
    uc_reg_read(uc, UC_ARM_REG_SP, &sp);
    machine.observer_->instruction(place, halfwords[0], halfwords[1], sp);
}

/// False: Unicorn is to stop where nothing is mapped.
bool Machine::on_access(uc_engine* /*uc*/, uc_mem_type type, uint64_t address, int size, int64_t /*value*/,
                        void* self) {
    static_cast<Machine*>(self)->access(static_cast<uint32_t>(address), static_cast<uint32_t>(size),
                                        type == UC_MEM_WRITE || type == UC_MEM_WRITE_UNMAPPED);
    return false;
}

/// Of the start of host.prepared, what a run may change.
uint32_t Machine::notes_bytes() const { return std::min<uint32_t>(prepared_size_, LIMPET_PREPARED_NOTES_BYTES); }

bool Machine::allowed(uint32_t address, uint32_t size, bool write) const {
    if (inside(address, size, kVm, state_bytes_) || inside(address, size, data_, window_.data_size) ||
        inside(address, size, kFrames, frames_bytes_))
        return true;
    if (inside(address, size, kPrepared, write && !preparing_ ? notes_bytes() : prepared_size_)) return true;
    return !write && (inside(address, size, kHost, host_bytes_) ||
                      inside(address, size, code_, window_.code_size + guard_bytes_) ||
                      inside(address, size, kImage, static_cast<uint32_t>(image_.size())));
}

void Machine::access(uint32_t address, uint32_t size, bool write) {
    const bool in_stack = inside(address, size, kStackEnd - kStackBytes, kStackBytes);
    if (in_stack && address < stack_start_) {
        uint32_t& deepest = preparing_ || sizing_ ? deepest_prepare_stack_bytes_ : deepest_stack_bytes_;
        deepest = std::max(deepest, stack_start_ - address);
    }
    const bool aligned = address % size == 0;
    if (watched_ && aligned && breaks_rights(address, size, write)) {
        forbidden_ = true; // what the library still does before it stops is taken back, too
        uc_emu_stop(uc_);
    }
    if (forbidden_ || (aligned && (in_stack || allowed(address, size, write)))) return;
    char text[80];
    std::snprintf(text, sizeof text, "%s %s of %u bytes at %08x", aligned ? "forbidden" : "misaligned",
                  write ? "write" : "read", size, address);
    fail(text);
}

/// Does a guest that is watched do what limpet_host allows and its rights do not: below its base, or stores to
/// read-only parts?
bool Machine::breaks_rights(uint32_t address, uint32_t size, bool write) const {
    const uint32_t offset = address - data_;
    if (~offset < host_->base) return true;
    return write && offset < window_.data_size && offset < window_.writable_start &&
           !writable_below_window(*host_, offset, size);
}

bool Machine::holds(const Guest& guest) {
    const limpet_windows& window = guest.vm.window;
    const uint64_t everything = uint64_t{guest.host.base} + (kImage + kImageSize - kData);
    return window.data_size <= kDataMax && window.code_size <= kCodeMax && guest.host.prepared_size <= kPreparedMax &&
           guest.bpf_host.frame_count * sizeof(limpet_bpf_frame) <= kFramesMax && everything <= uint64_t{1} << 32;
}

/// The windows as limpet_host's guests have them: from address 0 on, with as much read-only at the start as there is in
/// one piece.
static limpet_windows plain_windows(const limpet_windows& window, const MappedHost& host) {
    limpet_windows plain = window;
    plain.data_size += host.base;
    plain.writable_start = host.base;
    for (uint32_t i = 0; i < host.read_only_count && host.read_only[i].contains(plain.writable_start); ++i)
        plain.writable_start = host.read_only[i].start + host.read_only[i].size;
    if (host.read_only_count == 0) plain.writable_start += window.writable_start;
    return plain;
}

void Machine::put(const Guest& guest) {
    host_ = &guest.host;
    window_ = guest.vm.window;
    prepared_size_ = guest.host.prepared_size;
    data_ = kData + (host_->base & 3); // so that what is aligned for the guest is
    watched_ = host_->base != 0 || host_->read_only_count != 0 || host_->executable_count != 0;
    if (!holds(guest)) throw std::length_error("the guest does not fit into the emulated machine");
    Host host{.data = data_ - host_->base + displaced_.data, .code = code_ + displaced_.code};
    host.prepared += displaced_.prepared;
    host.call = guest.host.call == nullptr ? 0 : kHostCall | kThumb;
    host.stack_top = guest.host.stack_top;
    host.prepared_size = prepared_size_;
    host.frame_count = guest.bpf_host.frame_count;
    host.frame_bytes = guest.bpf_host.frame_bytes;
    limpet_bpf_vm state = guest.bpf;
    state.as.vm.window = plain_windows(window_, *host_);
    std::memcpy(ram(kVm), kind_ == Kind::kBpf ? static_cast<const void*>(&state) : &state.as.vm, state_bytes_);
    std::memcpy(ram(kHost), &host, sizeof host);
    std::memcpy(ram(data_), guest.host.data, window_.data_size);
    std::memcpy(ram(code_), guest.host.code, window_.code_size + guard_bytes_);
    frames_bytes_ = guest.bpf_host.frame_count * static_cast<uint32_t>(sizeof(limpet_bpf_frame));
    if (frames_bytes_ != 0) std::memcpy(ram(kFrames), guest.bpf_host.frames, frames_bytes_);
    if (prepared_size_ != 0 && std::memcmp(ram(kPrepared), guest.host.prepared, prepared_size_) != 0) {
        std::memcpy(ram(kPrepared), guest.host.prepared, prepared_size_);
        // It may be Thumb code, of which the emulator keeps translations.
        check(uc_ctl_remove_cache(uc_, kPrepared, kPrepared + prepared_size_), "forget translations");
    }
}

void Machine::get(Guest& guest) const {
    std::memcpy(kind_ == Kind::kBpf ? static_cast<void*>(&guest.bpf) : &guest.vm, ram(kVm), state_bytes_);
    guest.vm.window = window_;
    std::memcpy(guest.host.data, ram(data_), window_.data_size);
    if (frames_bytes_ != 0) std::memcpy(guest.bpf_host.frames, ram(kFrames), frames_bytes_);
    if (prepared_size_ != 0)
        std::memcpy(guest.host.prepared, ram(kPrepared), preparing_ ? prepared_size_ : notes_bytes());
}

/// Keeps what a guest that is watched may have to be taken back to.
void Machine::save(const Guest& guest, std::optional<uint32_t> entry, uint32_t fuel) {
    if (!watched_) return;
    saved_ = {.image_path = image_path_, .entry = entry, .fuel = fuel};
    saved_state_ = guest.bpf;
    saved_memory_.assign(guest.host.data, guest.host.data + window_.data_size);
    saved_frames_.assign(guest.bpf_host.frames, guest.bpf_host.frames + guest.bpf_host.frame_count);
}

void Machine::take_back(Guest& guest) {
    guest.bpf = saved_state_;
    std::ranges::copy(saved_memory_, guest.host.data);
    std::ranges::copy(saved_frames_, guest.bpf_host.frames);
    throw Forbidden(saved_);
}

/// Runs until the function returns or calls the host; then core[kPc] tells which.
void Machine::go(Core& core) {
    forbidden_ = false;
    auto at = places(core);
    check(uc_reg_write_batch(uc_, const_cast<int*>(kCoreIds.data()), at.data(), kPc), "write registers");
    // The hook ends the run. An end address given here would be translated anew each time, which costs half the speed.
    const uc_err error = uc_emu_start(uc_, core[kPc] | kThumb, 0, 0, 0);
    if (forbidden_) return;
    if (error != UC_ERR_OK) fail(uc_strerror(error));
    check(uc_reg_read_batch(uc_, const_cast<int*>(kCoreIds.data()), at.data(), 16), "read registers");
    core[kPc] &= ~kThumb;
    if (core[kPc] != kReturn && core[kPc] != kHostCall) fail("stopped in the middle");
    if (observer_ != nullptr) observer_->left(core[kPc] == kReturn);
}

/// The library calls host.call(vm, host, id, args). The callback may leave by longjmp: this frame owns nothing.
void Machine::host_call(Guest& guest, Core& core) {
    get(guest);
    const uint32_t args = core[3];
    if (core[0] != vm_ || core[1] != kHost || args % 4 != 0) fail("host call with wrong arguments");
    if (core[kSp] % 8 != 0) fail("host call with a stack that is no multiple of 8 bytes (AAPCS 6.2.1.2)");
    const bool in_vm = kind_ != Kind::kBpf && args == vm_ + offsetof(limpet_vm, x) + 10 * sizeof(uint32_t);
    std::array<uint32_t, 5> copy{};
    std::memcpy(copy.data(), ram(args), sizeof copy);
    host_call_sp_ = core[kSp];
    // Or of Xlimpet. Guests that are not watched may have another pc than an address (rv32dense), and are never taken
    // back.
    const bool is_long = watched_ && (guest.host.code[guest.vm.pc - window_.code_start] & 3) == 3;
    core[0] = guest.host.call(&guest.vm, &guest.host, core[2], in_vm ? guest.vm.x + 10 : copy.data());
    put(guest);
    if (!in_vm) std::memcpy(ram(args), copy.data(), sizeof copy);
    save(guest, std::nullopt, guest.vm.fuel - 1);
    limpet_vm& saved_vm = saved_state_.as.vm;
    if (kind_ == Kind::kBpf) {
        saved_state_.r[0] = copy[0];
        saved_state_.r[1] = 0;
    } else if (!in_vm) {
        saved_vm.x[10] = copy[0];
    }
    saved_vm.pc += kind_ == Kind::kBpf ? 8 : is_long ? 4 : 2;
    saved_vm.status = LIMPET_FUEL;
    core[1] = core[2] = core[3] = core[12] = 0xdeadbeef; // a callee may change these
    core[kPc] = core[kLr];
}

limpet_status Machine::prepare(Guest& guest) {
    if (!holds(guest)) return LIMPET_REFUSED;
    sizing_ = true;
    const uint32_t size = result_of(Function::kPreparedSize, guest);
    sizing_ = false;
    return prepare_in(guest, size);
}

limpet_status Machine::prepare_in(Guest& guest, uint32_t prepared_bytes, Displaced displaced) {
    guest.provide_prepared(prepared_bytes);
    if (!holds(guest)) return LIMPET_REFUSED;
    preparing_ = true;
    displaced_ = displaced;
    const auto status = static_cast<limpet_status>(result_of(Function::kPrepare, guest));
    displaced_ = {};
    preparing_ = false;
    return status;
}

uint32_t Machine::prepared_kept(Guest& guest) {
    return kind_ == Kind::kBpf ? guest.host.prepared_size : result_of(Function::kPreparedKept, guest);
}

limpet_status Machine::call(Guest& guest, uint32_t entry, uint32_t fuel) {
    return checked(guest, result_of(Function::kCall, guest, entry, fuel));
}

limpet_status Machine::resume(Guest& guest, uint32_t fuel) {
    return checked(guest, result_of(Function::kResume, guest, fuel));
}

/// How a run ended. In a gap of the code stands what is illegal; but nothing may be fetched from there.
limpet_status Machine::checked(Guest& guest, uint32_t status) {
    if (host_->executable_count != 0 && status == LIMPET_ILLEGAL &&
        !guest.can_fetch(guest.vm.pc, kind_ == Kind::kCompressed))
        take_back(guest);
    return static_cast<limpet_status>(status);
}

uint32_t Machine::result_of(Function function, Guest& guest, uint32_t a, uint32_t b) {
    // Only from within a host call can a guest that is running be entered; it must be refused, on the same stack.
    stack_start_ = guest.vm.status == LIMPET_RUNNING ? host_call_sp_ : kStackEnd;
    const uint32_t sp = stack_start_;
    put(guest);
    if (function == Function::kCall)
        save(guest, a, b);
    else
        save(guest, std::nullopt, a);
    Core core{};
    for (uint32_t i = 4; i < 12; ++i) core[i] = 0x11111111 * i; // must come back unchanged (AAPCS)
    core[8] = kVm; // nor mean anything: assembly that shares rv32-tiny's code tells by r8 who comes there
    const Core before = core;
    core[0] = kVm;
    core[1] = kHost;
    core[2] = a;
    core[3] = b;
    core[kSp] = sp;
    core[kLr] = kReturn | kThumb;
    std::memcpy(&core[kPc], &image_[static_cast<size_t>(function) * 4], 4);
    for (go(core); core[kPc] == kHostCall && !forbidden_; go(core)) {
        host_call(guest, core);
        stack_start_ = sp;
    }
    if (forbidden_) take_back(guest);
    get(guest);
    if (core[kSp] != sp || !std::equal(&core[4], &core[12], &before[4])) fail("callee-saved register changed");
    return core[0];
}

} // namespace limpet::thumb
