#include "subjects.h"

#include "../../variants/thumb/backend.h"
#include "host_calls.h"

#include <algorithm>
#include <cstdlib>

namespace limpet::conformance {

std::string Subject::name() const {
    std::string text = backend->isa_name + "_" + backend->name;
    for (char& c : text)
        if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return mcu && !text.ends_with("_thumb") ? text + "_thumb" : text;
}

const std::vector<Subject>& subjects() {
    static std::vector<std::unique_ptr<thumb::ThumbBackend>> libraries;
    static const std::vector<Subject> all = [] {
        std::vector<Subject> list;
        for (const std::unique_ptr<Backend>& backend : backends())
            if (!backend->isa.dense) // which has a suite of its own: dense_test.cpp
                list.push_back({.backend = backend.get(), .mcu = backend->emulated, .any_layout = true});
        for (const std::unique_ptr<Backend>& backend : backends()) {
            if (backend->emulated) continue;
            libraries.push_back(std::make_unique<thumb::ThumbBackend>(*backend));
            list.push_back({.backend = libraries.back().get(), .mcu = true, .any_layout = false});
        }
        return list;
    }();
    return all;
}

uint32_t scaled(uint32_t full) {
    const char* percent = std::getenv("LIMPET_CASES_PERCENT");
    return percent == nullptr ? full : std::max<uint64_t>(1, uint64_t{full} * std::strtoul(percent, nullptr, 10) / 100);
}

namespace {

/// The outcome that the subject shows, so far as it can be seen.
Outcome outcome_of(const Guest& guest, limpet_status status, const Outcome& expected) {
    Outcome outcome{.status = status,
                    .pc = guest.vm.pc,
                    .has_trap_address = expected.has_trap_address,
                    .trap_address = expected.has_trap_address ? guest.vm.trap_address : 0,
                    .executed = expected.executed};
    std::ranges::copy(guest.vm.x, outcome.x.begin());
    return outcome;
}

bool same(const Outcome& a, const Outcome& b) {
    return a.status == b.status && a.x == b.x && a.pc == b.pc && a.trap_address == b.trap_address &&
           a.executed == b.executed;
}

std::string memory_difference(std::span<const uint8_t> expected, std::span<const uint8_t> got) {
    const auto [e, g] = std::ranges::mismatch(expected, got);
    if (e == expected.end()) return "";
    return "\n  memory at offset " + std::to_string(e - expected.begin()) + ": " + std::to_string(*e) + " expected, " +
           std::to_string(*g) + " found";
}

} // namespace

Bench::Bench(std::vector<Subject> subjects, Isas isas) : subjects_(std::move(subjects)) {
    for (const Subject& subject : subjects_)
        if (std::ranges::find(isas_, subject.backend->isa) == isas_.end()) isas_.push_back(subject.backend->isa);
    if (isas == Isas::kInTurn) rounds_ = static_cast<uint32_t>(isas_.size());
}

Oracle& Bench::oracle(const Layout& layout) {
    std::unique_ptr<Oracle>& place = oracles_[&layout];
    if (!place) place = std::make_unique<Oracle>(layout);
    return *place;
}

Arena& Bench::arena(const Layout& layout, rv32::Isa isa) {
    std::unique_ptr<Arena>& place = arenas_[{&layout, isa.compressed ? 1 : 0}]; // they differ in what the fill is
    if (!place) {
        place = std::make_unique<Arena>(layout, isa);
        place->guest.host.call = test_host_call;
    }
    return *place;
}

std::string Bench::compare(const Subject& subject, Arena& arena, const Vector& v, const Outcome& expected,
                           uint32_t slice) {
    arena.start(v);
    Guest& guest = arena.guest;
    if (subject.backend->prepare(guest) != LIMPET_RETURN) return "prepare refused";
    if (subject.mcu && guest.host.prepared_size != 0) slow_.insert(subject.backend);
    uint64_t given = 0;
    uint64_t left = 0;
    limpet_status status = LIMPET_FUEL;
    do {
        const uint32_t fuel = slice == 0 ? v.fuel : static_cast<uint32_t>(std::min<uint64_t>(slice, v.fuel - given));
        status = subject.backend->resume(guest, fuel);
        given += fuel;
        left += guest.vm.fuel;
    } while (status == LIMPET_FUEL && given < v.fuel);

    Outcome got = outcome_of(guest, status, expected);
    if (subject.backend->counts_exactly) got.executed = given - left;
    std::string difference;
    if (!same(expected, got)) difference += "\n  expected " + describe(expected) + "\n  got " + describe(got);
    difference += memory_difference(oracle(*v.layout).data(), arena.data());
    if (guest.vm.status != static_cast<uint32_t>(status)) difference += "\n  vm.status is not what was returned";
    if (!arena.surroundings_intact()) difference += "\n  code, or memory behind the data window, changed";
    return difference;
}

bool Bench::has_turn(size_t subject, const Layout& layout) const {
    if (subjects_.size() == 1) return true;
    const uint32_t turn = turn_ / rounds_;
    if (slow_.contains(subjects_[subject].backend)) return turn % (layout.code_size / kBytesPerShare) == 0;
    return !subjects_[subject].mcu || (turn + subject) % kShareOfEmulated == 0;
}

std::string Bench::run(const Vector& v, uint32_t slice) {
    std::string differences;
    bool judged = false;
    for (uint32_t number = 0; number < isas_.size(); ++number) {
        if (turn_ % rounds_ != number % rounds_) continue;
        const rv32::Isa isa = isas_[number];
        const auto concerned = [&](const Subject& s) { return s.backend->isa == isa && s.can_run(*v.layout); };
        if (std::ranges::none_of(subjects_, concerned) || v.pc % (isa.compressed ? 2 : 4) != 0) continue;
        Outcome expected;
        if (!oracle(*v.layout).run(v, isa, expected)) continue;
        judged = true;
        last_ = expected;
        for (size_t i = 0; i < subjects_.size(); ++i) {
            const Subject& subject = subjects_[i];
            // Where the budget ends a run, only exact counting ends it at a known place.
            if (!concerned(subject) || (expected.status == LIMPET_FUEL && !subject.backend->counts_exactly)) continue;
            if (!has_turn(i, *v.layout)) continue;
            const std::string difference = compare(subject, arena(*v.layout, isa), v, expected, slice);
            if (difference.empty()) continue;
            differences += (differences.empty() ? "" : "\nalso ") + subject.name();
            if (differences == subject.name()) differences += ": " + describe(v, isa) + difference;
        }
    }
    if (judged) ++ran_;
    ++turn_;
    return differences;
}

} // namespace limpet::conformance
