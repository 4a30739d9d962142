"""`limpet build --isa rv32ecx`: behind the linker, instructions become shorter, and what refers to code follows."""

import re

from build_test import BuildTest

# Code addresses in every place that compilers put them: tables of functions, of labels and of a switch, constants of
# instructions.
ADDRESSES = """
typedef uint32_t function(uint32_t);
static __attribute__((noinline)) uint32_t one(uint32_t x) { return x + 1; }
static __attribute__((noinline)) uint32_t two(uint32_t x) { return (x << 3) + 77; }
static __attribute__((noinline)) uint32_t three(uint32_t x) { return x < 100 ? x / 7 : x >> 2; }
static function* const volatile functions[] = {one, two, three};
static function* volatile chosen;

#ifdef __clang__
#define JUMP_TABLES
#else
#define JUMP_TABLES __attribute__((optimize("jump-tables")))
#endif
static JUMP_TABLES __attribute__((noinline)) uint32_t choose(uint32_t which, uint32_t x) {
    switch (which) {
    case 0: return one(x) * 3;
    case 1: return two(x) - 1;
    case 2: return three(x) + two(x);
    case 3: return x << 5;
    case 4: return x ^ 0x55;
    case 5: return one(one(x)) + 70;
    case 6: return three(x ^ 1);
    case 7: return x >> 9;
    default: return which - x;
    }
}

uint32_t LIMPET_ENTRY(task)(uint32_t which, uint32_t x) {
    static const void* const volatile labels[] = {&&first, &&second, &&third};
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); ++i) bytes[i] = x >> i;
    goto *labels[which % 3];
first:
    chosen = three;
    return functions[which % 3](x) + bytes[5];
second:
    chosen = one;
    return functions[which % 3](x) - bytes[which % 8];
third:
    chosen = two;
    for (unsigned i = 0; i < 9; ++i) x = choose(i, x) + (x >> 7);
    return chosen(x) ^ (uintptr_t)(chosen == two);
}
"""


class Relaxation(BuildTest):
    def both(self, source, *options):
        """[(image, ELF file)] as rv32ec and as rv32ecx."""
        pairs = []
        for isa in ("rv32ec", "rv32ecx"):
            elf = self.folder / f"{isa}.elf"
            image = self.build(source, options=["--isa", isa, "--debug", elf, *options])
            pairs.append((image.rename(self.folder / f"{isa}.limpet"), elf))
        return pairs

    def results(self, image, isa):
        return [self.call(image, "task", which, x, isa=isa) for which in range(3) for x in (0, 99, 2**32 - 1)]

    def outline(self, image, elf):
        """Names and source lines in the listing, and how many instructions stand behind each."""
        listing = self.limpet("disasm", image, "--symbols", elf).stdout.decode()
        return re.sub(r"(^[0-9a-f]{8}: .*\n)+", lambda run: f"{run[0].count(chr(10))}\n", listing, flags=re.MULTILINE)

    def test_addresses_of_code_follow(self):
        for options in (("-O2",), (), ("-O0",), ("--cc", "clang")):
            with self.subTest(options=options):
                (plain, _), (relaxed, _) = self.both(ADDRESSES, "--stack", "128", *options)
                self.assertLess(self.code_bytes(relaxed), self.code_bytes(plain))
                self.assertEqual(self.results(relaxed, "rv32ecx"), self.results(plain, "rv32ec"))

    def test_names_and_source_lines_follow(self):
        for options in (("-O2",), (), ("-O0",), ("--cc", "clang")):
            with self.subTest(options=options):
                plain, relaxed = self.both(ADDRESSES, "--stack", "128", *options)
                outline = self.outline(*plain)
                self.assertGreater(outline.count("; source0.c:"), 10)
                self.assertEqual(self.outline(*relaxed), outline)

    def code_bytes(self, image):
        return int(re.search(r"(\d+) code", self.info(image), re.MULTILINE)[1])
