"""What `limpet run` and `limpet disasm` refuse: wrong command lines, files that are no guests, hostile ELF files."""

import random
import struct
import subprocess
import unittest

from support import MEMORY, GuestTest

# Offsets in an ELF32 header ("ELF Header", System V ABI) and in a program header.
CLASS, DATA, TYPE, MACHINE, PHOFF, SHOFF, PHENTSIZE, PHNUM, SHENTSIZE = 4, 5, 16, 18, 28, 32, 42, 44, 46
P_TYPE, P_OFFSET, P_VADDR, P_FILESZ, P_MEMSZ, P_FLAGS = 0, 4, 8, 16, 20, 24
PROGRAM = """
    .section .text.init, "ax"
    .globl _start, tohost
    _start: la a0, tohost; lw a1, 0(a0); j part
    .section .text, "ax"
    part: li a1, 1; sw a1, 0(a0); ret
    .section .tohost, "aw"
    tohost: .word 0
    .section .data, "aw"
    .word 1, 2, 3
    .section .rodata, "a"
    .word 4
    .section .bss, "aw"
    .space 8"""


class CommandLine(GuestTest):
    def test_usage(self):
        guest = self.raw("ret")
        for words, arguments in (
            ("measure, disasm, batch, backends", ()),
            ("frobnicate", ("frobnicate",)),
            ("FILE is required", ("run",)),
            ("FILE is required", ("disasm",)),
            ("--isa is required", ("batch",)),
            ("second", ("run", guest, "second")),
            ("--gdp", ("run", guest, "--gdp", "1")),
            ("--fuel", ("run", guest, "--fuel")),
            ("not a number", ("run", guest, "--fuel", "many")),
            ("not a number", ("run", guest, "--fuel", "-1")),
            ("not a number", ("run", guest, "--fuel", "0x")),
            ("too large", ("run", guest, "--fuel", "18446744073709551616")),
            ("not a number", ("run", guest, "--args", "1,,2")),
            ("not a number", ("run", guest, "--args", "--1")),
            ("too large", ("run", guest, "--args", "4294967296")),
            ("too large", ("run", guest, "--args", "-2147483649")),
            ("--fuel", ("run", guest, "--fuel", "1", "--fuel", "2")),
            ("BASE:SIZE", ("run", guest, "--memory", "0x80000000")),
            ("not a number", ("run", guest, "--memory", "0x80000000:")),
            ("too large", ("run", guest, "--gdb", "70000")),
            ("--dump-state: is empty", ("run", guest, "--dump-state", "")),
            ("at most 6", ("run", guest, "--args", "1,2,3,4,5,6,7")),
        ):
            with self.subTest(arguments=arguments):
                self.assert_refused(64, words, *arguments)

    def test_unknown_names_list_the_valid_ones(self):
        guest = self.raw("ret")
        isas = "unknown isa 'rv64'; there is: rv32e, rv32ec, rv32emc, rv32ecx"
        for arguments in (("run", guest), ("disasm", guest), ("batch",)):
            self.assert_refused(64, isas, *arguments, "--isa", "rv64")
        for arguments in (("run", guest), ("run", guest, "--isa", "rv32e"), ("batch", "--isa", "rv32ec")):
            self.assert_refused(64, "'fast'; there is: rv32-switch", *arguments, "--backend", "fast")

    def test_help(self):
        for arguments in (("--help",), ("run", "--help")):
            result = self.limpet(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertIn(b"Usage: limpet", result.stdout)


class Files(GuestTest):
    def test_what_is_no_file(self):
        self.assert_refused(3, "No such file", "run", self.folder / "missing")
        self.assert_refused(3, "Is a directory", "run", self.folder)
        self.assert_refused(3, "larger than any guest", "run", "/dev/zero")
        self.assert_refused(3, "empty", "run", self.file(b""))

    def test_raw_file_larger_than_its_memory(self):
        self.assert_refused(3, "outside the memory", "run", self.file(bytes(65537)))
        self.assert_refused(3, "outside the memory", "run", self.file(bytes(9)), "--memory", "0:8")
        self.assertEqual(self.run_guest(self.file(b"\x82\x80" + bytes(65534)))[0], 0)

    def test_raw_files_of_odd_size(self):
        self.assertEqual(self.run_guest(self.file(b"\x01"))[1], "trap=fetch pc=00000000 insn=00000000\n")
        self.assertEqual(self.run_guest(self.file(b"\x01\x00\x82"))[1], "trap=fetch pc=00000002 insn=00000000\n")

    def test_other_kinds_of_elf(self):
        source = self.folder / "other.S"
        source.write_text("_start: .globl _start; ret")
        out = self.folder / "other"
        gcc = ["riscv64-unknown-elf-gcc", source, "-nostdlib", "-o", out]
        for options, words in (
            (["-march=rv32ec", "-mabi=ilp32e", "-c"], "link it first"),
            (["-march=rv64i", "-mabi=lp64"], "not a 32-bit"),
        ):
            subprocess.run(gcc + options, check=True)
            for command in ("run", "disasm"):
                self.assert_refused(3, words, command, out)
        self.assert_refused(3, "not a 32-bit", "run", "/bin/true")
        subprocess.run(["arm-none-eabi-gcc", "-nostdlib", "-o", out, "-xc", "-"], input=b"void _start(void) {}",
                       check=True)
        self.assert_refused(3, "another machine: e_machine is 40", "run", out)

    def test_elf_outside_its_memory(self):
        self.assert_refused(3, "0x80000000..0x8000000e is outside the memory 0x00000000..0x00010000 (--memory 0:65536)",
                            "run", self.elf(PROGRAM))
        for memory in ("0x80000000:0x5000", "0x80000004:0x10000", "0x80000000:4"):
            self.assert_refused(3, "outside the memory", "run", self.elf(PROGRAM), "--memory", memory)


class HostileElf(GuestTest):
    def setUp(self):
        super().setUp()
        self.elf_bytes = self.elf(PROGRAM).read_bytes()
        headers = [self.header(i) for i in range(self.word(PHNUM, "H"))]
        self.loads = [at for at in headers if self.word(at + P_TYPE) == 1]  # PT_LOAD

    def word(self, at, kind="I"):
        return struct.unpack_from("<" + kind, self.elf_bytes, at)[0]

    def header(self, number):
        return self.word(PHOFF) + number * self.word(PHENTSIZE, "H")

    def patched(self, *changes):
        """A file with (offset, format, value) changed."""
        data = bytearray(self.elf_bytes)
        for at, kind, value in changes:
            struct.pack_into("<" + kind, data, at, value)
        return self.file(bytes(data), "patched.elf")

    def test_it_runs_when_nothing_is_changed(self):
        self.assertEqual(self.run_guest(self.patched(), "--memory", MEMORY)[0], 0)
        self.assertEqual(len(self.loads), 6)

    def test_changed_headers(self):
        first, second = self.loads[:2]
        for words, *changes in (
            ("not a 32-bit", (CLASS, "B", 2)),
            ("not a little-endian", (DATA, "B", 2)),
            ("not an ELF executable", (TYPE, "H", 4)),
            ("another machine", (MACHINE, "H", 62)),
            ("program headers of a wrong size", (PHENTSIZE, "H", 56)),
            ("program headers are cut off", (PHOFF, "I", len(self.elf_bytes) - 8)),
            ("program headers are cut off", (PHOFF, "I", 0xffffffff)),
            ("program headers are cut off", (PHNUM, "H", 0xfffe)),
            ("section headers of a wrong size", (SHENTSIZE, "H", 1)),
            ("section headers are cut off", (SHOFF, "I", len(self.elf_bytes) - 8)),
            ("nothing to load", (PHNUM, "H", 0)),
            ("nothing to load", *((at + P_TYPE, "I", 4) for at in self.loads)),
            ("dynamically linked", (first + P_TYPE, "I", 3)),
            ("ends behind the end of the file", (first + P_OFFSET, "I", len(self.elf_bytes) - 3)),
            ("ends behind the end of the file", (first + P_OFFSET, "I", 0xfffffffe)),
            ("more bytes in the file than in memory", (first + P_FILESZ, "I", 0x1000)),
            ("end of the address space", (first + P_MEMSZ, "I", 0xffffffff)),
            ("end of the address space", (first + P_VADDR, "I", 0xfffffffc)),
            ("outside the memory", (first + P_MEMSZ, "I", 0x7fffffff)),
            ("outside the memory", (first + P_VADDR, "I", 0x7ffffffe)),
            ("overlaps", (second + P_VADDR, "I", 0x80000004)),
            ("overlaps", (first + P_MEMSZ, "I", 0x1001)),
        ):
            with self.subTest(words=words, changes=changes):
                self.assert_refused(3, words, "run", self.patched(*changes), "--memory", MEMORY)

    def test_writable_code_without_sections_to_tell_it_apart(self):
        path = self.patched((self.loads[0] + P_FLAGS, "I", 7), (SHOFF, "I", 0), (SHENTSIZE + 2, "H", 0))
        self.assert_refused(3, "both writable and executable", "run", path, "--memory", MEMORY)

    def test_every_truncation(self):
        for size in range(4, len(self.elf_bytes), 97):
            self.assert_refused(3, "truncated ELF file", "run", self.file(self.elf_bytes[:size]), "--memory", MEMORY)

    def test_random_damage(self):
        """Whatever a damaged file does, it is one of the documented ends, and one line at most."""
        rng = random.Random(1)
        sections = range(self.word(SHOFF), len(self.elf_bytes))
        ends = set()
        for number in range(400):
            data = bytearray(self.elf_bytes)
            where = (range(52), range(self.word(PHOFF), self.header(7)), sections)[number % 3]
            for _ in range(rng.randint(1, 4)):
                data[rng.choice(where)] = rng.choice((0, 1, 3, 0x7f, 0x80, 0xff, rng.randrange(256)))
            path = self.file(bytes(data))
            for arguments in (("run", path, "--memory", MEMORY, "--fuel", 1000), ("disasm", path)):
                result = self.limpet(*arguments)
                ends.add(result.returncode)
                self.assertIn(result.returncode, (0, 1, 2, 3), (number, result))
                self.assertLessEqual(result.stderr.count(b"\n"), 1)
        self.assertTrue({0, 3} <= ends)


if __name__ == "__main__":
    unittest.main()
