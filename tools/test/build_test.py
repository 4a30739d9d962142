"""`limpet build`: what comes out runs, what cannot be built is refused, and nothing is left half-written."""

import os
import pathlib
import random
import re
import stat
import subprocess
import unittest

from support import SOURCE, GuestTest, backends

ISAS = ("rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense")
IMPORTS = """
u32 timer_read_time()
void respond(u8 message, in u8[#2] data, u8 length)
u32 add(u32 a, u32 b)
"""
HEAD = '#include "limpet_guest.h"\n#include "limpet_imports.h"\n'


class BuildTest(GuestTest):
    def source(self, text, name="driver.c"):
        path = self.folder / name
        path.write_text(HEAD + text)
        return path

    def build(self, *sources, options=()):
        """Path of an image made from sources: text or paths."""
        paths = [self.source(source, f"source{number}.c") if isinstance(source, str) else source
                 for number, source in enumerate(sources)]
        image = self.folder / "driver.limpet"
        result = self.limpet("build", *paths, "-o", image, *options)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
        return image

    def assert_not_built(self, status, words, source, *options):
        """Expects an exit status and `words` on standard error, and that no file was written."""
        folder = self.folder / "out"
        folder.mkdir(exist_ok=True)
        path = self.source(source) if isinstance(source, str) else source
        result = self.limpet("build", path, "-o", folder / "driver.limpet", *options)
        errors = result.stderr.decode()
        self.assertIn(words, errors)
        self.assertTrue(errors.splitlines()[-1].startswith("limpet: "))
        self.assertEqual((result.returncode, result.stdout), (status, b""))
        self.assertEqual(list(folder.iterdir()), [])
        return errors

    def info(self, image):
        result = self.limpet("info", image)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def stack_bytes(self, image):
        return int(re.search(r"^stack +(\d+) bytes? at most$", self.info(image), re.MULTILINE)[1])

    def call(self, image, entry, *arguments, isa="rv32ec"):
        """The result of an entry, which must be the same on every backend."""
        results = set()
        for backend in backends(isa):
            words = ",".join(map(str, arguments)) or "0"
            status, errors, state = self.run_guest(image, "--entry", entry, "--backend", backend, "--args", words)
            self.assertEqual((status, errors), (0, ""))
            results.add(int(state["r0" if isa == "ebpf" else "x10"], 16) & 0xffffffff)
        self.assertEqual(len(results), 1)
        return results.pop()


