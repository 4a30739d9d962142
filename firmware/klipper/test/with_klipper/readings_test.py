# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Guests beside Klipper's own drivers, and between them and klippy: what is on the buses, and what klippy tells."""

import re
import time
import unittest

from klippy_case import LIMPET, KlippyTest
from sensors import ACCELEROMETERS, ALONE, ANGLE_SENSORS, LDC, LOAD_CELLS, THERMOCOUPLES

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


# Both send as long blocks as they get: of 10 samples, of 8.
CLEARS_BITS = """#include "limpet_guest.h"
#include "limpet_imports.h"
void LIMPET_ENTRY(filter)(uint32_t length) {
    uint8_t block[50];
    receive(block, sizeof(block));
    for (uint32_t at = 0; at < length; at += 5) {
        block[at] = 0; /* the lower 8 bits of X */
        bulk_report(block + at, 5);
    }
}
"""
LEAVES_OUT_HALF = """#include "limpet_guest.h"
#include "limpet_imports.h"
static uint8_t kept[48];
static uint32_t bytes;
void LIMPET_ENTRY(filter)(uint32_t length) {
    uint8_t block[48];
    receive(block, sizeof(block));
    for (uint32_t at = 0; at < length; at += 12)
        for (uint32_t i = 0; i < 6; ++i) kept[bytes++] = block[at + i];
    if (bytes < sizeof(kept)) return;
    bulk_report(kept, sizeof(kept));
    bytes = 0;
}
"""


class Filters(KlippyTest):
    def test_native_sensors_whose_samples_pass_through_guests(self):
        adxl345, lis2dw = ACCELEROMETERS[:2]
        config = "[limpet]\ncommand: %s\n" % LIMPET + "".join(chip.text(side) for chip in (adxl345, lis2dw) for side in SIDES)
        for chip, text in ((adxl345, CLEARS_BITS), (lis2dw, LEAVES_OUT_HALF)):
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


if __name__ == "__main__":
    unittest.main()
