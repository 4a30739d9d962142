# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""[limpet NAME]: upload, calls, messages and faults of a user's own driver."""

import os
import stat
import struct
import tempfile
import unittest
from pathlib import Path

import container_test
import fake_klippy
from fake_firmware import Firmware, state
from fake_klippy import Config, GcodeCommand, KlippyError, Printer

container = fake_klippy.limpet("container")
section = fake_klippy.limpet("section")
IMAGES = fake_klippy.FOLDER / "images"


class GuestTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.printer = Printer(fake_klippy.dictionary("guests"))
        self.mcu = self.printer.mcu

    def driver(self, image="max31865", **values):
        """The driver of a section, connected to a firmware."""
        if image is not None:
            values["image"] = image if "/" in image else str(IMAGES / (image + ".limpet"))
        driver = section.Driver(Config(self.printer, "limpet my sensor", values))
        self.printer.connect()
        self.firmware = Firmware(self.mcu)
        self.firmware.configure(self.mcu._config_cmds + self.mcu._init_cmds)
        return driver

    def image(self, name="max31865"):
        return container.Image((IMAGES / (name + ".limpet")).read_bytes())

    def call(self, driver, **params):
        command = GcodeCommand(**params)
        self.printer.objects["gcode"].commands["LIMPET_CALL", "my sensor"](command)
        return command.responses

    def told(self):
        return self.printer.objects["gcode"].responses


class Upload(GuestTest):
    def test_memory_and_devices(self):
        driver = self.driver("ads1220", cs_pin="PA1", cs_pin_2="PA2", in_pins="^PB3, PB4, ~PB5", out_pins="!PC1,PC2",
                             i2c_address="3", time_limit="0.0021")
        image = self.image("ads1220")
        vm = self.firmware.vms[driver.oid]
        self.assertTrue(vm.sealed)
        self.assertEqual(driver.get_status()["state"], "ready")
        self.assertEqual(vm.devices, [(0, 0, 0), (0, 1, 0), (1, 2, 0), (2, 19, 1), (2, 20, 0), (2, 21, 255),
                                      (3, 33, 1), (3, 34, 0)])
        self.assertEqual(vm.readonly, image.writable_start)
        self.assertEqual(vm.writable, image.code_start - image.writable_start)
        self.assertEqual(vm.slices, 21)
        bound = image.bind(fake_klippy.calls_of(self.mcu))
        start = struct.pack("<HH", image.stack_top, image.entries["task"])
        data = start + image.data[4:]
        self.assertEqual(bytes(vm.block), data.ljust(image.code_start, b"\0") + bound + b"\x08\0\x08\0")

    def test_a_restart_uploads_the_same_again(self):
        driver = self.driver("bmi160", cs_pin="PA1")  # its zeros are more than a chunk
        vm = self.firmware.vms[driver.oid]
        before = bytes(vm.block)
        vm.block[:] = b"\xff" * len(vm.block)
        vm.sealed = False
        self.firmware.configure(self.mcu._restart_cmds)
        self.assertTrue(vm.sealed)
        self.assertEqual(bytes(vm.block), before)

    def test_the_upload_is_part_of_what_klippy_computes_a_checksum_of(self):
        self.driver(cs_pin="PA1")
        image = self.image()
        code = image.bind(fake_klippy.calls_of(self.mcu))
        written = "".join(command.split("data=")[1] for command in self.mcu._config_cmds if "limpet" in command)
        self.assertIn(code[:16].hex(), written)
        self.assertTrue(all(len(self.mcu.parser.create_command(command)) <= 59 for command in self.mcu._config_cmds))

    def test_a_firmware_that_does_not_take_it(self):
        driver = section.Driver(Config(self.printer, "limpet x", {"image": str(IMAGES / "hello.limpet")}))
        self.printer.connect()
        firmware = Firmware(self.mcu)
        firmware.configure([command.replace("do=8 a=", "do=8 a=1") for command in self.mcu._config_cmds])
        self.assertEqual(driver.get_status()["state"], "stopped")
        self.assertEqual(self.told(), ["!! Limpet: 'x' stopped: the firmware did not take it"])

    def test_refusals(self):
        damaged = self.folder / "damaged.limpet"
        damaged.write_bytes(b"LMPT")
        for values, told in (({}, "one of source: and image:"),
                             ({"image": "x", "source": "y"}, "one of source: and image:"),
                             ({"image": str(damaged)}, "'my sensor': is truncated"),
                             ({"image": str(self.folder / "none")}, "No such file"),
                             ({"image": str(IMAGES / "hello.limpet"), "in_pins": "PZ9"}, "PZ9"),
                             ({"image": str(IMAGES / "hello.limpet"), "on_fault": "ignore"}, "not valid"),
                             ({"image": str(IMAGES / "hello.limpet"), "time_limit": "1"}, "out of range"),
                             ({"image": str(IMAGES / "hello.limpet"), "start": "query"}, "no entry 'query'"),
                             ({"image": str(IMAGES / "hello.limpet"), "start": "command x"}, "'x' is not a number"),
                             ({"image": str(IMAGES / "hello.limpet"), "start": "command 1 1 1 1 1 1"}, "more than 5")):
            self.printer = Printer(fake_klippy.dictionary("guests"))
            with self.assertRaisesRegex(KlippyError, told):
                section.Driver(Config(self.printer, "limpet my sensor", values))
                self.printer.connect()

    def test_a_firmware_that_lacks_a_call_is_sent_nothing(self):
        fake_klippy.lose_call(self.mcu, "void try_shutdown(u8)")
        with self.assertRaisesRegex(KlippyError, r"'my sensor': it calls 'void try_shutdown\(u8\)', which the"):
            self.driver(cs_pin="PA1")
        self.assertEqual([command for command in self.mcu._config_cmds if "limpet" in command], [])

    def test_a_firmware_without_the_add_on(self):
        del self.mcu.get_constants()["LIMPET"]
        with self.assertRaisesRegex(KlippyError, "MCU 'mcu' was built without Limpet"):
            self.driver()


