"""What the tests of the command share: guests built from assembly, and the command run on them."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

LIMPET = os.environ["LIMPET"]  # the command under test
SOURCE = pathlib.Path(os.environ["LIMPET_SOURCE"])  # root of the tree

# As public test suites link: parts of all rights, in any order. Without the :names the linker merges all but the
# first into one segment that is writable and executable.
MERGED = """
OUTPUT_ARCH("riscv") ENTRY(_start)
SECTIONS {
  . = 0x80000000; .text.init : { *(.text.init) } :init
  . = 0x80001000; .tohost : { *(.tohost) } :tohost
  . = 0x80002000; .text : { *(.text) } :text
  . = 0x80003000; .data : { *(.data) } :data
  . = 0x80004000; .rodata : { *(.rodata) } :rodata
  . = 0x80005000; .bss : { *(.bss) } :bss
}
"""
LAYOUT = """
PHDRS {
  init PT_LOAD FLAGS(5); tohost PT_LOAD FLAGS(6); text PT_LOAD FLAGS(5);
  data PT_LOAD FLAGS(6); rodata PT_LOAD FLAGS(4); bss PT_LOAD FLAGS(6);
}
""" + MERGED
MERGED = re.sub(r" :\w+", "", MERGED)
MEMORY = "0x80000000:0x100000"


def backends(isa="rv32ec"):
    """Names of all backends of an isa."""
    lines = subprocess.run([LIMPET, "backends"], check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for profile, name in map(str.split, lines) if profile == isa]


def thumb_backends():
    """Names of those that are Thumb code only."""
    return set(re.findall(r"^limpet_thumb_backend\((\S+)", (SOURCE / "variants/backends.cmake").read_text(), re.M))


class GuestTest(unittest.TestCase):
    """A test with a folder for its files."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.guests = 0

    def elf(self, assembly, *, isa="rv32ec", layout=LAYOUT, options=()):
        """Path of an executable."""
        (self.folder / "guest.S").write_text(assembly)
        (self.folder / "layout.ld").write_text(layout)
        self.guests += 1
        path = self.folder / f"guest{self.guests}.elf"
        subprocess.run(
            ["riscv64-unknown-elf-gcc", f"-march={isa}", "-mabi=ilp32e", "-nostdlib", "-T", self.folder / "layout.ld"]
            + ["-Wl,--no-warn-rwx-segments", *options, "-o", path, self.folder / "guest.S"], check=True)
        return path

    def raw(self, assembly, isa="rv32ec"):
        """Path of the bytes of .text, linked at 0."""
        layout = "SECTIONS { . = 0; .text : { *(.text) } }"
        elf = self.elf(assembly, isa=isa, layout=layout, options=["-Wl,-e,0"])
        path = elf.with_suffix(".bin")
        subprocess.run(["riscv64-unknown-elf-objcopy", "-O", "binary", "-j", ".text", elf, path], check=True)
        return path

    def file(self, content, name="guest.bin"):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def limpet(self, *arguments, **settings):
        return subprocess.run([LIMPET, *map(str, arguments)], capture_output=True, timeout=120, **settings)

    def run_guest(self, path, *arguments):
        """Runs a guest. Returns exit status, standard error, and --dump-state as a dictionary."""
        state = self.folder / "state"
        state.unlink(missing_ok=True)
        result = self.limpet("run", path, "--dump-state", state, *arguments)
        self.assertEqual(result.stdout, b"")
        values = dict(line.split("=") for line in state.read_text().splitlines()) if state.exists() else {}
        return result.returncode, result.stderr.decode(), values

    def assert_trap(self, path, kind, pc, insn, *arguments):
        """Expects the trap on every backend, and returns the state that all of them left."""
        isa = arguments[arguments.index("--isa") + 1] if "--isa" in arguments else "rv32ec"
        states = []
        for backend in backends(isa):
            with self.subTest(backend=backend):
                status, errors, state = self.run_guest(path, "--backend", backend, *arguments)
                self.assertEqual(errors, f"trap={kind} pc={pc:08x} insn={insn:08x}\n")
                self.assertEqual(status, 2)
                self.assertEqual((state["end"], state["pc"]), (kind, f"{pc:08x}"))
                states.append(state)
        self.assertTrue(all(state == states[0] for state in states))
        return states[0]

    def assert_refused(self, status, words, *arguments, **settings):
        """Expects an exit status and one line on standard error that contains `words`."""
        result = self.limpet(*arguments, **settings)
        errors = result.stderr.decode()
        self.assertEqual(result.stdout, b"")
        self.assertRegex(errors, r"\Alimpet: [^\n]+\n\Z")
        self.assertIn(words, errors)
        self.assertEqual(result.returncode, status)
