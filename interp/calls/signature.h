/// \file
/// Declarations of host calls as text: parsed, compared, printed, and turned into C prototypes for drivers.
///
/// One grammar everywhere (the dictionary string of a firmware, imports files, images):
///
///     declaration = result ' ' name '(' [argument {',' argument}] ')'          at most 5 arguments
///     result      = "void" | scalar
///     scalar      = "bool" | "u8" | "i8" | "u16" | "i16" | "u32" | "i32"
///     argument    = (scalar | "handle<" name '>' | buffer) [' ' name]
///     buffer      = ("in" | "out" | "inout") ' ' element '[' length ']'
///     element     = any scalar but bool
///     length      = 1..255, in elements | '#' number of an argument that is u8, u16 or u32, counted from 0
///     name        = [a-z_][a-z0-9_]*, at most 63 characters
///
/// Canonical form has no names of arguments and no spaces but those shown. Two declarations are the same host call when
/// their canonical forms are equal. Between words any spaces are read. Names that C or C++ reserve, or that start with
/// limpet_, are refused, because declarations become C functions.
///
/// Everything that is read here may be hostile: what is wrong with it is said in one line.
#pragma once

#include "../image/guest.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limpet::calls {

/// A declaration that cannot be read; what() is one line for the user.
class DeclarationError : public LoadError {
    using LoadError::LoadError;
};

inline constexpr size_t kArgumentsMax = 5;
inline constexpr size_t kDeclarationsMax = 256; ///< ids are 0..255
inline constexpr size_t kNameCharactersMax = 63;
inline constexpr uint32_t kLengthMax = 255; ///< of a buffer of constant length, in elements

enum class Scalar : uint8_t { kBool, kU8, kI8, kU16, kI16, kU32, kI32 };

/// "bool" .. "i32".
[[nodiscard]] std::string_view name_of(Scalar type);
/// 1, 2 or 4.
[[nodiscard]] uint32_t bytes_of(Scalar type);
/// May this value of a register be passed as a `type`? (i8 and i16 are sign-extended.)
[[nodiscard]] bool is_value_of(Scalar type, uint32_t value);

struct Argument {
    enum class Kind : uint8_t { kScalar, kHandle, kIn, kOut, kInOut };

    Kind kind = Kind::kScalar;
    Scalar type = Scalar::kU32;      ///< of a scalar, or of a buffer's elements
    std::string handle;              ///< kHandle: what it is a handle of
    bool length_is_argument = false; ///< buffer: how long it is, is in argument number `length`;
    uint32_t length = 0;             ///< otherwise it has this many elements
    std::string name;                ///< may be empty

    [[nodiscard]] bool is_buffer() const { return kind >= Kind::kIn; }
    [[nodiscard]] bool is_written() const { return kind >= Kind::kOut; } ///< by the host
};

struct Declaration {
    std::optional<Scalar> result; ///< none: void
    std::string name;
    std::vector<Argument> arguments;
    std::string comment; ///< lines above it in an imports file, without their slashes
};

/// The declaration in canonical form, which is what is compared.
[[nodiscard]] std::string canonical(const Declaration& declaration);

/// Reads one declaration. Throws DeclarationError.
[[nodiscard]] Declaration parse_declaration(std::string_view text);

/// Reads an imports file (.calls): one declaration a line; `//` starts a comment; position, comments and blank lines
/// not counted, is the id. Throws DeclarationError, which names the line.
[[nodiscard]] std::vector<Declaration> parse_imports(std::string_view text);

/// Reads what a firmware's dictionary says: canonical declarations, joined with ';' (one more at the end is no harm);
/// position is the id. Throws DeclarationError, which names the position.
[[nodiscard]] std::vector<Declaration> parse_dictionary(std::string_view text);

/// What parse_dictionary reads.
[[nodiscard]] std::string dictionary(std::span<const Declaration> declarations);

/// Id of the declaration with this canonical form.
[[nodiscard]] std::optional<uint32_t> find(std::span<const Declaration> declarations, std::string_view canonical_form);

/// Kinds of handles in the order in which the declarations name them first.
[[nodiscard]] std::vector<std::string> handle_kinds(std::span<const Declaration> declarations);

/// The types of a declaration as bytes, for limpet_check_arguments and check.h. The number of a kind of handles is its
/// place in `kinds`, which must name each that the declaration uses. Throws DeclarationError when it is 64 or more.
[[nodiscard]] std::vector<uint8_t> encode(const Declaration& declaration, std::span<const std::string> kinds);

/// A C header that declares each of them as a function for drivers; its position is the id. For an rv32 guest, and
/// for an eBPF guest, functions are single instructions; everywhere else they are extern functions, for tests of a
/// driver on the PC and for measuring it as native code.
[[nodiscard]] std::string prototypes(std::span<const Declaration> declarations);

} // namespace limpet::calls
