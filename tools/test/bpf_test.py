"""What the command does with eBPF programs: run, batch, disasm, bpf-plugin, and what it refuses."""

import re
import struct
import subprocess
import unittest

from support import SOURCE, GuestTest, backends


def insn(opcode, dst=0, src=0, offset=0, imm=0):
    return struct.pack("<BBhi", opcode, dst | src << 4, offset, imm)


EXIT = insn(0x95)
ADD = insn(0x0f, 0, 1) + EXIT  # r0 += r1
CALLS = insn(0x85, 0, 1, 0, 1) + EXIT + insn(0x85, 0, 1, 0, -1) + EXIT  # main calls a function that calls itself


def request(code, data=b"", base=0x1000, size=0x1000, fuel=1000, **registers):
    values = [registers.get(f"r{i}", 0) for i in range(11)]
    body = struct.pack("<11Q4I", *values, base, size, len(code), fuel) + code + data
    return struct.pack("<I", len(body)) + body


def replies(stream):
    while stream:
        length, status, pc = struct.unpack_from("<3I", stream)
        registers = list(struct.unpack_from("<11Q", stream, 12))
        executed, = struct.unpack_from("<Q", stream, 100)
        yield status, pc, registers, executed, stream[108:4 + length]
        stream = stream[4 + length:]


