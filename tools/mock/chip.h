/// \file
/// A chip on a bus, as a mock file describes it: registers, a FIFO, answers to commands, faults.
#pragma once

#include "pattern.h"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace limpet::mock {

/// What a guest did that the mock file does not expect; what() is one line for the user.
class Unexpected : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Samples that wait to be read at one address.
class Fifo {
public:
    explicit Fifo(const Node& node);

    uint32_t address = 0;
    bool stays = false; ///< reading on stays in the FIFO instead of going to the next address
    std::optional<uint32_t> count_address;

    /// Takes the next sample, or as many zeros.
    Bytes take(uint32_t clock);
    /// What is read from count_address.
    [[nodiscard]] Bytes count(uint32_t clock) const;

private:
    [[nodiscard]] size_t waiting(uint32_t clock) const;

    std::vector<Bytes> samples_;
    size_t taken_ = 0;
    uint32_t every_ticks_ = 0; ///< a sample arrives so often; 0: all are there from the start
    uint32_t unit_ = 1;        ///< a sample counts for so many
    uint32_t count_bytes_ = 1;
    bool little_endian_ = false;
};

class Chip {
public:
    explicit Chip(const Node& node);

    /// A transfer on SPI: what is sent, and as many bytes that come back. Throws Unexpected.
    Bytes transfer(std::span<const uint8_t> sent, uint32_t clock);

    /// On I2C; the result is how it failed, 0: it did not. Throws Unexpected.
    uint32_t i2c_read(uint8_t address, std::span<uint8_t> data, uint32_t clock);
    uint32_t i2c_write(std::span<const uint8_t> data);

    /// Throws Unexpected when transfers are missing at the end of a run.
    void check_complete() const;

private:
    /// Register contents: bytes from an address on, others each time that they are read.
    struct Block {
        Source<Bytes> source;
        Bytes current;
    };

    void parse_addressing(const Node& node);
    std::optional<uint32_t> begin(std::span<const uint8_t> sent);
    [[nodiscard]] std::optional<Bytes> reply_to(std::span<const uint8_t> sent, uint32_t clock);
    Bytes read(uint32_t address, size_t count, bool increments, uint32_t clock);
    Bytes read_part(uint32_t address, uint32_t clock);
    void write(uint32_t address, std::span<const uint8_t> data, bool increments);

    std::string place_;
    std::map<uint32_t, Block> registers_;
    std::map<uint64_t, uint8_t> written_; ///< by the guest; by address * register_bytes_ + byte
    uint32_t register_bytes_ = 1;
    std::optional<Fifo> fifo_;
    uint32_t read_bit_ = 0;  ///< of the first byte; 0: see write_bit_
    uint32_t write_bit_ = 0; ///< 0 as well: SPI always reads
    uint32_t increment_bit_ = 0;
    bool increments_ = true; ///< when increment_bit_ is 0
    uint32_t address_mask_ = 0xff;
    std::vector<std::pair<Bytes, Source<Bytes>>> replies_; ///< by what a transfer starts with, longest first
    bool late_ = false;                                    ///< the answer comes with the next transfer
    Bytes late_answer_;
    std::map<uint32_t, uint32_t> faults_; ///< by the number of the transfer
    std::vector<Pattern> expected_;
    uint32_t transfers_ = 0;
};

} // namespace limpet::mock
