/// \file
/// The handlers of rv32-threaded that know some of their registers. README.md tells how they were chosen.
#pragma once

#include "thumb_macros.h"

// clang-format off
asm(R"(
    .pushsection .text.limpet_threaded_loop, "ax", %progbits
    alu2 eors, 4, P, Q
    alu2 eors, 4, Q, P
    alu2 eors, 4, M, P
    alu2 eors, 4, R, P
    alu2 eors, 4, P, M
    alu2 ands, 7, P, R
    alu2 adds, 0, M, Q
    alu2 adds, 0, P, M
    alu2 adds, 0, M, P
    alu2 orrs, 6, P, M
    alu2 orrs, 6, M, P
    alu2 subs, 8, P, M
    alu2 eors, 4, Q, M
    alu2 eors, 4, R, M
    alu2 eors, 4, M, R
    alu2 adds, 0, Q, M
    alu2 adds, 0, M, R
    imm2 adds, 0, P
    imm2 adds, 0, Q
    imm2 adds, 0, R
    imm2 lsls, 1, P
    imm2 lsls, 1, R
    imm2 lsrs, 5, P
    imm2 lsrs, 5, Q
    imm2 asrs, 13, P
    imm2 ands, 7, P
    imm3 lsls, 1, Q, P
    imm3 lsls, 1, P, Q
    imm3 lsrs, 5, Q, P
    imm3 lsrs, 5, P, R
    imm3 lsrs, 5, P, Q
    imm3 lsrs, 5, M, Q
    imm3 adds, 0, P, M
    imm3 adds, 0, R, M
    imm3 asrs, 13, M, P
    imm3 lsls, 1, M, P
    imm3 lsls, 1, P, M
    imm3 ands, 7, R, Q
    imm3 ands, 7, P, M
    sum3 subs, 8, P, M, P
    sum3 subs, 8, P, P, M
    sum3 subs, 8, R, M, R
    mv M, P
    mv M, Q
    mv M, R
    mv P, M
    mv Q, M
    mv R, M
    li P
    li Q
    li R
    const P
    const Q
    const R
    jumps
    brc ne, 1, P
    brc eq, 0, P
    brc ne, 1, Q
    brc ne, 1, R
    jumps
    br lt, 4, M, Q
    br eq, 0, R, P
    br eq, 0, M, P
    br ne, 1, R, M
    br ne, 1, M, R
    br lo, 6, Q, R
    br hs, 7, R, Q
    br ge, 5, M, P
    br ge, 5, P, M
    ways_out
    load ldr, 2, 30, Q, P
    lwc M, Q
    lwc R, P
    lwc Q, P
    ways_out
    lwsp P
    lwsp Q
    lwsp R
    load ldrh, 5, 31, P, R
    load ldrb, 4, 0, P, M
    ways_out
    swc Q, P
    swc M, Q
    swc M, P
    swc R, P
    ways_out
    swsp P
    swsp Q
    swsp R
    store strb, 0, 0, Q, M
    store str, 2, 30, M, P
    .popsection
)");
// clang-format on
