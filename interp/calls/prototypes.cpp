#include "signature.h"

namespace limpet::calls {

namespace {

std::string c_type(Scalar type) {
    if (type == Scalar::kBool) return "bool";
    const std::string_view name = name_of(type);
    return (name.front() == 'u' ? "uint" : "int") + std::string(name.substr(1)) + "_t";
}

std::string c_result(const Declaration& declaration) {
    return declaration.result ? c_type(*declaration.result) : "void";
}

/// Names that the header makes up start with limpet_, which no declaration may use.
std::string c_name(const Argument& argument, size_t number) {
    return argument.name.empty() ? "limpet_argument" + std::to_string(number) : argument.name;
}

std::string c_parameter(const Argument& argument, size_t number) {
    const std::string name = c_name(argument, number);
    if (argument.kind == Argument::Kind::kHandle) return "limpet_" + argument.handle + " " + name;
    const std::string type = c_type(argument.type);
    if (!argument.is_buffer()) return type + " " + name;
    return (argument.is_written() ? "" : "const ") + type + "* " + name;
}

/// "result name(parameters)"
std::string c_function(const Declaration& declaration) {
    std::string result = c_result(declaration) + " " + declaration.name + "(";
    for (size_t i = 0; i < declaration.arguments.size(); ++i)
        result += (i == 0 ? "" : ", ") + c_parameter(declaration.arguments[i], i);
    return result + (declaration.arguments.empty() ? "void)" : ")");
}

/// How an instruction set passes arguments: in `type` registers r<first>, r<first + 1> ...; the result is in r0.
struct Machine {
    const char* type;
    char letter;
    size_t first;
    const char* instruction; ///< the id follows
};

constexpr Machine kRv32 = {"uint32_t", 'a', 0, ".insn i 0x0b, 0, x0, x0, "}; // custom-0 in I-format
constexpr Machine kBpf = {"uint64_t", 'r', 1, "call "};

std::string variable(const Machine& machine, size_t number) {
    return std::string("limpet_") + machine.letter + std::to_string(number);
}

/// "    register uint32_t limpet_a0 __asm__("a0")"
std::string register_variable(const Machine& machine, size_t number) {
    return std::string("    register ") + machine.type + " " + variable(machine, number) + " __asm__(\"" +
           machine.letter + std::to_string(number) + "\")";
}

std::string c_value(const Machine& machine, const Argument& argument, size_t number) {
    const std::string name = c_name(argument, number);
    if (argument.kind == Argument::Kind::kHandle) return name + ".index";
    const std::string cast = std::string("(") + machine.type + ")";
    return argument.is_buffer() ? cast + "(uintptr_t)" + name : cast + name;
}

/// Returns the result. The compiler is told what values the firmware gives, so that it need not extend them.
std::string return_statement(const Machine& machine, Scalar type) {
    const std::string value = variable(machine, 0);
    std::string hint;
    const auto unreachable = [](const std::string& condition) {
        return "    if (" + condition + ") __builtin_unreachable();\n";
    };
    switch (type) {
    case Scalar::kBool: hint = unreachable(value + " > 1"); break;
    case Scalar::kU8: hint = unreachable(value + " > 0xff"); break;
    case Scalar::kU16: hint = unreachable(value + " > 0xffff"); break;
    case Scalar::kI8: hint = unreachable("(int32_t)" + value + " < -0x80 || (int32_t)" + value + " > 0x7f"); break;
    case Scalar::kI16: hint = unreachable("(int32_t)" + value + " < -0x8000 || (int32_t)" + value + " > 0x7fff"); break;
    case Scalar::kU32:
    case Scalar::kI32: break;
    }
    return hint + "    return (" + c_type(type) + ")" + value + ";\n";
}

bool has_buffer(const Declaration& declaration) {
    for (const Argument& argument : declaration.arguments)
        if (argument.is_buffer()) return true;
    return false;
}

void append(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

/// The body for rv32: nothing but a0 changes, and that only when there is a result.
std::string rv32_body(const Declaration& declaration, size_t id) {
    const auto& arguments = declaration.arguments;
    std::string text;
    std::string outputs;
    std::string inputs;
    for (size_t i = 0; i < arguments.size(); ++i)
        text += register_variable(kRv32, i) + " = " + c_value(kRv32, arguments[i], i) + ";\n";
    if (declaration.result && arguments.empty()) text += register_variable(kRv32, 0) + ";\n";
    if (declaration.result) outputs = (arguments.empty() ? "\"=r\"(" : "\"+r\"(") + variable(kRv32, 0) + ")";
    for (size_t i = declaration.result ? 1 : 0; i < arguments.size(); ++i)
        append(inputs, "\"r\"(" + variable(kRv32, i) + ")");
    text += std::string("    __asm__ volatile(\"") + kRv32.instruction + std::to_string(id) + "\" : " + outputs +
            " : " + inputs + (has_buffer(declaration) ? " : \"memory\");\n" : ");\n");
    return text + (declaration.result ? return_statement(kRv32, *declaration.result) : "");
}

/// The body for eBPF: r0 is the result, and a call leaves nothing in r1..r5.
std::string bpf_body(const Declaration& declaration, size_t id) {
    std::string text = register_variable(kBpf, 0) + ";\n";
    std::string outputs = "\"=r\"(" + variable(kBpf, 0) + ")";
    std::string clobbers;
    for (size_t i = 0; i < kArgumentsMax; ++i) {
        const size_t number = i + kBpf.first;
        if (i < declaration.arguments.size()) {
            text += register_variable(kBpf, number) + " = " + c_value(kBpf, declaration.arguments[i], i) + ";\n";
            append(outputs, "\"+r\"(" + variable(kBpf, number) + ")");
        } else {
            append(clobbers, "\"r" + std::to_string(number) + "\"");
        }
    }
    if (has_buffer(declaration)) append(clobbers, "\"memory\"");
    text += std::string("    __asm__ volatile(\"") + kBpf.instruction + std::to_string(id) + "\" : " + outputs + " :" +
            (clobbers.empty() ? "" : " : " + clobbers) + ");\n";
    return text + (declaration.result ? return_statement(kBpf, *declaration.result) : "");
}

/// The comment of an imports file as one of C, which it must not be able to end, nor seem to start another one.
std::string c_comment(const Declaration& declaration, size_t id) {
    std::string text = declaration.comment + "Host call " + std::to_string(id) + ": " + canonical(declaration);
    std::string result = "/* ";
    for (const char c : text) {
        if ((c == '/' && result.back() == '*') || (c == '*' && result.back() == '/')) result += ' ';
        if (c == '\n')
            result += "\n * ";
        else
            result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return result + " */\n";
}

using Body = std::string (*)(const Declaration&, size_t id);

/// Each function with the comment above it and the body that `body` makes.
std::string functions(std::span<const Declaration> declarations, Body body) {
    std::string text;
    for (size_t id = 0; id < declarations.size(); ++id)
        text += "\n" + c_comment(declarations[id], id) + "static inline __attribute__((always_inline, unused)) " +
                c_function(declarations[id]) + " {\n" + body(declarations[id], id) + "}\n";
    return text;
}

std::string externs(std::span<const Declaration> declarations) {
    std::string text = "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    for (const Declaration& declaration : declarations) text += c_function(declaration) + ";\n";
    return text + "#ifdef __cplusplus\n}\n#endif\n";
}

} // namespace

std::string prototypes(std::span<const Declaration> declarations) {
    std::string text =
        "/* Functions of the firmware that a driver may call. Made by limpet from their declarations. */\n"
        "#ifndef LIMPET_IMPORTS_H\n"
        "#define LIMPET_IMPORTS_H\n"
        "\n"
        "#include <stdbool.h>\n"
        "#include <stdint.h>\n";
    for (const std::string& kind : handle_kinds(declarations))
        text += "\ntypedef struct limpet_" + kind + " {\n    uint32_t index;\n} limpet_" + kind + ";\n";
    text += "\n#if defined(__riscv)\n" + functions(declarations, rv32_body);
    text += "\n#elif defined(__bpf__)\n" + functions(declarations, bpf_body);
    text += "\n#else /* for tests on a PC, and native code to compare with */\n" + externs(declarations);
    return text + "\n#endif\n#endif\n";
}

} // namespace limpet::calls
