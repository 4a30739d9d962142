/// \file
/// rv32dense (interp/rv32/dense.h) on a PC: code of rv32ec written as dense-1, and read back.
#pragma once

#include "relax_code.h"

#include "../rv32/dense.h"

#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace limpet {

/// One code, as read_dense finds it.
struct DenseInstruction {
    uint32_t size = 0;   ///< bytes of the code
    uint32_t length = 0; ///< instructions; 0: illegal
    rv32::Op op[2]{};
    rv32::Operands operands[2]{}; ///< distances count from the start of the code, so that start + imm is the target
    uint32_t id_at[2]{};          ///< of a host call: which byte of the code holds its id
};

/// What stands at the start of `code`. Codes that its end cuts off have size 0.
[[nodiscard]] DenseInstruction read_dense(std::span<const uint8_t> code);

/// Code in the fewest bytes that the table allows.
class DenseCode final : public MovedCode {
public:
    /// plain: of rv32ec, with all that is known of addresses in it, and not shrunk. joins: addresses that data or
    /// symbols name; no code covers an instruction there and the one before it. Throws LoadError when the code cannot
    /// be written.
    DenseCode(const RelaxedCode& plain, const std::set<uint32_t>& joins);

    /// The second instruction of a code is at its second byte, if it has one.
    [[nodiscard]] uint32_t moved(uint32_t address) const override;
    [[nodiscard]] std::vector<uint8_t> bytes() const override { return bytes_; }

    /// The address in the plain code of what a VM's pc, a trap address or a return address stands for; others as they
    /// are.
    [[nodiscard]] uint32_t original(uint32_t address) const;

private:
    struct Item {
        uint32_t was;
        bool legal = true;
        rv32::Op op{};
        rv32::Operands operands{};
        Holds holds = Holds::kNothing;
        uint32_t address = 0; ///< that its immediate is made from
        bool joins = false;   ///< may something come here by a jump?
        size_t target = 0;    ///< of a branch or jump: which item; the last one is the end
        int32_t distance = 0; ///< of a branch or jump, as it is assumed to be
        uint32_t at = 0;      ///< address of its code
        bool second = false;  ///< of its code
        int code = -1;        ///< number of the code that begins here; -1: an escape
    };

    void take(const RelaxedCode& plain, const std::set<uint32_t>& joins);
    [[nodiscard]] size_t index_of(uint32_t was) const;
    [[nodiscard]] int32_t number(const Item& item) const;
    [[nodiscard]] uint32_t escape(const Item& item) const;
    [[nodiscard]] bool matches(const rv32::dense::Component& component, size_t at, size_t first) const;
    [[nodiscard]] bool matches(const rv32::dense::Code& code, size_t at) const;
    [[nodiscard]] uint32_t size(const Item& item) const;
    void split();
    [[nodiscard]] int32_t true_distance(size_t at, size_t first) const;
    bool settle(bool only_grow);
    [[nodiscard]] uint32_t value(const Item& item) const;
    void write();

    uint32_t start_;
    uint32_t end_;            ///< of the plain code
    std::vector<Item> items_; ///< and one behind the last
    std::vector<uint8_t> bytes_;
};

} // namespace limpet
