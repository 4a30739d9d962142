/// \file
/// The instruction table of eBPF: what is legal, and how it is written. The decoder, the disassembler, the generators
/// and the legality tests are made from it.
///
/// An instruction is an instance of a row when its opcode is the row's and its fields are what the row says (decode.h).
/// No encoding is an instance of two rows; the conformance suite proves that.
/// Source of every row: RFC 9669, sections 4 and 5. Left out are callx (0x8d) and the legacy packet access
/// instructions, which Limpet refuses, and the forms of lddw and call that only a loader can resolve.
#pragma once

#include "fields.h"

namespace limpet::bpf {

/// What a field holds.
enum class Use : uint8_t {
    kFixed,   ///< always Field::value; 0 when unused
    kRead,    ///< a register
    kWritten, ///< a register that is not r10
    kNumber,  ///< any number
    kBranch   ///< how many slots behind the next instruction the target is
};

struct Field {
    Use use = Use::kFixed;
    uint8_t value = 0;
};

/// How an instruction is written (disasm.cpp).
enum class Format : uint8_t {
    kAlu,
    kSignExtend,
    kNeg,
    kEnd,
    kLoadImmediate,
    kLoad,
    kStore,
    kAtomic,
    kJa,
    kJump,
    kCall,
    kExit
};

struct Instruction {
    char name[20];      ///< "add64_reg": unique, for tests and messages
    const char* symbol; ///< "+=", ">", "le16", "s32", "add": as LLVM writes it
    Format format;
    uint8_t opcode;
    Field dst, src, offset, imm;
};

namespace table_detail {

inline constexpr Field kReadRegister{Use::kRead};
inline constexpr Field kWrittenRegister{Use::kWritten};
inline constexpr Field kAnyNumber{Use::kNumber};
inline constexpr Field kTarget{Use::kBranch};
constexpr Field fixed(uint32_t value) { return {Use::kFixed, static_cast<uint8_t>(value)}; }

struct Named {
    const char* name;
    const char* symbol;
    uint32_t code;
    uint32_t offset = 0;
};

inline constexpr Named kArithmetic[] = {{"add", "+=", kAdd},      {"sub", "-=", kSub},     {"mul", "*=", kMul},
                                        {"div", "/=", kDiv},      {"or", "|=", kOr},       {"and", "&=", kAnd},
                                        {"lsh", "<<=", kLsh},     {"rsh", ">>=", kRsh},    {"mod", "%=", kMod},
                                        {"xor", "^=", kXor},      {"mov", "=", kMov},      {"arsh", "s>>=", kArsh},
                                        {"sdiv", "s/=", kDiv, 1}, {"smod", "s%=", kMod, 1}};
inline constexpr Named kConditions[] = {{"jeq", "==", kJeq},    {"jgt", ">", kJgt},    {"jge", ">=", kJge},
                                        {"jset", "&", kJset},   {"jne", "!=", kJne},   {"jsgt", "s>", kJsgt},
                                        {"jsge", "s>=", kJsge}, {"jlt", "<", kJlt},    {"jle", "<=", kJle},
                                        {"jslt", "s<", kJslt},  {"jsle", "s<=", kJsle}};
inline constexpr Named kAtomics[] = {{"add", "+=", kAdd << 4},
                                     {"or", "|=", kOr << 4},
                                     {"and", "&=", kAnd << 4},
                                     {"xor", "^=", kXor << 4},
                                     {"fetch_add", "add", kAdd << 4 | kFetch},
                                     {"fetch_or", "or", kOr << 4 | kFetch},
                                     {"fetch_and", "and", kAnd << 4 | kFetch},
                                     {"fetch_xor", "xor", kXor << 4 | kFetch},
                                     {"xchg", "xchg", kExchange},
                                     {"cmpxchg", "cmpxchg", kCompareExchange}};
struct NamedSize {
    Size size;
    const char* name;
    const char* symbol;
    const char* signed_symbol;
};
inline constexpr NamedSize kSizes[] = {
    {kByte, "b", "u8", "s8"}, {kHalf, "h", "u16", "s16"}, {kWord, "w", "u32", "s32"}, {kDouble, "dw", "u64", ""}};
inline constexpr Named kSignExtensions[] = {{"8", "s8", 8}, {"16", "s16", 16}, {"32", "s32", 32}};
inline constexpr Named kToLittle[] = {{"le16", "le16", 16}, {"le32", "le32", 32}, {"le64", "le64", 64}};
inline constexpr Named kToBig[] = {{"be16", "be16", 16}, {"be32", "be32", 32}, {"be64", "be64", 64}};
inline constexpr Named kSwaps[] = {{"bswap16", "bswap16", 16}, {"bswap32", "bswap32", 32}, {"bswap64", "bswap64", 64}};

/// Rows as they are added. One row more than it holds does not compile.
struct Table {
    Instruction rows[157];
    uint32_t count = 0;

    constexpr void add(const char* a, const char* b, const char* c, const Instruction& row) {
        Instruction& to = rows[count++];
        to = row;
        char* end = to.name;
        const char* const parts[] = {a, b, c};
        for (const char* part : parts)
            while (*part != 0) *end++ = *part++;
    }

