/// \file
/// Random programs: what one instruction leaves behind for the next. Accesses mostly inside the memory, jumps forward,
/// bounded loops, local and host calls. All subjects are held to the reference, in one run and in time slices. Packed,
/// they are the same programs, and other bytes in their place do no harm.
#include "../../interp/bpf/packed_program.h"
#include "../../interp/image/bpf_narrow.h"
#include "../../variants/bpf/packed/packed.h"
#include "../../variants/bpf_preparation.h"
#include "../../variants/thumb/backend.h"
#include "subjects.h"

#include <algorithm>

namespace limpet::conformance::bpf {
namespace {

using limpet::bpf::Format;
using limpet::bpf::make;
using limpet::bpf::Use;

constexpr uint32_t kPrograms = 4000; // for each of the blocks, which run side by side
constexpr uint32_t kNarrowPrograms = 3000;
constexpr uint64_t kExit = 0x95;
constexpr uint32_t kPointer = 9; ///< points into the memory
constexpr uint32_t kCounter = 8; ///< of loops
constexpr uint32_t kFuel = 3000;
constexpr uint32_t kStackTop = 1000;

/// Writes programs; jumps get their distance when all is written.
class Generator {
public:
    /// wide_percent: how many of the instructions may need registers of 64 bits.
    explicit Generator(Random& random, uint32_t wide_percent = 100) : random_(random), wide_percent_(wide_percent) {}

    Code program(uint32_t instructions) {
        while (items_.size() < instructions) {
            if (random_.chance(5))
                loop();
            else
                add_random();
        }
        // All registers make the result.
        for (uint32_t i = 1; i < limpet::bpf::kFramePointer; ++i) {
            add(make(0x0c, 0, 0)); // w0 += w0
            add(make(0xac, 0, i)); // w0 ^= wi
        }
        add(kExit);
        const size_t functions = items_.size(); // which follow: calls go there
        for (int i = 0; i < 3; ++i) {
            starts_.push_back(items_.size());
            for (uint32_t j = random_.below(4); j > 0; --j) add_random();
            add(kExit);
        }
        return link(functions);
    }

private:
    static constexpr size_t kNowhere = ~size_t{0};
    struct Item {
        uint64_t insn;
        size_t target = kNowhere; ///< index of the item that a jump goes to
        bool call = false;        ///< of a function
        bool second = false;      ///< half of an lddw
    };

    void add(uint64_t insn) { items_.push_back({.insn = insn}); }

    [[nodiscard]] bool spoils(const Instruction& row, uint64_t insn) const {
        const uint32_t head = limpet::bpf::head(insn);
        const auto relied_on = [](uint32_t r) { return r == kPointer || r == kCounter; };
        return (row.dst.use == Use::kWritten && relied_on(limpet::bpf::dst(head))) ||
               (row.src.use == Use::kWritten && relied_on(limpet::bpf::src(head)));
    }

    void add_random() {
        const Instruction& row = random_.pick(std::span<const Instruction>(kInstructions));
        if (row.format == Format::kExit && !random_.chance(20)) return;
        uint64_t insn = 0;
        do insn = random_instance(row, random_);
        while (spoils(row, insn));
        if (!limpet::bpf::is_narrow(insn) && !random_.chance(wide_percent_)) return;
        if (row.format == Format::kLoad || row.format == Format::kStore || row.format == Format::kAtomic)
            insn = aimed(row, insn);
        if (row.format == Format::kCall && row.src.value == 0)
            insn = make(row.opcode, 0, 0, 0, static_cast<int32_t>(random_.below(0x900))); // some unknown ids
        Item item{.insn = insn};
        if (row.format == Format::kCall && row.src.value == 1)
            item.call = true;
        else if (limpet::bpf::branches(row))
            item.target = items_.size() + 1 + random_.below(6);
        items_.push_back(item);
        if (limpet::bpf::slots(row) == 2) items_.push_back({.insn = random_.next64() << 32, .second = true});
    }

