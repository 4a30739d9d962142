#include "oracle.h"

#include "encode.h"
#include "host_calls.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/mman.h>

namespace limpet::conformance {

namespace {

constexpr uint32_t kPage = 4096;

/// Where 32-bit forms of Xlimpet's instructions run: in no layout.
constexpr uint32_t kElsewhere = 0x70000000;
constexpr uint32_t kFarther = 1024;

void check(uc_err error, const char* what) {
    if (error != UC_ERR_OK) throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(error));
}

/// Register ids and places for uc_reg_read_batch and uc_reg_write_batch: x0..x15.
struct Batch {
    std::array<int, 16> ids{};
    std::array<void*, 16> places{};
    explicit Batch(Registers& x) {
        for (size_t i = 0; i < x.size(); ++i) {
            ids[i] = UC_RISCV_REG_X0 + static_cast<int>(i);
            places[i] = &x[i];
        }
    }
};

bool is_jump(const rv32::Instruction& row) { return row.op == rv32::Op::kJal || row.op == rv32::Op::kJalr; }
bool is_branch(const rv32::Instruction& row) { return row.op >= rv32::Op::kBeq && row.op <= rv32::Op::kBgeu; }

} // namespace

Oracle::Oracle(const Layout& layout)
    : layout_(layout), first_page_(layout.base & ~(kPage - 1)),
      pages_size_((std::max(layout.data_end(), layout.code_end()) - first_page_ + kPage - 1) & ~(kPage - 1)),
      initial_(initial_data(layout)) {
    void* pages = mmap(nullptr, pages_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::runtime_error("mmap failed");
    pages_ = static_cast<uint8_t*>(pages);
    check(uc_open(UC_ARCH_RISCV, UC_MODE_RISCV32, &uc_), "open");
    check(uc_mem_map_ptr(uc_, first_page_, pages_size_, UC_PROT_ALL, pages_), "map");
    check(uc_mem_map(uc_, kElsewhere, kPage, UC_PROT_EXEC), "map");
    uc_hook hook = 0;
    check(uc_hook_add(uc_, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(on_instruction), this, 1, 0), "hook");
    check(uc_hook_add(uc_, &hook,
                      UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE | UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED,
                      reinterpret_cast<void*>(on_access), this, 1, 0),
          "hook");
}

Oracle::~Oracle() {
    if (uc_ != nullptr) uc_close(uc_);
    munmap(pages_, pages_size_);
}

std::span<const uint8_t> Oracle::data() const { return {pages_ + (layout_.base - first_page_), layout_.data_size}; }

Registers Oracle::registers() const {
    Registers x{};
    Batch batch(x);
    check(uc_reg_read_batch(uc_, batch.ids.data(), batch.places.data(), 16), "read registers");
    return x;
}

void Oracle::reset(const Vector& v, rv32::Isa isa) {
    vector_ = &v;
    isa_ = isa;
    stopped_ = ambiguous_ = calling_host_ = expanding_ = false;
    first_ = true;
    undo_size_ = 0;
    std::ranges::copy(initial_, at(layout_.base));
    fill_with_ebreak({at(layout_.code_start), layout_.code_size}, isa);
    std::ranges::copy(v.code, at(v.code_at));
    // Unicorn goes on running what it translated from the code that stood there before.
    check(uc_ctl_remove_cache(uc_, layout_.code_start, layout_.code_end()), "remove cache");
}

bool Oracle::run(const Vector& v, rv32::Isa isa, Outcome& outcome) {
    reset(v, isa);
    outcome = {};
    outcome_ = &outcome;
    Registers x = v.x;
    uint32_t pc = v.pc;
    for (;;) {
        Batch batch(x);
        check(uc_reg_write_batch(uc_, batch.ids.data(), batch.places.data(), 16), "write registers");
        const uc_err error = uc_emu_start(uc_, pc, ~0U, 0, 0);
        if (!stopped_) { // only a jump to where there is no memory gets here
            check(error == UC_ERR_FETCH_UNMAPPED ? UC_ERR_OK : error, "run");
            check(uc_reg_read(uc_, UC_RISCV_REG_PC, &pc), "read pc");
            arrive(pc);
        }
        undo();
        if (calling_host_ ? !perform_host_call() : !expanding_ || !perform_expanded()) return !ambiguous_;
        x = x_;
        pc = next_;
    }
}

/// Takes back what a refused store has stored.
void Oracle::undo() {
    if (undo_size_ != 0) std::copy_n(undo_.begin(), undo_size_, at(undo_at_));
    undo_size_ = 0;
}

/// Runs the 32-bit form of the instruction at pc_. Does the run go on, at next_?
bool Oracle::perform_expanded() {
    stopped_ = false;
    const rv32::Instruction& row = *rv32::find_instruction(isa_, insn_);
    rv32::Operands operands = rv32::operands(row, insn_);
    if (is_branch(row)) operands.imm += kFarther; // so that a taken branch never leads to where one not taken does
    const uint32_t insn = rv32::encode(isa_, row.op, operands, 4).value();
    check(uc_mem_write(uc_, kElsewhere, &insn, sizeof insn), "write");
    check(uc_ctl_remove_cache(uc_, kElsewhere, kElsewhere + kPage), "remove cache");
    // Not by a count of 1, which has Unicorn forget all that it has translated. Fails where an access is out of memory:
    // then on_access has seen it.
    (void)uc_emu_start(uc_, kElsewhere, ~0U, 0, 0);
    expanding_ = false;
    undo();
    if (stopped_) return false;
    x_ = registers();
    next_ = next_ == kElsewhere + 4 ? pc_ + size_ : pc_ + (next_ - kElsewhere - kFarther);
    return true;
}

/// The instruction at pc_ is a host call. Does the run go on?
bool Oracle::perform_host_call() {
    calling_host_ = stopped_ = false;
    const uint32_t id = rv32::operands(*rv32::find_instruction(isa_, insn_), insn_).imm;
    if (id >= kKnownIds) {
        stop(LIMPET_HOST_CALL, pc_);
        return false;
    }
    x_[10] = host_call_result(id, &x_[10]);
    next_ = pc_ + size_;
    return true;
}

void Oracle::stop(limpet_status status, uint32_t pc) {
    if (stopped_) return;
    stopped_ = true;
    outcome_->status = status;
    outcome_->pc = pc;
    outcome_->x = x_;
    uc_emu_stop(uc_);
}

void Oracle::on_instruction(uc_engine* /*uc*/, uint64_t address, uint32_t /*size*/, void* self) {
    auto* oracle = static_cast<Oracle*>(self);
    if (oracle->stopped_) return;
    if (!oracle->expanding_) return oracle->arrive(static_cast<uint32_t>(address));
    oracle->next_ = static_cast<uint32_t>(address);
    if (oracle->next_ != kElsewhere) uc_emu_stop(oracle->uc_);
}

bool Oracle::on_access(uc_engine* /*uc*/, uc_mem_type type, uint64_t address, int size, int64_t /*value*/, void* self) {
    auto* oracle = static_cast<Oracle*>(self);
    const bool store = type == UC_MEM_WRITE || type == UC_MEM_WRITE_UNMAPPED;
    if (!oracle->stopped_) oracle->access(static_cast<uint32_t>(address), static_cast<uint32_t>(size), store);
    return false;
}

/// The first access that Unicorn reports for an instruction is the one that the guest asked for; what may follow are
/// its parts on two pages.
void Oracle::access(uint32_t address, uint32_t size, bool store) {
    if (accessed_) return;
    accessed_ = true;
    if (layout_.allows(address, size, store)) return;
    stop(store ? LIMPET_STORE : LIMPET_LOAD, pc_);
    outcome_->has_trap_address = true;
    outcome_->trap_address = address;
    if (!store || address < first_page_) return;
    undo_at_ = address; // stopping does not keep Unicorn from storing
    undo_size_ = std::min<uint64_t>(
        size, uint64_t{first_page_} + pages_size_ > address ? uint64_t{first_page_} + pages_size_ - address : 0);
    std::copy_n(at(address), undo_size_, undo_.begin());
}

bool Oracle::came_by_jump(uint32_t pc) const {
    const rv32::Instruction& row = *rv32::find_instruction(isa_, insn_);
    return is_jump(row) || (is_branch(row) && pc != pc_ + size_);
}

/// Unicorn is about to execute the instruction at pc, or to find that there is none; the one before is done.
void Oracle::arrive(uint32_t pc) {
    const Registers now = registers();
    if (!first_) {
        const bool outside = layout_.code_left(pc) == 0 || pc % (isa_.compressed ? 2 : 4) != 0;
        const bool jumped = came_by_jump(pc);
        if (jumped && pc > pc_ && pc < pc_ + size_) ambiguous_ = true;
        if (!jumped && outside && is_branch(*rv32::find_instruction(isa_, insn_))) ambiguous_ = true;
        if (jumped && pc == LIMPET_RETURN_ADDRESS) {
            x_ = now;
            ++outcome_->executed;
            return stop(LIMPET_RETURN, pc);
        }
        if (jumped && outside) { // x_ still holds the registers before the jump
            stop(LIMPET_FETCH, pc_);
            outcome_->has_trap_address = true;
            outcome_->trap_address = pc;
            return;
        }
        ++outcome_->executed;
    }
    first_ = false;
    x_ = now;
    begin(pc);
}

/// The instruction at pc, which is inside the code or at an end of it, is the next one.
void Oracle::begin(uint32_t pc) {
    if (outcome_->executed >= vector_->fuel) return stop(LIMPET_FUEL, pc);
    const uint32_t left = layout_.code_left(pc);
    if (left < 2) return stop(LIMPET_FETCH, pc);
    insn_ = 0;
    std::memcpy(&insn_, at(pc), std::min(left, 4U));
    size_ = isa_.compressed && (insn_ & 3) != 3 ? 2 : 4;
    if (size_ > left) return stop(LIMPET_FETCH, pc);
    pc_ = pc;
    accessed_ = false;
    const rv32::Instruction* row = rv32::find_instruction(isa_, insn_);
    if (row == nullptr) return stop(LIMPET_ILLEGAL, pc);
    if (row->op == rv32::Op::kEcall) return stop(LIMPET_ECALL, pc);
    if (row->op == rv32::Op::kEbreak) return stop(LIMPET_BREAKPOINT, pc);
    calling_host_ = row->op == rv32::Op::kHostCall;
    expanding_ = !calling_host_ && row->extension == rv32::Extension::kXlimpet;
    if (calling_host_ || expanding_) {
        stopped_ = true;
        uc_emu_stop(uc_);
    }
}

} // namespace limpet::conformance
