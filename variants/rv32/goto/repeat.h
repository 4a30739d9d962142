/// \file
/// X(0x00) X(0x01) ..: labels cannot be made by templates.
#pragma once

// clang-format off
#define LIMPET_REPEAT_16(X, high) \
    X(high##0) X(high##1) X(high##2) X(high##3) X(high##4) X(high##5) X(high##6) X(high##7) \
    X(high##8) X(high##9) X(high##a) X(high##b) X(high##c) X(high##d) X(high##e) X(high##f)
#define LIMPET_REPEAT_32(X) LIMPET_REPEAT_16(X, 0x0) LIMPET_REPEAT_16(X, 0x1)
#define LIMPET_REPEAT_64(X) LIMPET_REPEAT_32(X) LIMPET_REPEAT_16(X, 0x2) LIMPET_REPEAT_16(X, 0x3)
#define LIMPET_REPEAT_96(X) LIMPET_REPEAT_64(X) LIMPET_REPEAT_16(X, 0x4) LIMPET_REPEAT_16(X, 0x5)
#define LIMPET_REPEAT_192(X) \
    LIMPET_REPEAT_96(X) LIMPET_REPEAT_16(X, 0x6) LIMPET_REPEAT_16(X, 0x7) LIMPET_REPEAT_16(X, 0x8) \
    LIMPET_REPEAT_16(X, 0x9) LIMPET_REPEAT_16(X, 0xa) LIMPET_REPEAT_16(X, 0xb)
#define LIMPET_REPEAT_256(X) \
    LIMPET_REPEAT_192(X) LIMPET_REPEAT_16(X, 0xc) LIMPET_REPEAT_16(X, 0xd) LIMPET_REPEAT_16(X, 0xe) \
    LIMPET_REPEAT_16(X, 0xf)
// clang-format on
