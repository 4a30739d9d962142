#include "stack_use.h"

#include "../rv32/decode.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

namespace limpet {

namespace {

using rv32::Op;

constexpr uint32_t kRa = 1, kSp = 2, kT0 = 5, kA0 = 10;

/// What a call may change: ra, t0..t2, a0..a5 (RISC-V ELF psABI, ILP32E).
constexpr uint32_t kChangedByCalls[] = {1, 5, 6, 7, 10, 11, 12, 13, 14, 15};

/// What is known of a register.
struct Value {
    enum class Kind : uint8_t { kUnknown, kConstant, kStack };
    Kind kind = Kind::kUnknown;
    uint32_t number = 0; ///< kConstant: the value; kStack: the distance from sp at the start of the function

    bool operator==(const Value&) const = default;
};

constexpr Value constant(uint32_t number) { return {Value::Kind::kConstant, number}; }

/// The sum, where one of both is a constant.
Value sum(Value a, Value b) {
    if (b.kind != Value::Kind::kConstant) std::swap(a, b);
    if (b.kind != Value::Kind::kConstant || a.kind == Value::Kind::kUnknown) return {};
    return {a.kind, a.number + b.number};
}

/// A stack pointer that is aligned for a variable: it moves by less than the alignment, and stays a multiple of 4,
/// which it is at the start of each function (ILP32E). Taken for as much as it can be.
Value aligned_down(Value pointer, uint32_t mask) {
    const uint32_t alignment = 0 - mask;
    if (pointer.kind != Value::Kind::kStack || (alignment & (alignment - 1)) != 0 || alignment < 4) return {};
    return {pointer.kind, pointer.number - (alignment - 4)};
}

using Registers = std::array<Value, 16>;

/// What a function needs.
struct Need {
    uint32_t bytes = 0;
    bool returns = false;
};

class Analysis {
public:
    Analysis(const ElfFile& file, rv32::Isa isa) : file_(file), isa_(isa), bounds_(declared_stack_bounds(file.notes)) {}

    /// Of the function that starts there.
    Need need(uint32_t function);

    [[nodiscard]] std::optional<uint32_t> bound(uint32_t function) const;
    /// The function that an address is in, without the suffixes that compilers add (".lto_priv.0", ".cold").
    [[nodiscard]] std::string name(uint32_t address) const;
    [[nodiscard]] bool starts_function(uint32_t address) const;
    [[nodiscard]] uint32_t instruction(uint32_t pc) const;
    [[nodiscard]] rv32::Isa isa() const { return isa_; }

    /// Throws, telling what can be done about it.
    [[noreturn]] void fail(uint32_t pc, const std::string& reason) const;

private:
    [[noreturn]] void fail_recursion(uint32_t function) const;

    const ElfFile& file_;
    const rv32::Isa isa_;
    const std::vector<StackBound> bounds_;
    std::map<uint32_t, Need> known_;
    std::vector<uint32_t> calls_; ///< functions being looked at, outermost first
};

/// One function, followed along all its branches.
class Walk {
public:
    Walk(Analysis& analysis, uint32_t start) : analysis_(analysis), start_(start) {}
    Need run();

private:
    struct State {
        Registers registers;
        bool done = false;
    };

    void step(uint32_t pc);
    void jump_register(uint32_t pc, const rv32::Operands& o, Registers registers, uint32_t next);
    void call(uint32_t target, Registers registers, uint32_t next);
    void fall(uint32_t next, const Registers& registers);
    void go(uint32_t target, const Registers& registers);
    void check_sp(uint32_t pc, const Registers& registers) const;

    [[nodiscard]] static uint32_t depth(const Registers& registers) { return 0 - registers[kSp].number; }
    void use(uint32_t bytes) { need_.bytes = std::max(need_.bytes, bytes); }

