#!/usr/bin/python3
"""Does the report hold what its schema promises, and is each way of breaking it noticed?

    bench/tests/report_test.py [REPORT.json]     checks that file, too
"""

import copy
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import limits
import report_picture
import report_text
from measuring import WORKLOADS, MeasuringError, geometric_deviation, geometric_mean
from report import NUMBER_KEYS, ROW_KEYS, check_report

FILES = [Path(name) for name in sys.argv[1:]]
sys.argv[1:] = []


def sample():
    rows = []
    for guest_opt in ("-O2", "-Os"):
        for number, name in enumerate(WORKLOADS + ["empty"], 1):
            row = dict.fromkeys(ROW_KEYS) | {
                "isa": "rv32ec", "backend": "rv32-switch", "target": "cortex-m0plus", "board": "qemu-microbit",
                "opt": "-Os", "guest_opt": guest_opt, "workload": name, "source": "emulated:qemu"}
            figures = NUMBER_KEYS if name != "empty" else ["cycles"]
            rows.append(row | {key: number for key in figures})
    return {"schema": 1, "commit": "0" * 40, "compilers": {"gcc": "12"}, "rows": rows}


class Schema(unittest.TestCase):
    def test_a_right_report_passes(self):
        check_report(sample())

    def test_each_missing_key_is_noticed(self):
        for key in ROW_KEYS:
            report = sample()
            del report["rows"][0][key]
            self.assertRaises(MeasuringError, check_report, report)

    def test_each_missing_row_is_noticed(self):
        for i in range(len(sample()["rows"])):
            report = sample()
            del report["rows"][i]
            self.assertRaises(MeasuringError, check_report, report)

    def test_a_row_that_is_there_twice_is_noticed(self):
        report = sample()
        report["rows"].append(copy.copy(report["rows"][0]))
        self.assertRaises(MeasuringError, check_report, report)

    def test_each_wrong_value_is_noticed(self):
        for key in ROW_KEYS:
            if key in ("backend", "target"):
                continue  # any text
            for wrong in ("", None, -1):
                report = sample()
                report["rows"][0][key] = wrong
                with self.subTest(key=key, wrong=wrong), self.assertRaises(MeasuringError):
                    check_report(report)

    def test_an_empty_call_has_only_cycles(self):
        report = sample()
        report["rows"][len(WORKLOADS)]["guest_insns"] = 1
        self.assertRaises(MeasuringError, check_report, report)

    def test_the_files_given_are_right(self):
        for path in FILES:
            check_report(json.loads(path.read_text()))


class Limits(unittest.TestCase):
    """Fails when a figure above its limit would go unnoticed."""

    OPTS = {"rv32-switch": "-Os"}
    NAME = ("rv32-switch", "rv32ec", "-Os")

    def exceeded(self, ratio_max, flash_bytes_max, report=None):
        return limits.exceeded(report or sample(), self.OPTS, {self.NAME: (ratio_max, flash_bytes_max)})

    def test_each_limit_holds_up_to_its_figure(self):
        self.assertEqual(self.exceeded(4.65, 2), [])  # of sample(): 4.648 cycles per instruction, 2 bytes
        self.assertEqual(len(self.exceeded(4.64, 2)), 1)
        self.assertEqual(len(self.exceeded(4.65, 1)), 1)

    def test_stack_and_state_are_limited_for_every_backend(self):
        for key, limit in (("stack_bytes", limits.STACK_BYTES_MAX), ("state_bytes", limits.STATE_BYTES_MAX)):
            report = sample()
            for row in report["rows"]:
                row[key] = limit + 1
            self.assertEqual(len(self.exceeded(None, None, report)), 1)

    def test_a_promised_backend_that_is_not_measured_is_noticed(self):
        self.assertEqual(limits.exceeded(sample(), self.OPTS, {("gone", "rv32ec", "-Os"): (None, None)}),
                         ["gone rv32ec -Os: not measured"])


class Figures(unittest.TestCase):
    def test_geometric_mean_and_deviation(self):
        self.assertAlmostEqual(geometric_mean([1, 4, 16]), 4)
        self.assertAlmostEqual(geometric_deviation([3, 3, 3]), 1)
        self.assertAlmostEqual(geometric_deviation([2, 8]), 2)

    def test_the_text_tells_the_figures(self):
        text = report_text.markdown(sample(), {"rv32-switch": "-Os"}, [], {"backend": "-flag"}, [])
        for wanted in ("rv32-switch", "4.6", "-flag", "0" * 40):  # 4.6: geometric mean of 2, 3, 5, 6, 7 and 8
            self.assertIn(wanted, text)

    def test_the_picture_depends_on_the_report_only(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in ("a.svg", "b.svg")]
            for path in paths:
                report_picture.draw(sample(), {"rv32-switch": "-Os"}, path)
            self.assertEqual(paths[0].read_text(), paths[1].read_text())
            self.assertTrue("rv32-switch" in paths[0].read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