    /// The same access, mostly close to where the pointer or r10 points.
    uint64_t aimed(const Instruction& row, uint64_t insn) {
        if (wide_percent_ != 0 && random_.chance(2)) return insn;
        const uint32_t head = limpet::bpf::head(insn);
        const uint32_t base = random_.chance(50) ? kPointer : limpet::bpf::kFramePointer;
        const bool load = row.format == Format::kLoad;
        const uint32_t dst = load ? limpet::bpf::dst(head) : base;
        return make(row.opcode, dst, load ? base : limpet::bpf::src(head), random_.between(-64, -8),
                    limpet::bpf::imm(insn));
    }

    void loop() {
        const bool wide = wide_percent_ != 0;
        add(make(wide ? 0xb7 : 0xb4, kCounter, 0, 0, static_cast<int32_t>(1 + random_.below(5))));
        const size_t start = items_.size();
        for (uint32_t i = 1 + random_.below(6); i > 0; --i) add_random();
        add(make(wide ? 0x07 : 0x04, kCounter, 0, 0, -1));
        items_.push_back({.insn = make(wide ? 0x65 : 0x66, kCounter, 0, 0, 0), .target = start}); // if r8 s> 0
    }

    Code link(size_t functions) {
        Code code;
        for (size_t i = 0; i < items_.size(); ++i) {
            const Item& item = items_[i];
            size_t target = item.target;
            if (item.call) target = starts_[random_.below(static_cast<uint32_t>(starts_.size()))];
            if (target == kNowhere) {
                code.push_back(item.insn);
                continue;
            }
            if (!item.call) target = std::min(target, i < functions ? functions - 1 : items_.size() - 1);
            while (items_[target].second) ++target;
            const auto distance = static_cast<uint32_t>(target - i - 1);
            const bool by_imm = item.call || limpet::bpf::opcode(limpet::bpf::head(item.insn)) == 0x06;
            code.push_back(item.insn | (by_imm ? uint64_t{distance} << 32 : uint64_t{distance & 0xffff} << 16));
        }
        return code;
    }

