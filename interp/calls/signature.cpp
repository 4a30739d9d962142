#include "signature.h"

#include "limpet_calls.h"

#include <algorithm>
#include <array>

namespace limpet::calls {

namespace {

struct ScalarRow {
    std::string_view name;
    uint32_t bits;
    bool is_signed;
};

constexpr std::array<ScalarRow, 7> kScalars = {{{"bool", 1, false},
                                                {"u8", 8, false},
                                                {"i8", 8, true},
                                                {"u16", 16, false},
                                                {"i16", 16, true},
                                                {"u32", 32, false},
                                                {"i32", 32, true}}};

const ScalarRow& row_of(Scalar type) { return kScalars[static_cast<size_t>(type)]; }

constexpr std::array<std::string_view, 5> kArgumentWords = {"", "handle", "in", "out", "inout"};

/// Words that cannot name a C or C++ function or parameter, and what the headers of a driver define.
constexpr auto kReserved = std::to_array<std::string_view>({
    "alignas",   "alignof",   "and",      "and_eq",   "asm",      "auto",   "bitand",  "bitor",     "bool",
    "break",     "case",      "catch",    "char",     "class",    "compl",  "concept", "const",     "consteval",
    "constexpr", "constinit", "continue", "decltype", "default",  "delete", "do",      "double",    "else",
    "enum",      "explicit",  "export",   "extern",   "false",    "float",  "for",     "friend",    "goto",
    "if",        "inline",    "int",      "linux",    "long",     "main",   "mutable", "namespace", "new",
    "noexcept",  "not",       "not_eq",   "nullptr",  "operator", "or",     "or_eq",   "private",   "protected",
    "public",    "register",  "requires", "restrict", "return",   "short",  "signed",  "sizeof",    "static",
    "struct",    "switch",    "template", "this",     "throw",    "true",   "try",     "typedef",   "typeid",
    "typename",  "typeof",    "union",    "unix",     "unsigned", "using",  "virtual", "void",      "volatile",
    "while",     "xor",       "xor_eq",
});

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// For messages: what cannot be shown becomes '?', and what is long is cut.
std::string shown(std::string_view text) {
    constexpr size_t kShownMax = 40;
    std::string result(text.substr(0, kShownMax));
    std::ranges::replace_if(
        result, [](char c) { return c < ' ' || c > '~'; }, '?');
    return "'" + result + (text.size() > kShownMax ? "...'" : "'");
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpaces = " \t\r";
    const size_t start = text.find_first_not_of(kSpaces);
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(kSpaces) - start + 1);
}

std::optional<Scalar> find_scalar(std::string_view word) {
    const auto* found = std::ranges::find(kScalars, word, &ScalarRow::name);
    if (found == kScalars.end()) return std::nullopt;
    return static_cast<Scalar>(found - kScalars.begin());
}

void check_name(std::string_view name) {
    const bool ends_in_t = name.ends_with("_t"); // uint8_t and its kin
    if (name.size() > kNameCharactersMax) throw DeclarationError("name " + shown(name) + " is too long");
    if (std::ranges::find(kReserved, name) != kReserved.end() || ends_in_t || name.starts_with("limpet_") ||
        name.starts_with("__"))
        throw DeclarationError("name " + shown(name) + " is reserved");
}

/// Reads the grammar from left to right.
class Parser {
public:
    explicit Parser(std::string_view text) : rest_(text) { skip_spaces(); }

    Declaration declaration() {
        Declaration result;
        const std::string_view type = word("a result type");
        if (type != "void") {
            result.result = find_scalar(type);
            if (!result.result) throw DeclarationError("unknown result type " + shown(type));
        }
        result.name = name("the name of the function");
        expect('(');
        if (!accept(')')) {
            do {
                if (result.arguments.size() == kArgumentsMax) throw DeclarationError("more than 5 arguments");
                result.arguments.push_back(argument());
            } while (accept(','));
            expect(')');
        }
        if (!rest_.empty()) throw DeclarationError("unexpected " + shown(rest_) + " at the end");
        return result;
    }

private:
    void skip_spaces() {
        const size_t start = rest_.find_first_not_of(" \t\r");
        rest_.remove_prefix(std::min(start, rest_.size()));
    }

    bool accept(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        skip_spaces();
        return true;
    }

    [[noreturn]] void fail_expecting(const std::string& what) const {
        throw DeclarationError("expected " + what + (rest_.empty() ? " at the end" : " at " + shown(rest_)));
    }

    void expect(char c) {
        if (!accept(c)) fail_expecting(std::string("'") + c + "'");
    }

    std::string_view take(size_t length) {
        const std::string_view result = rest_.substr(0, length);
        rest_.remove_prefix(length);
        skip_spaces();
        return result;
    }