class Programs(BuildTest):
    SOURCES = ("""
        uint32_t next(void);
        static const uint8_t table[] = {1, 2, 4, 8};
        static uint32_t variable = 7, zero;
        uint32_t LIMPET_ENTRY(divide)(uint32_t a, uint32_t b) { return a / b * 1000 + a % b; }
        uint32_t LIMPET_ENTRY(data)(uint32_t i) { zero += 100; return table[i] + variable + zero; }
        uint32_t LIMPET_ENTRY(wide)(uint32_t a, uint32_t b) { return (uint32_t)((uint64_t)a * b >> 32); }
        uint32_t LIMPET_ENTRY(copy)(uint32_t n) {
            volatile uint32_t size = n;
            uint8_t from[8], to[8];
            memset(from, 3, size);
            memcpy(to, from, size);
            memmove(to + 1, to, size - 1);
            return memcmp(to, from, size) == 0 ? to[size - 1] : 99;
        }
        uint32_t LIMPET_ENTRY(other)(void) { return next() + SCALE; }
        """, """
        uint32_t next(void);
        static uint32_t count;
        uint32_t next(void) { return ++count; }
        """)

    def test_they_run_as_c_means_them_whatever_compiles_them(self):
        for cc, isa in [(cc, isa) for cc in ("gcc", "clang") for isa in ISAS] + [("clang", "ebpf")]:
            for level in ("s", "2", "0"):
                with self.subTest(cc=cc, isa=isa, level=level):
                    image = self.build(*self.SOURCES, options=["--cc", cc, "--isa", isa, "-O" + level, "-DSCALE=5"])
                    self.assertEqual(self.call(image, "divide", 1234, 100, isa=isa), 12034)
                    self.assertEqual(self.call(image, "data", 3, isa=isa), 8 + 7 + 100)
                    self.assertEqual(self.call(image, "wide", 0xffffffff, 0x80000000, isa=isa), 0x7fffffff)
                    self.assertEqual(self.call(image, "copy", 8, isa=isa), 3)
                    self.assertEqual(self.call(image, "other", isa=isa), 6)

    def test_what_is_not_called_is_not_linked(self):
        small = self.build("void LIMPET_ENTRY(task)(void) {}")
        self.assertIn("upload     2 bytes: 2 code, 0 read-only data, 0 initialised variables\n", self.info(small))
        self.assertIn("entry      0x0010 task\n", self.info(small))

    def test_include_folders_and_definitions(self):
        (self.folder / "with space").mkdir()
        (self.folder / "with space" / "part.h").write_text("enum { kPart = 4 };\n")
        source = '#include "part.h"\nuint32_t LIMPET_ENTRY(task)(void) { return kPart + A + B; }'
        image = self.build(source, options=["-I", self.folder / "with space", "-DA=10", "-D", "B=100"])
        self.assertEqual(self.call(image, "task"), 114)

    def test_the_same_source_makes_the_same_image(self):
        source = "static uint32_t x; uint32_t LIMPET_ENTRY(task)(void) { return ++x + timer_read_time(); }"
        first = self.build(source).read_bytes()
        self.assertEqual(self.build(source).read_bytes(), first)
        other = self.folder / "elsewhere"
        other.mkdir()
        (other / "source0.c").write_text(HEAD + source)
        self.assertEqual(self.build(other / "source0.c").read_bytes(), first)

    def test_an_odd_path_is_a_path(self):
        for name in ("-v.c", "@file.c", "two words.c"):
            (self.folder / name).write_text(HEAD + "void LIMPET_ENTRY(task)(void) {}")
            result = self.limpet("build", "-o", "x.limpet", "--", name, cwd=self.folder)
            self.assertEqual((name, result.returncode, result.stderr), (name, 0, b""))

    def test_host_calls_trap_until_they_are_bound(self):
        calls = self.file(IMPORTS.encode(), "firmware.calls")
        image = self.build("uint32_t LIMPET_ENTRY(task)(void) { return add(1, timer_read_time()); }",
                           options=["--imports", calls])
        self.assertIn("import     u32 add(u32,u32), 1 call\nimport     u32 timer_read_time(), 1 call\n",
                      self.info(image))
        code = int(re.search(r"entry +(0x\w+)", self.info(image))[1], 16)
        for options, insn in (([], "fff0000b"), (["--imports", calls], "0000000b")):
            status, errors, _ = self.run_guest(image, *options)
            self.assertEqual(status, 2)
            self.assertIn(f"insn={insn}", errors)
            self.assertIn("trap=host-call", errors)
            self.assertGreaterEqual(int(re.search(r"pc=(\w+)", errors)[1], 16), code)

    def test_one_image_fits_every_firmware_that_declares_its_imports(self):
        source = "uint32_t LIMPET_ENTRY(task)(void) { return add(1, timer_read_time()); }"
        calls = self.file(IMPORTS.encode(), "firmware.calls")
        turned = self.file("\n".join(reversed(IMPORTS.splitlines())).encode(), "turned.calls")
        image = self.build(source, options=["--imports", calls])
        content = image.read_bytes()
        self.assertEqual(self.build(source, options=["--imports", turned]).read_bytes(), content)
        for firmware in (calls, turned):
            self.assertEqual(self.limpet("check", image, "--imports", firmware).returncode, 0)
        other = self.file(b"u32 timer_read_time()\nu32 add(u32 a, i32 b)\n", "other.calls")
        self.assert_refused(3, "imports 'u32 add(u32,u32)', the firmware declares 'u32 add(u32,i32)'",
                            "check", image, "--imports", other)
        self.assert_refused(3, "imports 'u32 add(u32,u32)', which the firmware does not declare",
                            "run", image, "--imports", self.file(b"u32 timer_read_time()\n", "less.calls"))

    def test_the_sdk_for_other_compilers(self):
        self.assertEqual(self.limpet("sdk", self.folder / "sdk").returncode, 0)
        source = self.source("uint32_t LIMPET_ENTRY(task)(void) { return timer_read_time(); }")
        for compiler in (["gcc"], ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb"],
                         ["clang-19", "--target=bpf", "-mcpu=v3"]):
            subprocess.run([*compiler, "-Wall", "-Werror", "-ffreestanding", "-O2", "-I", self.folder / "sdk", "-c",
                            source, "-o", self.folder / "object.o"], check=True)


