"""`limpet build --isa rv32ecx` and rv32dense: behind the linker, code becomes shorter, and what refers to it follows."""

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
    def both(self, source, *options, isas=("rv32ec", "rv32ecx")):
        """[(image, ELF file)] as rv32ec and as rv32ecx."""
        pairs = []
        for isa in isas:
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

    def test_addresses_of_dense_code_follow(self):
        for options in (("-O2",), ("--cc", "clang")):
            with self.subTest(options=options):
                (plain, _), (dense, elf) = self.both(ADDRESSES, "--stack", "128", *options,
                                                     isas=("rv32ec", "rv32dense"))
                self.assertLess(self.code_bytes(dense), self.code_bytes(plain) * 0.8)
                self.assertEqual(self.results(dense, "rv32dense"), self.results(plain, "rv32ec"))
                listing = self.limpet("disasm", dense, "--symbols", elf).stdout.decode()
                self.assertGreater(listing.count("; source0.c:"), 10)
                self.assertIn("\nlimpet_entry_task:\n", listing)

    def test_dense_traps_are_told(self):
        image = self.build("uint32_t LIMPET_ENTRY(task)(uint32_t* p) { return p[0] + p[1]; }",
                           options=["--isa", "rv32dense"])
        code = re.search(r"code (0x\w+)", self.info(image))[1]
        result = self.limpet("run", image, "--args", "0xffff0000")
        self.assertRegex(result.stderr.decode(), f"^trap=load pc={int(code, 16):08x} insn=[0-9a-f]+\n$")
        self.assertEqual(result.returncode, 2)

    def test_dense_is_for_images(self):
        image = self.build("void LIMPET_ENTRY(task)(void) {}", options=["--isa", "rv32dense"])
        self.assert_refused(64, "not for rv32dense", "run", image, "--trace")
        self.assert_refused(64, "it is for images", "batch", "--isa", "rv32dense")
        self.assert_refused(3, "rv32dense is for images", "run", self.raw("ret"), "--isa", "rv32dense")

    def test_names_and_source_lines_follow(self):
        for options in (("-O2",), (), ("-O0",), ("--cc", "clang")):
            with self.subTest(options=options):
                plain, relaxed = self.both(ADDRESSES, "--stack", "128", *options)
                outline = self.outline(*plain)
                self.assertGreater(outline.count("; source0.c:"), 10)
                self.assertEqual(self.outline(*relaxed), outline)

    def code_bytes(self, image):
        return int(re.search(r"(\d+) code", self.info(image), re.MULTILINE)[1])
