# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The add-on in Klipper itself: guests beside native drivers, faults, restarts, klippy's batch mode."""

import re
import tempfile
import time
import unittest
from pathlib import Path

import printer
from printer import ADD_ON, PYTHON, RP2040, Printer, Rp2040Printer, Workshop, run
from sensors import ACCELEROMETERS, ALONE, ANGLE_SENSORS, LDC, LOAD_CELLS, THERMOCOUPLES

LIMPET = printer.os.environ["LIMPET"]

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


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    setUpModule.workshop = Workshop(Path(folder.name))


class KlippyTest(unittest.TestCase):
    def setUp(self):
        self.workshop = setUpModule.workshop

    def printer(self, config, second="guest"):
        result = Printer(self.workshop, config, second)
        self.addCleanup(result.stop)
        for _ in range(3):  # a PC that is busy is too late for what Klipper has scheduled at the start
            if "Timer too close" not in result.state()[1]:
                break
            result.restart("firmware_restart")
        return result

    def wait_for_readings(self, machine, count):
        """So many more of the guest's MAX31865."""
        before = len(machine.bus("guest", "spidev0.0"))
        end = time.monotonic() + 1 + count  # the first comes after 2 seconds, then three a second
        while len(machine.bus("guest", "spidev0.0")) < before + 2 * count:  # each is two transfers
            self.assertLess(time.monotonic(), end, "the guest does not read its chip")
            time.sleep(0.1)

    def source(self, text, name="driver.c"):
        path = self.workshop.folder / name
        path.write_text(text)
        return path


class Checkout(KlippyTest):
    def test_nothing_but_a_link(self):
        self.assertEqual(run("git", "-C", self.workshop.klipper, "status", "--porcelain"), "?? klippy/extras/limpet\n")
        for firmware in (self.workshop.stock, self.workshop.guest):
            self.assertNotIn("dirty", (firmware / "klipper.dict").read_text())


SIDES = ("stock", "guest")


class Readings(KlippyTest):
    """Every sensor beside Klipper's own driver, all of them in one printer: the same bytes on the bus, and the same
    numbers."""

    def setUp(self):
        super().setUp()
        for name, text in ALONE.items():
            path = self.workshop.klipper / ("klippy/extras/%s_alone.py" % name)
            path.write_text(text)
            self.addCleanup(path.unlink)

    def test_every_sensor(self):
        self.check("[limpet]\n", "guest")

    def test_where_the_firmware_has_native_drivers(self):
        self.check("[limpet]\nprefer: guests\n", "both")
        self.assertEqual(self.machine.log().count("on MCU 'guest' is image"), len(self.chips))

    def check(self, config, second):
        self.chips = chips = THERMOCOUPLES + ACCELEROMETERS + LDC + ANGLE_SENSORS + LOAD_CELLS
        self.machine = self.printer(config + "".join(chip.text(side) for chip in chips for side in SIDES), second)
        self.assertEqual(self.machine.state()[0], "ready", self.machine.state()[1])
        told = self.collect(30.0)
        for chip in chips:
            with self.subTest(chip.name):
                if chip in THERMOCOUPLES:
                    self.check_temperatures(chip, told)
                else:
                    check = (self.check_angles if chip in ANGLE_SENSORS else
                             self.check_weights if chip in LOAD_CELLS else self.check_samples)
                    check(*(told[side, chip.name] for side in SIDES))
                if chip.bus:
                    self.check_bus(chip)
        self.assertNotIn("got {", self.machine.log())  # answers that nobody waits for

    def collect(self, seconds_max):
        """{(side, name): [what came of bulk data], or {temperatures}}, until there is enough of each."""
        told, samples_min = {}, {}
        for chips, endpoint, key, count in (
                (ACCELEROMETERS, "{0}/dump_{0}", "sensor", 200), (LDC, "ldc1612/dump_ldc1612", "sensor", 200),
                (ANGLE_SENSORS, "angle/dump_angle", "sensor", 100),
                (LOAD_CELLS, "load_cell/dump_force", "load_cell", 20)):
            for chip in chips:
                for side in SIDES:
                    of = (side, chip.name)
                    answer = self.machine.call(endpoint.format(chip.section.replace("lis3dh", "lis2dw")),
                                               response_template={"of": of}, **{key: "%s_%s" % of})
                    self.assertIn("header", answer, of)
                    told[of], samples_min[of] = [], count
        temperatures = {"temperature_sensor %s_%s" % (side, chip.name): (side, chip.name)
                        for chip in THERMOCOUPLES for side in SIDES}
        told.update((of, set()) for of in temperatures.values())
        end = time.monotonic() + seconds_max
        while (any(sum(len(params["data"]) for params in told[of]) <= count for of, count in samples_min.items())
               or any(len(told[of]) < 6 for of in temperatures.values())):
            self.assertLess(time.monotonic(), end, "there are not enough samples")
            answer = self.machine.call("objects/query", objects=dict.fromkeys(temperatures))
            for name, value in answer["status"].items():
                told[temperatures[name]].add(value["temperature"])
            for event in self.machine.collect(0.2):
                told[tuple(event["of"])].append(event["params"])
        return told

    def check_bus(self, chip):
        """Both have sent the same messages; the answers with samples are the same."""
        lines = {side: [line.split(" ") for line in self.machine.bus(side, chip.bus)] for side in SIDES}
        sent = {side: {re.match(chip.heeds, line[0]).group() for line in lines[side]} for side in SIDES}
        self.assertEqual(sent["stock"], sent["guest"])
        if chip.answers is not None:
            self.compare(*([answer[chip.part] for sent, answer in lines[side] if re.match(chip.answers, sent)]
                           for side in SIDES))

    def compare(self, stock, guest):
        """One may have a few more. (difflib, for a message of assertEqual, would take minutes.)"""
        self.assertTrue(stock and guest)
        self.assertEqual([], [(n, *both) for n, both in enumerate(zip(stock, guest)) if both[0] != both[1]][:3])

    def check_temperatures(self, chip, told):
        stock, guest = (told[side, chip.name] for side in SIDES)
        self.assertGreater(len(stock & guest), 1)
        self.assertTrue(25 < min(guest - {0.0}) < 200)  # 0: before the first

    def check_samples(self, stock, guest):
        values = [[tuple(sample[1:]) for params in told for sample in params["data"]] for told in (stock, guest)]
        for params in stock + guest:
            self.assertEqual(params["errors"], 0)
        self.compare(*values)
        self.assertEqual(len(set(values[0])), len(values[0]))

    def check_angles(self, stock, guest):
        """Each reading turns the magnet by one step. On a busy PC some take too long, which is told."""
        steps = set()
        for told in (stock, guest):
            values = [sample[1] for params in told for sample in params["data"]]
            step = min(b - a for a, b in zip(values, values[1:]))
            steps.add(step)
            self.assertEqual({(value - values[0]) % step for value in values}, {0})
            self.assertEqual(values, sorted(set(values)))
            missing = (values[-1] - values[0]) // step + 1 - len(values)
            self.assertLessEqual(missing, sum(params["errors"] for params in told))
        self.assertEqual(len(steps), 1)

    def check_weights(self, stock, guest):
        """Each reading adds 1000."""
        ranges = []
        for told in (stock, guest):
            values = [sample[2] for params in told for sample in params["data"]]
            self.assertEqual({params["errors"] for params in told}, {0})
            self.assertEqual(values, list(range(values[0], values[0] + 1000 * len(values), 1000)))
            self.assertEqual((values[0] + 65536) % 1000, 0)
            ranges.append(set(values))
        self.assertTrue(ranges[0] & ranges[1])