class Refusals(BuildTest):
    ENTRY = "void LIMPET_ENTRY(task)(void) {}"

    def test_command_lines(self):
        source = self.source(self.ENTRY)
        for words, options in (
            ("--output is required", ("build", source)),
            ("SOURCE is required", ("build", "-o", "x")),
            ("there is: rv32e, rv32ec, rv32emc, rv32ecx, rv32dense, ebpf", ("build", source, "-o", "x", "--isa", "rv64")),
            ("unknown compiler 'tcc'; there is: gcc, clang", ("build", source, "-o", "x", "--cc", "tcc")),
            ("-O9: there is", ("build", source, "-o", "x", "-O9")),
            ("not a number", ("build", source, "-o", "x", "--stack", "deep")),
            ("are too many", ("build", source, "-o", "x", "--stack", "99999999")),
            ("FILE is required", ("info",)),
            ("FOLDER is required", ("sdk",)),
        ):
            with self.subTest(options=options):
                self.assert_refused(64, words, *options, cwd=self.folder)
        self.assertFalse((self.folder / "x").exists())

    def test_sources(self):
        self.assert_not_built(3, "No such file", self.folder / "missing.c")
        errors = self.assert_not_built(3, "the compiler refuses it", "void LIMPET_ENTRY(task)(void) { nonsense; }")
        self.assertIn("driver.c:3:", errors)
        self.assert_not_built(3, "undefined reference to", "void f(void); void LIMPET_ENTRY(task)(void) { f(); }")
        self.assert_not_built(3, "LIMPET_ENTRY", "void task(void) {}")
        self.assert_not_built(3, "constructors are not run", self.ENTRY +
                              "static volatile int x; __attribute__((constructor)) static void f(void) { x = 1; }")

    def test_code_that_the_profile_lacks(self):
        for text in (".insn i 0x73, 1, x0, a0, 0x340", ".word 0x0000006b", "amoadd.w a0, a1, (a2)"):
            source = f'void LIMPET_ENTRY(task)(void) {{ __asm__ volatile("{text}"); }}'
            self.assert_not_built(3, "code that rv32ec does not have in function limpet_entry_task", source)

    def test_host_calls_that_are_not_declared(self):
        source = 'void LIMPET_ENTRY(task)(void) { __asm__ volatile(".insn i 0x0b, 0, x0, x0, 200"); }'
        self.assert_not_built(3, "host call 200 is not declared in function limpet_entry_task", source)

    def test_imports(self):
        calls = self.file(b"void f()\nvoid g(", "bad.calls")
        self.assert_not_built(3, "bad.calls: line 2", self.ENTRY, "--imports", calls)
        self.assert_not_built(3, "No such file", self.ENTRY, "--imports", self.folder / "missing.calls")

    def test_where_nothing_can_be_written(self):
        result = self.limpet("build", self.source(self.ENTRY), "-o", self.folder / "missing" / "x.limpet")
        self.assertEqual(result.returncode, 3)
        self.assertIn(b"No such file or directory", result.stderr)

    def test_a_refused_build_leaves_the_image_before_it(self):
        image = self.build(self.ENTRY)
        before = image.read_bytes()
        bad = self.source("#error no")
        self.assertEqual(self.limpet("build", bad, "-o", image).returncode, 3)
        self.assertEqual(image.read_bytes(), before)
        self.assertEqual(sorted(path.suffix for path in self.folder.iterdir()), [".c", ".c", ".limpet"])


