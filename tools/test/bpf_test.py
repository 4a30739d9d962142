"""What the command does with eBPF programs: run, batch, disasm, bpf-plugin, and what it refuses."""

import struct
import subprocess
import unittest

from support import GuestTest, backends


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
const char* names[2] = {"ab", "cd"};
__attribute__((noinline)) static int helper(int a, int b) {
    volatile int x[4];
    x[0] = a;
    return x[0] * b + table[a & 3];
}
__attribute__((noinline, section("other"))) int twice(int a) { return 2 * a; }
__attribute__((section("prog"))) int entry(int a, int b) {
    start += ++counter;
    return helper(a, b) + start + twice(a) + names[1][0];
}
"""


class Objects(GuestTest):
    """What clang writes."""

    def object(self, source, *options):
        path = self.folder / "guest.c"
        path.write_text(source)
        result = path.with_suffix(".o")
        subprocess.run(["clang-19", "--target=bpf", "-O2", *options, "-c", path, "-o", result], check=True)
        return result

    def test_sections_globals_and_calls_of_every_version(self):
        for version in ("v1", "v2", "v3", "v4"):
            for debug in ([], ["-g"]):
                program = self.object(OBJECT, f"-mcpu={version}", *debug)
                for backend in backends("ebpf"):
                    status, errors, state = self.run_guest(program, "--backend", backend, "--entry", "entry", "--args", "5,6")
                    self.assertEqual((status, errors), (0, ""))
                    self.assertEqual(int(state["r0"], 16) & 0xffffffff, 5 * 6 + 2 + 41 + 10 + ord("c"))

    def test_one_function_needs_no_entry(self):
        program = self.object("unsigned f(unsigned a) { return a + 1; }")
        self.assertEqual(self.run_guest(program, "--args", "6")[2]["r0"], f"{7:016x}")

    def test_labels(self):
        lines = self.limpet("disasm", self.object(OBJECT)).stdout.decode().splitlines()
        self.assertEqual([line for line in lines if line.endswith(":")], ["helper:", "twice:", "entry:"])

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


if __name__ == "__main__":
    unittest.main()
