# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The add-on in Klipper itself: what it changes, faults, restarts, an emulated RP2040, klippy's batch mode."""

import re
import tempfile
import time
import unittest
from pathlib import Path

from klippy_case import LIMPET, KlippyTest
from printer import ADD_ON, PYTHON, RP2040, Rp2040Printer, run

SENSORS = """
[temperature_sensor stock]
sensor_type: MAX31865
sensor_pin: None
spi_bus: spidev0.0
[temperature_sensor guest]
sensor_type: MAX31865
sensor_pin: guest:None
spi_bus: spidev0.0
[adxl345 stock]
cs_pin: None
spi_bus: spidev0.4
rate: 100
[adxl345 guest]
cs_pin: guest:None
spi_bus: spidev0.4
rate: 100
[limpet]
command: %s
""" % LIMPET

BAD_GUESTS = """#include "limpet_guest.h"
#include "limpet_imports.h"
void LIMPET_ENTRY(spin)(void) {
    for (;;) timer_read_time();
}
void LIMPET_ENTRY(wild)(uint32_t address) {
    *(volatile uint32_t*)address = 1;
}
static uint32_t task_address;
void LIMPET_ENTRY(start)(uint32_t address) {
    task_address = address;
    timer_sleep(1000);
}
void LIMPET_ENTRY(task)(void) {
    *(volatile uint32_t*)task_address = 1;
}
"""

CONSTANT = """#include "limpet_guest.h"
#include "limpet_imports.h"
static uint32_t calls = 5;
uint32_t LIMPET_ENTRY(command)(void) { return %d + ++calls; }
"""


def wait_for_readings(test, machine, count):
    """So many more of the guest's MAX31865."""
    before = len(machine.bus("guest", "spidev0.0"))
    end = time.monotonic() + 1 + count  # the first comes after 2 seconds, then three a second
    while len(machine.bus("guest", "spidev0.0")) < before + 2 * count:  # each is two transfers
        test.assertLess(time.monotonic(), end, "the guest does not read its chip")
        time.sleep(0.1)


class Checkout(KlippyTest):
    def test_nothing_but_a_link(self):
        self.assertEqual(run("git", "-C", self.workshop.klipper, "status", "--porcelain"), "?? klippy/extras/limpet\n")
        for firmware in (self.workshop.stock, self.workshop.guest):
            self.assertNotIn("dirty", (firmware / "klipper.dict").read_text())


class Faults(KlippyTest):
    def test_spin_and_wild_guests(self):
        source = self.source(BAD_GUESTS, "bad.c")
        machine = self.printer(SENSORS + "".join(
            "[limpet %s]\nmcu: guest\nsource: %s\n" % (name, source) for name in ("spin", "wild", "task")))
        self.assertEqual(machine.state()[0], "ready")
        machine.call("gcode/subscribe_output", response_template={"output": True})
        self.assertRegex(machine.gcode("LIMPET_CALL GUEST=spin ENTRY=spin"),
                         r"'spin' stopped: a run of more than 10 ms \(bad.c:4, pc 0x\w+\)")
        self.assertRegex(machine.gcode("LIMPET_CALL GUEST=wild ENTRY=wild ARGS=0x20000000"),
                         r"'wild' stopped: a store to 0x20000000, which it may not write \(bad.c:7, pc 0x\w+\)")
        self.assertIsNone(machine.gcode("LIMPET_CALL GUEST=task ENTRY=start ARGS=1"))
        told = "".join(str(event) for event in machine.collect(1.0))
        self.assertRegex(told, r"!! Limpet: 'spin' stopped: .*bad.c:4")
        self.assertRegex(told, r"!! Limpet: 'wild' stopped: .*bad.c:7")
        self.assertRegex(told, r"!! Limpet: 'task' stopped: a store to 0x1, .*bad.c:15")
        self.assertIn("Limpet: 'task' stopped: a store to 0x1", machine.log())
        self.assertIn("stopped", machine.gcode("LIMPET_CALL GUEST=task ENTRY=start ARGS=1"))

        self.assertEqual(machine.state()[0], "ready")
        wait_for_readings(self, machine, 3)
        machine.restart("restart")
        self.assertEqual(machine.state()[0], "ready")
        self.assertEqual(machine.status("limpet task")["state"], "ready")

    def test_shutdown_if_the_user_wants_it(self):
        machine = self.printer("[limpet]\ncommand: %s\n[limpet wild]\nmcu: guest\nsource: %s\non_fault: shutdown\n"
                               % (LIMPET, self.source(BAD_GUESTS, "bad.c")))
        machine.gcode("LIMPET_CALL GUEST=wild ENTRY=wild ARGS=0x20000000")
        state, message = machine.state()
        self.assertEqual(state, "shutdown")
        self.assertIn("Limpet: 'wild' stopped: a store", message)

    def test_the_driver_shuts_down_and_says_why(self):
        """A thermocouple that is out of range, as with the native driver, which says it the same way."""
        for sensor, told in (("guest:None", "Limpet: 'temperature_sensor hot (max31865)': Thermocouple reader fault"),
                             ("None", "Thermocouple reader fault")):
            machine = self.printer("[limpet]\n[temperature_sensor hot]\nsensor_type: MAX31865\nsensor_pin: %s\n"
                                   "spi_bus: spidev0.0\nmax_temp: 20\n" % sensor)
            end = time.monotonic() + 10
            while machine.state()[0] == "ready" and time.monotonic() < end:
                time.sleep(0.2)
            self.assertEqual(machine.state()[0], "shutdown")
            self.assertIn(told, machine.state()[1])

    def test_a_call_that_the_firmware_lacks(self):
        folder = self.workshop.folder
        calls = (ADD_ON.parent / "sdk/klipper.calls").read_text() + "void paint(u8 colour)\n"
        (folder / "more.calls").write_text(calls)
        source = self.source('#include "limpet_guest.h"\n#include "limpet_imports.h"\n'
                             "void LIMPET_ENTRY(command)(void) { paint(1); }\n", "painter.c")
        run(LIMPET, "build", source, "-o", folder / "painter.limpet", "--imports", folder / "more.calls")
        machine = self.printer("[limpet painter]\nmcu: guest\nimage: %s\n" % (folder / "painter.limpet"))
        self.assertEqual(machine.state()[0], "error")
        self.assertIn("'painter': it calls 'void paint(u8)', which the firmware does not declare", machine.state()[1])
        self.assertNotIn("Sending MCU 'guest'", machine.log())