class Stack(BuildTest):
    def test_it_is_what_the_deepest_path_uses(self):
        """With the stack that was computed the guest runs to its end; with one word less it traps."""
        chain = """
            #define LEAF(n) static __attribute__((noinline)) uint32_t leaf##n(volatile uint8_t* p) \\
                { volatile uint8_t own[n]; own[*p] = 1; return own[0] + n; }
            LEAF(40) LEAF(1500) LEAF(12)
            static __attribute__((noinline)) uint32_t middle(uint32_t x) {
                volatile uint8_t own[20]; own[1] = (uint8_t)x; return leaf40(own + 1) + leaf12(own + 1) + x / 3;
            }
            uint32_t LIMPET_ENTRY(task)(uint32_t x) {
                volatile uint8_t byte = (uint8_t)x; return BIG ? leaf1500(&byte) : middle(byte) + leaf12(&byte);
            }"""
        for cc, isa, *options in (
            ("gcc", "rv32e", "-DBIG=0"), ("gcc", "rv32emc", "-DBIG=1"), ("gcc", "rv32ec", "-DBIG=0", "-O0"),
            ("clang", "rv32ec", "-DBIG=0"), ("clang", "rv32e", "-DBIG=1"), ("clang", "rv32ec", "-DBIG=1", "-O0"),
        ):
            with self.subTest(cc=cc, isa=isa, options=options):
                options += ["--cc", cc, "--isa", isa]
                image = self.build(chain, options=options)
                self.call(image, "task", 5, isa=isa)
                # The top of the stack is rounded up to a multiple of 16: round it down instead.
                bytes_used = self.stack_bytes(image)
                less = self.build(chain, options=[*options, "--stack", bytes_used - 16])
                status, errors, _ = self.run_guest(less, "--args", "5")
                self.assertEqual((status, errors[:10]), (2, "trap=store"))

    def test_recursion(self):
        source = """{} static __attribute__((noinline)) uint32_t fib(uint32_t n) {{
                       return n < 2 ? n : fib(n - 1) + fib(n - 2); }}
                   uint32_t LIMPET_ENTRY(task)(uint32_t n) {{ return fib(n) + 1; }}"""
        self.assert_not_built(3, "function fib calls itself: fib -> fib; declare its bound with LIMPET_STACK(fib, bytes)",
                              source.format(""))
        image = self.build(source.format("static uint32_t fib(uint32_t n); LIMPET_STACK(fib, 300 + 20);"))
        self.assertEqual(self.call(image, "task", 10), 56)
        self.assertGreaterEqual(self.stack_bytes(image), 320)
        self.assertLess(self.stack_bytes(image), 340)
        self.build(source.format(""), options=["--stack", "400"])

    def test_recursion_of_several(self):
        source = """static uint32_t b(uint32_t n); static volatile uint32_t sink;
            static __attribute__((noinline)) uint32_t a(uint32_t n) { return n ? b(n - 1) + sink : 0; }
            static __attribute__((noinline)) uint32_t b(uint32_t n) { return n ? a(n - 1) * 3 + sink : 1; }
            uint32_t LIMPET_ENTRY(task)(uint32_t n) { return a(n) + 1; }"""
        self.assert_not_built(3, "function a calls itself: a -> b -> a;", source)
        self.build("static uint32_t b(uint32_t n); LIMPET_STACK(b, 64);" + source)

    def test_a_tail_call_of_itself_is_a_loop(self):
        image = self.build("""static __attribute__((noinline)) uint32_t sum(uint32_t n, uint32_t total) {
                return n == 0 ? total : sum(n - 1, total + n); }
            uint32_t LIMPET_ENTRY(task)(uint32_t n) { return sum(n, 0); }""")
        self.assertEqual(self.call(image, "task", 100), 5050)

    def test_calls_through_pointers(self):
        source = """typedef uint32_t function(uint32_t);
            static uint32_t one(uint32_t x) {{ return x + 1; }}
            static uint32_t two(uint32_t x) {{ return x + 2; }}
            static function* volatile which = one;
            uint32_t LIMPET_ENTRY(change)(void) {{ which = two; return 0; }}
            {} uint32_t LIMPET_ENTRY(task)(uint32_t x) {{ return which(x) {}; }}"""
        reason = "function limpet_entry_task {} through a pointer; declare its bound with LIMPET_STACK(limpet_entry_task, "
        self.assert_not_built(3, reason.format("calls"), source.format("", "+ 1"))
        self.assert_not_built(3, reason.format("jumps"), source.format("", ""))
        image = self.build(source.format("uint32_t LIMPET_ENTRY(task)(uint32_t x);"
                                         "LIMPET_STACK(limpet_entry_task, 16);", "+ 1"))
        self.assertEqual(self.call(image, "task", 7), 9)
        self.assertEqual(self.stack_bytes(image), 16)

    def test_amounts_that_are_not_constant(self):
        for body in ("uint8_t array[n]; use(array);", "use(__builtin_alloca(n));"):
            source = ("static __attribute__((noinline)) void use(volatile uint8_t* p) { *p = 1; }"
                      f"void LIMPET_ENTRY(task)(uint32_t n) {{ {body} }}")
            for cc in ("gcc", "clang"):
                self.assert_not_built(3, "function limpet_entry_task moves its stack pointer by an amount", source,
                                      "--cc", cc)
            bound = "void LIMPET_ENTRY(task)(uint32_t n); LIMPET_STACK(limpet_entry_task, 100);"
            image = self.build(bound + source)
            self.assertEqual(self.stack_bytes(image), 100)
            self.run_guest(image, "--args", "50")
            # The bound is a promise: who breaks it runs into the wall.
            self.assertIn("trap=store", self.run_guest(image, "--args", "4000")[1])

    def test_variables_of_large_alignment(self):
        """The stack suffices wherever the caller's frame ends."""
        source = """static __attribute__((noinline)) uint32_t deep(uint32_t x) {
                _Alignas(64) volatile uint8_t own[64]; own[x] = 1; return own[x] + ((uintptr_t)own & 63); }
            uint32_t LIMPET_ENTRY(task)(uint32_t x) { volatile uint8_t own[SIZE]; own[x] = 1; return deep(x) + own[x]; }"""
        for cc in ("gcc", "clang"):
            for size in (1, 20, 40, 60):
                image = self.build(source, options=["--cc", cc, f"-DSIZE={size}"])
                self.assertEqual(self.call(image, "task", 0), 2)
                self.assertLess(self.stack_bytes(image), 4 * 64 + size)

    def test_code_behind_a_call_that_does_not_return(self):
        image = self.build("""static volatile uint32_t sink;
            static __attribute__((noinline, noreturn)) void stop(uint32_t x) { sink = x; for (;;) sink = x; }
            static __attribute__((noinline)) uint32_t deep(uint32_t x) {
                volatile uint8_t own[100]; own[0] = 0; own[x] = 1; if (x > 200) stop(x); return own[0]; }
            uint32_t LIMPET_ENTRY(task)(uint32_t x) { return deep(x) + deep(x + 1); }""", options=["-O1"])
        self.assertEqual(self.call(image, "task", 0), 1)

    def test_large_frames_and_interrupts_of_no_kind(self):
        image = self.build("void LIMPET_ENTRY(task)(void) { volatile uint8_t x[10000]; x[9999] = 1; (void)x[0]; }")
        self.assertGreaterEqual(self.stack_bytes(image), 10000)
        self.call(image, "task")