    std::string_view word(const char* what) {
        if (rest_.empty() || !is_letter(rest_.front())) fail_expecting(what);
        const auto* end = std::ranges::find_if_not(rest_, [](char c) { return is_letter(c) || is_digit(c); });
        return take(static_cast<size_t>(end - rest_.begin()));
    }

    std::string name(const char* what) {
        const std::string_view result = word(what);
        check_name(result);
        return std::string(result);
    }

    uint32_t number() {
        const auto* end = std::ranges::find_if_not(rest_, is_digit);
        const std::string_view digits = take(static_cast<size_t>(end - rest_.begin()));
        if (digits.empty()) fail_expecting("a number");
        if (digits.size() > 1 && digits.front() == '0')
            throw DeclarationError("number " + shown(digits) + " starts with 0");
        uint32_t result = 0;
        for (const char digit : digits) {
            result = result * 10 + static_cast<uint32_t>(digit - '0');
            if (result > kLengthMax) throw DeclarationError("number " + shown(digits) + " is larger than 255");
        }
        return result;
    }

    Argument argument() {
        Argument result;
        const std::string_view type = word("the type of an argument");
        const auto* kind = std::ranges::find(kArgumentWords, type);
        if (const auto scalar = find_scalar(type)) {
            result.type = *scalar;
        } else if (kind == kArgumentWords.end()) {
            throw DeclarationError("unknown type " + shown(type));
        } else {
            result.kind = static_cast<Argument::Kind>(kind - kArgumentWords.begin());
            result.kind == Argument::Kind::kHandle ? handle(result) : buffer(result);
        }
        if (!rest_.empty() && is_letter(rest_.front())) result.name = name("a name");
        return result;
    }

    void handle(Argument& result) {
        expect('<');
        result.handle = name("a kind of handle");
        expect('>');
    }

    void buffer(Argument& result) {
        const std::string_view type = word("the type of the elements");
        const auto scalar = find_scalar(type);
        if (!scalar || *scalar == Scalar::kBool) throw DeclarationError(shown(type) + " cannot be in a buffer");
        result.type = *scalar;
        expect('[');
        result.length_is_argument = accept('#');
        result.length = number();
        expect(']');
        if (!result.length_is_argument && result.length == 0) throw DeclarationError("a buffer of no elements");
    }

    std::string_view rest_;
};

bool may_be_length(const Argument& argument) {
    return argument.kind == Argument::Kind::kScalar &&
           (argument.type == Scalar::kU8 || argument.type == Scalar::kU16 || argument.type == Scalar::kU32);
}

/// What the grammar alone cannot say.
void check_meaning(const Declaration& declaration) {
    const auto& arguments = declaration.arguments;
    for (const Argument& argument : arguments) {
        if (argument.length_is_argument &&
            (argument.length >= arguments.size() || !may_be_length(arguments[argument.length])))
            throw DeclarationError("#" + std::to_string(argument.length) + " is no u8, u16 or u32");
        const auto same_name = [&](const Argument& other) { return other.name == argument.name; };
        if (!argument.name.empty() && std::ranges::count_if(arguments, same_name) > 1)
            throw DeclarationError("two arguments are named " + shown(argument.name));
    }
}

void add(std::vector<Declaration>& all, Declaration declaration) {
    if (all.size() == kDeclarationsMax) throw DeclarationError("more than 256 declarations");
    if (std::ranges::find(all, declaration.name, &Declaration::name) != all.end())
        throw DeclarationError(shown(declaration.name) + " is declared twice");
    all.push_back(std::move(declaration));
}

/// The bytes of an argument, as limpet_calls.h has them.
void append_type(std::vector<uint8_t>& types, const Argument& argument, std::span<const std::string> kinds) {
    const ScalarRow& row = row_of(argument.type);
    if (argument.kind == Argument::Kind::kScalar) {
        types.push_back(static_cast<uint8_t>((row.bits - 1) * 2 + (row.is_signed ? 1 : 0)));
    } else if (argument.kind == Argument::Kind::kHandle) {
        const auto kind = std::ranges::find(kinds, argument.handle) - kinds.begin();
        if (kind >= LIMPET_KINDS_MAX) throw DeclarationError("more than 64 kinds of handles");
        types.push_back(static_cast<uint8_t>(LIMPET_TYPE_HANDLE + kind));
    } else {
        const uint32_t shift = bytes_of(argument.type) / 2;
        types.push_back(static_cast<uint8_t>(LIMPET_TYPE_BUFFER | shift << LIMPET_TYPE_ELEMENT_SHIFT |
                                             (argument.is_written() ? LIMPET_TYPE_WRITTEN : 0) |
                                             (argument.length_is_argument ? LIMPET_TYPE_LENGTH_IS_ARGUMENT : 0)));
        types.push_back(static_cast<uint8_t>(argument.length));
    }
}

std::string canonical(const Argument& argument) {
    const std::string word(kArgumentWords[static_cast<size_t>(argument.kind)]);
    if (argument.kind == Argument::Kind::kScalar) return std::string(name_of(argument.type));
    if (argument.kind == Argument::Kind::kHandle) return word + "<" + argument.handle + ">";
    return word + " " + std::string(name_of(argument.type)) + "[" + (argument.length_is_argument ? "#" : "") +
           std::to_string(argument.length) + "]";
}

/// Takes what is before `end` (or everything) off the front of `text`, and `end` with it.
std::string_view take_until(std::string_view& text, char end) {
    const size_t length = std::min(text.find(end), text.size());
    const std::string_view result = text.substr(0, length);
    text.remove_prefix(std::min(length + 1, text.size()));
    return result;
}

} // namespace

