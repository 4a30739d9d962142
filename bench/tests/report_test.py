#!/usr/bin/python3
"""Does the report hold what its schema promises, and is each way of breaking it noticed?

    bench/tests/report_test.py [REPORT.json]     checks that file, too
"""

import copy
import json
import sys
import tempfile
import types
import unittest
import unittest.mock
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import drivers
import bpf
import history
import limits
import report
import report_text
from measuring import CALLS, WORKLOADS, MeasuringError, Variant, geometric_deviation, geometric_mean
from report import ROW_KEYS, check_report
from samples import sample

FILES = [Path(name) for name in sys.argv[1:]]
sys.argv[1:] = []


class Schema(unittest.TestCase):
    def test_a_right_report_passes(self):
        check_report(sample())

    def test_each_missing_key_is_noticed(self):
        for key in ROW_KEYS:
            wrong = sample()
            del wrong["rows"][0][key]
            self.assertRaises(MeasuringError, check_report, wrong)

    def test_each_missing_row_is_noticed(self):
        for i in range(len(sample()["rows"])):
            wrong = sample()
            del wrong["rows"][i]
            self.assertRaises(MeasuringError, check_report, wrong)

    def test_a_row_that_is_there_twice_is_noticed(self):
        wrong = sample()
        wrong["rows"].append(copy.copy(wrong["rows"][0]))
        self.assertRaises(MeasuringError, check_report, wrong)

    def test_each_wrong_value_is_noticed(self):
        for key in ROW_KEYS:
            if key in ("backend", "target"):
                continue  # any text
            for wrong in ("", None, -1):
                changed = sample()
                changed["rows"][0][key] = wrong
                with self.subTest(key=key, wrong=wrong), self.assertRaises(MeasuringError):
                    check_report(changed)

    def test_calls_have_only_cycles(self):
        for number, _ in enumerate(CALLS, len(WORKLOADS)):
            wrong = sample()
            wrong["rows"][number]["guest_insns"] = 1
            self.assertRaises(MeasuringError, check_report, wrong)

    def test_ebpf_rows_are_as_they_must_be(self):
        variant = Variant("bpf-switch", "ebpf", "-Os")
        figures = {"image_bytes": 8, "state_bytes": 124, "stack_bytes": 90, "prepared_bytes": 0, "prepare_cycles": 100,
                   "cycles": 50, "guest_insns": 4}
        told = [{"backend": "bpf-switch", "workload": name} | figures for name in bpf.ROWS["ebpf"]]
        added = [bpf.complete_row(report.EMPTY_ROW, one, variant, 10, 2000) for one in told]
        self.assertEqual([(row["cycles_per_insn"], row["slowdown"]) for row in added[:1]], [(12.5, 5.0)])
        whole = sample()
        whole["rows"] += added
        check_report(whole)
        texts = (report_text.method(whole, [], {}), report_text.repeat(whole), "")
        text = report_text.markdown(whole, {"rv32-switch": "-Os", "bpf-switch": "-Os"}, [], texts, [])
        self.assertIn("bpf-switch", text)
        self.assertIn("bpf-switch ebpf -Os", history.figures(whole))
        whole["rows"].remove(added[0])
        self.assertRaises(MeasuringError, check_report, whole)

    def test_ebpf_images_and_libraries_take_the_same_cycles(self):
        row = {"backend": "bpf-goto", "workload": "alu", "cycles": 50}
        bpf.compare([row], [row, row | {"workload": "fib", "cycles": 60}])
        for told in ([row | {"cycles": 51}], []):
            self.assertRaises(MeasuringError, bpf.compare, [row], told)

    def test_a_driver_has_only_image_bytes(self):
        wrong = sample()
        self.assertTrue(wrong["rows"][-1]["image_bytes"])
        wrong["rows"][-1]["cycles"] = 1
        self.assertRaises(MeasuringError, check_report, wrong)

    def test_a_report_without_drivers_is_noticed(self):
        wrong = sample()
        wrong["rows"] = [row for row in wrong["rows"] if row["workload"] not in drivers.NAMES]
        self.assertRaises(MeasuringError, check_report, wrong)

    def test_the_files_given_are_right(self):
        for path in FILES:
            check_report(json.loads(path.read_text()))