FILTERS = """#include "limpet_guest.h"
#include "limpet_imports.h"
void LIMPET_ENTRY(filter)(uint32_t length) {
    uint8_t block[51];
    receive(block, sizeof(block));
    for (uint32_t at = 0; at < length; at += STEP) {
        CHANGE;
        bulk_report(block + at, SAMPLE);
    }
}
"""


class Filters(KlippyTest):
    def test_native_sensors_whose_samples_pass_through_guests(self):
        adxl345, lis2dw = ACCELEROMETERS[:2]
        config = "[limpet]\n" + "".join(chip.text(side) for chip in (adxl345, lis2dw) for side in SIDES)
        for chip, sample, step, change in ((adxl345, 5, 5, "block[at] = 0"), (lis2dw, 6, 12, "")):
            text = FILTERS.replace("STEP", str(step)).replace("CHANGE", change).replace("SAMPLE", str(sample))
            config += "[limpet %s]\nsource: %s\nfilter: %s guest_%s\n" % (
                chip.name, self.source(text, "filter_%s.c" % chip.name), chip.name, chip.name)
        machine = self.printer(config, second="both")
        self.assertEqual(machine.state()[0], "ready", machine.state()[1])
        samples = self.samples(machine, (adxl345, lis2dw))

        stock, guest = (samples[side, "adxl345"] for side in SIDES)
        scale = min(x for x, _, _ in stock if x > 0)
        for before, after in zip(stock, guest):  # the lower 8 bits of X are taken away
            self.assertEqual(before[1:], after[1:])
            self.assertEqual(round(before[0] / scale) & ~0xff, round(after[0] / scale))
        stock, guest = (samples[side, "lis2dw"] for side in SIDES)
        self.assertEqual([], [both for both in zip(stock[::2], guest) if both[0] != both[1]][:3])

    def samples(self, machine, chips):
        """{(side, name): [(x, y, z)]}, 300 of each."""
        samples = {(side, chip.name): [] for side in SIDES for chip in chips}
        for of in samples:
            machine.call("{0}/dump_{0}".format(of[1]), sensor="%s_%s" % of, response_template={"of": of})
        end = time.monotonic() + 30
        while min(map(len, samples.values())) < 300:
            self.assertLess(time.monotonic(), end, "there are not enough samples")
            for event in machine.collect(0.2):
                samples[tuple(event["of"])] += [tuple(sample[1:]) for sample in event["params"]["data"]]
                self.assertEqual((event["params"]["errors"], event["params"]["overflows"]), (0, 0))
        return samples


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
        self.wait_for_readings(machine, 3)
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
            self.wait_for_readings(machine, 3)
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
        (folder / "commands.gcode").write_text(gcode)
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
                              "LIMPET_CALL GUEST=hello TEXT=hi\nM105\n")
        self.assertEqual(len(re.findall(r"limpet oid=\d+ do=8 ", sent)), 3)
        self.assertRegex(sent, r"limpet oid=\d+ do=9 .*hi'")

    def test_every_section_of_klipper(self):
        sent = self.run_batch(EVERY_SECTION + "[limpet]\n", "M105\n")
        self.assertEqual(len(re.findall(r"limpet oid=\d+ do=8 ", sent)), EVERY_SECTION.count("["))


if __name__ == "__main__":
    unittest.main()