std::string_view name_of(Scalar type) { return row_of(type).name; }

uint32_t bytes_of(Scalar type) { return std::max(row_of(type).bits / 8, 1U); }

bool is_value_of(Scalar type, uint32_t value) {
    const uint32_t unused = 32 - row_of(type).bits;
    const uint32_t shifted = value << unused;
    return value == (row_of(type).is_signed ? static_cast<uint32_t>(static_cast<int32_t>(shifted) >> unused)
                                            : shifted >> unused);
}

std::string canonical(const Declaration& declaration) {
    std::string result(declaration.result ? name_of(*declaration.result) : "void");
    result += " " + declaration.name + "(";
    for (const Argument& argument : declaration.arguments) {
        if (&argument != &declaration.arguments.front()) result += ",";
        result += canonical(argument);
    }
    return result + ")";
}

Declaration parse_declaration(std::string_view text) {
    Declaration result = Parser(text).declaration();
    check_meaning(result);
    return result;
}

std::vector<Declaration> parse_imports(std::string_view text) {
    std::vector<Declaration> result;
    std::string comment;
    for (size_t line_number = 1; !text.empty(); ++line_number) {
        const std::string_view line = trimmed(take_until(text, '\n'));
        if (line.starts_with("//")) {
            comment += std::string(trimmed(line.substr(2))) + "\n";
            continue;
        }
        try {
            const std::string_view code = trimmed(line.substr(0, line.find("//")));
            if (!code.empty()) {
                Declaration declaration = parse_declaration(code);
                declaration.comment = comment;
                add(result, std::move(declaration));
            }
        } catch (const DeclarationError& error) {
            throw DeclarationError("line " + std::to_string(line_number) + ": " + error.what());
        }
        comment.clear();
    }
    return result;
}

std::vector<Declaration> parse_dictionary(std::string_view text) {
    std::vector<Declaration> result;
    while (!text.empty()) {
        const std::string_view entry = take_until(text, ';');
        try {
            Declaration declaration = parse_declaration(entry);
            if (canonical(declaration) != entry) throw DeclarationError(shown(entry) + " is not in canonical form");
            add(result, std::move(declaration));
        } catch (const DeclarationError& error) {
            throw DeclarationError("host call " + std::to_string(result.size()) + ": " + error.what());
        }
    }
    return result;
}

std::string dictionary(std::span<const Declaration> declarations) {
    std::string result;
    for (const Declaration& declaration : declarations) {
        if (!result.empty()) result += ";";
        result += canonical(declaration);
    }
    return result;
}

std::optional<uint32_t> find(std::span<const Declaration> declarations, std::string_view canonical_form) {
    const auto found = std::ranges::find_if(
        declarations, [&](const Declaration& declaration) { return canonical(declaration) == canonical_form; });
    if (found == declarations.end()) return std::nullopt;
    return static_cast<uint32_t>(found - declarations.begin());
}

std::vector<uint8_t> encode(const Declaration& declaration, std::span<const std::string> kinds) {
    std::vector<uint8_t> types;
    for (const Argument& argument : declaration.arguments) append_type(types, argument, kinds);
    const uint32_t result = declaration.result ? LIMPET_TYPE_NOT_VOID + static_cast<uint32_t>(*declaration.result) : 0;
    types.push_back(static_cast<uint8_t>(LIMPET_TYPE_RESULT | result));
    return types;
}

std::vector<std::string> handle_kinds(std::span<const Declaration> declarations) {
    std::vector<std::string> result;
    for (const Declaration& declaration : declarations)
        for (const Argument& argument : declaration.arguments)
            if (argument.kind == Argument::Kind::kHandle && std::ranges::find(result, argument.handle) == result.end())
                result.push_back(argument.handle);
    return result;
}

} // namespace limpet::calls
