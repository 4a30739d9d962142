#!/usr/bin/python3
"""Are the emulated measurements to be trusted? Hand-counted cycles, planted differences, hostile guests, faults.

    bench/tests/emulation_test.py BUILD_DIR LIMPET      the command, whose `measure` must tell the same
"""

import copy
import functools
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import boards
import bpf
import sizes
from measuring import BPF_REFERENCE, REFERENCE, Bench, MeasuringError, Outcome, Variant
from measuring import command, cross_check, hand_counted

FAULTED = 99  # exit status of firmware/boards after an exception
M3 = next(board for board in boards.BOARDS if board.name == "qemu-mps2-an385")
M3_MACHINE = "mps2-an385"
BENCH = Bench(Path(sys.argv.pop(1)).resolve())
LIMPET = Path(sys.argv.pop(1)).resolve()
SEED = 1  # WORKLOAD_SEED
VARIANTS = []


def setUpModule():
    BENCH.configure()
    isas = BENCH.isas()
    for backend, opt in BENCH.registered_opts().items():
        VARIANTS.extend(Variant(backend, isa, opt) for isa in isas[backend])
    VARIANTS.extend(bpf.variants(BENCH))
    BENCH.build(VARIANTS, ["fault_check.elf", f"{M3.id}-fault_check.elf", *map(M3.image, variants_for_m3())])


def variants_for_m3():
    """There are no images of eBPF for it."""
    return [variant for variant in VARIANTS if variant.isa != "ebpf"]


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
        self.assertEqual(BENCH.run_uncounted(f"{M3.id}-fault_check.elf", M3_MACHINE).status, FAULTED)


@functools.cache
def told_by_command(isa, workload):
    """{backend: (flash_bytes, instructions as text, cycles)} by `limpet measure`, of the guest that is in the images."""
    guest = BENCH.mcu / f"firmware/guests/{isa}-O2/{workload}.{'o' if isa == 'ebpf' else 'elf'}"
    lines = command([LIMPET, "measure", guest, "--isa", isa, "--entry", workload, "--args", SEED]).splitlines()
    rows = [line.split() for line in lines if line.startswith(isa)]
    flash_bytes = {row[1]: int(row[3]) for row in rows if len(row) == 12}
    return {row[1]: (flash_bytes[row[1]], row[4], int(row[5])) for row in rows if len(row) == 8}


class Backends(unittest.TestCase):
    """Fails when a backend computes a wrong result, or when a hostile guest ends in another trap than it must or in a
    fault of the firmware: firmware/measure/hostile_guest.S, bpf_hostile_guest.S. And when the command `limpet` or
    scripts/sizes counts otherwise."""

    def test_results_are_right_and_hostile_guests_contained(self):
        with ThreadPoolExecutor() as pool:
            for variant, (complaints, measured) in zip(VARIANTS, pool.map(BENCH.measure, VARIANTS)):
                with self.subTest(str(variant)):
                    self.assertEqual(complaints, [])
                    self.assertLess(measured["empty"]["executed"], 20)
                    images = (variant.flash_image, variant.empty_flash_image)
                    symbols = sizes.of_backend(*(BENCH.mcu / "firmware" / image for image in images))
                    self.assertEqual(sum(symbols.values()), BENCH.flash_bytes(variant))
                    if "/" in variant.backend and variant.opt == "asm" and variant.isa != "rv32ec":
                        continue  # backends.cmake: the PC does not know it
                    # What is translated may depend on where the data window's parts end, which for a plain ELF file is
                    # elsewhere: these two access no data but their stack. That of fib is deeper than calls of eBPF nest
                    # by default.
                    names = ("alu", "fib") if measured["crc32"]["prepared_bytes"] else ("crc32", "fib")
                    for name in names if variant.isa != "ebpf" else ("alu", "crc32"):
                        seen = (BENCH.flash_bytes(variant), measured[name]["executed"], measured[name]["cycles"])
                        told = told_by_command(variant.isa, name)[variant.backend]
                        self.assertEqual((told[0], told[2]), (seen[0], seen[2]))
                        if variant.backend in (REFERENCE, BPF_REFERENCE):  # which counts exactly
                            self.assertEqual(float(told[1]), seen[1])

    def test_the_same_on_a_cortex_m3(self):
        with ThreadPoolExecutor() as pool:
            run = functools.partial(BENCH.run_uncounted, machine=M3_MACHINE)
            for outcome in pool.map(run, map(M3.image, variants_for_m3())):
                with self.subTest(outcome.image):
                    self.assertEqual(outcome.status, 0, outcome)
                    boards.check_lines(outcome.lines, BENCH.mcu / "firmware" / outcome.image, M3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
