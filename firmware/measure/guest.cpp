#include "guest.h"

/// Made by guests.cmake.
struct NamedGuest {
    const char* name;
    const measure::GuestImage* image;
};
extern "C" const NamedGuest guest_table[];
extern "C" const NamedGuest guest_table_end[];

namespace {

bool same(const char* a, const char* b) {
    while (*a != 0 && *a == *b) ++a, ++b;
    return *a == *b;
}

} // namespace

const measure::GuestImage& measure::guest_image(const char* name) {
    for (const NamedGuest* guest = guest_table; guest != guest_table_end; ++guest)
        if (same(guest->name, name)) return *guest->image;
    __builtin_trap();
}