class Limits(unittest.TestCase):
    """Fails when a figure above its limit would go unnoticed."""

    OPTS = {"rv32-switch": "-Os"}
    NAME = ("rv32-switch", "rv32ec", "-Os")

    def exceeded(self, ratio_max, flash_bytes_max, measured=None):
        return limits.exceeded(measured or sample(), self.OPTS, {self.NAME: (ratio_max, flash_bytes_max)})

    def test_each_limit_holds_up_to_its_figure(self):
        self.assertEqual(self.exceeded(4.65, 2), [])  # of sample(): 4.648 cycles per instruction, 2 bytes
        self.assertEqual(len(self.exceeded(4.64, 2)), 1)
        self.assertEqual(len(self.exceeded(4.65, 1)), 1)

    def test_stack_and_state_are_limited_for_every_backend(self):
        for key, limit in (("stack_bytes", limits.STACK_BYTES_MAX), ("state_bytes", limits.STATE_BYTES_MAX)):
            measured = sample()
            for row in measured["rows"]:
                row[key] = limit + 1
            self.assertEqual(len(self.exceeded(None, None, measured)), 1)

    def test_empty_calls_are_limited_where_that_is_promised(self):
        measured = sample()
        cycles = next(row["cycles"] for row in measured["rows"] if row["workload"] == "empty")
        for most, lines in ((cycles, 0), (cycles - 1, 1)):
            with unittest.mock.patch.dict(limits.EMPTY_CALL_CYCLES_MAX, {self.NAME[0]: most}):
                self.assertEqual(len(self.exceeded(None, None, measured)), lines)

    def test_a_promised_backend_that_is_not_measured_is_noticed(self):
        self.assertEqual(limits.exceeded(sample(), self.OPTS, {("gone", "rv32ec", "-Os"): (None, None)}),
                         ["gone rv32ec -Os: not measured"])


class History(unittest.TestCase):
    """Fails when a figure that grew, or a row that is gone, would go unnoticed."""

    NAME = "rv32-switch rv32ec -Os"

    @staticmethod
    def report(key=None, factor=1, row=0):
        """A sample with round numbers, one of them multiplied."""
        measured = sample()
        for one in measured["rows"]:
            one.update({name: 1000 for name, value in one.items() if isinstance(value, int)})
        if key:
            measured["rows"][row][key] = int(1000 * factor)
        return measured

    def measured(self, key=None, factor=1, row=0):
        return history.figures(self.report(key, factor, row))

    def grown(self, key, factor, row=0):
        return history.grown(self.measured(), self.measured(key, factor, row))

    def test_three_percent_more_are_noticed_and_one_percent_is_not(self):
        crc32 = WORKLOADS.index("crc32")  # whose row tells what is the same for all workloads
        self.assertEqual(history.grown(self.measured(), self.measured()), [])
        for key, row in (("cycles", 0), ("cycles", len(WORKLOADS)), ("cycles", len(WORKLOADS) + 1), ("prepared_bytes", 3), ("image_bytes", 4),
                         ("image_bytes", 2 * len(WORKLOADS + CALLS)),  # a driver
                         ("flash_bytes", crc32), ("state_bytes", crc32), ("stack_bytes", crc32)):
            in_ram = 3 if key in ("state_bytes", "stack_bytes", "prepared_bytes") else 1  # one of three parts
            with self.subTest(key=key, row=row):
                self.assertTrue(self.grown(key, 1 + 0.03 * in_ram, row))
                self.assertEqual(self.grown(key, 1.01, row), [])
                self.assertEqual(self.grown(key, 0.5, row), [])

    def test_growth_by_small_steps_is_noticed(self):
        before, lines = self.measured(), []
        for factor in (1.01, 1.02, 1.03):  # each within the limit of the one before; none accepted
            lines = history.grown(before, self.measured("cycles", factor))
        self.assertEqual(lines, [f"{self.NAME}: max31865 -O2: cycles: 1000 before, 1030 now (+3.0 %)"])

    def test_what_vanished_is_noticed(self):
        before, now = self.measured(), self.measured()
        self.assertEqual(history.grown(before, {}), [f"{name}: not measured any more"
                                                     for name in (self.NAME, "drivers rv32ec")])
        del now[self.NAME]["workloads"]["fib -Os"]
        self.assertTrue(all("fib -Os" in line for line in history.grown(before, now)))
        self.assertTrue(history.grown(before, now))
        now = self.measured()
        now[self.NAME]["boards"] = []
        self.assertEqual(history.grown(before, now), [f"{self.NAME} on qemu-microbit: not measured any more"])

    def test_the_report_fails_and_tells_how_to_accept(self):
        def complaints(check, factor):
            lines = [{"date": "", "why": "", "rows": self.measured()}]
            with unittest.mock.patch.object(limits, "LIMITS", {}), unittest.mock.patch.multiple(
                    limits, STATE_BYTES_MAX=1000, STACK_BYTES_MAX=1000):
                options = types.SimpleNamespace(short=False, check=check, accept=None)
                sizes = types.SimpleNamespace(exceeded=[])
                return report.judge(self.report("cycles", factor), {"rv32-switch": "-Os"}, sizes, lines, options)

        found = complaints(True, 1.03)
        self.assertEqual(found[:1], [f"{self.NAME}: max31865 -O2: cycles: 1000 before, 1030 now (+3.0 %)"])
        self.assertIn("--accept", found[1])
        self.assertEqual(complaints(True, 1.01), [])
        self.assertEqual(complaints(False, 1.03), [])

    def test_a_short_report_answers_for_its_own_rows_only(self):
        lines = [{"date": "", "why": "", "rows": {f"{backend} {isa} {opt}": {}
                  for backend in ("rv32-switch", "gone") for isa in ("rv32e", "rv32ec") for opt in ("-Os", "-O2")}}]
        rows = report.baseline(lines, True, {"rv32-switch": "-Os"})
        self.assertEqual(sorted(rows), ["gone rv32ec -O2", "gone rv32ec -Os", "rv32-switch rv32ec -Os"])
        self.assertEqual(len(report.baseline(lines, False, {})), 8)

    def test_lines_add_up_to_the_baseline(self):
        first, second = {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 4}
        lines = [{"date": "2026-01-01", "why": "one", "rows": history.changes({}, first)}]
        lines.append({"date": "2026-01-02", "why": "two", "rows": history.changes(first, second)})
        self.assertEqual(lines[1]["rows"], {"b": 5, "c": None, "d": 4})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "history.json"
            history.write(lines, path)
            self.assertEqual(len(path.read_text().splitlines()), 4)
            self.assertEqual(history.state_after(history.read(path)), second)
            before = path.read_text().splitlines()
            history.write([*lines, lines[0]], path)
            self.assertEqual(path.read_text().splitlines()[:3], before[:3])  # so that each keeps its commit
            path.write_text('[{"date":"2026-01-01"}]')
            self.assertRaises(MeasuringError, history.read, path)
            self.assertRaises(MeasuringError, history.read, path.with_suffix(".gone"))

    def test_the_committed_history_can_be_read(self):
        lines = history.read()
        self.assertEqual(history.grown(history.state_after(lines), history.state_after(lines)), [])
        self.assertTrue(history.trend(lines))


