#!/usr/bin/python3
"""Do all emulated boards run the image that would be flashed, and do all counters agree? Are planted faults noticed?

    bench/tests/boards_test.py BUILD_DIR
"""

import shutil
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import boards
from measuring import ROOT, Bench, MeasuringError, Variant, command

BENCH = Bench(Path(sys.argv.pop(1)).resolve())
PLANTED = BENCH.mcu.parent / "planted"
VARIANT = Variant("rv32-goto", "rv32ec", "-O2")
STM32 = next(board for board in boards.BOARDS if board.name == "stm32g0b1")
RP2040 = next(board for board in boards.BOARDS if board.name == "rp2040")


def setUpModule():
    BENCH.configure()
    everywhere = [target for board in boards.BOARDS + boards.CONTROLS for target in board.targets(VARIANT)]
    BENCH.build([VARIANT], everywhere)
    shutil.rmtree(PLANTED, ignore_errors=True)
    PLANTED.mkdir(parents=True)


def ninja_command(build, target):
    """The last command that Ninja would run to make `target`, without what CMake puts around it."""
    lines = command(["ninja", "-C", build, "-t", "commands", target]).splitlines()
    return lines[-1].removeprefix(": && ").removesuffix(" && :")


def planted(path, old, new):
    """A copy of a source file with a fault in it."""
    text = (ROOT / path).read_text()
    if text.count(old) != 1:
        raise AssertionError(f"{path}: {old!r} is there {text.count(old)} times")
    copy = PLANTED / Path(path).name
    copy.write_text(text.replace(old, new))
    return copy


class Everywhere(unittest.TestCase):
    """Fails when a board does not boot, when a counter or SysTick differs from another by a cycle, or a repetition from
    the first, or when an image's output is damaged."""

    def test_each_board_agrees_with_qemu_microbit(self):
        complaints, _ = BENCH.measure(VARIANT)
        self.assertEqual(complaints, [])
        for board in boards.BOARDS + boards.CONTROLS:
            with self.subTest(board.id):
                regions, _ = boards.run(BENCH, board, VARIANT)
                boards.agree(board.id, regions, BENCH.regions[VARIANT])