    Analysis& analysis_;
    const uint32_t start_;
    std::map<uint32_t, State> states_; ///< before each instruction that was reached
    std::vector<uint32_t> to_do_;
    Need need_;
};

Need Walk::run() {
    Registers registers;
    registers[0] = constant(0);
    registers[kSp] = {Value::Kind::kStack, 0};
    states_[start_].registers = registers;
    to_do_.push_back(start_);
    while (!to_do_.empty()) {
        const uint32_t pc = to_do_.back();
        to_do_.pop_back();
        step(pc);
    }
    return need_;
}

/// Is it what compilers write where a program must not come: the illegal instruction, of 16 or 32 bits
/// (unprivileged specification, "C.UNIMP" and the assembler's unimp, csrrw x0, cycle, x0)?
bool is_unimp(uint32_t insn, bool compressed) { return (compressed && (insn & 0xffff) == 0) || insn == 0xc0001073; }

/// The value that an instruction computes, as far as stack pointers and addresses are made from it.
Value computed(Op op, const rv32::Operands& o, uint32_t pc, const Registers& registers) {
    const Value a = registers[o.rs1];
    const Value b = registers[o.rs2];
    switch (op) {
    case Op::kLui: return constant(o.imm);
    case Op::kAuipc: return constant(pc + o.imm);
    case Op::kAddi: return sum(a, constant(o.imm));
    case Op::kAdd: return sum(a, b);
    case Op::kSub: return b.kind == Value::Kind::kConstant ? sum(a, constant(0 - b.number)) : Value{};
    case Op::kAndi: return aligned_down(a, o.imm);
    case Op::kSlli: return a.kind == Value::Kind::kConstant ? constant(a.number << o.imm) : Value{};
    default: return {};
    }
}

void Walk::step(uint32_t pc) {
    State& state = states_[pc];
    state.done = true;
    Registers registers = state.registers;
    const uint32_t insn = analysis_.instruction(pc);
    const rv32::Instruction* row = rv32::find_instruction(analysis_.isa(), insn);
    const bool is_short = analysis_.isa().compressed && (insn & 3) != 3;
    if (row == nullptr && is_unimp(insn, is_short)) return;
    if (row == nullptr) analysis_.fail(pc, "runs into what is no instruction");
    const rv32::Operands o = operands(*row, insn);
    const uint32_t next = pc + (is_short ? 2 : 4);

    switch (row->op) {
    case Op::kBeq:
    case Op::kBne:
    case Op::kBlt:
    case Op::kBge:
    case Op::kBltu:
    case Op::kBgeu: go(pc + o.imm, registers); return fall(next, registers);
    case Op::kJal:
        if (o.rd == 0) return go(pc + o.imm, registers);
        return call(pc + o.imm, registers, next);
    case Op::kJalr: return jump_register(pc, o, registers, next);
    case Op::kEbreak: return;
    case Op::kHostCall: registers[kA0] = {}; return fall(next, registers);
    case Op::kSb:
    case Op::kSh:
    case Op::kSw:
    case Op::kFence:
    case Op::kEcall: return fall(next, registers);
    default: break;
    }
    if (o.rd != 0) registers[o.rd] = computed(row->op, o, pc, registers);
    check_sp(pc, registers);
    use(depth(registers));
    fall(next, registers);
}

/// jalr: a return, a call or a jump to an address that is known or not.
void Walk::jump_register(uint32_t pc, const rv32::Operands& o, Registers registers, uint32_t next) {
    const Value target = sum(registers[o.rs1], constant(o.imm));
    const bool known = target.kind == Value::Kind::kConstant;
    if (o.rd != 0) {
        if (!known) analysis_.fail(pc, "calls through a pointer");
        return call(target.number & ~1U, registers, next);
    }
    if (known) return go(target.number & ~1U, registers);
    // ra and t0 are the link registers: a jump to them returns ("JALR", return-address stack hints).
    if (o.rs1 != kRa && o.rs1 != kT0) analysis_.fail(pc, "jumps through a pointer");
    if (registers[kSp].number != 0) analysis_.fail(pc, "returns with its stack pointer moved");
    need_.returns = true;
}

void Walk::call(uint32_t target, Registers registers, uint32_t next) {
    const Need callee = analysis_.need(target);
    use(depth(registers) + callee.bytes);
    for (const uint32_t number : kChangedByCalls) registers[number] = {};
    if (callee.returns) fall(next, registers);
}

/// Goes on behind an instruction. The end of a function whose last call does not return (which the compiler knew) looks
/// as if it went on into the next function, with a frame that no function starts with.
void Walk::fall(uint32_t next, const Registers& registers) {
    if (depth(registers) != 0 && analysis_.starts_function(next)) return;
    go(next, registers);
}

/// Goes on at `target` with what is known there on all paths.
void Walk::go(uint32_t target, const Registers& registers) {
    if (target != start_) {
        if (const auto bound = analysis_.bound(target)) {
            use(depth(registers) + *bound);
            need_.returns = true;
            return;
        }
    }
    const auto [at, is_new] = states_.try_emplace(target, State{registers});
    Registers& known = at->second.registers;
    if (!is_new) {
        if (known[kSp] != registers[kSp]) analysis_.fail(target, "has paths that meet with different stack pointers");
        Registers both = known;
        for (size_t i = 0; i < both.size(); ++i)
            if (both[i] != registers[i]) both[i] = {};
        if (both == known) return;
        known = both;
        if (!at->second.done) return; // waits already
        at->second.done = false;
    }
    to_do_.push_back(target);
}

void Walk::check_sp(uint32_t pc, const Registers& registers) const {
    if (registers[kSp].kind != Value::Kind::kStack)
        analysis_.fail(pc, "moves its stack pointer by an amount that is not constant (alloca, an array of variable "
                           "length)");
    if (static_cast<int32_t>(registers[kSp].number) > 0)
        analysis_.fail(pc, "takes more off the stack than it put there");
}

Need Analysis::need(uint32_t function) {
    if (const auto declared = bound(function)) return {.bytes = *declared, .returns = true};
    if (const auto known = known_.find(function); known != known_.end()) return known->second;
    if (std::ranges::find(calls_, function) != calls_.end()) fail_recursion(function);
    calls_.push_back(function);
    const Need result = Walk(*this, function).run();
    calls_.pop_back();
    return known_[function] = result;
}

std::optional<uint32_t> Analysis::bound(uint32_t function) const {
    if (bounds_.empty() || !starts_function(function)) return std::nullopt;
    const auto found = std::ranges::find(bounds_, name(function), &StackBound::function);
    return found == bounds_.end() ? std::nullopt : std::optional(found->bytes);
}

std::string Analysis::name(uint32_t address) const {
    const Symbol* best = nullptr;
    for (const Symbol& symbol : file_.symbols)
        if (symbol.function && symbol.address <= address && (best == nullptr || symbol.address >= best->address))
            best = &symbol;
    if (best != nullptr) return best->name.substr(0, best->name.find('.'));
    return "at " + std::to_string(address);
}

bool Analysis::starts_function(uint32_t address) const {
    return std::ranges::any_of(file_.symbols,
                               [&](const Symbol& symbol) { return symbol.function && symbol.address == address; });
}

/// 0, which is no instruction, where there is no code.
uint32_t Analysis::instruction(uint32_t pc) const {
    const auto byte = [&](uint32_t address) -> uint32_t {
        for (const Segment& code : file_.code)
            if (address - code.address < code.data.size()) return code.data[address - code.address];
        fail(pc, "leaves its code");
    };
    const uint32_t low = byte(pc) | byte(pc + 1) << 8;
    if (isa_.compressed && (low & 3) != 3) return low;
    return low | byte(pc + 2) << 16 | byte(pc + 3) << 24;
}

void Analysis::fail(uint32_t pc, const std::string& reason) const {
    const std::string function = name(pc);
    throw LoadError("stack use: function " + function + " " + reason + "; declare its bound with LIMPET_STACK(" +
                    function + ", bytes)");
}

void Analysis::fail_recursion(uint32_t function) const {
    std::string path;
    for (auto at = std::ranges::find(calls_, function); at != calls_.end(); ++at) path += name(*at) + " -> ";
    const std::string first = name(function);
    throw LoadError("stack use: function " + first + " calls itself: " + path + first +
                    "; declare its bound with LIMPET_STACK(" + first + ", bytes)");
}

} // namespace

std::vector<StackBound> declared_stack_bounds(std::span<const Section> notes) {
    std::vector<StackBound> bounds;
    for (const Section& note : notes) {
        if (note.name != ".limpet.stack") continue;
        for (std::span<const uint8_t> rest = note.data; !rest.empty();) {
            const auto end = std::ranges::find(rest.subspan(std::min<size_t>(rest.size(), sizeof(uint32_t))), 0);
            if (end == rest.end()) throw LoadError("stack use: LIMPET_STACK records that make no sense");
            uint32_t bytes = 0;
            for (size_t i = sizeof bytes; i-- > 0;) bytes = bytes << 8 | rest[i];
            bounds.push_back({.function = std::string(rest.begin() + sizeof bytes, end), .bytes = bytes});
            rest = rest.subspan(static_cast<size_t>(end - rest.begin()) + 1);
        }
    }
    return bounds;
}

uint32_t stack_use(const ElfFile& file, rv32::Isa isa, uint32_t entry) { return Analysis(file, isa).need(entry).bytes; }

} // namespace limpet
