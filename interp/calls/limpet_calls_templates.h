/// \file
/// The C++20 part of limpet_calls.h, which describes it and includes it: declarations deduced from the types of
/// functions.
#pragma once

namespace limpet {

/// How long a buffer is: a number of elements, or arg(k).
struct Length {
    uint32_t number;
    bool is_argument = false;

    constexpr Length(uint32_t elements) : number(elements) {} // NOLINT(google-explicit-constructor): In<uint8_t, 4>
    constexpr Length(uint32_t argument, bool by_argument) : number(argument), is_argument(by_argument) {}
};

/// As long as argument k says, counted from 0.
constexpr Length arg(uint32_t k) { return {k, true}; }

/// Parameters of declared functions.
template <class T, Length length> struct In {
    const T* data;
    constexpr operator const T*() const { return data; } // NOLINT(google-explicit-constructor): it is a pointer
};
template <class T, Length length> struct Out {
    T* data;
    constexpr operator T*() const { return data; } // NOLINT(google-explicit-constructor)
};
template <class T, Length length> struct InOut {
    T* data;
    constexpr operator T*() const { return data; } // NOLINT(google-explicit-constructor)
};
/// Kind has `static constexpr char name[]`, `static constexpr uint8_t number`, and `type`, which holds what
/// limpet_resolve_handle returned.
template <class Kind> struct Handle { typename Kind::type value; };

namespace detail {

/// Text of at most `size` characters, made at compile time.
template <unsigned size> struct Text {
    char text[size + 1] = {};
    unsigned length = 0;

    constexpr void add(char c) { text[length++] = c; }
    constexpr void add(const char* s) {
        for (; *s != 0; ++s) add(*s);
    }
    constexpr void add_number(uint32_t number) {
        if (number >= 10) add_number(number / 10);
        add(static_cast<char>('0' + number % 10));
    }
};

/// bool u8 i8 u16 i16 u32 i32, in the order of results.
struct Scalar {
    const char* name;
    uint32_t place;
    uint32_t detail;
};

template <class T> inline constexpr bool kIsNumber = false;
template <> inline constexpr bool kIsNumber<char> = true;
template <> inline constexpr bool kIsNumber<signed char> = true;
template <> inline constexpr bool kIsNumber<unsigned char> = true;
template <> inline constexpr bool kIsNumber<short> = true;
template <> inline constexpr bool kIsNumber<unsigned short> = true;
template <> inline constexpr bool kIsNumber<int> = true;
template <> inline constexpr bool kIsNumber<unsigned> = true;
template <> inline constexpr bool kIsNumber<long> = sizeof(long) == 4;
template <> inline constexpr bool kIsNumber<unsigned long> = sizeof(long) == 4;

template <class T> constexpr Scalar scalar() {
    static_assert(kIsNumber<T>, "not a number of 8, 16 or 32 bits");
    constexpr const char* kNames[] = {"u8", "i8", "u16", "i16", "u32", "i32"};
    const uint32_t is_signed = static_cast<T>(-1) < static_cast<T>(0) ? 1 : 0;
    const uint32_t row = sizeof(T) / 2 * 2 + is_signed;
    return {kNames[row], row + 1, (sizeof(T) * 8 - 1) * 2 + is_signed};
}
template <> constexpr Scalar scalar<bool>() { return {"bool", 0, 0}; }

/// Of one argument: its byte, a buffer's second one, and whether it may be the length of a buffer.
struct Encoded {
    uint32_t type;
    uint32_t length = 0;
    bool may_be_length = false;

