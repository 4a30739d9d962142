/// \file
/// X(0x00) .. X(0xff): labels cannot be made by templates.
#pragma once

#define LIMPET_16_TIMES(X, high)                                                                                       \
    X(high##0)                                                                                                         \
    X(high##1)                                                                                                         \
    X(high##2)                                                                                                         \
    X(high##3)                                                                                                         \
    X(high##4)                                                                                                         \
    X(high##5)                                                                                                         \
    X(high##6) X(high##7) X(high##8) X(high##9) X(high##a) X(high##b) X(high##c) X(high##d) X(high##e) X(high##f)

#define LIMPET_256_TIMES(X)                                                                                            \
    LIMPET_16_TIMES(X, 0x0)                                                                                            \
    LIMPET_16_TIMES(X, 0x1)                                                                                            \
    LIMPET_16_TIMES(X, 0x2)                                                                                            \
    LIMPET_16_TIMES(X, 0x3)                                                                                            \
    LIMPET_16_TIMES(X, 0x4)                                                                                            \
    LIMPET_16_TIMES(X, 0x5)                                                                                            \
    LIMPET_16_TIMES(X, 0x6) LIMPET_16_TIMES(X, 0x7) LIMPET_16_TIMES(X, 0x8) LIMPET_16_TIMES(X, 0x9)                    \
        LIMPET_16_TIMES(X, 0xa) LIMPET_16_TIMES(X, 0xb) LIMPET_16_TIMES(X, 0xc) LIMPET_16_TIMES(X, 0xd)                \
            LIMPET_16_TIMES(X, 0xe) LIMPET_16_TIMES(X, 0xf)
