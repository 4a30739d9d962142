#include "packed_program.h"

#include "decode.h"
#include "fault.h"
#include "packed.h"

#include <algorithm>

namespace limpet::bpf {

namespace {

void put(std::vector<uint8_t>& to, uint32_t value, uint32_t size) {
    for (uint32_t i = 0; i < size; ++i) to.push_back(static_cast<uint8_t>(value >> 8 * i));
}

bool fits(int32_t value, uint32_t bits) { return value >= -(1 << (bits - 1)) && value < 1 << (bits - 1); }

uint32_t short_bytes(int32_t value) { return fits(value, 7) ? 1 : fits(value, 14) ? 2 : 4; }

/// A number in the form of `size` bytes.
void put_short(std::vector<uint8_t>& to, int32_t value, uint32_t size) {
    const auto bits = static_cast<uint32_t>(value);
    put(to, size == 1 ? bits << 1 : bits << 2 | (size == 2 ? 1 : 3), size);
}

/// One instruction on its way: all but its distance.
struct Item {
    uint64_t insn;
    uint32_t slot;
    std::optional<uint32_t> target; ///< slot that it goes to
    uint32_t distance_bytes = 1;
};

class Packer {
public:
    explicit Packer(std::span<const uint8_t> code) : code_(code) {
        const auto count = static_cast<uint32_t>(code.size() / kSlotBytes);
        for (uint32_t slot = 0; slot < count;) {
            const uint64_t insn = slot_at(code, slot);
            const Instruction& row = *find_instruction(insn);
            Item item{.insn = insn, .slot = slot, .target = {}};
            if (branches(row)) item.target = static_cast<uint32_t>(slot + distance(row, insn));
            items_.push_back(item);
            slot += slots(row);
        }
    }

    PackedProgram pack() {
        // Distances grow until all of them fit; each growth may make others too short.
        while (!write()) {
        }
        return std::move(program_);
    }

private:
    /// Writes everything with the distances as they are; false: some have to be longer, and are from now on.
    bool write() {
        const std::vector<uint32_t> before = program_.starts;
        program_.code.clear();
        program_.starts.assign(code_.size() / kSlotBytes + 1, 0);
        bool fit = !before.empty();
        uint32_t next_slot = 0;
        for (Item& item : items_) {
            for (; next_slot <= item.slot; ++next_slot)
                program_.starts[next_slot] = static_cast<uint32_t>(program_.code.size());
            if (!write(item, before)) fit = false;
        }
        for (; next_slot < program_.starts.size(); ++next_slot)
            program_.starts[next_slot] = static_cast<uint32_t>(program_.code.size());
        return fit && before == program_.starts;
    }

    bool write(Item& item, const std::vector<uint32_t>& starts) {
        std::vector<uint8_t>& to = program_.code;
        const uint32_t h = head(item.insn);
        const uint32_t op = opcode(h);
        const int32_t number = imm(item.insn);
        switch (op & 7) {
        case kJmp:
        case kJmp32: break;
        case kLdx:
        case kSt:
        case kStx: write_access(item); return true;
        default:
            if (offset(h) != 0) {
                to.push_back(packed::kWithOffset);
                to.push_back(static_cast<uint8_t>(offset(h)));
            }
            write_operation(item);
            return true;
        }
        if (!item.target) {
            const bool near = op != packed::kHostCallOpcode || static_cast<uint32_t>(number) <= UINT8_MAX;
            to.push_back(static_cast<uint8_t>(near ? op : packed::kFarHostCall));
            if (op == packed::kHostCallOpcode) put(to, static_cast<uint32_t>(number), near ? 1 : 4);
            return true;
        }
        // Where it ends has to be known before its distance is.
        const size_t start = to.size();
        const bool by_number = !packed::has_no_registers(op) && (op & kSource) == 0;
        to.push_back(static_cast<uint8_t>(op == packed::kHostCallOpcode ? packed::kLocalCall : op));
        if (!packed::has_no_registers(op)) put_registers(h, by_number ? code_of(number) : src(h));
        const uint32_t number_bytes = by_number ? bytes_of(code_of(number)) : 0;
        const auto end = static_cast<uint32_t>(to.size() + item.distance_bytes + number_bytes);
        const uint32_t shift = starts.empty() ? 0 : static_cast<uint32_t>(start) - starts[item.slot];
        // Targets behind it have moved as it has, or further: then all is done once more.
        const uint32_t target = starts.empty() ? end : starts[*item.target] + (*item.target > item.slot ? shift : 0);
        const auto distance = static_cast<int32_t>(target - end);
        const uint32_t needed = short_bytes(distance);
        put_short(to, distance, item.distance_bytes);
        put(to, static_cast<uint32_t>(number), number_bytes);
        if (needed <= item.distance_bytes) return true;
        item.distance_bytes = needed;
        return false;
    }

