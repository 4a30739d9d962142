/// \file
/// What the suite is about: every backend of the registry, and the Cortex-M0+ library of every backend.
#pragma once

#include "../../variants/registry.h"
#include "oracle.h"
#include "vector.h"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace limpet::conformance {

struct Subject {
    const Backend* backend;
    bool mcu;        ///< a library of the Cortex-M0+ build
    bool any_layout; ///< else it knows no more of a guest's memory than limpet_host says

    /// "rv32ec_rv32_switch_thumb": a name that GoogleTest allows; "_thumb" for all that run in an emulator
    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool can_run(const Layout& layout) const { return any_layout || layout.fits_mcu(); }
};

/// All, each profile's reference first.
[[nodiscard]] const std::vector<Subject>& subjects();

/// A test of one subject: TEST_P(Name, ...) once, INSTANTIATE_FOR_ALL_SUBJECTS(Name) makes it one test a subject.
class SubjectTest : public testing::TestWithParam<Subject> {
protected:
    [[nodiscard]] const Subject& subject() const { return GetParam(); }
    [[nodiscard]] const Backend& backend() const { return *GetParam().backend; }
    [[nodiscard]] rv32::Isa isa() const { return GetParam().backend->isa; }
};

inline std::string subject_name(const testing::TestParamInfo<Subject>& info) { return info.param.name(); }

#define INSTANTIATE_FOR_ALL_SUBJECTS(suite)                                                                            \
    INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(subjects()), subject_name)

/// For messages of GoogleTest.
inline void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name(); }

/// Number of cases that a test of `full` cases runs. LIMPET_CASES_PERCENT in the environment scales it: less for slow
/// builds (sanitizers), more for a long search.
[[nodiscard]] uint32_t scaled(uint32_t full);

/// Holds subjects to the oracle, vector by vector.
class Bench {
public:
    enum class Isas : bool { kAll, kInTurn };

    /// isas: whether each vector runs on all profiles, or the first on one, the second on the next, and so on.
    explicit Bench(std::vector<Subject> subjects, Isas isas = Isas::kAll);

    /// Runs v on every subject that has its turn and can; the differences, or "". `ran` counts the vectors that the
    /// oracle could judge. slice: the most fuel that is given at a time (0: all at once).
    std::string run(const Vector& v, uint32_t slice = 0);
    [[nodiscard]] uint64_t ran() const { return ran_; }
    /// What the last vector had to end with, on the last profile that could judge it.
    [[nodiscard]] const Outcome& last() const { return last_; }

private:
    std::string compare(const Subject& subject, Arena& arena, const Vector& v, const Outcome& expected, uint32_t slice);
    Oracle& oracle(const Layout& layout);
    Arena& arena(const Layout& layout, rv32::Isa isa);

    /// Emulated subjects take turns, because a vector costs them fifty times as much: each gets one in so many of its
    /// profile's, and each vector meets some of them.
    static constexpr uint32_t kShareOfEmulated = 2;
    /// Those that translate all code for each vector: the more there is, the fewer.
    static constexpr uint32_t kBytesPerShare = 4;
    [[nodiscard]] bool has_turn(size_t subject, const Layout& layout) const;

    std::vector<Subject> subjects_;
    std::set<const Backend*> slow_;
    std::vector<rv32::Isa> isas_; ///< of the subjects, in their order
    uint32_t rounds_ = 1;         ///< of vectors until each profile had one
    uint32_t turn_ = 0;
    std::map<const Layout*, std::unique_ptr<Oracle>> oracles_;
    std::map<std::pair<const Layout*, int>, std::unique_ptr<Arena>> arenas_;
    uint64_t ran_ = 0;
    Outcome last_;
};

} // namespace limpet::conformance
