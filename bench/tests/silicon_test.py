#!/usr/bin/python3
"""Does scripts/measure take a board's figures, and nothing else? The board is a pseudo-terminal that sends what the
emulated firmware prints.

    bench/tests/silicon_test.py BUILD_DIR
"""

import contextlib
import fcntl
import io
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import boards
import silicon
import silicon_link
import silicon_rows
from measuring import CALLS, REFERENCE, WORKLOADS, Bench, MeasuringError, Variant
from report import check_row

BENCH = Bench(Path(sys.argv.pop(1)).resolve())
KIT = silicon_link.KITS["nucleo-g0b1"]
BOARD = silicon.board_of(KIT, "")
SILENT_SECONDS_MAX = 1.5


def setUpModule():
    global VARIANT, EMULATED, OTHER_LINES
    BENCH.configure()
    opts = BENCH.registered_opts()
    VARIANT = Variant(REFERENCE, "rv32ec", opts[REFERENCE])
    EMULATED = silicon.emulated(BENCH, BOARD, VARIANT, opts)
    pico = silicon.board_of(silicon_link.KITS["pico"], "")
    BENCH.build([], pico.targets(VARIANT))
    OTHER_LINES = boards.run(BENCH, pico, VARIANT)[1]


class FakeBoard:
    """A board on a pseudo-terminal: answers the byte r with `output`, then hangs up if it is to."""

    def __init__(self, output, hang_up=False):
        self._board, self.pc = pty.openpty()
        self.port = os.ttyname(self.pc)
        os.set_blocking(self._board, False)
        self._open = [self._board, self.pc]
        self._over = False
        self._thread = threading.Thread(target=self._serve, args=(output, hang_up), daemon=True)
        self._thread.start()

    def _serve(self, output, hang_up):
        while not self._asked():
            if self._over:
                return
        while output and not self._over:
            with contextlib.suppress(BlockingIOError):  # nobody reads any more
                output = output[os.write(self._board, output[:1024]):]
            # A pseudo-terminal drops what its buffer cannot hold, and what was written gets there a little later.
            arriving_until = time.monotonic() + 0.02
            while not self._unread() and time.monotonic() < arriving_until:
                time.sleep(0.001)
            while self._unread() and not self._over:
                time.sleep(0.001)
        if hang_up:
            self._hang_up()

    def _asked(self):
        return select.select([self._board], [], [], 0.05)[0] and os.read(self._board, 1) == b"r"

    def _unread(self):
        return struct.unpack("i", fcntl.ioctl(self.pc, termios.FIONREAD, bytes(4)))[0]

    def _hang_up(self):
        while self._open:
            os.close(self._open.pop())

    def close(self):
        self._over = True
        self._thread.join()
        self._hang_up()


def encoded(lines):
    return "".join(line + "\n" for line in lines).encode("latin-1")