class OnRp2040(KlippyTest):
    def test_guests_on_an_emulated_rp2040(self):
        self.workshop.rp2040 = self.workshop.build("rp2040", "-f", ADD_ON / "limpet.mk", "LIMPET_BACKEND=rv32-tiny",
                                                   config=RP2040)
        config = ("[limpet]\ncommand: %s\n[limpet hello]\nimage: %s/images/hello.limpet\n[limpet bad]\nsource: %s\n"
                  % (LIMPET, ADD_ON, self.source(BAD_GUESTS, "bad.c")))
        machine = Rp2040Printer(self.workshop, config, "rp2040")
        self.addCleanup(machine.stop)
        self.assertEqual(machine.state()[0], "ready", machine.state()[1])
        self.assertIn("MCU=rp2040", machine.log())
        self.assertRegex(machine.log(), r"LIMPET=\d+ rv32ec ")
        self.assertIsNone(machine.gcode("LIMPET_CALL GUEST=hello TEXT=ahoy"))
        self.assertEqual(machine.status("limpet hello")["messages"]["hello"]["text"], "ahoy")
        self.assertRegex(machine.gcode("LIMPET_CALL GUEST=bad ENTRY=wild ARGS=0x20000000"),
                         r"'bad' stopped: a store to 0x20000000, which it may not write \(bad.c:7, pc 0x\w+\)")
        self.assertIsNone(machine.gcode("LIMPET_CALL GUEST=hello TEXT=still"))
        machine.restart("restart")
        self.assertEqual(machine.state()[0], "ready", machine.state()[1])
        self.assertRegex(machine.gcode("LIMPET_CALL GUEST=bad ENTRY=spin"),
                         r"'bad' stopped: a run of more than 10 ms \(bad.c:4, pc 0x\w+\)")
        self.assertIsNone(machine.gcode("LIMPET_CALL GUEST=hello TEXT=again"))
        self.assertEqual(machine.status("limpet hello")["messages"]["hello"]["text"], "again")