    Random& random_;
    uint32_t wide_percent_;
    std::vector<Item> items_;
    std::vector<size_t> starts_; ///< of functions
};

struct Result {
    limpet_status status;
    uint32_t pc;
    uint64_t executed;
    Registers r;
    std::vector<uint8_t> memory;
};

Result run(const Backend& backend, const Code& code, const Registers& r, uint32_t slice, uint32_t entry = 0) {
    const auto guest = make_guest(kLayouts[0], code);
    if (backend.prepare(*guest) != LIMPET_RETURN) return {LIMPET_REFUSED, guest->vm.pc, 0, {}, {}};
    set_registers(*guest, r);
    stand_at(*guest, entry);
    uint64_t given = 0;
    uint64_t left = 0;
    limpet_status status = LIMPET_FUEL;
    do {
        const uint32_t fuel = slice == 0 ? kFuel : std::min(slice, kFuel - static_cast<uint32_t>(given));
        status = backend.resume(*guest, fuel);
        given += fuel;
        left += guest->vm.fuel;
    } while (status == LIMPET_FUEL && given < kFuel);
    const auto memory = guest->memory();
    return {status, guest->vm.pc, given - left, registers_of(*guest), {memory.begin(), memory.end()}};
}

Registers random_registers(Random& random) {
    Registers r{};
    for (uint64_t& value : r) value = interesting_value(random);
    r[kPointer] = 400 + random.below(600);
    r[kCounter] = random.below(3);
    r[limpet::bpf::kFramePointer] = kStackTop;
    return r;
}

class BpfPrograms : public testing::TestWithParam<uint64_t> {};

TEST_P(BpfPrograms, AgreeWithTheReference) {
    Random random(200 + GetParam());
    const Backend& reference = *subjects()[0].backend;
    const uint32_t programs = scaled(kPrograms);
    std::array<uint32_t, LIMPET_RUNNING + 1> ends{};
    uint64_t executed = 0;
    for (uint32_t i = 0; i < programs; ++i) {
        const Code code = Generator(random).program(10 + random.below(40));
        const Registers r = random_registers(random);
        const Result want = run(reference, code, r, 0);
        ++ends[want.status];
        executed += want.executed;
        for (const Subject& subject : subjects()) {
            if (subject.mcu && i % 8 != 0) continue; // an emulated program costs fifty times as much
            const uint32_t slice = random.chance(30) ? 1 + random.below(9) : 0;
            const Result got = run(*subject.backend, code, r, slice);
            if (want.status == LIMPET_FUEL && !subject.backend->counts_exactly) continue;
            ASSERT_EQ(got.status, want.status) << subject.name() << ", program " << i;
            ASSERT_EQ(got.pc, want.pc) << subject.name() << ", program " << i;
            ASSERT_EQ(got.r, want.r) << subject.name() << ", program " << i;
            ASSERT_EQ(got.memory, want.memory) << subject.name() << ", program " << i;
            if (subject.backend->counts_exactly) {
                ASSERT_EQ(got.executed, want.executed) << subject.name() << ", program " << i;
            }
        }
    }
    // Programs that are refused or all end at once would prove nothing.
    EXPECT_EQ(ends[LIMPET_REFUSED], 0U);
    EXPECT_GT(executed, uint64_t{programs} * 10);
    if (programs < 1000) return;
    for (const limpet_status end : {LIMPET_RETURN, LIMPET_LOAD, LIMPET_STORE, LIMPET_HOST_CALL})
        EXPECT_GT(ends[end], programs / 200) << end;
}

TEST_P(BpfPrograms, ArePackedAndUnpacked) {
    Random random(300 + GetParam());
    size_t plain_bytes = 0;
    size_t packed_bytes = 0;
    for (uint32_t i = 0; i < scaled(kPrograms); ++i) {
        // Long ones, so that some jumps need more than a byte.
        const std::vector<uint8_t> code =
            bytes_of(Generator(random).program(10 + random.below(i % 50 == 0 ? 900 : 40)));
        const limpet::bpf::PackedProgram packed = limpet::bpf::pack(code);
        const auto unpacked = limpet::bpf::unpack(packed.code);
        ASSERT_TRUE(unpacked) << i;
        ASSERT_EQ(unpacked->code, code) << i;
        for (const auto& [start, slot] : unpacked->slots) {
            ASSERT_EQ(packed.starts.at(slot), start);
            ASSERT_EQ(packed.slot_of(start), slot);
        }
        plain_bytes += code.size();
        packed_bytes += packed.code.size();
    }
    EXPECT_LT(packed_bytes * 10, plain_bytes * 7); // random immediates are long
}

TEST_P(BpfPrograms, OtherBytesInPackedCodeDoNoHarm) {
    Random random(400 + GetParam());
    const auto& reference = *subjects()[0].backend;
    const Backend* const packed_backend = find_backend("ebpf", "bpf-packed");
    ASSERT_NE(packed_backend, nullptr);
    const thumb::ThumbBackend library(*packed_backend);
    std::array<uint32_t, 2> accepted{};
    for (uint32_t i = 0; i < scaled(kPrograms); ++i) {
        std::vector<uint8_t> bytes = limpet::bpf::pack(bytes_of(Generator(random).program(5 + random.below(20)))).code;
        if (i % 4 == 0) bytes.resize(1 + random.below(static_cast<uint32_t>(bytes.size()))); // cut off
        if (i % 8 == 1)
            for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.bits());
        for (uint32_t n = random.below(3); n > 0; --n)
            bytes[random.below(static_cast<uint32_t>(bytes.size()))] = static_cast<uint8_t>(random.bits());
        const auto program = limpet::bpf::unpack(bytes);
        const bool on_mcu = i % 8 < 3;
        const auto guest = make_guest(kLayouts[0], {kExit});
        guest->set_bpf_program(bytes, 0, 64);
        const auto prepared = [&] {
            if (on_mcu) return library.machine().prepare(*guest);
            guest->provide_prepared(bpf_packed::Preparation::size(guest->vm, guest->bpf_host));
            return prepare_bpf<bpf_packed::Preparation>(guest->bpf, guest->bpf_host);
        }();
        ASSERT_EQ(prepared == LIMPET_RETURN, program.has_value()) << i;
        ++accepted[program.has_value() ? 1 : 0];
        if (!program) continue;
        Registers r{};
        for (uint64_t& value : r) value = random.below(1200);
        const auto plain = make_guest(kLayouts[0], {kExit});
        plain->set_bpf_program(program->code, 0, 64);
        ASSERT_EQ(reference.prepare(*plain), LIMPET_RETURN);
        set_registers(*plain, r);
        set_registers(*guest, r);
        stand_at(*plain, 0);
        stand_at(*guest, 0);
        const limpet_status want = reference.resume(*plain, kFuel);
        const limpet_status got =
            on_mcu ? library.machine().resume(*guest, kFuel)
                   : limpet::bpf::resume<bpf_packed::run<MappedBpfHost>>(guest->bpf, guest->bpf_host, kFuel);
        ASSERT_EQ(got, want) << i;
        ASSERT_EQ(registers_of(*guest), registers_of(*plain)) << i;
        ASSERT_TRUE(std::ranges::equal(guest->memory(), plain->memory())) << i;
        ASSERT_EQ(program->slots.at(guest->vm.pc) * kSlotBytes, plain->vm.pc) << i;
    }
    if (scaled(kPrograms) < 1000) return;
    EXPECT_GT(accepted[0], scaled(kPrograms) / 4);
    EXPECT_GT(accepted[1], scaled(kPrograms) / 4);
}

/// Wherever an entry is not the start of an instruction, nothing runs.
TEST(BpfPacked, EntersAtInstructionsOnly) {
    // r1 = 0x12345678 (6 bytes), a local call of what follows the exit (2), exit, exit
    const std::vector<uint8_t> bytes = {0xb7, 0xf1, 0x78, 0x56, 0x34, 0x12, 0x8d, 0x02, 0x95, 0x95};
    for (uint32_t entry = 0; entry < 12; ++entry) {
        const auto guest = make_guest(kLayouts[0], {kExit});
        guest->set_bpf_program(bytes, 0, 64);
        guest->provide_prepared(bpf_packed::Preparation::size(guest->vm, guest->bpf_host));
        ASSERT_EQ(prepare_bpf<bpf_packed::Preparation>(guest->bpf, guest->bpf_host), LIMPET_RETURN);
        const bool begins = entry == 0 || entry == 6 || entry == 8 || entry == 9;
        const auto call = limpet::bpf::call<bpf_packed::run<MappedBpfHost>, bpf_packed::Preparation, MappedBpfHost>;
        EXPECT_EQ(call(guest->bpf, guest->bpf_host, entry, 10), begins ? LIMPET_RETURN : LIMPET_FETCH) << entry;
    }
}

INSTANTIATE_TEST_SUITE_P(Block, BpfPrograms, testing::Range(uint64_t{0}, uint64_t{2}));

Code slots_of(std::span<const uint8_t> bytes) {
    Code code;
    for (size_t i = 0; i < bytes.size() / kSlotBytes; ++i) code.push_back(limpet::bpf::slot_at(bytes, i));
    return code;
}

/// Programs for 32-bit registers, started anywhere in them: nothing may depend on what ran before.
TEST(NarrowPrograms, MayBeEnteredAnywhere) {
    Random random(301);
    const Backend& reference = *find_backend("ebpf32", "bpf-switch");
    const Backend& narrow = *find_backend("ebpf32", "bpf-alu32");
    const auto is_narrow = [](uint64_t insn) { return limpet::bpf::is_narrow(insn); };
    for (uint32_t i = 0; i < scaled(kNarrowPrograms / 4); ++i) {
        const Code code = Generator(random, 0).program(10 + random.below(40));
        ASSERT_TRUE(std::ranges::all_of(code, is_narrow));
        Registers r = random_registers(random);
        for (uint64_t& value : r) value = static_cast<uint32_t>(value);
        const uint32_t entry = random.below(static_cast<uint32_t>(code.size()));
        const Result want = run(reference, code, r, 0, entry);
        const Result got = run(narrow, code, r, random.chance(30) ? 1 + random.below(9) : 0, entry);
        if (want.status == LIMPET_FUEL || got.status == LIMPET_FUEL) continue;
        ASSERT_EQ(got.status, want.status) << "program " << i;
        ASSERT_EQ(got.pc, want.pc) << "program " << i;
        ASSERT_EQ(got.r, want.r) << "program " << i;
        ASSERT_EQ(got.memory, want.memory) << "program " << i;
    }
}

/// Programs that the mapping to 32-bit registers lets pass do on those what they do on 64-bit ones, by the reference
/// and by the machine code for microcontrollers.
TEST(NarrowPrograms, AgreeWithWhatTheyWereMadeFrom) {
    Random random(300);
    const Backend& reference = *bpf_backends().front();
    const Backend& narrow = *find_backend("ebpf32", "bpf-alu32");
    const uint32_t programs = scaled(kNarrowPrograms);
    std::array<uint32_t, LIMPET_RUNNING + 1> ends{};
    uint32_t accepted = 0;
    for (uint32_t i = 0; i < programs; ++i) {
        const Code code = Generator(random, random.pick({0, 5, 20})).program(10 + random.below(40));
        const Registers r = random_registers(random);
        limpet::bpf::MapLayout layout = map_layout(*make_guest(kLayouts[0], code));
        layout.stack_top = kStackTop;
        layout.entries = {0};
        layout.registers.assign(r.begin(), r.begin() + limpet::bpf::kFramePointer);
        const auto mapped = limpet::bpf::map_program(bytes_of(code), layout);
        if (std::holds_alternative<limpet::bpf::Fault>(mapped)) continue;
        ++accepted;
        const auto& program = std::get<limpet::bpf::MappedProgram>(mapped);
        Registers words{};
        std::ranges::transform(r, words.begin(), [](uint64_t value) { return static_cast<uint32_t>(value); });
        const Result want = run(reference, code, r, 0);
        ++ends[want.status];
        if (want.status == LIMPET_FUEL) continue;
        for (const Backend* backend : {&reference, &narrow}) {
            if (backend == &narrow && i % 4 != 0) continue;
            const uint32_t slice = random.chance(30) ? 1 + random.below(9) : 0;
            const Result got = run(*backend, slots_of(program.code), words, slice, program.places[0]);
            if (got.status == LIMPET_FUEL) continue; // an instruction may have become two
            ASSERT_EQ(got.status, want.status) << backend->name << ", program " << i;
            ASSERT_EQ(program.origins.at(got.pc / kSlotBytes), want.pc / kSlotBytes) << backend->name << ", " << i;
            ASSERT_EQ(got.memory, want.memory) << backend->name << ", program " << i;
            if (want.status == LIMPET_RETURN) {
                ASSERT_EQ(static_cast<uint32_t>(got.r[0]), static_cast<uint32_t>(want.r[0]))
                    << backend->name << ", " << i;
            }
        }
    }
    EXPECT_GT(accepted, programs / 4);
    if (programs < 1000) return;
    for (const limpet_status end : {LIMPET_RETURN, LIMPET_LOAD, LIMPET_STORE, LIMPET_HOST_CALL})
        EXPECT_GT(ends[end], accepted / 400) << end;
}

} // namespace
} // namespace limpet::conformance::bpf
