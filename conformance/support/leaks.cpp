/// \file
/// Unicorn 2.0.1 loses some of its own memory when it forgets translated code; LeakSanitizer is told so here, in a
/// build that has it.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the sanitizer's name
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libunicorn\n"; }
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
