#!/usr/bin/python3
"""Does scripts/sizes tell what changed? That its bytes are all of flash_bytes, emulation_test.py tells."""

import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))
import sizes

LISTING = """\
00000000 00000008 T vectors
00000010 00000020 t limpet::rv32_goto::run(limpet_vm&)
00000010 00000020 W alias_of_run
00000040 00000004 t same(int)
00000050 00000006 t same(int)
00000060 00000100 R table
20000000 00000040 B variables
00000070 T without_a_size
         U undefined
"""


class Sizes(unittest.TestCase):
    def test_flash_is_counted_once(self):
        self.assertEqual(sizes.symbols_of(LISTING), {
            "vectors": 8, "limpet::rv32_goto::run(limpet_vm&)": 32, "same(int)": 10, "table": 256})

    def test_the_rest_is_told(self):
        self.assertEqual(sizes.with_rest({"a": 10}, 16), {"a": 10, sizes.NO_SYMBOL: 6})

    def test_differences_come_by_size(self):
        before, after = {"same": 4, "shrank": 10, "gone": 3}, {"same": 4, "shrank": 8, "grew": 7, "also": 7}
        self.assertEqual(sizes.differences(before, after),
                         [(7, 0, 7, "also"), (7, 0, 7, "grew"), (-2, 10, 8, "shrank"), (-3, 3, 0, "gone")])

    def test_a_commit_that_is_not_there_is_refused_in_one_line(self):
        done = subprocess.run([BENCH / "sizes.py", "no-such-commit"], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "sizes: no commit no-such-commit\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
