#include "oracle.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <sys/mman.h>

namespace limpet::conformance::bpf {

namespace {

using namespace limpet::bpf; // the fields of eBPF instructions

constexpr uint32_t kPage = 4096;
constexpr uint64_t kCodeAt = 0x100000000000;    ///< beyond any address of a guest's memory
constexpr uint64_t kScratchAt = 0x200000000000; ///< for byte orders

// Registers of the lowered code: r0..r10 are x10..x20.
constexpr uint32_t kX0 = 0;
constexpr uint32_t kImm = 5;     ///< the immediate, sign-extended
constexpr uint32_t kOffset = 6;  ///< the offset, sign-extended; of lddw the second immediate
constexpr uint32_t kScratch = 7; ///< kScratchAt
constexpr uint32_t kTaken = 28;  ///< 1, which a jump that is not taken makes 0
constexpr uint32_t kA = 29;
constexpr uint32_t kB = 30;
constexpr uint32_t kC = 31;
constexpr uint32_t x_of(uint32_t r) { return 10 + r; }

/// RV64 code, written by the unprivileged specification's "Instruction Set Listings".
class Assembler {
public:
    void r(uint32_t opcode, uint32_t funct7, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t rs2) {
        code.push_back(opcode | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25);
    }
    void i(uint32_t opcode, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t imm) {
        code.push_back(opcode | rd << 7 | funct3 << 12 | rs1 << 15 | imm << 20);
    }
    void op(uint32_t funct7, uint32_t funct3, uint32_t rd, uint32_t rs1, uint32_t rs2) {
        r(0x33, funct7, funct3, rd, rs1, rs2);
    }
    void add(uint32_t rd, uint32_t rs1, uint32_t rs2) { op(0, 0, rd, rs1, rs2); }
    void sub(uint32_t rd, uint32_t rs1, uint32_t rs2) { op(0x20, 0, rd, rs1, rs2); }
    void move(uint32_t rd, uint32_t rs) { i(0x13, 0, rd, rs, 0); }
    void shift_left(uint32_t rd, uint32_t rs, uint32_t amount) { i(0x13, 1, rd, rs, amount); }
    void shift_right(uint32_t rd, uint32_t rs, uint32_t amount) { i(0x13, 5, rd, rs, amount); }
    void shift_right_signed(uint32_t rd, uint32_t rs, uint32_t amount) { i(0x13, 5, rd, rs, amount | 0x400); }
    void zero_extend(uint32_t rd, uint32_t rs, uint32_t bits) {
        shift_left(rd, rs, 64 - bits);
        shift_right(rd, rd, 64 - bits);
    }
    void sign_extend(uint32_t rd, uint32_t rs, uint32_t bits) {
        shift_left(rd, rs, 64 - bits);
        shift_right_signed(rd, rd, 64 - bits);
    }
    /// Over the next instruction, if the condition holds.
    void skip_if(uint32_t funct3, uint32_t rs1, uint32_t rs2) { r(0x63, 0, funct3, 8, rs1, rs2); }
    void load(uint32_t rd, uint32_t size, bool is_signed, uint32_t at, uint32_t offset = 0) {
        const uint32_t width = size == 8 ? 3 : size / 2; // lb lh lw ld
        i(0x03, width | (is_signed || size == 8 ? 0 : 4), rd, at, offset);
    }
    void store(uint32_t rs, uint32_t size, uint32_t at) { r(0x23, 0, size == 8 ? 3 : size / 2, 0, at, rs); }

