/// \file
/// Where the operands of an instruction stand in its bits: each register field and immediate, once.
///
/// The comments show the layouts as the RISC-V unprivileged specification does ("Immediate encoding variants", and
/// the instruction listings of the chapter on "C"): `imm[5|4:2]` means that the field's most significant bit is bit 5
/// of the immediate, followed by bits 4 to 2.
#pragma once

#include <stdint.h>

namespace limpet::rv32 {

/// Bits high..low of insn, moved to bit `at` of the result.
constexpr uint32_t field(uint32_t insn, unsigned high, unsigned low, unsigned at = 0) {
    return (insn << (31 - high)) >> (31 - high + low) << at;
}

/// As field, where bit 31 or bit 12 of the instruction is the immediate's sign.
constexpr uint32_t signed_field(uint32_t insn, unsigned high, unsigned low, unsigned at = 0) {
    return static_cast<uint32_t>(static_cast<int32_t>(insn << (31 - high)) >> (31 - high + low)) << at;
}

// 32-bit instructions.
constexpr uint32_t rd(uint32_t insn) { return field(insn, 11, 7); }
constexpr uint32_t rs1(uint32_t insn) { return field(insn, 19, 15); }
constexpr uint32_t rs2(uint32_t insn) { return field(insn, 24, 20); }
constexpr uint32_t funct3(uint32_t insn) { return field(insn, 14, 12); }
constexpr uint32_t funct7(uint32_t insn) { return field(insn, 31, 25); }

/// I: imm[11:0] in 31:20
constexpr uint32_t imm_i(uint32_t insn) { return signed_field(insn, 31, 20); }
/// S: imm[11:5] in 31:25, imm[4:0] in 11:7
constexpr uint32_t imm_s(uint32_t insn) { return signed_field(insn, 31, 25, 5) | field(insn, 11, 7); }
/// B and J are S and I, except that what would be bit 0 of the immediate is its bit 11.
constexpr uint32_t with_bit_0_as_11(uint32_t imm) { return (imm & ~0x801U) | field(imm, 0, 0, 11); }
/// B: imm[12|10:5] in 31:25, imm[4:1|11] in 11:7
constexpr uint32_t imm_b(uint32_t insn) { return with_bit_0_as_11(imm_s(insn)); }
/// U: imm[31:12] in 31:12
constexpr uint32_t imm_u(uint32_t insn) { return field(insn, 31, 12, 12); }
/// J: imm[20|10:1|11|19:12] in 31:12
constexpr uint32_t imm_j(uint32_t insn) {
    const uint32_t imm = with_bit_0_as_11(imm_i(insn)); // whose bits 19:12 are still the sign
    return imm ^ ((imm ^ insn) & 0xff000);
}
/// Shift amount of slli, srli, srai: 24:20
constexpr uint32_t shamt(uint32_t insn) { return field(insn, 24, 20); }

// 16-bit instructions.
constexpr uint32_t c_funct3(uint32_t insn) { return field(insn, 15, 13); }
/// rd, rs1 in full: 11:7
constexpr uint32_t c_rd(uint32_t insn) { return field(insn, 11, 7); }
/// rs2 in full: 6:2
constexpr uint32_t c_rs2(uint32_t insn) { return field(insn, 6, 2); }
/// rd', rs2' (x8..x15): 4:2
constexpr uint32_t c_low(uint32_t insn) { return 8 + field(insn, 4, 2); }
/// rs1', rd' of the arithmetic and branch forms (x8..x15): 9:7
constexpr uint32_t c_high(uint32_t insn) { return 8 + field(insn, 9, 7); }

/// The sign of the forms below that are signed: 0 or all ones. Dispatch may know it before the instruction is looked
/// at.
constexpr uint32_t c_sign(uint32_t insn) { return signed_field(insn, 12, 12); }
/// CI: imm[5] in 12, imm[4:0] in 6:2
constexpr uint32_t c_imm(uint32_t insn, uint32_t sign) { return sign << 5 | field(insn, 6, 2); }
constexpr uint32_t c_imm(uint32_t insn) { return c_imm(insn, c_sign(insn)); }
/// c.lui: imm[17] in 12, imm[16:12] in 6:2
constexpr uint32_t c_imm_lui(uint32_t insn, uint32_t sign) { return sign << 17 | field(insn, 6, 2, 12); }
constexpr uint32_t c_imm_lui(uint32_t insn) { return c_imm_lui(insn, c_sign(insn)); }
/// c.slli, c.srli, c.srai: shamt[5] in 12 (0 on RV32), shamt[4:0] in 6:2
constexpr uint32_t c_shamt(uint32_t insn) { return field(insn, 12, 12, 5) | field(insn, 6, 2); }
/// c.addi16sp: imm[9] in 12, imm[4|6|8:7|5] in 6:2
constexpr uint32_t c_imm_addi16sp(uint32_t insn, uint32_t sign) {
    return sign << 9 | field(insn, 6, 6, 4) | field(insn, 5, 5, 6) | field(insn, 4, 3, 7) | field(insn, 2, 2, 5);
}
constexpr uint32_t c_imm_addi16sp(uint32_t insn) { return c_imm_addi16sp(insn, c_sign(insn)); }
/// c.addi4spn: imm[5:4|9:6|2|3] in 12:5
constexpr uint32_t c_imm_addi4spn(uint32_t insn) {
    return field(insn, 12, 11, 4) | field(insn, 10, 7, 6) | field(insn, 6, 6, 2) | field(insn, 5, 5, 3);
}
/// c.lw, c.sw: imm[5:3] in 12:10, imm[2|6] in 6:5
constexpr uint32_t c_imm_lw(uint32_t insn) {
    return field(insn, 12, 10, 3) | field(insn, 6, 6, 2) | field(insn, 5, 5, 6);
}
/// c.lwsp: imm[5] in 12, imm[4:2|7:6] in 6:2
constexpr uint32_t c_imm_lwsp(uint32_t insn) {
    return field(insn, 12, 12, 5) | field(insn, 6, 4, 2) | field(insn, 3, 2, 6);
}
/// c.swsp: imm[5:2|7:6] in 12:7
constexpr uint32_t c_imm_swsp(uint32_t insn) { return field(insn, 12, 9, 2) | field(insn, 8, 7, 6); }
/// c.j, c.jal: imm[11|4|9:8|10|6|7|3:1|5] in 12:2. `moved` is the instruction one place further right, where bits
/// 11, 9:8 and 6 are in their places; above bit 11 it is the sign.
constexpr uint32_t c_imm_j_of(uint32_t insn, uint32_t moved) {
    return (moved & 0xfffffb40) | field(insn, 11, 11, 4) | field(insn, 8, 8, 10) | field(insn, 6, 6, 7) |
           field(insn, 5, 3, 1) | field(insn, 2, 2, 5);
}
constexpr uint32_t c_imm_j(uint32_t insn, uint32_t sign) { return c_imm_j_of(insn, sign << 11 | field(insn, 11, 1)); }
constexpr uint32_t c_imm_j(uint32_t insn) { return c_imm_j_of(insn, signed_field(insn, 12, 1)); }
/// c.beqz, c.bnez: imm[8|4:3] in 12:10, imm[7:6|2:1|5] in 6:2
constexpr uint32_t c_imm_b(uint32_t insn, uint32_t sign) {
    return sign << 8 | field(insn, 11, 10, 3) | field(insn, 6, 5, 6) | field(insn, 4, 3, 1) | field(insn, 2, 2, 5);
}
constexpr uint32_t c_imm_b(uint32_t insn) { return c_imm_b(insn, c_sign(insn)); }

// 16-bit instructions of Xlimpet (xlimpet.md).
/// c.lbu, c.sb: imm[0|1] in 6:5
constexpr uint32_t zcb_imm_byte(uint32_t insn) { return field(insn, 6, 6) | field(insn, 5, 5, 1); }
/// c.x.slli, c.x.srli: shamt[4:2] in 12:10, shamt[1:0] in 6:5
constexpr uint32_t cx_shamt(uint32_t insn) { return field(insn, 12, 10, 2) | field(insn, 6, 5); }
/// c.x.bltu, c.x.bgeu: imm[5:3] in 12:10, imm[2:1] in 6:5; forward only
constexpr uint32_t cx_imm_b(uint32_t insn) { return cx_shamt(insn) << 1; }
/// c.x.li: this much more than CI has, 32..95
inline constexpr uint32_t kXLi = 64;
/// rd of c.x.lbusp, rs2 of c.x.sbsp (x0..x15): 5:2
constexpr uint32_t cx_rd(uint32_t insn) { return field(insn, 5, 2); }
/// c.x.lbusp, c.x.sbsp: imm[5:0] in 11:6
constexpr uint32_t cx_imm_sp(uint32_t insn) { return field(insn, 11, 6); }
/// c.x.call: id in 12:2
constexpr uint32_t cx_id(uint32_t insn) { return field(insn, 12, 2); }

} // namespace limpet::rv32