class Bpf(GuestTest):
    def batch(self, *requests, backend="bpf-switch"):
        result = self.limpet("batch", "--isa", "ebpf", "--backend", backend, input=b"".join(requests))
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return list(replies(result.stdout))

    def plugin(self, code, *memory, backend="bpf-switch"):
        return self.limpet("bpf-plugin", "--backend", backend, *memory, input=code.hex(" ").encode())

    def test_backends(self):
        self.assertIn("bpf-switch", backends("ebpf"))

    def test_run_and_its_state(self):
        program = self.file(ADD)
        for backend in backends("ebpf"):
            status, errors, state = self.run_guest(program, "--isa", "ebpf", "--backend", backend, "--args", "7,8")
            self.assertEqual((status, errors), (0, ""))
            self.assertEqual(state, {"end": "return", "pc": "00000008", "r0": f"{7:016x}", "r1": f"{7:016x}",
                                     "r2": f"{8:016x}", "r10": "0000000000010000"} |
                             {f"r{i}": "0" * 16 for i in range(3, 10)})

    def test_trap(self):
        load = insn(0x79, 0, 10, 0)  # r0 = *(u64 *)(r10 + 0), which is behind the end of memory
        program = self.file(load + EXIT)
        for backend in backends("ebpf"):
            status, errors, _ = self.run_guest(program, "--isa", "ebpf", "--backend", backend)
            self.assertEqual((status, errors), (2, "trap=load pc=00000000 insn=000000000000a079\n"))

    def test_trace(self):
        result = self.limpet("run", self.file(insn(0xb7, 3, 0, 0, -2) + ADD), "--isa", "ebpf", "--trace", "--args", "5")
        self.assertEqual(result.stderr.decode().splitlines(), [
            "       0: fffffffe000003b7  r3 = -2  r3=fffffffffffffffe",
            "       1: 000000000000100f  r0 += r1  r0=0000000000000005",
            "       2: 0000000000000095  exit"])

    def test_disassembly(self):
        lddw = insn(0x18, 3, 0, 0, -2) + insn(0, imm=1)
        result = self.limpet("disasm", self.file(lddw + ADD + b"\x95"), "--isa", "ebpf")
        self.assertEqual(result.stdout.decode().splitlines(), [
            "       0: fffffffe00000318  r3 = 8589934590 ll", "       2: 000000000000100f  r0 += r1",
            "       3: 0000000000000095  exit", "       4: 1 bytes <cut off>"])

    def test_batch(self):
        store = insn(0x7a, 1, 0, -8, -1) + EXIT  # *(u64 *)(r1 - 8) = -1
        for backend in backends("ebpf"):
            add, stored, trapped, empty = self.batch(
                request(ADD, b"\x07", r0=1 << 40, r1=1 << 63, r10=5), request(store, r1=0x1008),
                request(store, r1=0x100001008), request(b""), backend=backend)
            self.assertEqual((add[:2], add[4]), ((0, 8), b"\x07"))
            self.assertEqual((add[2][0], add[2][10]), ((1 << 40) + (1 << 63), 5))
            self.assertEqual((stored[:2], stored[4]), ((0, 8), b"\xff" * 8))
            self.assertEqual((trapped[:2], trapped[4]), ((3, 0), b""))
            self.assertEqual(empty[0], 8)
            if backend == "bpf-switch":
                self.assertEqual((add[3], trapped[3]), (2, 0))

    def test_fuel(self):
        loop = insn(0x07, 0, 0, 0, 1) + insn(0x05, offset=-2)  # r0 += 1, for ever
        for fuel in (0, 1, 2, 1001):
            (status, pc, registers, executed, _), = self.batch(request(loop, fuel=fuel))
            self.assertEqual((status, pc, registers[0], executed), (7, 8 * (fuel % 2), (fuel + 1) // 2, fuel))

    def test_calls_nest_eight_deep_and_no_deeper(self):
        for backend in backends("ebpf"):
            (status, pc, registers, _, _), = self.batch(request(CALLS, r10=0x2000), backend=backend)
            self.assertEqual((status, pc, registers[10]), (3, 16, 0x2000 - 8 * 512))

    def test_plugin(self):
        load = insn(0x69, 0, 1, 2) + EXIT  # r0 = *(u16 *)(r1 + 2)
        for backend in backends("ebpf"):
            result = self.plugin(load, "11 22  33 44", backend=backend)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"4433\n", b""))
            result = self.plugin(insn(0xb7, 0, 0, 0, -1) + EXIT, backend=backend)
            self.assertEqual((result.returncode, result.stdout), (0, b"ffffffffffffffff\n"))
            result = self.plugin(load, "11 22 33", backend=backend)
            self.assertEqual((result.returncode, result.stdout), (0, b"33\n"))  # the stack is behind it
            result = self.plugin(insn(0x85, imm=6) + EXIT, backend=backend)
            self.assertEqual((result.returncode, result.stderr), (2, b"limpet: trap 6 in instruction 0\n"))

    def test_programs_that_fail_verification(self):
        cases = (
            (b"", "instruction 0: the program is empty"),
            (ADD + b"\0", "instruction 0: r0 += r1: the program is not a multiple of 8 bytes long"),
            (EXIT + insn(0x8d, 1), "instruction 1: <unknown>: callx (a call through a register) is not supported"),
            (insn(0x20) + EXIT, "instruction 0: <unknown>: the legacy packet instructions are not supported"),
            (insn(0x07, 10) + EXIT, "instruction 0: <unknown>: r10 is read-only"),
            (insn(0x07, 11) + EXIT, "instruction 0: <unknown>: there is no r11"),
            (insn(0x05, offset=1) + EXIT, "instruction 0: goto +1: goes to instruction 2, outside the program"),
            (insn(0x06, imm=-2) + EXIT, "instruction 0: gotol -2: goes to instruction -1, outside the program"),
            (insn(0x05, offset=1) + insn(0x18) + insn(0) + EXIT,
             "instruction 0: goto +1: goes into the middle of an instruction, 2"),
            (insn(0x18, 1, 1) + insn(0) + EXIT,
             "instruction 0: <unknown>: lddw of something that only a loader can resolve"),
            (insn(0x18), "instruction 0: r0 = 0 ll: the second half of lddw is missing"),
            (insn(0x18) + insn(1) + EXIT,
             "instruction 0: r0 = 0 ll: the second half of lddw has more than an immediate"),
            (insn(0x07, 1), "instruction 0: r1 += 0: the program runs on behind its last instruction"),
            (insn(0xff) + EXIT, "instruction 0: <unknown>: opcode 0xff is not one of eBPF"),
            (insn(0x0f, 1, 2, 0, 9) + EXIT, "instruction 0: <unknown>: immediate 9 has no meaning here"),
            (insn(0x07, 1, 2) + EXIT, "instruction 0: <unknown>: source register 2 has no meaning here"),
            (insn(0x07, 1, 0, 3) + EXIT, "instruction 0: <unknown>: offset 3 has no meaning here"),
        )
        for code, words in cases:
            with self.subTest(words):
                self.assert_refused(3, f"limpet: {words}\n", "bpf-plugin", input=code.hex().encode())
                if code:
                    self.assert_refused(3, words, "run", self.file(code), "--isa", "ebpf")
                (status, *_, memory), = self.batch(request(code, b"\x01"))
                self.assertEqual((status, memory), (8, b""))

    def test_bad_words(self):
        self.assert_refused(3, "program: '9g' is not a hexadecimal byte", "bpf-plugin", input=b"9g")
        self.assert_refused(3, "program: an odd number of hexadecimal digits", "bpf-plugin", input=b"950")
        self.assert_refused(3, "memory: 'x1' is not a hexadecimal byte", "bpf-plugin", "x1", input=b"95")
        self.assert_refused(64, "unknown backend for ebpf 'rv32-switch'; there is: bpf-switch", "bpf-plugin", "--backend",
                            "rv32-switch", input=b"")
        self.assert_refused(64, "--gdb: there is none for eBPF", "run", self.file(ADD), "--isa", "ebpf", "--gdb", "0")
        self.assert_refused(3, "not an eBPF program", "run", self.elf(".globl _start\n_start: ret"), "--isa", "ebpf")