    std::vector<uint32_t> code;
};

/// funct7 and funct3 of the RISC-V operation that an arithmetic code stands for.
struct Funct {
    uint32_t funct7, funct3;
};
Funct funct_of(uint32_t op, bool as_signed) {
    switch (op) {
    case kSub: return {0x20, 0};
    case kMul: return {1, 0};
    case kDiv: return {1, as_signed ? 4U : 5U};
    case kMod: return {1, as_signed ? 6U : 7U};
    case kOr: return {0, 6};
    case kAnd: return {0, 7};
    case kXor: return {0, 4};
    case kLsh: return {0, 1};
    case kRsh: return {0, 5};
    case kArsh: return {0x20, 5};
    default: return {0, 0};
    }
}

void lower_alu(Assembler& a, const Instruction& row, uint32_t to, uint32_t operand) {
    const bool wide = (row.opcode & 7U) == kAlu64;
    const uint32_t op = code(row.opcode);
    if (op == kMov) {
        a.move(kA, operand);
    } else {
        const bool bitwise = op == kOr || op == kAnd || op == kXor; // has no form for words, and needs none
        const Funct f = funct_of(op, row.offset.value == 1);
        a.r(wide || bitwise ? 0x33 : 0x3b, f.funct7, f.funct3, kA, to, operand);
    }
    if (op == kDiv) { // RISC-V: by zero is -1
        a.move(kB, operand);
        if (!wide) a.zero_extend(kB, kB, 32);
        a.skip_if(1, kB, kX0);
        a.move(kA, kX0);
    }
    if (wide)
        a.move(to, kA);
    else
        a.zero_extend(to, kA, 32);
}

void lower_end(Assembler& a, const Instruction& row, uint32_t to) {
    const uint32_t bytes = row.imm.value / 8;
    if (row.opcode == alu_opcode(kAlu32, kEnd)) {
        a.zero_extend(to, to, bytes * 8);
        return;
    }
    a.store(to, 8, kScratch);
    a.move(kA, kX0);
    for (uint32_t i = 0; i < bytes; ++i) {
        a.load(kB, 1, false, kScratch, i);
        a.shift_left(kA, kA, 8);
        a.op(0, 6, kA, kA, kB); // or
    }
    a.move(to, kA);
}

void lower_jump(Assembler& a, const Instruction& row, uint32_t left, uint32_t right) {
    if ((row.opcode & 7U) == kJmp32) { // as signed words, whose unsigned order is the same
        a.sign_extend(kA, left, 32);
        a.sign_extend(kB, right, 32);
        left = kA;
        right = kB;
    }
    enum : uint32_t { kBeq = 0, kBne = 1, kBlt = 4, kBge = 5, kBltu = 6, kBgeu = 7 };
    switch (code(row.opcode)) {
    case kJeq: a.skip_if(kBeq, left, right); break;
    case kJne: a.skip_if(kBne, left, right); break;
    case kJgt: a.skip_if(kBltu, right, left); break;
    case kJge: a.skip_if(kBgeu, left, right); break;
    case kJlt: a.skip_if(kBltu, left, right); break;
    case kJle: a.skip_if(kBgeu, right, left); break;
    case kJsgt: a.skip_if(kBlt, right, left); break;
    case kJsge: a.skip_if(kBge, left, right); break;
    case kJslt: a.skip_if(kBlt, left, right); break;
    case kJsle: a.skip_if(kBge, right, left); break;
    default:
        a.op(0, 7, kC, left, right); // and
        a.skip_if(kBne, kC, kX0);
    }
    a.move(kTaken, kX0);
}

void lower_atomic(Assembler& a, const Instruction& row, uint32_t to, uint32_t from) {
    const uint32_t size = size_bytes(size_code(row.opcode));
    const uint32_t op = row.imm.value;
    a.add(kA, to, kOffset);
    a.load(kB, size, false, kA);
    if (op == kCompareExchange) {
        a.move(kC, x_of(0));
        if (size == 4) a.zero_extend(kC, kC, 32);
        a.sub(kC, kC, kB);
        a.move(kImm, from);
        a.skip_if(0, kC, kX0); // equal
        a.move(kImm, kB);
        a.store(kImm, size, kA);
        a.move(x_of(0), kB);
        return;
    }
    if (op == kExchange) {
        a.store(from, size, kA);
    } else {
        const Funct f = funct_of(op >> 4, false);
        a.op(f.funct7, f.funct3, kC, kB, from);
        a.store(kC, size, kA);
    }
    if ((op & kFetch) != 0) a.move(from, kB);
}

std::vector<uint32_t> lower(const Case& c) {
    Assembler a;
    const Instruction& row = *c.row;
    const uint32_t to = x_of(dst(head(c.insn)));
    const uint32_t from = x_of(src(head(c.insn)));
    const uint32_t operand = row.src.use == Use::kFixed ? kImm : from;
    const uint32_t size = size_bytes(size_code(row.opcode));
    switch (row.format) {
    case Format::kAlu: lower_alu(a, row, to, operand); break;
    case Format::kSignExtend:
        a.sign_extend(to, from, row.offset.value);
        if ((row.opcode & 7U) == kAlu32) a.zero_extend(to, to, 32);
        break;
    case Format::kNeg:
        a.sub(to, kX0, to);
        if ((row.opcode & 7U) == kAlu32) a.zero_extend(to, to, 32);
        break;
    case Format::kEnd: lower_end(a, row, to); break;
    case Format::kLoadImmediate:
        a.zero_extend(kA, kImm, 32);
        a.shift_left(kB, kOffset, 32);
        a.op(0, 6, to, kA, kB);
        break;
    case Format::kLoad:
        a.add(kA, from, kOffset);
        a.load(to, size, mode(row.opcode) == kMemorySigned, kA);
        break;
    case Format::kStore:
        a.add(kA, to, kOffset);
        a.store(operand, size, kA);
        break;
    case Format::kAtomic: lower_atomic(a, row, to, from); break;
    case Format::kJump: lower_jump(a, row, to, operand); break;
    default: break; // ja: does nothing here
    }
    return a.code;
}

void check(uc_err error, const char* what) {
    if (error != UC_ERR_OK) throw std::runtime_error(std::string("Unicorn: ") + what + ": " + uc_strerror(error));
}

} // namespace

Oracle::Oracle(const Layout& layout)
    : layout_(layout), first_page_(layout.base & ~(kPage - 1)),
      pages_size_((layout.base + layout.size - first_page_ + kPage - 1) & ~(kPage - 1)),
      initial_(initial_memory(layout)) {
    void* pages = mmap(nullptr, pages_size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) throw std::runtime_error("mmap failed");
    pages_ = static_cast<uint8_t*>(pages);
    check(uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &uc_), "open");
    check(uc_mem_map_ptr(uc_, first_page_, pages_size_, UC_PROT_READ | UC_PROT_WRITE, pages_), "map memory");
    check(uc_mem_map(uc_, kCodeAt, kPage, UC_PROT_ALL), "map code");
    check(uc_mem_map(uc_, kScratchAt, kPage, UC_PROT_ALL), "map scratch");
    uc_hook hook = 0;
    check(uc_hook_add(uc_, &hook,
                      UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE | UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED,
                      reinterpret_cast<void*>(on_access), this, 1, 0),
          "hook");
}