class Filter(GuestTest):
    def filtering(self, **entries):
        """A shipped image with another entry."""
        file = (IMAGES / "hello.limpet").read_bytes()
        metadata, payload = container_test.split(file)
        metadata["entries"].update(entries)
        path = self.folder / ("filter%d.limpet" % len(entries))
        path.write_bytes(container_test.join(metadata, payload))
        return path

    def sensor(self, mcu):
        class Sensor:
            oid = 6

        Sensor.mcu = mcu

        class Section:
            sensor = Sensor()

        self.printer.objects["load_cell"] = Section()

    def test_the_sensor_of_a_section(self):
        self.sensor(self.mcu)
        driver = self.driver(str(self.filtering(filter=0x34)), filter="load_cell", in_pins="PB3")
        self.assertEqual(self.firmware.vms[driver.oid].devices[-1], (5, 6, 0x34))

    def test_refusals(self):
        other = Printer(fake_klippy.dictionary("guests")).mcu
        with_entry = self.filtering(filter=0x34)
        for mcu, values, told in ((None, {}, "has no sensor"), (other, {"in_pins": "PB3"}, "on another mcu")):
            self.sensor(mcu)
            self.assertRaisesRegex(KlippyError, told, self.driver, str(with_entry), filter="load_cell", **values)
        self.sensor(self.mcu)
        self.assertRaisesRegex(KlippyError, "no entry 'filter'", self.driver, "hello", filter="load_cell")
        self.printer = Printer(fake_klippy.dictionary("guests"))
        self.mcu = self.printer.mcu
        self.sensor(self.mcu)
        del self.mcu.get_constants()["LIMPET_FILTER"]
        self.assertRaisesRegex(KlippyError, "no filters", self.driver, str(with_entry), filter="load_cell")


