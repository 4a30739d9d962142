#!/usr/bin/python3
"""Are the emulated measurements to be trusted? Hand-counted cycles, planted differences, hostile guests, faults.

    bench/tests/emulation_test.py BUILD_DIR
"""

import copy
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from measuring import ISAS, Bench, MeasuringError, Outcome, Variant, cross_check, hand_counted

FAULTED = 99  # exit status of firmware/boards/qemu-microbit after an exception
BENCH = Bench(Path(sys.argv.pop(1)).resolve())
VARIANTS = []


def setUpModule():
    BENCH.configure()
    for backend, opt in BENCH.registered_opts().items():
        VARIANTS.extend(Variant(backend, isa, opt) for isa in ISAS)
    BENCH.build(VARIANTS, ["fault_check.elf"])


class HandCountedCycles(unittest.TestCase):
    """Fails when a counter is wrong about an instruction of firmware/measure/calibration.S, a branch or a region."""

    def test_each_function_takes_what_the_manual_says(self):
        for run in (BENCH.run_qemu, BENCH.run_unicorn):
            outcome = run(VARIANTS[0].image)
            self.assertEqual(outcome.status, 0, outcome)
            wanted = hand_counted(outcome.lines)
            seen = [(name, region["cycles"]) for (name, _), region in zip(wanted, outcome.regions)]
            self.assertGreater(len(wanted), 5)
            self.assertEqual(wanted, seen, outcome.emulator)


class CrossCheck(unittest.TestCase):
    """Fails when a disagreement of the two emulators would go unnoticed."""

    def setUp(self):
        lines = ["timed crc32 native", "timed crc32 guest", "result crc32 00000001"]
        regions = [{"cycles": 10, "instructions": 7}, {"cycles": 100, "instructions": 70}]
        self.qemu = Outcome("QEMU", "image", 0, lines, regions)
        self.unicorn = copy.deepcopy(self.qemu)

    def test_agreement_passes(self):
        self.assertEqual(cross_check(self.qemu, self.unicorn)["crc32", "guest"]["cycles"], 100)

    def test_one_cycle_more_is_an_error(self):
        self.unicorn.regions[1]["cycles"] += 1
        self.assertRaises(MeasuringError, cross_check, self.qemu, self.unicorn)

    def test_another_result_is_an_error(self):
        self.unicorn.lines[2] = "result crc32 00000002"
        self.assertRaises(MeasuringError, cross_check, self.qemu, self.unicorn)

    def test_a_missing_region_is_an_error(self):
        del self.qemu.regions[1], self.unicorn.regions[1]
        self.assertRaises(MeasuringError, cross_check, self.qemu, self.unicorn)


class Emulators(unittest.TestCase):
    """Fails when an emulator lets a misaligned access pass: then it would prove nothing about hostile guests."""

    def test_a_misaligned_access_faults(self):
        qemu = BENCH.run_qemu("fault_check.elf")
        self.assertEqual(qemu.status, FAULTED, qemu)
        unicorn = BENCH.run_unicorn("fault_check.elf")
        self.assertEqual(unicorn.status, 70, unicorn)
        self.assertIn("misaligned access", "\n".join(unicorn.lines))


class Backends(unittest.TestCase):
    """Fails when a backend computes a wrong result, or when a hostile guest ends in another trap than it must or in a
    fault of the firmware: firmware/measure/hostile_guest.S."""

    def test_results_are_right_and_hostile_guests_contained(self):
        with ThreadPoolExecutor() as pool:
            for variant, (complaints, measured) in zip(VARIANTS, pool.map(BENCH.measure, VARIANTS)):
                with self.subTest(str(variant)):
                    self.assertEqual(complaints, [])
                    self.assertLess(measured["empty"]["executed"], 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