class PlantedFaults(unittest.TestCase):
    def board_with(self, old, new, status=70):
        """What the model says to an STM32 image whose board.cpp has a fault."""
        original = "firmware/boards/stm32g0b1/board.cpp"
        good = "firmware/CMakeFiles/board-stm32g0b1.dir/boards/stm32g0b1/board.cpp.obj"
        target = f"firmware/{STM32.image(VARIANT)}"
        made, image = PLANTED / "planted.o", PLANTED / STM32.image(VARIANT)
        compiling = ninja_command(BENCH.mcu, good).replace(str(ROOT / original), str(planted(original, old, new)))
        self.shell(compiling.replace(f"-o {good}", f"-o {made} -I{(ROOT / original).parent}"))
        linking = ninja_command(BENCH.mcu, target).replace(good, str(made))
        self.shell(linking.replace(f"-o {target}", f"-o {image}"))
        self.shell(f"arm-none-eabi-objcopy -O binary {image} {image.with_suffix('.bin')}")
        outcome = BENCH.run_unicorn(image, None, "stm32g0b1", image.with_suffix(".bin"))
        self.assertEqual(outcome.status, status, outcome)
        return "\n".join(outcome.lines)

    @staticmethod
    def shell(line):
        command(["sh", "-c", f"cd {BENCH.mcu} && {line}"])

    def test_too_few_wait_states(self):
        said = self.board_with("kFlashLatency = 2;", "kFlashLatency = 1;")
        self.assertIn("1 wait states at 64 MHz: the flash needs 2", said)

    def test_a_relative_of_the_chip(self):
        said = self.board_with("kStm32G0B1 = 0x467;", "kStm32G0B1 = 0x460;", status=99)
        self.assertIn("FAULT this chip", said)

    def test_wrong_pll(self):
        self.assertIn("PLL out of its limits", self.board_with("kPllMultiplier = 8;", "kPllMultiplier = 9;"))

    def test_slow_pll(self):
        self.assertIn("baud", self.board_with("kPllMultiplier = 8;", "kPllMultiplier = 6;"))

    def test_wrong_entry_in_the_timing_table(self):
        """Two counters share the table; rp2040js and the kernels counted by hand do not."""
        header = planted("bench/cycles/m0plus_timing.h", "{0xf000, 0x9000, 2},", "{0xf000, 0x9000, 1},")
        shutil.copytree(ROOT / "bench/cycles", PLANTED / "cycles", ignore=shutil.ignore_patterns("node_modules"))
        shutil.copytree(ROOT / "bench/workloads", PLANTED / "workloads")
        shutil.copy(header, PLANTED / "cycles")
        bench = Bench(BENCH.mcu.parent)
        bench.host = PLANTED / "host"
        command(["cmake", "-S", PLANTED / "cycles", "-B", bench.host, "-G", "Ninja"])
        command(["ninja", "-C", bench.host, "limpet-cycles"])
        with self.assertRaisesRegex(MeasuringError, "rp2040js prints .*ticks .* Unicorn"):
            boards.run(bench, RP2040, VARIANT)
        with self.assertRaisesRegex(MeasuringError, "cycles by hand"):
            boards.run(bench, STM32, VARIANT)

    def test_cycles_that_rp2040js_forgets(self):
        bench = Bench(BENCH.mcu.parent)
        bench.rp2040js = planted("bench/cycles/rp2040js/run.mjs", "=== 0xbd00 ? 1 : 0", "=== 0xbd00 ? 0 : 0")
        (PLANTED / "node_modules").symlink_to(ROOT / "bench/cycles/rp2040js/node_modules")
        with self.assertRaisesRegex(MeasuringError, "rp2040js prints .*ticks stack check .* Unicorn"):
            boards.run(bench, RP2040, VARIANT)

    def test_damaged_uf2_file(self):
        """An image whose boot2 the boot ROM would not run, or whose blocks it would not take, runs nowhere."""
        image = BENCH.mcu / "firmware" / RP2040.image(VARIANT)
        good = image.with_suffix(".uf2").read_bytes()
        for at, why in ((32 + 8, "boot2's checksum"), (28, "block 0 is not"), (512 + 20, "block 1 is not")):
            bad = PLANTED / image.with_suffix(".uf2").name
            bad.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            shutil.copy(image, bad.with_suffix(".elf"))
            for outcome in (BENCH.run_unicorn(image, None, "rp2040", bad), BENCH.run_rp2040js(bad.with_suffix(".elf"))):
                self.assertEqual(outcome.status, 70, outcome)
                self.assertIn(why, "\n".join(outcome.lines))

    def test_another_cycle_on_another_board(self):
        regions = {("crc32", "guest"): {"cycles": 10, "instructions": 5, "stack": 8}}
        boards.agree("image", regions, dict(regions))
        more = {name: region | {"cycles": 11} for name, region in regions.items()}
        for other in (more, {}):
            self.assertRaises(MeasuringError, boards.agree, "image", other, regions)

    def test_swapped_image(self):
        image = BENCH.mcu / "firmware" / STM32.image(VARIANT)
        other = BENCH.mcu / "firmware" / RP2040.image(VARIANT)
        outcome = BENCH.run_unicorn(STM32.image(VARIANT), None, "stm32g0b1", image.with_suffix(".bin"))
        boards.check_lines(outcome.lines, image, STM32)
        with self.assertRaisesRegex(MeasuringError, "image"):
            boards.check_lines(outcome.lines, other, STM32)


class Output(unittest.TestCase):
    """Fails when damage to what a board sends would go unnoticed."""

    def setUp(self):
        self.image = BENCH.mcu / "firmware" / STM32.image(VARIANT)
        self.lines = BENCH.run_unicorn(self.image.name, None, "stm32g0b1", self.image.with_suffix(".bin")).lines

    def test_each_kind_of_damage(self):
        boards.check_lines(self.lines, self.image, STM32)
        middle = len(self.lines) // 2
        for damaged in ([], self.lines[:-1], self.lines[1:], self.lines[:middle] + self.lines[middle + 1:],
                        self.lines[:middle] + ["\ufffd"] + self.lines[middle:], self.lines[:-1] + ["end 0 0"],
                        self.lines[:-1] + ["end x y"]):
            with self.assertRaises(MeasuringError):
                boards.check_lines(damaged, self.image, STM32)


if __name__ == "__main__":
    unittest.main(verbosity=2)