class Messages(BuildTest):
    def message(self, types, *options):
        source = types + "void LIMPET_ENTRY(task)(void) { struct message m = {0}; respond(1, (uint8_t*)&m, sizeof m); }"
        return self.build(source, options=[*options])

    def test_layout(self):
        types = """
            enum state { kOff, kOn = 300 };
            typedef struct { int16_t x, y; } point;
            struct message {
                uint32_t clock; int8_t small; bool on; char letter; uint64_t wide; enum state state;
                point where[2]; int32_t grid[2][3]; char name[6]; struct { uint8_t a; struct { uint16_t b; }; } inner;
                const volatile uint8_t bytes[1];
            };
            LIMPET_MESSAGE(1, struct message);
            LIMPET_MESSAGE(1, struct message);"""
        for cc in ("gcc", "clang"):
            text = self.info(self.message(types, "--cc", cc))
            rows = re.findall(r"^ {12,}(\d+) (\S+) +(\S+)$", text, re.MULTILINE)
            self.assertIn("message    1 message, 64 bytes\n", text)
            self.assertEqual(rows, [
                ("0", "u32", "clock"), ("4", "i8", "small"), ("5", "bool", "on"), ("6", "char", "letter"),
                ("8", "u64", "wide"), ("16", "u32", "state"), ("20", "i16", "where[0].x"), ("22", "i16", "where[0].y"),
                ("24", "i16", "where[1].x"), ("26", "i16", "where[1].y"), ("28", "i32[6]", "grid"),
                ("52", "char[6]", "name"), ("58", "u8", "inner.a"), ("60", "u16", "inner.b"),
                ("62", "u8[1]", "bytes")])

    def test_what_the_host_cannot_show(self):
        for words, member in (
            ("bits of struct message is a bit-field", "uint32_t bits : 3"),
            ("pointer of struct message is a pointer", "void* pointer"),
            ("either of struct message is a union", "union { int a; char b; } either"),
            ("number of struct message has the type float", "float number"),
            ("rest of struct message is an array of no fixed length", "uint8_t rest[]"),
        ):
            for cc in ("gcc", "clang"):
                with self.subTest(member=member, cc=cc):
                    source = (f"struct message {{ uint32_t first; {member}; }};\nLIMPET_MESSAGE(1, struct message);\n"
                              "void LIMPET_ENTRY(task)(void) {}")
                    self.assert_not_built(3, words, source, "--cc", cc)

    def test_two_layouts_for_one_message(self):
        source = """struct a { uint8_t x; }; struct b { uint16_t x; };
            LIMPET_MESSAGE(5, struct a); LIMPET_MESSAGE(5, struct b); void LIMPET_ENTRY(task)(void) {}"""
        self.assert_not_built(3, "message 5 has two layouts, struct a and struct b", source)

    def test_what_is_not_a_struct(self):
        for kind in ("uint32_t", "struct undefined"):
            self.assert_not_built(3, "LIMPET_MESSAGE: ", f"LIMPET_MESSAGE(5, {kind}); void LIMPET_ENTRY(task)(void) {{}}")


