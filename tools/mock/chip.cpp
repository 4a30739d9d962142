#include "chip.h"

#include <algorithm>
#include <fmt/format.h>

namespace limpet::mock {

namespace {

/// What is read while nothing drives the line: pulled up, as on most boards.
constexpr uint8_t kFloating = 0xff;

Source<Bytes> bytes_source(const Node& node) {
    return parse_source<Bytes>(node, [](const Node& value) { return value.bytes(); });
}

uint32_t number_or(const Node& node, std::string_view key, uint32_t otherwise) {
    const auto member = node.find(key);
    return member ? member->number() : otherwise;
}

} // namespace

Fifo::Fifo(const Node& node) {
    node.only({"address", "samples", "every", "stays", "count"});
    address = node.at("address").number();
    for (const Node& sample : node.at("samples").items()) {
        samples_.push_back(sample.bytes());
        if (samples_.back().empty() || samples_.back().size() != samples_.front().size())
            sample.fail("samples must be of one size, at least a byte");
    }
    if (samples_.empty()) node.fail("an empty list of samples");
    every_ticks_ = number_or(node, "every", 0);
    if (const auto member = node.find("stays")) stays = member->boolean();
    const auto count_of = node.find("count");
    if (!count_of) return;
    count_of->only({"address", "unit", "bytes", "little_endian"});
    count_address = count_of->at("address").number();
    unit_ = number_or(*count_of, "unit", 1);
    count_bytes_ = number_or(*count_of, "bytes", 1);
    if (count_bytes_ < 1 || count_bytes_ > 4) count_of->fail("\"bytes\" must be 1 to 4");
    if (const auto member = count_of->find("little_endian")) little_endian_ = member->boolean();
}

size_t Fifo::waiting(uint32_t clock) const {
    const size_t arrived =
        every_ticks_ == 0 ? samples_.size() : std::min<size_t>(clock / every_ticks_, samples_.size());
    return arrived - std::min(arrived, taken_);
}

Bytes Fifo::take(uint32_t clock) {
    if (waiting(clock) == 0) return Bytes(samples_[0].size());
    return samples_[taken_++];
}

Bytes Fifo::count(uint32_t clock) const {
    const auto value = static_cast<uint32_t>(waiting(clock)) * unit_;
    Bytes bytes;
    for (uint32_t i = 0; i < count_bytes_; ++i) bytes.push_back(static_cast<uint8_t>(value >> 8 * i));
    if (!little_endian_) std::ranges::reverse(bytes);
    return bytes;
}

Chip::Chip(const Node& node) : place_(node.place()) {
    node.only({"registers", "register_bytes", "fifo", "read_bit", "write_bit", "increment", "address_mask", "replies",
               "late", "faults", "expect"});
    register_bytes_ = number_or(node, "register_bytes", 1);
    if (register_bytes_ == 0) node.fail("\"register_bytes\" must not be 0");
    if (const auto all = node.find("registers"))
        for (const auto& [key, member] : all->members())
            registers_.emplace(number_in(key, *all), Block{bytes_source(member), {}});
    if (const auto fifo = node.find("fifo")) fifo_.emplace(*fifo);
    parse_addressing(node);
    if (const auto all = node.find("replies"))
        for (const auto& [key, member] : all->members())
            replies_.emplace_back(bytes_in(key, *all), bytes_source(member));
    std::ranges::stable_sort(replies_, std::ranges::greater{}, [](const auto& reply) { return reply.first.size(); });
    if (const auto late = node.find("late")) late_ = late->boolean();
    if (const auto all = node.find("faults"))
        for (const auto& [key, member] : all->members()) faults_.emplace(number_in(key, *all), member.number());
    if (const auto all = node.find("expect"))
        for (const Node& item : all->items()) expected_.emplace_back(item);
}

/// What the bits of the first byte of a transfer on SPI mean.
void Chip::parse_addressing(const Node& node) {
    read_bit_ = number_or(node, "read_bit", 0);
    write_bit_ = number_or(node, "write_bit", 0);
    if (read_bit_ != 0 && write_bit_ != 0) node.fail("has a \"read_bit\" and a \"write_bit\"");
    if (const auto increment = node.find("increment")) {
        if (increment->is_text())
            increment_bit_ = increment->number();
        else
            increments_ = increment->boolean();
    }
    address_mask_ = number_or(node, "address_mask", 0xff & ~(read_bit_ | write_bit_ | increment_bit_));
}

/// Counts a transfer and checks what is sent; returns the fault that is to happen.
std::optional<uint32_t> Chip::begin(std::span<const uint8_t> sent) {
    const uint32_t number = transfers_++;
    if (number < expected_.size() && !expected_[number].matches(sent))
        throw Unexpected(
            fmt::format("{}.expect[{}]: {} was sent, not {}", place_, number, hex(sent), expected_[number].text()));
    const auto fault = faults_.find(number);
    return fault == faults_.end() ? std::nullopt : std::optional(fault->second);
}

void Chip::check_complete() const {
    if (transfers_ < expected_.size())
        throw Unexpected(fmt::format("{}.expect: {} of {} transfers were made", place_, transfers_, expected_.size()));
}

std::optional<Bytes> Chip::reply_to(std::span<const uint8_t> sent, uint32_t clock) {
    for (auto& [head, reply] : replies_)
        if (head.size() <= sent.size() && std::ranges::equal(head, sent.first(head.size()))) return reply(clock);
    return std::nullopt;
}

Bytes Chip::transfer(std::span<const uint8_t> sent, uint32_t clock) {
    const std::optional<uint32_t> fault = begin(sent);
    if (fault) return Bytes(sent.size(), static_cast<uint8_t>(*fault));
    Bytes answer;
    if (auto reply = reply_to(sent, clock)) {
        answer = std::move(*reply);
    } else if (!sent.empty() && (!registers_.empty() || fifo_)) {
        const bool writes =
            write_bit_ != 0 ? (sent[0] & write_bit_) != 0 : read_bit_ != 0 && (sent[0] & read_bit_) == 0;
        const bool increments = increment_bit_ != 0 ? (sent[0] & increment_bit_) != 0 : increments_;
        const uint32_t address = sent[0] & address_mask_;
        if (writes)
            write(address, sent.subspan(1), increments);
        else
            answer = read(address, sent.size() - 1, increments, clock);
        answer.insert(answer.begin(), kFloating);
    }
    if (late_) answer.swap(late_answer_);
    answer.resize(sent.size(), kFloating);
    return answer;
}

uint32_t Chip::i2c_read(uint8_t address, std::span<uint8_t> data, uint32_t clock) {
    if (const auto fault = begin({&address, 1})) return *fault;
    auto reply = reply_to({&address, 1}, clock);
    Bytes answer = reply ? std::move(*reply) : read(address, data.size(), increments_, clock);
    answer.resize(data.size(), kFloating);
    std::ranges::copy(answer, data.begin());
    return 0;
}

uint32_t Chip::i2c_write(std::span<const uint8_t> data) {
    if (const auto fault = begin(data)) return *fault;
    if (!data.empty()) write(data[0], data.subspan(1), increments_);
    return 0;
}

/// Some bytes from an address on, at least one.
Bytes Chip::read_part(uint32_t address, uint32_t clock) {
    if (fifo_ && address == fifo_->address) return fifo_->take(clock);
    if (fifo_ && address == fifo_->count_address) return fifo_->count(clock);
    const auto after = registers_.upper_bound(address);
    if (after == registers_.begin()) return Bytes(register_bytes_);
    Block& block = std::prev(after)->second;
    const uint64_t offset = uint64_t{address - std::prev(after)->first} * register_bytes_;
    if (offset == 0) block.current = block.source(clock);
    if (offset >= block.current.size()) return Bytes(register_bytes_);
    Bytes part(block.current.begin() + static_cast<ptrdiff_t>(offset), block.current.end());
    if (after != registers_.end()) // the next block starts where it says
        part.resize(std::min<uint64_t>(part.size(), uint64_t{after->first - address} * register_bytes_));
    return part;
}

Bytes Chip::read(uint32_t address, size_t count, bool increments, uint32_t clock) {
    Bytes bytes;
    while (bytes.size() < count) {
        Bytes part = read_part(address, clock);
        for (uint64_t i = 0; i < part.size(); ++i) {
            const auto found = written_.find(uint64_t{address} * register_bytes_ + i);
            if (found != written_.end()) part[i] = found->second;
        }
        bytes.insert(bytes.end(), part.begin(), part.end());
        const bool stays = !increments || (fifo_ && address == fifo_->address && fifo_->stays);
        if (!stays) address += std::max<uint32_t>(1, static_cast<uint32_t>(part.size()) / register_bytes_);
    }
    bytes.resize(count);
    return bytes;
}

void Chip::write(uint32_t address, std::span<const uint8_t> data, bool increments) {
    for (uint64_t i = 0; i < data.size(); ++i)
        written_[uint64_t{address} * register_bytes_ + (increments ? i : i % register_bytes_)] = data[i];
}

} // namespace limpet::mock