Oracle::~Oracle() {
    if (uc_ != nullptr) uc_close(uc_);
    munmap(pages_, pages_size_);
}

std::span<const uint8_t> Oracle::memory() const { return {pages_ + (layout_.base - first_page_), layout_.size}; }

bool Oracle::on_access(uc_engine* uc, uc_mem_type type, uint64_t address, int size, int64_t /*value*/, void* self) {
    auto* oracle = static_cast<Oracle*>(self);
    if (!oracle->guards_ || oracle->trapped_) return false;
    const bool store = oracle->store_ || type == UC_MEM_WRITE || type == UC_MEM_WRITE_UNMAPPED;
    if (oracle->layout_.allows(address, static_cast<uint32_t>(size), store)) return false;
    oracle->trapped_ = true;
    oracle->trap_address_ = address;
    uc_emu_stop(uc);
    return false;
}

Outcome Oracle::run(const Case& c) {
    std::ranges::copy(initial_, pages_ + (layout_.base - first_page_));
    const std::vector<uint32_t> code = lower(c);
    guards_ = c.row->format != Format::kEnd;
    store_ = c.row->format == Format::kAtomic;
    trapped_ = false;
    Registers r = c.r;
    std::array<uint64_t, 4> inputs = {static_cast<uint64_t>(int64_t{imm(c.insn)}),
                                      static_cast<uint64_t>(int64_t{offset(head(c.insn))}), kScratchAt, 1};
    if (c.row->format == Format::kLoadImmediate) inputs[1] = c.second >> 32;
    std::array<int, 15> ids{UC_RISCV_REG_X5, UC_RISCV_REG_X6, UC_RISCV_REG_X7, UC_RISCV_REG_X28};
    std::array<void*, 15> places{};
    for (size_t i = 0; i < inputs.size(); ++i) places[i] = &inputs[i];
    for (size_t i = 0; i < r.size(); ++i) {
        ids[inputs.size() + i] = UC_RISCV_REG_X10 + static_cast<int>(i);
        places[inputs.size() + i] = &r[i];
    }
    Outcome outcome;
    if (!code.empty()) {
        check(uc_mem_write(uc_, kCodeAt, code.data(), code.size() * 4), "write code");
        check(uc_ctl_remove_cache(uc_, kCodeAt, kCodeAt + kPage), "remove cache");
        check(uc_reg_write_batch(uc_, ids.data(), places.data(), 15), "write registers");
        const uc_err error = uc_emu_start(uc_, kCodeAt, kCodeAt + code.size() * 4, 0, 0);
        if (!trapped_) check(error, "run");
        check(uc_reg_read_batch(uc_, ids.data(), places.data(), 15), "read registers");
    }
    outcome.r = trapped_ ? c.r : r;
    outcome.taken = c.row->format == Format::kJa || (c.row->format == Format::kJump && inputs[3] != 0);
    if (trapped_) {
        outcome.status = c.row->format == Format::kLoad ? LIMPET_LOAD : LIMPET_STORE;
        outcome.trap_address = static_cast<uint32_t>(trap_address_);
        std::ranges::copy(initial_, pages_ + (layout_.base - first_page_)); // stopping does not keep it from storing
    }
    return outcome;
}

} // namespace limpet::conformance::bpf