class Restarts(KlippyTest):
    def test_restarts(self):
        """A restart begins anew with .data as it was; the same code is not another configuration."""
        config = SENSORS + "[limpet counter]\nmcu: guest\nsource: %s\n"
        source = self.source(CONSTANT % 1000)
        machine = self.printer(config % source)
        for _ in range(2):
            machine.gcode("LIMPET_CALL GUEST=counter")
        self.assertEqual(machine.status("limpet counter")["result"], 1007)
        for command in ("restart", "firmware_restart"):
            machine.restart(command)
            self.assertEqual(machine.state()[0], "ready", machine.state()[1])
            machine.gcode("LIMPET_CALL GUEST=counter")
            self.assertEqual(machine.status("limpet counter")["result"], 1006)
            wait_for_readings(self, machine, 3)
        self.assertNotIn("CRC mismatch", machine.log())

    def test_an_edit_of_the_same_size_reaches_the_microcontroller(self):
        source = self.source(CONSTANT % 1000)
        machine = self.printer("[limpet]\ncommand: %s\n[limpet counter]\nmcu: guest\nsource: %s\n" % (LIMPET, source))
        source.write_text(CONSTANT % 1001)
        machine.restart("restart")
        self.assertIn("CRC mismatch", machine.log())
        machine.gcode("LIMPET_CALL GUEST=counter")
        self.assertEqual(machine.status("limpet counter")["result"], 1007)


EVERY_SECTION = "".join(
    ["[temperature_sensor %s]\nsensor_type: %s\nsensor_pin: guest:None\n" % (name, name)
     for name in ("MAX6675", "MAX31855", "MAX31856", "MAX31865")] +
    ["[%s %s_spi]\ncs_pin: guest:None\n" % (name, name) for name in ("adxl345", "lis2dw", "lis3dh", "bmi160")] +
    ["[%s %s_i2c]\ni2c_mcu: guest\n" % (name, name) for name in ("lis2dw", "lis3dh", "bmi160", "mpu9250", "icm20948")] +
    ["[angle %s]\nsensor_type: %s\ncs_pin: guest:None\n" % (name, name)
     for name in ("a1333", "as5047d", "tle5012b", "mt6816", "mt6826s")] +
    ["[load_cell %s]\nsensor_type: %s\ndout_pin: guest:gpio%d\nsclk_pin: guest:gpio%d\n" % (name, name, pin, pin + 1)
     for name, pin in (("hx711", 1), ("hx717", 3))] +
    ["[load_cell %s]\nsensor_type: %s\nclock_freq: 8192000\ncs_pin: guest:None\ndata_ready_pin: guest:gpio%d\n"
     % (name, name, pin) for name, pin in (("ads131m02", 6), ("ads131m04", 7))] +
    ["[load_cell ads1220]\nsensor_type: ads1220\ncs_pin: guest:None\ndata_ready_pin: guest:gpio5\n"
     "[probe_eddy_current plain]\nsensor_type: ldc1612\ni2c_mcu: guest\ndescend_z: 0.5\n"])


class Batch(KlippyTest):
    """klippy without microcontrollers: what it would send goes to a file."""

    def run_batch(self, config, gcode):
        """What would be sent to the microcontroller `guest`."""
        folder = Path(tempfile.mkdtemp(dir=self.workshop.folder))
        (folder / "printer.cfg").write_text("[mcu]\nserial: /dev/null\n[mcu guest]\nserial: /dev/null\n[printer]\n"
                                            "kinematics: none\nmax_velocity: 100\nmax_accel: 100\n" + config)
        # klippy ends with its G-code, whether its thread has written everything or not: it gets some time.
        (folder / "commands.gcode").write_text(gcode + "M105\n" * 10000)
        try:
            run(PYTHON, "-B", "klippy/klippy.py", folder / "printer.cfg", "-i", folder / "commands.gcode", "-o",
                folder / "sent", "-d", self.workshop.stock / "klipper.dict", "-d",
                "guest=%s" % (self.workshop.guest / "klipper.dict"), "-l", folder / "klippy.log",
                cwd=self.workshop.klipper)
        except RuntimeError:
            self.fail((folder / "klippy.log").read_text())
        return run(PYTHON, "-B", "klippy/parsedump.py", self.workshop.guest / "klipper.dict", folder / "sent-guest",
                   cwd=self.workshop.klipper)

    def test_calls(self):
        sent = self.run_batch(SENSORS + "[limpet hello]\nmcu: guest\nimage: %s/images/hello.limpet\n" % ADD_ON,
                              "LIMPET_CALL GUEST=hello TEXT=hi\n")
        self.assertEqual(len(re.findall(r"limpet oid=\d+ do=8 ", sent)), 3)
        self.assertRegex(sent, r"limpet oid=\d+ do=9 .*hi'")

    def test_every_section_of_klipper(self):
        sent = self.run_batch(EVERY_SECTION + "[limpet]\n", "")
        self.assertEqual(len(re.findall(r"limpet oid=\d+ do=8 ", sent)), EVERY_SECTION.count("["))


if __name__ == "__main__":
    unittest.main()