class Calls(GuestTest):
    def test_start(self):
        driver = self.driver(cs_pin="PA1", start="query clock 0.3s 0x10 -1")
        self.assertEqual(self.firmware.calls, [(driver.oid, self.image().entries["query"],
                                                [1000 + driver.oid, 19200000, 16, 0xffffffff, 0], b"")])

    def test_gcode(self):
        driver = self.driver("hello")
        self.firmware.messages = [(0, struct.pack("<I", 77) + b"hi")]
        self.firmware.ended["result"] = 5
        self.assertEqual(self.call(driver, TEXT="hi"), ["my sensor hello: clock=77 text=hi", "my sensor command: 5"])
        self.assertEqual(self.firmware.calls[-1], (driver.oid, self.image("hello").entries["command"], [0] * 5, b"hi"))
        self.call(driver, ENTRY="command", ARGS="1, 0x10,0.001s", DATA="00ff")
        self.assertEqual(self.firmware.calls[-1][2:], ([1, 16, 64000, 0, 0], b"\0\xff"))
        self.assertEqual(driver.get_status()["messages"], {"hello": {"clock": 77, "text": "hi"}})
        self.assertEqual(driver.get_status()["result"], 5)

    def test_gcode_that_makes_no_sense(self):
        driver = self.driver("hello")
        for params in ({"ENTRY": "none"}, {"ARGS": "x"}, {"ARGS": "1,1,1,1,1,1"}, {"DATA": "0"}, {"TEXT": "x" * 60},
                       {"ARGS": "0x7fffffff,0x7fffffff", "TEXT": "x" * 45}):
            self.assertRaisesRegex(KlippyError, "Limpet: ", self.call, driver, **params)
        self.assertEqual(self.firmware.calls, [])

    def test_a_guest_that_is_busy_is_asked_again(self):
        driver = self.driver("hello")
        states = [7, 7, 0]
        self.firmware.call = lambda oid, *call: [
            self.firmware.state(oid, dict(self.firmware.ended, status=states.pop(0)))]
        self.assertEqual(self.call(driver), ["my sensor command: 0"])
        self.assertEqual(states, [])
        states[:] = [7] * 1000
        self.assertRaisesRegex(KlippyError, "under way", self.call, driver)

    def test_a_guest_that_does_not_answer(self):
        driver = self.driver("hello")
        self.firmware.call = lambda *call: []
        self.assertRaisesRegex(KlippyError, "does not answer", self.call, driver)