class Figures(unittest.TestCase):
    def test_geometric_mean_and_deviation(self):
        self.assertAlmostEqual(geometric_mean([1, 4, 16]), 4)
        self.assertAlmostEqual(geometric_deviation([3, 3, 3]), 1)
        self.assertAlmostEqual(geometric_deviation([2, 8]), 2)

    def test_the_text_tells_the_figures(self):
        texts = (report_text.method(sample(), [], {"backend": "-flag"}), report_text.repeat(sample()), "note")
        sizes_rows = [{"driver": "hello", "rv32ec": 12, "thumb": 10}]
        text = report_text.markdown(sample(), {"rv32-switch": "-Os"}, sizes_rows, texts, [])
        # 4.6: geometric mean of 2, 3, 5, 6, 7 and 8
        for wanted in ("rv32-switch", "4.6", "-flag", "0" * 40, "hello", "note"):
            self.assertIn(wanted, text)

    def test_the_text_tells_what_silicon_took(self):
        report = sample()
        self.assertEqual(report_text.boards(report), "")
        rows = [row for row in report["rows"] if row["cycles"] is not None and row["guest_opt"] == "-O2"]
        report["rows"] += [row | {"board": "rp2040", "source": "emulated:rp2040js"} for row in rows]
        self.assertIn("No row comes from silicon", report_text.boards(report))
        report["rows"] += [row | {"board": "rp2040", "source": "silicon:1234", "ratio": 1.25, "spread_cycles": 17,
                                  "measured_commit": "0123456789ab", "image": "0" * 40} for row in rows]
        check_report(report)
        text = report_text.boards(report)
        for wanted in ("rp2040", "1234", "1.2500", "17", "0123456789ab"):
            self.assertIn(wanted, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