    constexpr void add_arithmetic(Class cls, const char* width) {
        for (const Named& op : kArithmetic) {
            const Field offset = fixed(op.offset);
            const auto immediate = static_cast<uint8_t>(alu_opcode(cls, static_cast<Alu>(op.code)));
            const auto with_register = static_cast<uint8_t>(immediate | kSource);
            add(op.name, width, "_imm",
                {"", op.symbol, Format::kAlu, immediate, kWrittenRegister, {}, offset, kAnyNumber});
            add(op.name, width, "_reg",
                {"", op.symbol, Format::kAlu, with_register, kWrittenRegister, kReadRegister, offset, {}});
        }
        for (const Named& from : kSignExtensions)
            if (from.code < 32 || cls == kAlu64)
                add("movsx", from.name, width,
                    {"",
                     from.symbol,
                     Format::kSignExtend,
                     static_cast<uint8_t>(alu_opcode(cls, kMov, kSource)),
                     kWrittenRegister,
                     kReadRegister,
                     fixed(from.code),
                     {}});
        add("neg", width, "",
            {"", "-", Format::kNeg, static_cast<uint8_t>(alu_opcode(cls, kNeg)), kWrittenRegister, {}, {}, {}});
    }

    constexpr void add_byte_orders(uint32_t opcode, const auto& orders) {
        for (const Named& order : orders)
            add(order.name, "", "",
                {"",
                 order.symbol,
                 Format::kEnd,
                 static_cast<uint8_t>(opcode),
                 kWrittenRegister,
                 {},
                 {},
                 fixed(order.code)});
    }

    constexpr void add_conditions(Class cls, const char* width) {
        for (const Named& condition : kConditions) {
            const auto immediate = static_cast<uint8_t>(jump_opcode(cls, static_cast<Jump>(condition.code)));
            const auto with_register = static_cast<uint8_t>(immediate | kSource);
            add(condition.name, width, "_imm",
                {"", condition.symbol, Format::kJump, immediate, kReadRegister, {}, kTarget, kAnyNumber});
            add(condition.name, width, "_reg",
                {"", condition.symbol, Format::kJump, with_register, kReadRegister, kReadRegister, kTarget, {}});
        }
    }

    constexpr void add_accesses() {
        const auto opcode = [](Class cls, Mode mode, Size size) {
            return static_cast<uint8_t>(memory_opcode(cls, mode, size));
        };
        for (const NamedSize& size : kSizes) {
            add("ldx", size.name, "",
                {"",
                 size.symbol,
                 Format::kLoad,
                 opcode(kLdx, kMemory, size.size),
                 kWrittenRegister,
                 kReadRegister,
                 kAnyNumber,
                 {}});
            if (size.size != kDouble)
                add("ldxs", size.name, "",
                    {"",
                     size.signed_symbol,
                     Format::kLoad,
                     opcode(kLdx, kMemorySigned, size.size),
                     kWrittenRegister,
                     kReadRegister,
                     kAnyNumber,
                     {}});
            add("st", size.name, "",
                {"",
                 size.symbol,
                 Format::kStore,
                 opcode(kSt, kMemory, size.size),
                 kReadRegister,
                 {},
                 kAnyNumber,
                 kAnyNumber});
            add("stx", size.name, "",
                {"",
                 size.symbol,
                 Format::kStore,
                 opcode(kStx, kMemory, size.size),
                 kReadRegister,
                 kReadRegister,
                 kAnyNumber,
                 {}});
        }
    }

    constexpr void add_atomics(Size size, const char* width) {
        for (const Named& op : kAtomics) {
            // A compare and exchange fetches into r0.
            const bool fetches = (op.code & kFetch) != 0 && op.code != kCompareExchange;
            add("atomic_", op.name, width,
                {"", op.symbol, Format::kAtomic, static_cast<uint8_t>(memory_opcode(kStx, kAtomic, size)),
                 kReadRegister, fetches ? kWrittenRegister : kReadRegister, kAnyNumber, fixed(op.code)});
        }
    }

    constexpr Table() : rows{} {
        add_arithmetic(kAlu32, "32");
        add_arithmetic(kAlu64, "64");
        add_byte_orders(alu_opcode(kAlu32, kEnd), kToLittle);
        add_byte_orders(alu_opcode(kAlu32, kEnd, kSource), kToBig);
        add_byte_orders(alu_opcode(kAlu64, kEnd), kSwaps);
        add_conditions(kJmp, "64");
        add_conditions(kJmp32, "32");
        add("ja", "", "", {"", "goto", Format::kJa, jump_opcode(kJmp, kJa), {}, {}, kTarget, {}});
        add("ja32", "", "", {"", "gotol", Format::kJa, jump_opcode(kJmp32, kJa), {}, {}, {}, kTarget});
        add("call_host", "", "", {"", "call", Format::kCall, jump_opcode(kJmp, kCall), {}, {}, {}, kAnyNumber});
        add("call_local", "", "", {"", "call", Format::kCall, jump_opcode(kJmp, kCall), {}, fixed(1), {}, kTarget});
        add("exit", "", "", {"", "exit", Format::kExit, jump_opcode(kJmp, kExit), {}, {}, {}, {}});
        add("lddw", "", "", {"", "ll", Format::kLoadImmediate, kLddw, kWrittenRegister, {}, {}, kAnyNumber});
        add_accesses();
        add_atomics(kWord, "32");
        add_atomics(kDouble, "64");
    }
};

inline constexpr Table kTable;
static_assert(kTable.count == sizeof kTable.rows / sizeof kTable.rows[0]);

} // namespace table_detail

inline constexpr const auto& kInstructions = table_detail::kTable.rows;

} // namespace limpet::bpf
