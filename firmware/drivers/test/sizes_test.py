#!/usr/bin/python3
"""Does sizes.py notice a driver that is larger than promised?"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import sizes


class Promises(unittest.TestCase):
    def test_a_driver_that_grew_is_noticed(self):
        rows = [{"driver": "some", "rv32ec": 100}]
        self.assertEqual(sizes.exceeded(rows, {("some", "rv32ec"): 100}), [])
        self.assertEqual(len(sizes.exceeded(rows, {("some", "rv32ec"): 99})), 1)
        rows.append({"driver": "another", "rv32ec": 1})
        self.assertEqual(sizes.exceeded(rows, {("all", "rv32ec"): 101}), [])
        self.assertEqual(len(sizes.exceeded(rows, {("all", "rv32ec"): 100})), 1)

    def test_code_that_is_not_packed_well_is_noticed(self):
        rows = [{"driver": "some", "ebpf": 100, "ebpf-packed": 36}]
        self.assertEqual(sizes.exceeded(rows, {}, sizes.PROMISED_RATIOS), [])
        rows[0]["ebpf-packed"] = 37
        self.assertEqual(len(sizes.exceeded(rows, {}, sizes.PROMISED_RATIOS)), 1)

    def test_a_driver_that_is_gone_is_noticed(self):
        self.assertRaises(KeyError, sizes.exceeded, [{"driver": "another"}], {("some", "rv32ec"): 100})


if __name__ == "__main__":
    unittest.main()
