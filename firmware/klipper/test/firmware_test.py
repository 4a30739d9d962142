#!/usr/bin/python3
# Klipper with the add-on, built from a checkout and run as a Linux process. Needs KLIPPER_DIR.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE in the folder above).
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import mcu

HERE = pathlib.Path(__file__).resolve().parent
LIMPET = os.environ.get("LIMPET", str(mcu.ROOT / "build/host/tools/limpet"))
LOAD, HOST_CALL, REFUSED, TOO_LONG, SHUTDOWN = 2, 6, 8, 10, 11


def changes():
    """What git sees of the checkout."""
    return subprocess.run(["git", "status", "--porcelain"], cwd=mcu.KLIPPER, check=True, capture_output=True).stdout


class Running(unittest.TestCase):
    backend = "rv32-goto"

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        made = mcu.make(cls.folder / "out", "linuxprocess", f"LIMPET_BACKEND={cls.backend}")
        if made.returncode != 0:
            raise AssertionError(made.stdout)
        subprocess.run([LIMPET, "build", HERE / "guests.c", "-o", cls.folder / "guests.limpet", "--isa", "rv32ec"],
                       check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.mcu = mcu.Mcu(self.folder / "out/klipper.elf", self.folder)
        self.addCleanup(self.mcu.close)
        self.image = mcu.Image(self.folder / "guests.limpet", self.mcu.declared)
        self.mcu.send("allocate_oids count=2")
        for oid in (0, 1):
            self.mcu.send(self.image.configuration(oid, slices=20))
            self.assertEqual(self.mcu.upload(oid, self.image), 0)
        self.mcu.send("finalize_config crc=1")

    def call(self, *arguments, **options):
        return self.mcu.call(0, self.image, *arguments, **options)

    def test_calls(self):
        self.assertEqual(self.mcu.kind, "rv32ec plain")
        self.assertEqual(self.call("add", 1, 20, 300, 4000, 2**32 - 1)["result"], 4320)
        self.call("echo", data=b"twelve bytes")
        self.call("echo", data=b"", wait=False)
        self.assertEqual(self.mcu.wait("limpet_data", message=3)["data"], b"")

    def test_echo(self):
        self.call("echo", data=b"twelve bytes", wait=False)
        self.assertEqual(self.mcu.wait("limpet_data", oid=0)["data"], b"twelve bytes")

    def test_faults_leave_the_printer_ready(self):
        trap = self.call("wild", 0x40000000)
        self.assertEqual((trap["status"], trap["address"]), (LOAD, 0x40000000))
        self.assertEqual(self.call("add", 1)["status"], LOAD)
        self.assertEqual(self.mcu.call(1, self.image, "add", 1)["result"], 1)
        self.assertEqual(self.mcu.upload(0, self.image), 0)
        self.assertEqual(self.call("bad_handle")["status"], HOST_CALL)
        self.assertEqual(self.mcu.upload(0, self.image), 0)
        for entry in ("spin", "chatter"):
            self.call(entry, wait=False)
            self.assertEqual(self.mcu.wait("state", oid=0, status=TOO_LONG)["oid"], 0)
            self.assertEqual(self.mcu.upload(0, self.image), 0)
        self.assertEqual(self.mcu.ask("get_config", "config")["is_shutdown"], 0)

    def test_a_restart_restores_data(self):
        self.assertEqual([self.call("count")["result"] for _ in range(3)], [41, 42, 43])
        self.assertEqual(self.mcu.upload(0, self.image), 0)
        self.assertEqual(self.call("count")["result"], 41)
        self.mcu.send(mcu.command(0, mcu.WRITE))
        self.assertEqual(self.call("count")["status"], REFUSED)
        damaged = mcu.Image(self.folder / "guests.limpet", self.mcu.declared)
        damaged.block = damaged.block[:-5] + bytes([damaged.block[-5] ^ 1]) + damaged.block[-4:]
        for at, chunk in damaged.chunks():
            self.mcu.send(mcu.command(0, mcu.WRITE, at, data=chunk))
        state = self.mcu.ask(mcu.command(0, mcu.SEAL, self.image.sum(self.mcu.kind)), "state")
        self.assertEqual(state["status"], REFUSED)

    def test_timers(self):
        tick = self.mcu.parser.get_constant_int("CLOCK_FREQ") // 1000000
        start = self.mcu.clock() + 20000 * tick
        self.call("periodic", start, 10000 * tick)
        last = start
        for _ in range(8):
            data = self.mcu.wait("limpet_data", oid=0, message=1)["data"]
            clock, missed = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")
            self.assertEqual(clock - last, 10000 * tick * (missed + 1))  # a busy PC lets the process miss some
            last = clock
        self.assertEqual(len(self.mcu.wait("sensor_bulk_data", oid=0)["data"]), 48)
        self.call("status", wait=False)
        status = self.mcu.wait("sensor_bulk_status", oid=0)
        self.assertEqual((status["clock"], status["query_ticks"]), (5, 6))
        self.call("once", 5000 * tick)
        for _ in range(3):
            self.mcu.wait("limpet_data", oid=0, message=1)
        # The past, and far too often: the firmware does not stop for it.
        self.call("periodic", 0, 1)
        self.mcu.wait("limpet_data", oid=0, message=1)
        self.call("stop", wait=False)
        self.assertEqual(self.mcu.ask("get_config", "config")["is_shutdown"], 0)

    def test_a_driver_may_stop_the_printer(self):
        self.call("fatal", 5, wait=False)
        state = self.mcu.wait("state")
        self.assertEqual((state["status"], state["result"]), (SHUTDOWN, 5))
        self.mcu.wait("shutdown")
        self.assertEqual(self.mcu.ask("get_config", "config")["is_shutdown"], 1)
        self.mcu.send("clear_shutdown")
        self.mcu.call(1, self.image, "add", wait=False)  # there are no VMs until the MCU is configured again
        self.mcu.clock()
        self.assertEqual([message for message in self.mcu.messages if message["#name"] == "state"], [])


class Building(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())

    def tearDown(self):
        shutil.rmtree(self.folder)

    def test_every_part(self):
        before = changes()
        small = (mcu.KLIPPER / "test/configs/stm32f042.config").read_text()
        small += "".join(f"CONFIG_WANT_{sensor}=n\n" for sensor in
                         ("ADXL345", "BMI160", "MPU9250", "ICM20948", "THERMOCOUPLE", "SENSOR_ANGLE"))
        for name, config in {"stm32g0b1": "stm32g0b1", "rp2040": "rp2040", "stm32f103": "stm32f103",
                             "stm32f042": small}.items():
            with self.subTest(name):
                out = self.folder / name
                made = mcu.make(out, config, "LIMPET_BACKEND=rv32-tiny")
                self.assertEqual(made.returncode, 0, made.stdout)
                self.assertNotIn("warning", made.stdout)
                self.assertRegex(made.stdout, "Version: (?!.*-dirty)")
                subprocess.run([mcu.KLIPPER / "scripts/check-software-div.sh", out / "config", out / "klipper.elf"],
                               check=True)
        self.assertEqual(changes(), before)

    def test_none_adds_nothing(self):
        sizes = []
        for name, wrapper in (("stock", "Makefile"), ("none", str(mcu.WRAPPER))):
            out = self.folder / name
            mcu.make(out, "stm32g0b1", "-f", wrapper, "LIMPET_BACKEND=none")
            sizes.append((out / "klipper.bin").stat().st_size)
        self.assertEqual(sizes[0], sizes[1])

    def test_other_goals_of_klipper(self):
        for goal in ("olddefconfig", "clean"):
            made = mcu.make(self.folder / "avr", "atmega2560", "LIMPET_BACKEND=rv32-tiny", goal)
            self.assertEqual(made.returncode, 0, made.stdout)

    def test_one_line_where_it_cannot_work(self):
        for config, backend, words in (("atmega2560", "rv32-tiny", "no C++20"), ("linuxprocess", "rv32-tiny", "Cortex-M"),
                                       ("stm32g0b1", "rv32-nonsense", "unknown"), ("stm32h743", "rv32-jit", "cache")):
            made = mcu.make(self.folder / config, config, f"LIMPET_BACKEND={backend}")
            self.assertNotEqual(made.returncode, 0)
            lines = [line for line in made.stdout.splitlines() if "***" in line]
            self.assertEqual(len(lines), 1, made.stdout)
            self.assertIn(words, lines[0])


class OnRp2040(unittest.TestCase):
    """In an emulator: how deep the stack becomes, with a driver and with Klipper's own sensor."""

    config = ("CONFIG_LOW_LEVEL_OPTIONS=y\nCONFIG_MACH_RPXXXX=y\nCONFIG_MACH_RP2040=y\n"
              "CONFIG_RPXXXX_SERIAL_UART0_PINS_0_1=y\n")

    def deepest(self, folder, backend):
        made = mcu.make(folder, self.config, f"LIMPET_BACKEND={backend}")
        self.assertEqual(made.returncode, 0, made.stdout)
        symbols = subprocess.run(["arm-none-eabi-nm", folder / "klipper.elf"], check=True, capture_output=True, text=True)
        top = next(int(line.split()[0], 16) for line in symbols.stdout.splitlines() if line.endswith(" _stack_end"))
        emulated = mcu.EmulatedMcu(folder / "klipper.uf2", folder)
        try:
            bus = next(iter(emulated.parser.get_enumerations()["spi_bus"]))
            emulated.send("allocate_oids count=2")
            emulated.send("config_spi oid=0 pin=gpio17 cs_active_high=0")
            emulated.send(f"spi_set_bus oid=0 spi_bus={bus} mode=3 rate=4000000")
            self.measure(emulated, backend)
            return top - emulated.lowest_stack_pointer()
        finally:
            emulated.close()

    def measure(self, emulated, backend):
        """Readings of a MAX31865."""
        rest, soon = 40000, 100000  # until it has been told
        if backend == "none":
            emulated.send("config_thermocouple oid=1 spi_oid=0 thermocouple_type=MAX31865")
            emulated.send("finalize_config crc=1")
            emulated.send(f"query_thermocouple oid=1 clock={emulated.clock() + soon} rest_ticks={rest} min_value=0"
                          " max_value=4294967295 max_invalid_count=200")
        else:
            image = mcu.Image(mcu.ROOT / "firmware/klipper/images/max31865.limpet", emulated.declared)
            emulated.send(image.configuration(1, 50))
            emulated.send(mcu.command(1, mcu.DEVICE_SPI, 0))
            self.assertEqual(emulated.upload(1, image), 0)
            emulated.send("finalize_config crc=1")
            emulated.call(1, image, "query", emulated.clock() + soon, rest, 0, 2**32 - 1, 200)
        for _ in range(4):
            emulated.wait("thermocouple_result" if backend == "none" else "limpet_data", oid=1)

    def test_the_stack(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            stock = self.deepest(folder / "none", "none")
            for backend in ("rv32-tiny", "rv32-threaded/compact", "rv32-jit"):
                depth = self.deepest(folder / backend, backend)
                print(f"deepest stack: {stock} bytes with Klipper's driver, {depth} with {backend}")
                self.assertLessEqual(depth, stock + 32)


if __name__ == "__main__":
    unittest.main()