OBJECT = """
static const unsigned char table[4] = {1, 2, 3, 4};
int counter;
int start = 40;
int* const where = &start;
const char* names[2] = {"ab", "cd"};
__attribute__((noinline)) static int helper(int a, int b) {
    volatile int x[4];
    x[0] = a;
    return x[0] * b + table[a & 3];
}
__attribute__((noinline, section("other"))) int once(int a) { return a; }
__attribute__((noinline, section("other"))) int twice(int a) { return 2 * a; }
__attribute__((section("prog"))) int entry(int a, int b) {
    start += ++counter;
    return helper(a, b) + start + twice(a) + names[1][0] + **(int* const volatile*)&where + once(a);
}
"""


class Objects(GuestTest):
    """What clang and gcc write."""

    def object(self, source, *options, compiler=("clang-19", "--target=bpf")):  # of Narrow, too
        path = self.folder / "guest.c"
        path.write_text(source)
        result = path.with_suffix(".o")
        subprocess.run([*compiler, "-O2", *options, "-c", path, "-o", result], check=True)
        return result

    def test_sections_globals_and_calls_of_every_version(self):
        clang, gcc = ("clang-19", "--target=bpf"), ("bpf-gcc",)
        for compiler, version in [(clang, f"v{i}") for i in range(1, 5)] + [(gcc, "v2"), (gcc, "v3")]:
            for debug in ([], ["-g"]):
                program = self.object(OBJECT, f"-mcpu={version}", *debug, compiler=compiler)
                for backend in backends("ebpf"):
                    status, errors, state = self.run_guest(program, "--backend", backend, "--entry", "entry", "--args", "5,6")
                    self.assertEqual((status, errors), (0, ""))
                    self.assertEqual(int(state["r0"], 16) & 0xffffffff, 5 * 6 + 2 + 41 + 10 + ord("c") + 41 + 5)

    def test_one_function_needs_no_entry(self):
        program = self.object("unsigned f(unsigned a) { return a + 1; }")
        self.assertEqual(self.run_guest(program, "--args", "6")[2]["r0"], f"{7:016x}")

    def test_labels(self):
        lines = self.limpet("disasm", self.object(OBJECT)).stdout.decode().splitlines()
        self.assertEqual([line for line in lines if line.endswith(":")], ["helper:", "once:", "twice:", "entry:"])

    def test_what_cannot_be_loaded(self):
        for source, words in (
            (OBJECT, "--entry is needed: it has several functions"),
            ("extern int away(void); int f(void) { return away(); }", "eBPF object: undefined symbol 'away'"),
            ("int g(int); int (*p)(int) = g; int g(int a) { return a; }", "eBPF object: the address of a function is taken"),
            ("int x = 1;", "eBPF object: no instructions"),
        ):
            self.assert_refused(3, words, "run", self.object(source))
        self.assert_refused(3, "no symbol 'none'", "run", self.object(OBJECT), "--entry", "none")

    def test_damaged_files(self):
        """Cut off anywhere, or with any byte of its headers and tables changed: refused or run, never an accident."""
        whole = self.object(OBJECT, "-g").read_bytes()
        damaged = [whole[:size] for size in range(64, len(whole), 97)]
        for at in (*range(16, 64, 2), *range(len(whole) - 1600, len(whole), 13)):
            damaged.append(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
        for content in damaged:
            result = self.limpet("run", self.file(content, "damaged.o"), "--entry", "entry", "--fuel", "10000")
            self.assertIn(result.returncode, (0, 2, 3))


WORDS = """
static int table[10] = {5, -3, 7, -9, 11, 1, 2, 3, 4, 6};
__attribute__((noinline)) static int add(int a, short b) { return a + b; }
int entry(int n, unsigned shift) {
    int sum = 0;
    for (int i = 0; i < 10; i++)
        if (table[i] > n) sum = add(sum, table[i] + (int)shift);
    table[9] = sum;
    return sum;
}
"""


class Narrow(GuestTest):
    """The same programs on 32-bit registers."""

    object = Objects.object

    def test_what_compilers_write_for_32_bits(self):
        for version in ("v3", "v4"):
            program = self.object(WORDS, f"-mcpu={version}")
            for backend in backends("ebpf32"):
                for n, shift in ((-100, 0), (2, 3), (0x7fffffff, 1)):
                    words = "--entry", "entry", "--args", f"{n},{shift}"
                    expected = self.run_guest(program, *words)[2]["r0"]
                    status, errors, state = self.run_guest(program, "--isa", "ebpf32", "--backend", backend, *words)
                    self.assertEqual((status, errors, state["r0"][8:]), (0, "", expected[8:]))

    def test_what_cannot_be_mapped(self):
        program = self.object("unsigned long f(unsigned long a) { return a * a >> 40; }")
        self.assert_refused(3, "r0 >>= 40: its result depends on the upper half of a register, of which nothing is known",
                            "run", program, "--isa", "ebpf32")
        source = self.folder / "driver.c"
        source.write_text(HEAD + "uint32_t LIMPET_ENTRY(f)(uint32_t a, uint32_t b) {\n"
                                 "    return (uint64_t)a * b >> 32;\n}\n")
        self.assert_refused(3, "driver.c:4: instruction", "build", source, "-o", self.folder / "x", "--isa", "ebpf32")

    def test_batch_and_plugin(self):
        memory = bytes(range(64))
        load = insn(0x61, 0, 1, 4) + insn(0x0f, 0, 2) + insn(0x67, 0, 0, 0, 32) + insn(0x77, 0, 0, 0, 32) + EXIT
        beyond = insn(0x67, 1, 0, 0, 4) + insn(0x61, 0, 1) + EXIT
        wide = insn(0xb7, 0, 0, 0, -1) + EXIT
        requests = [request(load, memory, r1=0x1000, r2=5), request(load, memory, r1=0x2000), request(beyond, r1=1 << 28),
                    request(wide), request(ADD, r1=7)]
        expected = Bpf.batch(self, *requests)
        for backend in backends("ebpf32"):
            result = self.limpet("batch", "--isa", "ebpf32", "--backend", backend, input=b"".join(requests))
            got = list(replies(result.stdout))
            for i in (0, 1, 4):
                want, had = expected[i], got[i]
                self.assertEqual((had[:2], had[2][0], had[4]), (want[:2], want[2][0], want[4]))
            self.assertEqual((got[2][:2], got[3][:2]), ((8, 0), (8, 0)))  # all of r0 is the result, and of an address
        result = self.limpet("bpf-plugin", "--backend", "bpf-alu32", "01 02 03 04", input=(insn(0x69, 0, 1, 2) + EXIT).hex().encode())
        self.assertEqual((result.returncode, result.stdout), (0, b"403\n"))
        self.assert_refused(3, "exit: the result r0 may have an upper half", "bpf-plugin", "--backend", "bpf-alu32",
                            input=wide.hex().encode())


HEAD = '#include "limpet_guest.h"\n#include "limpet_imports.h"\n'
DRIVER = """
struct reading { uint32_t clock; int16_t celsius[2]; };
LIMPET_MESSAGE(3, struct reading);
static struct reading latest = {5, {-1, 1}};
static uint32_t runs;
static __attribute__((noinline)) uint32_t twice(uint32_t x) { volatile uint64_t y = x; return 2 * (uint32_t)y; }
static __attribute__((noinline)) uint32_t four_times(uint32_t x) { volatile uint64_t y = twice(x); return 2 * (uint32_t)y; }
uint32_t LIMPET_ENTRY(task)(uint32_t clock) {
    latest.clock = clock + timer_read_time() - timer_read_time();
    respond(3, (const uint8_t*)&latest, sizeof(latest));
    return four_times(++runs);
}
uint32_t LIMPET_ENTRY(answer)(int32_t a, int32_t b) { return a / b; }
"""


class Images(GuestTest):
    """What `limpet build --isa ebpf` makes."""

    def build(self, source, *options):
        path = self.folder / "driver.c"
        path.write_text(HEAD + source)
        image = self.folder / "driver.limpet"
        result = self.limpet("build", path, "-o", image, "--isa", "ebpf", *options)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return image

    def told(self, *words):
        result = self.limpet(*words)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def test_what_is_known_of_an_image(self):
        told = self.told("info", self.build(DRIVER))
        for line in ("isa        ebpf, plain", "stack      24 bytes at most", "frames     2 deep, 8 bytes each",
                     "import     void respond(u8,in u8[#2],u8), 1 call", "import     u32 timer_read_time(), 2 calls",
                     "message    3 reading, 8 bytes", "              4 i16[2]   celsius"):
            self.assertIn(line + "\n", told)
        self.assertRegex(told, r"(?m)^upload +\d+ bytes: \d+ code, 0 read-only data, 8 initialised variables$")

    def test_it_runs_with_a_mock_on_every_backend(self):
        debug = self.folder / "driver.o"
        image = self.build(DRIVER, "--debug", debug)
        mock = self.file(b'{"schedule": [{"entry": "task", "args": [7], "result": 4, "times": 1},'
                         b'{"entry": "answer", "args": [-9, 3], "result": -3}]}', "mock.json")
        line = '{"clock":2,"call":"respond","message":"reading","fields":{"clock":6,"celsius":[-1,1]}}\n'
        for backend in backends("ebpf"):
            self.assertEqual(self.told("run", image, "--mock", mock, "--backend", backend), line)
        trace = self.limpet("run", image, "--mock", mock, "--trace", "--symbols", debug).stderr.decode()
        self.assertRegex(trace, r"call 4095 <respond>|call \d+ <respond>")
        self.assertRegex(trace, r"respond\(message=3, data=0x[0-9a-f]+, length=8\)")
        self.assertRegex(trace, r"; <limpet_entry_task> driver\.c:\d+\n")
        self.assertRegex(trace, r"<twice>.*; <four_times")
        listing = self.told("disasm", image, "--symbols", debug)
        self.assertIn("\ntwice:\n; driver.c:", listing)
        self.assertIn("<timer_read_time>", listing)

    def test_host_calls_trap_until_they_are_bound(self):
        image = self.build(DRIVER)
        klipper = SOURCE / "firmware/sdk/klipper.calls"
        for options, insn in (([], "00000fff00000085"), (["--imports", klipper], "0000000000000085")):
            status, errors, _ = self.run_guest(image, "--entry", "task", *options)
            self.assertEqual((status, errors[:14], errors[-22:]), (2, "trap=host-call", f"insn={insn}\n"))
        self.assertEqual(self.told("check", image, "--imports", klipper), "")
        other = self.file(b"u32 timer_read_time()\n", "other.calls")
        self.assert_refused(3, "the guest imports 'void respond(u8,in u8[#2],u8)'", "check", image, "--imports", other)

    def test_packed_images(self):
        plain = self.build(DRIVER).read_bytes()
        told = self.told("info", self.file(plain, "plain.limpet"))
        size = int(re.search(r"^packed +(\d+) bytes of code$", told, re.M)[1])
        image = self.build(DRIVER, "--encoding", "packed")
        told = self.told("info", image)
        self.assertIn("isa        ebpf, packed\n", told)
        code = int(re.search(r"^upload +\d+ bytes: (\d+) code", told, re.M)[1])
        self.assertEqual(code, size)
        klipper = SOURCE / "firmware/sdk/klipper.calls"
        self.assertEqual(self.told("check", image, "--imports", klipper), "")
        for backend in backends("ebpf"):
            for path in (image, self.folder / "plain.limpet"):
                status, errors, state = self.run_guest(path, "--entry", "answer", "--args", "-12,4", "--backend", backend)
                self.assertEqual((status, errors, state["r0"][8:]), (0, "", "fffffffd"))
        self.assertEqual(self.told("disasm", image), self.told("disasm", self.folder / "plain.limpet"))
        self.assert_refused(64, "--encoding: rv32ec code is not packed", "build", "x.c", "-o", "x", "--encoding", "packed")
        self.assert_refused(64, "--encoding: unknown 'zip'", "build", "x.c", "-o", "x", "--encoding", "zip")

    def test_what_cannot_be_built(self):
        recursive = ("static __attribute__((noinline)) uint32_t fib(uint32_t n) {"
                     "return n < 2 ? n : fib(n - 1) + fib(n - 2); }"
                     "uint32_t LIMPET_ENTRY(task)(uint32_t n) { return fib(n); }")
        for source, words in (
            (recursive, "function fib calls itself: fib -> fib; declare its bound with LIMPET_STACK(fib, bytes)"),
            ("uint32_t x = 1;", "no instructions"),
            ("void f(void); void LIMPET_ENTRY(task)(void) { f(); }", "undefined symbol 'f'"),
            ('void LIMPET_ENTRY(task)(void) { __asm__ volatile("call 99"); }', "host call 99 is not declared in function"),
            ('void LIMPET_ENTRY(task)(void) { __asm__ volatile("goto +30"); }', "goes to instruction 31, outside"),
            ("uint32_t LIMPET_ENTRY(task)(uint32_t (*f)(void)) { return f(); }", "callx"),
        ):
            path = self.file((HEAD + source).encode(), "driver.c")
            result = self.limpet("build", path, "-o", self.folder / "x.limpet", "--isa", "ebpf")
            self.assertEqual(result.returncode, 3, source)
            self.assertIn(words, result.stderr.decode())
        image = self.build("static uint32_t fib(uint32_t n); LIMPET_STACK(fib, 160);" + recursive)
        self.assertEqual(self.run_guest(image, "--args", "7")[2]["r0"], f"{13:016x}")
        self.assertEqual(self.run_guest(image, "--args", "100")[1][:10], "trap=store")
        self.assert_refused(64, "ebpf is compiled by clang alone", "build", path, "-o", "x", "--isa", "ebpf", "--cc", "gcc")


if __name__ == "__main__":
    unittest.main()