class CompileCache(BuildTest):
    SOURCE = '#include "part.h"\nuint32_t LIMPET_ENTRY(task)(void) { return kPart + timer_read_time(); }'

    def setUp(self):
        super().setUp()
        self.header = self.file(b"enum { kPart = 4 };\n", "part.h")
        self.calls = self.file(IMPORTS.encode(), "firmware.calls")
        self.path = self.source(self.SOURCE)
        # A compiler that tells its version and refuses all work: what comes out then, comes out of the cache.
        lazy = self.folder / "bin" / "riscv64-unknown-elf-gcc"
        lazy.parent.mkdir()
        gcc = subprocess.run(["which", lazy.name], check=True, capture_output=True, text=True).stdout.strip()
        lazy.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {gcc} --version\nexit 1\n')
        lazy.chmod(lazy.stat().st_mode | stat.S_IXUSR)
        self.lazy = os.environ | {"PATH": f"{lazy.parent}:{os.environ['PATH']}"}

    def run_build(self, *options, env=None):
        out = [self.folder / "x.limpet", self.folder / "x.elf"]
        for path in out:
            path.unlink(missing_ok=True)
        result = self.limpet("build", self.path, "-o", out[0], "--debug", out[1], "--imports", self.calls, "--cache",
                             self.folder / "cache", *options, env=env)
        self.assertIn(result.returncode, (0, 3))
        return tuple(path.read_bytes() for path in out) if result.returncode == 0 else None

    def test_the_same_is_not_compiled_twice(self):
        self.assertIsNone(self.run_build(env=self.lazy))
        first = self.run_build()
        self.assertIsNotNone(first)
        self.assertEqual(self.run_build(env=self.lazy), first)

    def test_any_change_is_compiled(self):
        self.run_build()
        for change in (
            lambda: self.header.write_text("enum { kPart = 5 };\n"),
            lambda: self.path.write_text(HEAD + self.SOURCE + "\n"),
            lambda: self.calls.write_text(IMPORTS + "void more()\n"),
        ):
            change()
            self.assertIsNone(self.run_build(env=self.lazy))
            built = self.run_build()
            self.assertIsNotNone(built)
            self.assertEqual(self.run_build(env=self.lazy), built)
        for options in (["-DX"], ["-O2"], ["--isa", "rv32e"], ["--stack", "64"], ["-I", self.folder]):
            self.assertIsNone(self.run_build(*options, env=self.lazy), options)

    def test_damaged_entries_are_made_again(self):
        first = self.run_build()
        for path in sorted((self.folder / "cache").iterdir()):
            content = path.read_bytes()
            for damaged in (b"", content[:-1], content[:40] + b"\xff" + content[41:]):
                path.write_bytes(damaged)
                self.assertIsNone(self.run_build(env=self.lazy), path)
                self.assertEqual(self.run_build(), first)
        self.header.unlink()
        self.assertIsNone(self.run_build(env=self.lazy))


