# What settings.py makes of the tree, without Klipper.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE in the folder above).
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "firmware/klipper"))

import settings  # noqa: E402
from limpet import calls  # noqa: E402

PROGRAM = """
#include "limpet_calls.h"
#include "limpet_klipper_calls.h"
#include <stdio.h>
int main(void) { return printf("%s\\n%s\\n", LIMPET_DICTIONARY(LIMPET_KLIPPER_CALLS), LIMPET_KLIPPER_MARKS) < 0; }
"""


def declared(names=(), absent=()):
    """The declarations of a firmware that has all but these parts of Klipper's configuration, as the compiler sees them;
    those that its marks stand for are the same."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        settings.write_calls(folder, names)
        (folder / "program.c").write_text(PROGRAM)
        parts = [f"-D{part}=1" for part in settings.PARTS if part not in absent]
        subprocess.run(["cc", f"-I{ROOT}/interp", f"-I{ROOT}/interp/calls", *parts, folder / "program.c", "-o",
                        folder / "program"], check=True)
        told = subprocess.run([folder / "program"], check=True, capture_output=True, text=True).stdout
    text, marks = told.splitlines()
    declarations = text.rstrip(";").split(";")
    if calls.Calls(marks, settings.klipper_calls()).declarations() != declarations:
        raise AssertionError(f"{marks} is not {text}")
    return declarations


class Calls(unittest.TestCase):
    def test_all_of_them_are_told(self):
        lines = [line.split("//")[0].strip() for line in (ROOT / "firmware/sdk/klipper.calls").read_text().splitlines()]
        self.assertEqual(len(declared()), len(list(filter(None, lines))))
        self.assertEqual(sorted(declared()), sorted(calls.klipper_calls()))

    def test_only_what_is_there(self):
        there = declared(absent=["CONFIG_WANT_SPI", "CONFIG_WANT_TRIGGER_ANALOG"])
        self.assertNotRegex(" ".join(there), "spi|trigger")
        self.assertIn("u8 i2c_read(handle<i2c>,u8,out u8[#3],u8)", there)

    def test_only_what_was_asked_for(self):
        self.assertEqual(declared(["respond", "timer_read_time"]),
                         ["u32 timer_read_time()", "void respond(u8,in u8[#2],u8)"])
        with self.assertRaisesRegex(settings.Refused, "nonsense is not declared"):
            declared(["respond", "nonsense"])

    def test_marks_are_unlike(self):
        with unittest.mock.patch.object(settings, "klipper_calls", lambda: ["void f598()", "void f21046()"]):
            with self.assertRaisesRegex(settings.Refused, "the same mark"):
                declared()


class Backends(unittest.TestCase):
    def test_words(self):
        where, opt, header, namespace, _, prepares, crc, encoding, *flags = settings.backend_words("rv32-tiny", "rv32ec")
        self.assertEqual(encoding, "plain")
        self.assertEqual((where, opt, namespace, prepares, flags), ("thumb", "asm", "rv32_tiny", "0", []))
        self.assertTrue((ROOT / "variants" / header).exists())
        self.assertEqual(int(crc, 16), zlib.crc32(b"rv32ec plain"))
        words = settings.backend_words("rv32-threaded", "rv32e")
        self.assertEqual((words[0], words[1], words[5]), ("portable", "asm", "1"))
        self.assertEqual(settings.backend_words("rv32-jit", "rv32ec")[5], "1")
        self.assertIn("-fno-jump-tables", settings.backend_words("rv32-switch", "rv32e"))
        self.assertEqual(settings.backend_words("rv32-dense", "rv32dense")[5:],
                         ["0", hex(zlib.crc32(b"rv32dense dense-1")), "dense-1"])

    def test_each_has_its_cycles(self):
        with self.assertRaises(settings.Refused) as raised:
            settings.backend_words("nonsense", "rv32ec")
        names = str(raised.exception).split("there is: none ")[1].split()
        self.assertIn("rv32-threaded/compact", names)
        self.assertEqual(sorted(settings.CYCLES), names)

    def test_refusals(self):
        for name, isa in (("rv32-nonsense", "rv32ec"), ("rv32-tiny", "rv64"), ("rv32-dense", "rv32ec"),
                          ("rv32-tiny", "rv32dense"), ("bpf-switch", "ebpf")):
            with self.assertRaises(settings.Refused):
                settings.backend_words(name, isa)


if __name__ == "__main__":
    unittest.main()
