/// \file
/// How much stack a guest needs, from its object code.
#pragma once

#include "elf.h"

#include "../rv32/isa.h"

#include <cstdint>
#include <string>
#include <vector>

namespace limpet {

/// A bound that the author gives with LIMPET_STACK: the function and all that it calls use no more.
struct StackBound {
    std::string function;
    uint32_t bytes;
};

/// The bounds in the sections of a program that are not in its memory. Throws LoadError when they cannot be read.
[[nodiscard]] std::vector<StackBound> declared_stack_bounds(std::span<const Section> notes);

/// Bytes of stack that a call of the function at `entry` uses at most. Instructions are followed along all branches,
/// with what is known of the stack pointer and of constants in registers; calls count with what their functions need.
///
/// Throws LoadError, with the function and the reason, where code cannot tell and no bound is declared: recursion,
/// calls and jumps through pointers, stack pointers moved by amounts that are not constant.
[[nodiscard]] uint32_t stack_use(const ElfFile& file, rv32::Isa isa, uint32_t entry);

} // namespace limpet