class Inspection(BuildTest):
    def test_disassembly_with_the_names_of_the_program(self):
        elf = self.folder / "x.elf"
        source = """static __attribute__((noinline)) uint32_t helper(uint32_t x) { return x ^ timer_read_time(); }
            uint32_t LIMPET_ENTRY(task)(uint32_t x) { return helper(x) + 1; }"""
        image = self.build(source, options=["--debug", elf])
        plain = self.limpet("disasm", image).stdout.decode()
        self.assertIn("\ntask:\n", plain)
        self.assertIn("limpet.call 0xfff <timer_read_time>\n", plain)
        self.assertNotIn("helper", plain)
        named = self.limpet("disasm", image, "--symbols", elf).stdout.decode()
        self.assertIn("<helper>\n", named)
        self.assertIn("\nlimpet_entry_task:\n", named)
        self.assertIn("\n; source0.c:3\n", named)
        self.assertIn("\n; source0.c:3\n", plain)
        self.assertNotIn("limpet_imports.h", plain)
        self.build("void LIMPET_ENTRY(other)(void) {}", options=["--debug", elf])
        other = self.build("uint32_t LIMPET_ENTRY(task)(uint32_t x) { return x; }")
        self.assert_refused(3, "is another program", "disasm", other, "--symbols", elf)
        self.assert_refused(3, "not an image", "disasm", elf, "--symbols", elf)
        self.assert_refused(3, f"--symbols {image}: not a", "disasm", image, "--symbols", image)

    def test_damaged_dwarf(self):
        """Names and lines may be wrong then, but nothing worse happens."""
        elf, damaged = self.folder / "x.elf", self.folder / "damaged.elf"
        image = self.build("uint32_t LIMPET_ENTRY(task)(uint32_t x) { return x / 3; }", options=["--debug", elf])
        content = elf.read_bytes()
        rng = random.Random(1)
        for _ in range(25):
            changed = bytearray(content)
            for _ in range(rng.choice((1, 10, 100))):
                changed[rng.randrange(52, len(changed))] = rng.randrange(256)  # behind the ELF header
            damaged.write_bytes(changed)
            for words in (("disasm", damaged), ("disasm", image, "--symbols", damaged)):
                result = self.limpet(*words)
                self.assertIn(result.returncode, (0, 3))
                self.assertRegex(result.stderr.decode(), r"\A(limpet: [^\n]+\n)?\Z")

    def test_check(self):
        image = self.build("void LIMPET_ENTRY(task)(void) { respond(1, 0, 0); }")
        result = self.limpet("check", image, "--imports", SOURCE / "firmware/sdk/klipper.calls")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))
        content = bytearray(image.read_bytes())
        content[-1] ^= 1
        damaged = self.file(bytes(content), "damaged.limpet")
        for command in ("check", "info", "disasm", "run"):
            self.assert_refused(3, "image with a wrong CRC", command, damaged)
        short = self.file(b"LM", "short.limpet")
        for command in ("check", "info", "disasm", "run"):
            self.assert_refused(3, "without LMPT at its start", command, short)

    def test_entries_by_name(self):
        image = self.build("uint32_t LIMPET_ENTRY(one)(void) { return 1; } uint32_t LIMPET_ENTRY(two)(void) { return 2; }")
        self.assertEqual(self.call(image, "two"), 2)
        self.assert_refused(3, "--entry is needed; there is: one, two", "run", image)
        self.assert_refused(3, "no entry 'three'; there is: one, two", "run", image, "--entry", "three")


if __name__ == "__main__":
    unittest.main()
