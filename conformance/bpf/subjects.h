/// \file
/// What the eBPF suite is about: every eBPF backend of the registry, and the Cortex-M0+ library of each; and the guests
/// that it runs on them.
#pragma once

#include "../../interp/bpf/decode.h"
#include "../../variants/registry.h"
#include "../support/random.h"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace limpet::conformance::bpf {

using limpet::bpf::Instruction;
using limpet::bpf::kInstructions;
using limpet::bpf::kSlotBytes;

struct Subject {
    const Backend* backend;
    bool mcu; ///< knows no more of a guest's memory than limpet_host says

    /// "bpf_switch_thumb": a name that GoogleTest allows
    [[nodiscard]] std::string name() const;
};

/// All with 64-bit registers, the reference first.
[[nodiscard]] const std::vector<Subject>& subjects();

/// A test of one subject: TEST_P(Name, ...) once, INSTANTIATE_FOR_ALL_SUBJECTS(Name) makes it one test a subject.
class SubjectTest : public testing::TestWithParam<Subject> {
protected:
    [[nodiscard]] const Backend& backend() const { return *GetParam().backend; }
};

inline std::string subject_name(const testing::TestParamInfo<Subject>& info) { return info.param.name(); }

#define INSTANTIATE_FOR_ALL_SUBJECTS(suite)                                                                            \
    INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(subjects()), subject_name)

/// For messages of GoogleTest.
inline void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name(); }

/// Number of cases that a test of `full` cases runs; see ../support/subjects.h.
[[nodiscard]] uint32_t scaled(uint32_t full);

using Registers = std::array<uint64_t, 11>;

/// Where the memory of a guest is. Its first `wall` bytes are read-only.
struct Layout {
    uint32_t base;
    uint32_t size;
    uint32_t wall;
    [[nodiscard]] bool allows(uint64_t address, uint32_t bytes, bool store) const {
        const uint64_t offset = address - base;
        return address >= base && offset < size && size - offset >= bytes && (!store || offset >= wall);
    }
};

/// The first is one that a microcontroller has.
inline constexpr Layout kLayouts[] = {{0, 1021, 256}, {0x7ffffc00, 1531, 37}};

/// What memory holds before a run: no byte like its neighbours.
[[nodiscard]] std::vector<uint8_t> initial_memory(const Layout& layout);

/// A program, slot by slot.
using Code = std::vector<uint64_t>;
[[nodiscard]] std::vector<uint8_t> bytes_of(const Code& code);

/// An eBPF guest in a layout, with test_host_call, not yet prepared.
[[nodiscard]] std::unique_ptr<Guest> make_guest(const Layout& layout, const Code& code);
[[nodiscard]] Registers registers_of(const Guest& guest);
void set_registers(Guest& guest, const Registers& r);

/// Makes the guest one that resume() enters at `slot` with its registers as they are.
void stand_at(Guest& guest, uint32_t slot);

/// r0 = depth reached: a function that calls itself r1 times. For registers of 32 bits as well.
[[nodiscard]] Code recursion();

/// Local calls nest as deep as there are frames.
void expect_nesting(const Backend& backend);

/// An instance of a row with random operands. Branches have a distance of 0, lddw lacks its second slot.
[[nodiscard]] uint64_t random_instance(const Instruction& row, Random& random);

/// Often a number at which something changes.
[[nodiscard]] uint64_t interesting_value(Random& random);

} // namespace limpet::conformance::bpf