class Measuring(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.rows = Path(folder.name) / "rows.json"
        self.lines = EMULATED[1]

    def measure(self, output, hang_up=False):
        """What comes of a board that sends this."""
        fake = FakeBoard(output, hang_up)
        self.addCleanup(fake.close)
        with contextlib.redirect_stdout(io.StringIO()) as said, \
                silicon_link.Link(fake.port, SILENT_SECONDS_MAX) as link:
            silicon.measure(BENCH, BOARD, VARIANT, EMULATED, link, None, silicon.keeper(self.rows))
        return said.getvalue()

    def refused(self, why, output, hang_up=False):
        with self.assertRaisesRegex(MeasuringError, why) as caught:
            self.measure(output, hang_up)
        self.assertNotIn("\n", str(caught.exception))
        self.assertFalse(self.rows.exists(), "a row was written")

    def test_a_whole_run_becomes_rows(self):
        said = self.measure(b"tail of an earlier run\n" + encoded(self.lines))
        rows = silicon_rows.read(self.rows)
        self.assertEqual({row["workload"] for row in rows}, {*WORKLOADS, *CALLS})
        for row in rows:
            check_row(row)
            self.assertEqual((row["ratio"], row["spread_cycles"]), (1.0, 0))
            self.assertEqual(row["source"], "silicon:eeeeeeeeeeeeeeeeeeeeeeee")
            self.assertIn(row["workload"], said)
            for key in silicon_rows.KEYS:
                self.assertRaises(MeasuringError, check_row, {name: row[name] for name in row if name != key})
                self.assertRaises(MeasuringError, check_row, row | {key: -1})

    def test_the_whole_command(self):
        fake = FakeBoard(encoded(self.lines))
        self.addCleanup(fake.close)
        with contextlib.redirect_stdout(io.StringIO()):
            silicon.main(["--board", "nucleo-g0b1", "--port", fake.port, "--no-flash", "--backend", VARIANT.backend,
                          "--build", str(BENCH.mcu.parent), "--rows", str(self.rows)])
        self.assertEqual(len(silicon_rows.read(self.rows)), len(WORKLOADS + CALLS))

    def test_a_slower_board_has_its_ratio_and_spread(self):
        slow, times = [], 0
        for line in self.lines:
            if line.startswith("ticks crc32 guest "):
                ticks = int(line.split()[3], 16)
                line = f"ticks crc32 guest {ticks + ticks // 4 + 10 * times:08x}"
                times += 1
            slow.append(line)
        slow[-1] = "end 00000000 {:08x}".format(boards.crc(slow[:-1]))
        self.measure(encoded(slow))
        row = next(row for row in silicon_rows.read(self.rows) if row["workload"] == "crc32")
        self.assertEqual((row["ratio"], row["spread_cycles"]), (1.25, 20))

    def test_measuring_again_replaces_and_keeps_others(self):
        self.measure(encoded(self.lines))
        rows = silicon_rows.read(self.rows)
        silicon_rows.write(rows + [row | {"source": "silicon:another"} for row in rows], self.rows)
        self.measure(encoded(self.lines))
        self.assertEqual(len(silicon_rows.read(self.rows)), 2 * len(rows))

    def test_wrong_board(self):
        self.refused("from another board: rp2040, not stm32g0b1", encoded(OTHER_LINES))

    def test_swapped_image_hash(self):
        first = self.lines[0].rsplit("=", 1)[0] + "=" + "0" * 40
        self.refused("from another image: 0000", encoded([first] + self.lines[1:]))

    def test_garbage_on_the_line(self):
        middle = len(self.lines) // 2
        self.refused("damaged", encoded(self.lines[:middle] + ["\xff\x80"] + self.lines[middle:]))
        self.refused("not a first line", encoded(["begin \xff"]))
        self.refused("garbage", bytes(range(11, 256)) * 300)
        self.refused("garbage", (b"\xfe" * 99 + b"\n") * 1000)
        self.refused("garbage", encoded(self.lines[:1] + ["x"] * 6000))

    def test_lines_that_are_not_of_this_image(self):
        for lines in (self.lines[:-2], self.lines[:-1] + ["ticks sort guest 1"], self.lines[:9] + self.lines[10:-1]):
            whole = lines + ["end 00000000 {:08x}".format(boards.crc(lines))]
            self.refused("other lines", encoded(whole))

    def test_silence(self):
        self.refused("no answer", b"")

    def test_output_that_stops(self):
        self.refused("stopped after 40 lines", encoded(self.lines[:40]))

    def test_cable_pulled_in_the_middle(self):
        self.refused("connection is lost", encoded(self.lines[:40]), hang_up=True)

    def test_a_fault_of_the_firmware(self):
        self.refused("FAULT", encoded(self.lines[:40] + ["FAULT the firmware took an exception"]))

    def test_a_wrong_result(self):
        lines = self.lines[:40] + ["FAIL crc32: result differs from the native one"]
        self.refused("FAIL crc32", encoded(lines + ["end 00000001 {:08x}".format(boards.crc(lines))]))


class Ports(unittest.TestCase):
    def port(self, device, vid=None, pid=None, serial_number=None):
        return SimpleNamespace(device=device, vid=vid, pid=pid, serial_number=serial_number)

    def refused(self, why, wanted=None, *ports):
        with self.assertRaisesRegex(MeasuringError, why):
            silicon_link.find_port(KIT, wanted, ports)

    def test_ports_by_usb_id(self):
        stlink, adapter = self.port("/dev/a", 0x0483, 0x374B), self.port("/dev/b", 0x0403, 0x6001)
        self.assertEqual(silicon_link.find_port(KIT, None, [adapter, stlink, self.port("/dev/ttyS0")]), "/dev/a")
        self.assertEqual(silicon_link.find_port(KIT, "/dev/c", [adapter]), "/dev/c")
        self.refused("no Nucleo-G0B1RE found", None, adapter)
        self.refused("could be a Nucleo", None, stlink, self.port("/dev/d", 0x0483, 0x374E))
        self.refused("0403:6001 is no ST-LINK", "/dev/b", adapter, stlink)

    def test_no_such_port(self):
        with self.assertRaisesRegex(MeasuringError, "no such port"):
            silicon_link.Link("/dev/there-is-no-such-port")

    def test_port_in_use(self):
        fake = FakeBoard(b"")
        self.addCleanup(fake.close)
        fcntl.flock(fake.pc, fcntl.LOCK_EX)
        with self.assertRaisesRegex(MeasuringError, "in use"):
            silicon_link.Link(fake.port)

    def test_no_board_is_one_line_and_status_1(self):
        program = Path(silicon.__file__).resolve()
        done = subprocess.run([program, "--board", "pico", "--port", "/dev/none"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (1, "measure: /dev/none: there is no such port\n"))


class Flashing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image = self.folder / "image.uf2"
        self.image.write_bytes(bytes(1024))

    def openocd(self, script):
        """Puts a program with that name in front of the others."""
        program = self.folder / "openocd"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        before = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", before)
        os.environ["PATH"] = f"{self.folder}:{before}"

    def drive(self, board_id):
        drive = self.folder / "drive"
        drive.mkdir()
        (drive / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nModel: Raspberry Pi\nBoard-ID: {board_id}\n")
        return drive

    def test_a_drive_gets_the_file(self):
        drive = self.drive("RPI-RP2")
        silicon_link.flash_by_drive(self.image, drive)
        self.assertEqual((drive / "image.uf2").read_bytes(), bytes(1024))

    def test_another_chips_drive_is_refused(self):
        drive = self.drive("RP2350")
        with self.assertRaisesRegex(MeasuringError, "not a Pico's drive: Board-ID: RP2350"):
            silicon_link.flash_by_drive(self.image, drive)
        self.assertFalse((drive / "image.uf2").exists())

    def test_no_drive(self):
        with self.assertRaisesRegex(MeasuringError, "not a Pico's drive"):
            silicon_link.flash_by_drive(self.image, self.folder)

    def test_openocd_gets_the_probe_and_the_image(self):
        self.openocd(f'echo "$@" > {self.folder}/arguments')
        probe = SimpleNamespace(device="/dev/a", serial_number="066A")
        silicon_link.flash_by_openocd(self.folder / "x.elf", "/dev/a", [probe])
        told = (self.folder / "arguments").read_text()
        self.assertIn("adapter serial 066A", told)
        self.assertIn(f"program {{{self.folder}/x.elf}} verify reset exit", told)

    def test_openocd_fails(self):
        self.openocd("echo Info: x >&2; echo Error: open failed >&2; exit 1")
        with self.assertRaisesRegex(MeasuringError, "^flashing: Error: open failed$"):
            silicon_link.flash_by_openocd(self.folder / "x.elf", "/dev/a", [])


class Rows(unittest.TestCase):
    def test_a_damaged_file_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.json"
            for text in ("", "[1]", "{}x", '[{"ratio": 1.0}]', json.dumps([dict.fromkeys(silicon_rows.NAME_KEYS +
                                                                                         silicon_rows.KEYS)])):
                path.write_text(text)
                with self.assertRaises(MeasuringError):
                    silicon_rows.read(path)


if __name__ == "__main__":
    unittest.main(verbosity=2)