    [[nodiscard]] constexpr bool is_buffer() const { return type >= LIMPET_TYPE_BUFFER && type < LIMPET_TYPE_HANDLE; }
    [[nodiscard]] constexpr bool needs_length() const { return is_buffer() && type % 2 != 0; }
};

template <class T> struct Parameter {
    static constexpr Scalar kScalar = scalar<T>();
    static constexpr Encoded encoded() { return {kScalar.detail, 0, kScalar.detail % 2 == 0 && kScalar.detail != 0}; }
    static constexpr void print(auto& text) { text.add(kScalar.name); }
};

template <class Kind> struct Parameter<Handle<Kind>> {
    static_assert(sizeof(Handle<Kind>) <= sizeof(uintptr_t), "a handle is passed in a register");
    static_assert(Kind::number < LIMPET_KINDS_MAX, "kinds of handles are numbered 0..63");
    static constexpr Encoded encoded() { return {LIMPET_TYPE_HANDLE + Kind::number}; }
    static constexpr void print(auto& text) {
        text.add("handle<");
        text.add(Kind::name);
        text.add('>');
    }
};

template <class T, Length length, uint32_t written> struct Buffer {
    static constexpr Scalar kScalar = scalar<T>();
    static_assert(kScalar.detail != 0, "bool cannot be in a buffer");
    static_assert(length.is_argument ? length.number < 5 : length.number - 1 < 255, "a length is 1..255 or arg(k)");
    static constexpr Encoded encoded() {
        const uint32_t shift = sizeof(T) / 2;
        return {LIMPET_TYPE_BUFFER | shift << LIMPET_TYPE_ELEMENT_SHIFT | written |
                    (length.is_argument ? LIMPET_TYPE_LENGTH_IS_ARGUMENT : 0),
                length.number};
    }
    static constexpr void print_after(auto& text, const char* word) {
        text.add(word);
        text.add(kScalar.name);
        text.add(length.is_argument ? "[#" : "[");
        text.add_number(length.number);
        text.add(']');
    }
};
template <class T, Length length> struct Parameter<In<T, length>> : Buffer<T, length, 0> {
    static constexpr void print(auto& text) { Parameter::print_after(text, "in "); }
};
template <class T, Length length> struct Parameter<Out<T, length>> : Buffer<T, length, LIMPET_TYPE_WRITTEN> {
    static constexpr void print(auto& text) { Parameter::print_after(text, "out "); }
};
template <class T, Length length> struct Parameter<InOut<T, length>> : Buffer<T, length, LIMPET_TYPE_WRITTEN> {
    static constexpr void print(auto& text) { Parameter::print_after(text, "inout "); }
};

template <class R> struct Result {
    static constexpr uint32_t kCode = LIMPET_TYPE_RESULT + LIMPET_TYPE_NOT_VOID + scalar<R>().place;
    static constexpr const char* kName = scalar<R>().name;
};
template <> struct Result<void> {
    static constexpr uint32_t kCode = LIMPET_TYPE_RESULT;
    static constexpr const char* kName = "void";
};

/// What the type of a function says.
template <class R, class... A> struct Type {
    static_assert(sizeof...(A) <= 5, "at most 5 arguments");

    static constexpr bool lengths_are_right() {
        const Encoded arguments[] = {Parameter<A>::encoded()..., {}};
        for (const Encoded& argument : arguments)
            if (argument.needs_length() &&
                (argument.length >= sizeof...(A) || !arguments[argument.length].may_be_length))
                return false;
        return true;
    }

    /// How many bytes add_types adds.
    static constexpr unsigned kTypesBytes = (0 + ... + (Parameter<A>::encoded().is_buffer() ? 2 : 1)) + 1;

    static constexpr void add_types(auto*& bytes) {
        static_assert(lengths_are_right(), "arg(k) is no u8, u16 or u32");
        [[maybe_unused]] const auto add = [&bytes](const Encoded& argument) {
            *bytes++ = static_cast<uint8_t>(argument.type);
            if (argument.is_buffer()) *bytes++ = static_cast<uint8_t>(argument.length);
        };
        (add(Parameter<A>::encoded()), ...);
        *bytes++ = static_cast<uint8_t>(Result<R>::kCode);
    }

    static constexpr void print(auto& text, const char* name) {
        text.add(Result<R>::kName);
        text.add(' ');
        text.add(name);
        [[maybe_unused]] char before = '('; // not used when there are no arguments
        ((text.add(before), before = ',', Parameter<A>::print(text)), ...);
        text.add(sizeof...(A) == 0 ? "()" : ")");
    }
};
/// A place among that many bytes.
template <bool many> struct Place { using type = uint8_t; };
template <> struct Place<true> { using type = uint16_t; };

template <class R, class... A> constexpr Type<R, A...> type_of(R (*)(A...)) { return {}; }

inline constexpr unsigned kNameMax = 63;

/// The name of a function, without its namespaces, as the compiler writes it: "... [with auto function = spi::read]".
template <auto function> constexpr Text<kNameMax> name_of() {
    const char* pretty = __PRETTY_FUNCTION__;
    const char* start = pretty;
    for (const char* c = pretty; *c != 0; ++c)
        if (*c == '=' || *c == ' ' || *c == ':' || *c == '&') start = c + 1;
    Text<kNameMax> result;
    for (; *start != ']' && *start != 0; ++start) result.add(*start);
    return result;
}

template <auto function> constexpr bool has_plain_name() {
    const Text<kNameMax> name = name_of<function>();
    for (unsigned i = 0; i < name.length; ++i) {
        const char c = name.text[i];
        if (c != '_' && !(c >= 'a' && c <= 'z') && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return name.length != 0;
}

} // namespace detail

/// The declared calls of a firmware, in the order of their ids.
template <auto... functions> struct Calls {
    static_assert(sizeof...(functions) <= 256, "ids are 0..255");
    static_assert((detail::has_plain_name<functions>() && ...), "names of declared functions are [a-z_][a-z0-9_]*");

    /// A limpet_host_call.
    static limpet_status call(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
        static limpet_function* const carried_out_by[] = {reinterpret_cast<limpet_function*>(functions)...};
        if (id >= sizeof...(functions)) return LIMPET_HOST_CALL;
        return limpet_call_declared(vm, host, carried_out_by[id], &types.bytes[types.starts[id]], args);
    }

private:
    /// The types of all functions, and where those of each begin.
    static constexpr auto types = [] {
        constexpr unsigned kBytes = (0 + ... + decltype(detail::type_of(functions))::kTypesBytes);
        using Start = typename detail::Place<(kBytes > 256)>::type;
        struct {
            Start starts[sizeof...(functions)] = {};
            uint8_t bytes[kBytes] = {};
        } result;
        auto* start = result.starts;
        auto* end = result.bytes;
        const auto add = [&](const auto& type) {
            *start++ = static_cast<Start>(end - result.bytes);
            type.add_types(end);
        };
        (add(detail::type_of(functions)), ...);
        return result;
    }();

    static constexpr auto roomy_dictionary() {
        // A result, a name, and five handles, which are the longest arguments.
        constexpr unsigned kDeclarationMax = 10 + detail::kNameMax + 5 * (10 + detail::kNameMax);
        detail::Text<sizeof...(functions) * kDeclarationMax> text;
        const auto add = [&text](const auto& type, const auto& name) {
            if (text.length != 0) text.add(';');
            type.print(text, name.text);
        };
        (add(detail::type_of(functions), detail::name_of<functions>()), ...);
        return text;
    }

public:
    /// The dictionary string: dictionary.text, which ends in 0.
    static constexpr auto dictionary = [] {
        detail::Text<roomy_dictionary().length> text;
        text.add(roomy_dictionary().text);
        return text;
    }();
};

} // namespace limpet
