/// \file
/// The functions of table.c again, declared by their C++ types.
#include "table.h"

namespace {

using limpet::arg;
using limpet::Handle;
using limpet::In;
using limpet::InOut;
using limpet::Out;

struct Bus {
    static constexpr char name[] = "bus";
    static constexpr uint8_t number = TEST_KIND_BUS;
    using type = test_bus*;
};
struct Pin {
    static constexpr char name[] = "pin";
    static constexpr uint8_t number = TEST_KIND_PIN;
    using type = uint32_t;
};

/// What is noted of each kind of parameter.
template <class T> uintptr_t noted(T value) { return static_cast<uint32_t>(value); }
uintptr_t noted(Handle<Bus> bus) { return bus.value->number; }
uintptr_t noted(Handle<Pin> pin) { return pin.value; }
template <class T, limpet::Length length> uintptr_t noted(Out<T, length> buffer) {
    return reinterpret_cast<uintptr_t>(buffer.data);
}

void note(auto... arguments) {
    ++test_last.calls;
    test_last.count = test_last.sum = 0;
    (test_note(noted(arguments)), ...);
}

template <class T> T take(T a) {
    note(a);
    return static_cast<T>(test_last.result);
}

namespace declared {

void nothing() { note(); }
bool take_bool(bool a) {
    note(a);
    return (test_last.result & 1) != 0;
}
uint8_t take_u8(uint8_t a) { return take(a); }
int8_t take_i8(int8_t a) { return take(a); }
uint16_t take_u16(uint16_t a) { return take(a); }
int16_t take_i16(int16_t a) { return take(a); }
uint32_t take_u32(uint32_t a) { return take(a); }
int32_t take_i32(int32_t a) { return take(a); }
void numbers(bool a, uint8_t b, int8_t c, uint16_t d, int16_t e) { note(a, b, c, d, e); }
void handles(Handle<Bus> a, Handle<Pin> b, Handle<Pin> c, Handle<Bus> d, int8_t e) noexcept { note(a, b, c, d, e); }
void in_bytes(In<uint8_t, arg(1)> a, uint8_t b) {
    note();
    test_read(a, b);
    test_note(b);
}
void in_words(In<uint32_t, arg(1)> a, uint32_t b) {
    note();
    test_read(a, b * 4);
    test_note(b);
}
uint16_t out_halves(uint16_t a, Out<int16_t, arg(0)> b) {
    note(a, b);
    test_write(b, a * 2U);
    return static_cast<uint16_t>(test_last.result);
}
int8_t inout_words(InOut<int32_t, 3> a) {
    note();
    test_read(a, 12);
    test_write(a, 12);
    return static_cast<int8_t>(test_last.result);
}
int32_t everything(Handle<Bus> a, In<uint16_t, arg(2)> b, uint16_t c, Out<uint32_t, arg(4)> d, uint32_t e) {
    note(a);
    test_read(b, c * 2U);
    test_note(c);
    test_note(noted(d));
    test_note(e);
    test_write(d, e * 4);
    return static_cast<int32_t>(test_last.result);
}
void constants(In<int8_t, 255> a, Out<uint16_t, 1> b, InOut<int32_t, 2> c, In<uint8_t, 1> d, Out<int8_t, 2> e) {
    note();
    test_read(a, 255);
    test_note(noted(b));
    test_read(c, 8);
    test_read(d, 1);
    test_note(noted(e));
    test_write(b, 2);
    test_write(c, 8);
    test_write(e, 2);
}
bool copy(In<uint8_t, arg(3)> a, InOut<uint8_t, arg(3)> b, Out<uint8_t, arg(3)> c, uint8_t d) {
    note();
    test_read(a, d);
    test_read(b, d);
    test_note(noted(c));
    test_note(d);
    test_write(b, d);
    test_write(c, d);
    return (test_last.result & 1) != 0;
}

#define MANY_FUNCTION(name, id)                                                                                        \
    uint32_t name(In<uint8_t, 1> a, In<uint16_t, 2> b, In<uint32_t, 3> c, In<int16_t, 4> d, In<int32_t, 5> e) {        \
        return a.data != nullptr && b.data != nullptr && c.data != nullptr && d.data != nullptr && e.data != nullptr   \
                   ? (id)                                                                                              \
                   : UINT32_MAX;                                                                                       \
    }
TEST_MANY(MANY_FUNCTION)

} // namespace declared

using namespace declared;
using TestCalls = limpet::Calls<nothing, take_bool, take_u8, take_i8, take_u16, take_i16, take_u32, take_i32, numbers,
                                handles, in_bytes, in_words, out_halves, inout_words, everything, constants, copy>;
using ManyCalls = limpet::Calls<m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, m17, m18,
                                m19, m20, m21, m22, m23, m24, m25>;

} // namespace

extern "C" limpet_status test_many_cpp(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    return ManyCalls::call(vm, host, id, args);
}

extern "C" limpet_status test_calls_cpp(limpet_vm* vm, const limpet_host* host, uint32_t id, uint32_t* args) {
    return TestCalls::call(vm, host, id, args);
}

extern "C" const char* test_dictionary_cpp() { return TestCalls::dictionary.text; }