    void write_access(const Item& item) {
        const uint32_t h = head(item.insn);
        const uint32_t op = opcode(h);
        const bool is_atomic = (op & 7) == kStx && mode(op) == kAtomic;
        const bool drops = offset(h) == 0 && mode(op) == kMemory;
        const bool by_number = (op & 7) == kSt;
        const uint32_t number_code = code_of(imm(item.insn));
        program_.code.push_back(static_cast<uint8_t>(drops ? op - ((kMemory - packed::kModeWithoutOffset) << 5) : op));
        put_registers(h, by_number ? number_code : src(h));
        if (!drops) put_short(program_.code, offset(h), short_bytes(offset(h)));
        if (is_atomic) put(program_.code, static_cast<uint32_t>(imm(item.insn)), 1);
        if (by_number) put(program_.code, static_cast<uint32_t>(imm(item.insn)), bytes_of(number_code));
    }

    /// Arithmetic and lddw.
    void write_operation(const Item& item) {
        const uint32_t h = head(item.insn);
        const uint32_t op = opcode(h);
        const uint32_t upper = op == kLddw ? static_cast<uint32_t>(imm(slot_at(code_, item.slot + 1))) : 0;
        const bool by_number = (op & kSource) == 0 || op == kLddw || code(op) == kEnd;
        const uint32_t number_code = code_of(imm(item.insn));
        program_.code.push_back(static_cast<uint8_t>(upper != 0 ? packed::kWideLddw : op));
        put_registers(h, by_number ? number_code : src(h));
        if (by_number) put(program_.code, static_cast<uint32_t>(imm(item.insn)), bytes_of(number_code));
        if (upper != 0) put(program_.code, upper, 4);
    }

    void put_registers(uint32_t h, uint32_t second) {
        program_.code.push_back(static_cast<uint8_t>(dst(h) | second << 4));
    }

    /// What stands in the place of src for an immediate, and how many bytes follow.
    static uint32_t code_of(int32_t value) {
        if (value >= 0 && value <= static_cast<int32_t>(packed::kImmediateMax)) return static_cast<uint32_t>(value);
        return packed::kLengthCode + (fits(value, 8) ? 0 : fits(value, 16) ? 1 : 2);
    }
    static uint32_t bytes_of(uint32_t number_code) {
        return number_code < packed::kLengthCode ? 0 : 1U << (number_code - packed::kLengthCode);
    }

    std::span<const uint8_t> code_;
    std::vector<Item> items_;
    PackedProgram program_;
};

} // namespace

std::optional<uint32_t> PackedProgram::slot_of(uint32_t start) const {
    // Of a slot and the second half before it, which have the same, the slot is the later one.
    const auto behind = std::ranges::upper_bound(starts, start);
    if (behind == starts.begin() || *(behind - 1) != start || start >= code.size()) return std::nullopt;
    return static_cast<uint32_t>(behind - 1 - starts.begin());
}

PackedProgram pack(std::span<const uint8_t> code) { return Packer(code).pack(); }

std::optional<UnpackedProgram> unpack(std::span<const uint8_t> packed_code) {
    std::vector<uint8_t> padded(packed_code.begin(), packed_code.end());
    padded.resize(padded.size() + packed::kBytesMax);
    UnpackedProgram program;
    std::vector<std::pair<packed::Insn, size_t>> insns; // and where they end
    uint32_t count = 0;
    for (size_t at = 0; at < packed_code.size();) {
        packed::Insn insn;
        program.slots[static_cast<uint32_t>(at)] = count;
        at = static_cast<size_t>(packed::decode(&padded[at], insn) - padded.data());
        if (at > packed_code.size()) return std::nullopt;
        insns.emplace_back(insn, at);
        count += opcode(insn.head) == kLddw ? 2 : 1;
    }
    std::vector<uint8_t>& code = program.code;
    for (const auto& [insn, end] : insns) {
        const uint32_t op = opcode(insn.head);
        const uint32_t cls = op & 7;
        uint32_t h = insn.head;
        uint32_t number = insn.imm;
        const bool is_host_call = op == packed::kHostCallOpcode && src(h) == 0;
        const bool ends = op == jump_opcode(kJmp, kExit);
        if ((cls == kJmp || cls == kJmp32) && !is_host_call && !ends) {
            const auto target = program.slots.find(static_cast<uint32_t>(end) + static_cast<uint32_t>(insn.distance));
            if (target == program.slots.end()) return std::nullopt;
            const auto here = static_cast<uint32_t>(code.size() / kSlotBytes);
            const uint32_t distance = target->second - here - 1;
            const bool by_imm = op == packed::kHostCallOpcode || op == jump_opcode(kJmp32, kJa);
            if (by_imm) number = distance;
            if (!by_imm && static_cast<int32_t>(distance) != static_cast<int16_t>(distance)) return std::nullopt;
            if (!by_imm) h = (h & 0xffff) | distance << 16;
        }
        put(code, h, 4);
        put(code, number, 4);
        if (op != kLddw) continue;
        put(code, 0, 4);
        put(code, insn.upper, 4);
    }
    if (find_fault(code)) return std::nullopt;
    return program;
}

} // namespace limpet::bpf