class Faults(GuestTest):
    def fault(self, driver, status, pc=None, address=0x1234, result=0):
        pc = self.image().entries["task"] if pc is None else pc
        self.mcu.tell("limpet_data", **state(driver.oid, status, pc, address, result))

    def test_reasons(self):
        line = r" \(thermocouple\.h:\d+, pc 0x34\)$"
        for status, told in ((1, "an instruction"), (2, "a load from 0x1234"), (3, "a store to 0x1234"),
                             (4, "a jump to 0x1234"), (5, "a breakpoint"), (6, "a call"), (10, "more than 10 ms")):
            self.printer = Printer(fake_klippy.dictionary("guests"))
            self.mcu = self.printer.mcu
            driver = self.driver(cs_pin="PA1")
            with self.assertLogs(level="ERROR") as log:
                self.fault(driver, status)
            self.assertRegex(log.output[0], told + ".*" + line)
            self.assertRegex(self.told()[-1], r"^!! Limpet: 'my sensor' stopped: .*" + told + ".*" + line)
            self.assertEqual(driver.get_status()["state"], "stopped")
            self.assertRegex(driver.get_status()["fault"], line)
            self.assertEqual(self.printer.shutdowns, [])
            self.assertEqual(len(self.told()), 1)
            self.fault(driver, 8)  # each call is answered by that now
            self.assertEqual(len(self.told()), 1)

    def test_a_pc_that_is_in_no_source(self):
        driver = self.driver(cs_pin="PA1")
        self.fault(driver, 4, pc=0)
        self.assertRegex(driver.get_status()["fault"], r"\(pc 0x0\)$")

    def test_shutdown_if_the_user_wants_it(self):
        driver = self.driver(cs_pin="PA1", on_fault="shutdown")
        self.fault(driver, 3)
        self.assertRegex(self.printer.shutdowns[0], "'my sensor' stopped: a store")

    def test_a_call_that_fails(self):
        driver = self.driver("hello")
        self.firmware.ended.update(status=10, pc=driver.guest.image.entries["command"])
        self.assertRaisesRegex(KlippyError, r"a run of more than 10 ms \(hello.c:\d+", self.call, driver)

    def test_a_task_that_fails_before_the_answer_is_read(self):
        driver = self.driver("hello")
        ended, stopped = dict(self.firmware.ended, result=9), dict(self.firmware.ended, status=3)
        self.firmware.call = lambda oid, *call: [self.firmware.state(oid, values) for values in (ended, stopped)]
        self.assertEqual(self.call(driver), ["my sensor command: 9"])
        self.assertEqual(driver.get_status()["state"], "stopped")

    def test_a_restart_revives_it(self):
        driver = self.driver(cs_pin="PA1")
        self.fault(driver, 3)
        self.firmware.configure(self.mcu._restart_cmds)
        self.assertEqual((driver.get_status()["state"], driver.get_status()["fault"]), ("ready", None))

    def test_overruns(self):
        driver = self.driver(cs_pin="PA1")
        self.mcu.tell("limpet_data", **state(driver.oid, overruns=300))
        self.assertEqual(driver.get_status()["overruns"], 300)

    def test_a_message_that_nobody_described(self):
        driver = self.driver("hello")
        self.mcu.tell("limpet_data", oid=driver.oid, message=9, data=b"\1\2")
        self.mcu.tell("limpet_data", oid=driver.oid, message=0, data=bytes(60))
        self.assertEqual(driver.get_status()["messages"], {"message_9": {"data": "0102"}, "hello": {"data": "00" * 60}})


class Source(GuestTest):
    def command(self, text):
        path = self.folder / "limpet"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def test_it_is_compiled_for_this_firmware(self):
        command = self.command(r'''cd "$(dirname "$4")"; cat "$8" > calls; echo "$@" >> words
                               cp '%s' "$4"''' % (IMAGES / "hello.limpet"))
        cache = self.folder / "cache"
        self.printer.objects["limpet"] = section.Settings(
            Config(self.printer, "limpet", {"command": command, "cache": str(cache)}))
        driver = self.driver(source="~/my.c", image=None)
        self.assertEqual(driver.get_status()["state"], "ready")
        words = (cache / "words").read_text().split()
        self.assertEqual(words[:2] + words[4:6] + words[8:],
                         ["build", os.path.expanduser("~/my.c"), "--isa", "rv32ec", "--cache", str(cache)])
        self.assertEqual((cache / "calls").read_text().splitlines(), fake_klippy.calls_of(self.mcu).declarations())
        self.assertEqual(sorted((cache / "calls").read_text().splitlines()), sorted(fake_klippy.KLIPPER_CALLS))

    def test_what_the_compiler_says_is_passed_on(self):
        for text, told in (("echo 'my.c:3: no such thing' >&2; exit 3", "my.c:3: no such"), (None, "none/limpet")):
            command = self.command(text) if text else str(self.folder / "none/limpet")
            self.printer = Printer(fake_klippy.dictionary("guests"))
            self.printer.objects["limpet"] = section.Settings(
                Config(self.printer, "limpet", {"command": command, "cache": str(self.folder / "cache")}))
            with self.assertRaisesRegex(KlippyError, told):
                self.mcu = self.printer.mcu
                self.driver(source="my.c", image=None)


if __name__ == "__main__":
    unittest.main()
