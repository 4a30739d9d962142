/// \file
/// What rv32dense means, by read_dense and semantics.h: what the assembly of rv32-dense is held to.
#pragma once

#include "../../interp/image/dense.h"
#include "../../interp/rv32/semantics.h"

namespace limpet::conformance {

/// Runs guests whose host.data starts at guest address 0.
class DenseModel {
public:
    explicit DenseModel(Guest& guest) : vm_(guest.vm), host_(guest.host), code_(host_.code, vm_.window.code_size) {}

    /// As limpet_resume, but that `codes` are a budget of codes, as fuel of rv32-dense is.
    limpet_status resume(uint32_t codes) {
        limpet_status status = LIMPET_RETURN;
        vm_.fuel = codes;
        while (status == LIMPET_RETURN && vm_.pc != LIMPET_RETURN_ADDRESS) {
            if (vm_.fuel == 0) {
                status = LIMPET_FUEL;
                break;
            }
            --vm_.fuel;
            status = step();
        }
        vm_.status = status;
        return status;
    }

private:
    using Op = rv32::Op;

    limpet_status step() {
        const uint32_t start = vm_.pc;
        const uint32_t at = start - vm_.window.code_start;
        const DenseInstruction found = at < code_.size() ? read_dense(code_.subspan(at)) : DenseInstruction{};
        if (found.size == 0) {
            vm_.trap_address = start;
            return LIMPET_FETCH;
        }
        if (found.length == 0) return LIMPET_ILLEGAL;
        const uint32_t behind = start + found.size;
        for (uint32_t i = 0; i < found.length; ++i) {
            vm_.pc = i == 0 ? start : start | rv32::dense::kDenseSecond;
            uint32_t next = behind;
            const limpet_status status = execute(found.op[i], found.operands[i], start, next);
            if (status != LIMPET_RETURN) return status;
            vm_.x[0] = 0;
            if (jumped_) {
                vm_.pc = next;
                return LIMPET_RETURN;
            }
        }
        vm_.pc = behind;
        return LIMPET_RETURN;
    }

    limpet_status jump(uint32_t target, uint32_t rd, uint32_t& next) {
        if (target != LIMPET_RETURN_ADDRESS && !fetchable(vm_, host_, target)) {
            vm_.trap_address = target;
            return LIMPET_FETCH;
        }
        if (rd != 0) vm_.x[rd] = next;
        next = target;
        jumped_ = true;
        return LIMPET_RETURN;
    }

    limpet_status access(Op op, const rv32::Operands& o) {
        static constexpr uint32_t kFunct3[] = {rv32::kByte,         rv32::kHalf, rv32::kWord, rv32::kByteUnsigned,
                                               rv32::kHalfUnsigned, rv32::kByte, rv32::kHalf, rv32::kWord};
        const uint32_t funct3 = kFunct3[static_cast<uint32_t>(op) - static_cast<uint32_t>(Op::kLb)];
        const uint32_t size = rv32::access_size(funct3);
        const uint32_t address = vm_.x[o.rs1] + o.imm;
        vm_.trap_address = address; // counts after a trap only
        if (op >= Op::kSb) return store_bytes(vm_, host_, address, size, vm_.x[o.rs2]) ? LIMPET_RETURN : LIMPET_STORE;
        uint32_t value = 0;
        if (!load_bytes(vm_, host_, address, size, value)) return LIMPET_LOAD;
        vm_.x[o.rd] = rv32::extend(funct3, value);
        return LIMPET_RETURN;
    }

    limpet_status execute(Op op, const rv32::Operands& o, uint32_t start, uint32_t& next) {
        jumped_ = false;
        uint32_t* const x = vm_.x;
        if (rv32::dense::is_load_or_store(op)) return access(op, o);
        if (op >= Op::kAddi && op <= Op::kAnd) {
            // In the order of Op.
            static constexpr uint32_t kImmediate[] = {0, 2, 3, 4, 6, 7, 1, 5, 13};
            static constexpr uint32_t kRegister[] = {0, 8, 1, 2, 3, 4, 5, 13, 6, 7};
            const bool immediate = op <= Op::kSrai;
            const uint32_t operation = immediate
                                           ? kImmediate[static_cast<uint32_t>(op) - static_cast<uint32_t>(Op::kAddi)]
                                           : kRegister[static_cast<uint32_t>(op) - static_cast<uint32_t>(Op::kAdd)];
            x[o.rd] = rv32::alu(operation, x[o.rs1], immediate ? o.imm : x[o.rs2]);
            return LIMPET_RETURN;
        }
        switch (op) {
        case Op::kLui: x[o.rd] = o.imm; return LIMPET_RETURN;
        case Op::kAuipc: x[o.rd] = start + o.imm; return LIMPET_RETURN;
        case Op::kJal: return jump(start + o.imm, o.rd, next);
        case Op::kJalr: return jump(x[o.rs1] + o.imm, o.rd, next);
        case Op::kHostCall: return host_.call == nullptr ? LIMPET_HOST_CALL : host_.call(&vm_, &host_, o.imm, x + 10);
        case Op::kEcall: return LIMPET_ECALL;
        case Op::kEbreak: return LIMPET_BREAKPOINT;
        default: break;
        }
        static constexpr uint32_t kBranch[] = {0, 1, 4, 5, 6, 7};
        const uint32_t funct3 = kBranch[static_cast<uint32_t>(op) - static_cast<uint32_t>(Op::kBeq)];
        return rv32::branch_taken(funct3, x[o.rs1], x[o.rs2]) ? jump(start + o.imm, 0, next) : LIMPET_RETURN;
    }

    limpet_vm& vm_;
    const MappedHost& host_;
    std::span<const uint8_t> code_;
    bool jumped_ = false;
};

} // namespace limpet::conformance
