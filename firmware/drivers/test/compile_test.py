#!/usr/bin/python3
"""Does every driver compile for eBPF, into what a loader of eBPF objects takes; and do the promised sizes hold?

    LIMPET=COMMAND LIMPET_IMAGES=FOLDER firmware/drivers/test/compile_test.py
"""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import sizes

LIMPET, IMAGES = os.environ["LIMPET"], Path(os.environ["LIMPET_IMAGES"])
ARGUMENTS_MAX = 5
LOADED = {".text", ".rodata", ".data", ".bss"}  # constants may be in .rodata.cst16 and the like
NOT_LOADED = {".strtab", ".symtab", ".rel.text", ".llvm_addrsig", ".comment"}


class Ebpf(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = Path(cls.folder.name)
        sizes.write_sdk(LIMPET, cls.path / "sdk")
        calls = (sizes.FOLDER.parent / "sdk/klipper.calls").read_text().splitlines()
        cls.host_calls = len([line for line in calls if line and not line.startswith("//")])

    def compile(self, source, definitions=()):
        out = self.path / "driver.o"
        sizes.command([*sizes.BPF, *sizes.WARNINGS, f"-I{self.path / 'sdk'}", *definitions, "-c", source, "-o", out])
        return out

    def compile_text(self, text):
        source = self.path / "driver.c"
        source.write_text(f'#include "limpet_guest.h"\n#include "limpet_imports.h"\n{text}\n')
        return self.compile(source)

    def faults(self, path, entries):
        """What a loader could not do with the object."""
        sections = re.findall(r"^ *\[ *\d+\] (\S+) +[A-Z]", sizes.command(["llvm-readelf-19", "-SW", path]), re.M)
        found = [f"section {name}" for name in sections
                 if name not in NOT_LOADED and re.sub(r"^(\.rodata)\..*", r"\1", name) not in LOADED]
        symbols = sizes.command(["llvm-nm-19", path])
        found += [f"undefined {name}" for name in re.findall(r" U (\S+)", symbols)]
        functions = re.findall(r" T (\S+)", symbols)
        found += [f"no entry {name}" for name in entries if f"limpet_entry_{name}" not in functions]
        code = sizes.command(["llvm-objdump-19", "-d", path])
        ids = [int(number, 0) for number in re.findall(r"\tcall (0x[0-9a-f]+|\d+)$", code, re.M)]
        found += [f"host call {number}" for number in ids if number >= self.host_calls]
        return found + ([] if ids else ["no host call"])

    def test_every_driver(self):
        for name, (source, definitions) in sizes.drivers().items():
            with self.subTest(name):
                told = sizes.command([LIMPET, "info", IMAGES / "rv32ec" / f"{name}.limpet"])
                entries = re.findall(r"^entry +0x\w+ (\w+)", told, re.M)
                self.assertTrue(entries, told)
                self.assertEqual(self.faults(self.compile(source, definitions), entries), [])

    def test_what_ebpf_cannot_do_is_noticed(self):
        for text in ("int32_t LIMPET_ENTRY(task)(int32_t a, int32_t b) { return a / b; }",
                     "uint32_t sum(uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t);\n"
                     "uint32_t LIMPET_ENTRY(task)(void) { return sum(1, 2, 3, 4, 5, 6); }"):
            with self.subTest(text), self.assertRaises(sizes.SizesError):
                self.compile_text(text)

    def test_what_a_loader_cannot_do_is_noticed(self):
        call = "trigger_error(1);"
        for text, entries, fault in (
                (f"void f(void);\nvoid LIMPET_ENTRY(task)(void) {{ f(); {call} }}", ["task"], "undefined f"),
                (f"void LIMPET_ENTRY(task)(void) {{ {call} }}", ["task", "query"], "no entry query"),
                ("void LIMPET_ENTRY(task)(void) { __asm__ volatile(\"call 99\"); }", ["task"], "host call 99"),
                ("void LIMPET_ENTRY(task)(void) {}", ["task"], "no host call"),
                (f"__attribute__((section(\"fast\"))) void LIMPET_ENTRY(task)(void) {{ {call} }}", ["task"],
                 "section fast")):
            with self.subTest(text):
                self.assertIn(fault, self.faults(self.compile_text(text), entries))


class Promises(unittest.TestCase):
    def test_a_driver_that_grew_is_noticed(self):
        rows = [{"driver": "some", "rv32ec": 100}]
        self.assertEqual(sizes.exceeded(rows, {("some", "rv32ec"): 100}), [])
        self.assertEqual(len(sizes.exceeded(rows, {("some", "rv32ec"): 99})), 1)
        rows.append({"driver": "another", "rv32ec": 1})
        self.assertEqual(sizes.exceeded(rows, {("all", "rv32ec"): 101}), [])
        self.assertEqual(len(sizes.exceeded(rows, {("all", "rv32ec"): 100})), 1)

    def test_a_driver_that_is_gone_is_noticed(self):
        self.assertRaises(KeyError, sizes.exceeded, [{"driver": "another"}], {("some", "rv32ec"): 100})


if __name__ == "__main__":
    unittest.main()
