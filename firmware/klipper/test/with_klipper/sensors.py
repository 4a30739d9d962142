# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Every sensor that a guest can stand in for: its place among the chips of chips.cpp, its section of printer.cfg, and
what of it has to be the same with Klipper's own driver."""

import re


class Chip:
    """A chip of chips.h, of which each microcontroller has one: on `bus`, with a section of klippy's in which {pin}
    comes before the pins of its microcontroller, {mcu}. answers: what is sent for a sample, as a regular expression;
    the answers (as far as `part` says) are the same on both, in the same order. heeds: as much as it looks at of what
    is sent."""

    def __init__(self, section, bus, settings, answers, part=slice(None), heeds=".*"):
        self.section = section
        self.bus = bus
        self.settings = settings
        self.answers = answers
        self.part = part
        self.heeds = heeds
        words = section.split()
        self.name = "_".join(words[1:] or words) + ("_i2c" if bus.startswith("i2c") else "")

    def text(self, side):
        pin, mcu = ("guest:", "guest") if side == "guest" else ("", "mcu")
        where = "i2c_mcu: {mcu}\ni2c_bus: i2c.%s" if self.bus.startswith("i2c") else "spi_bus: spidev%s"
        lines = [where % re.sub(".*[a-z-]", "", self.bus)] if self.bus else []
        text = "\n".join(["[%s %s_%s]" % (self.section.split()[0], side, self.name), *self.settings, *lines, ""])
        return text.format(pin=pin, mcu=mcu)


def thermocouple(kind, number, answers):
    return Chip("temperature_sensor " + kind, "spidev0.%d" % number,
                ["sensor_type: " + kind.upper(), "sensor_pin: {pin}None"], answers)


def angle(kind, number, answers):
    return Chip("angle_alone " + kind, "spidev0.%d" % number,
                ["sensor_type: " + kind, "cs_pin: {pin}gpio%d" % number, "sample_period: 0.010"], answers)


def load_cell(kind, bus, settings, answers):
    return Chip("load_cell " + kind, bus, ["sensor_type: " + kind, *settings], answers)


def accelerometer(kind, bus, answers, *settings, **options):
    if bus.startswith("i2c"):
        return Chip(kind, bus, settings, answers, **options)
    # While it answers, it does not look at what is sent; guests send what was there before.
    return Chip(kind, bus, ["cs_pin: {pin}None", *settings], answers, heeds="[89a-f].|.*", **options)


THERMOCOUPLES = [thermocouple("max31865", 0, ""), thermocouple("max31856", 1, ""), thermocouple("max31855", 2, ""),
                 thermocouple("max6675", 3, "")]
ACCELEROMETERS = [
    # Its driver reads a sample, and what is left, without asking whether there is one.
    accelerometer("adxl345", "spidev0.4", "f2", "rate: 100", part=slice(2, 14)),
    accelerometer("lis2dw", "spidev0.5", "a8"), accelerometer("lis3dh", "spidev0.6", "e8"),
    accelerometer("bmi160", "spidev0.7", "a4"),
    accelerometer("lis2dw", "i2c-0", "28"), accelerometer("lis3dh", "i2c-1", "a8"),
    accelerometer("bmi160", "i2c-2", "24"), accelerometer("mpu9250", "i2c-3", "74"),
    accelerometer("icm20948", "i2c-4", "72")]
LDC = [Chip("ldc1612_alone", "i2c-5", [], "0[01]"),
       Chip("ldc1612_alone intb", "i2c-6", ["intb_pin: {pin}gpio6"], "0[01]")]
# The TLE5012B answers with the time, too; of an AS5047D a reading may be broken off.
ANGLE_SENSORS = [angle("a1333", 8, ""), angle("as5047d", 9, None), angle("tle5012b", 10, None), angle("mt6816", 11, ""),
                 angle("mt6826s", 12, "")]
ADS131 = ["clock_freq: 8192000", "cs_pin: {pin}None"]
LOAD_CELLS = [
    load_cell("ads1220", "spidev0.13", ["cs_pin: {pin}None", "data_ready_pin: {pin}gpio13", "sample_rate: 90"],
              "000000$"),
    load_cell("ads131m02", "spidev0.14", [*ADS131, "data_ready_pin: {pin}gpio14", "adc_channel: 1"], "(00)*$"),
    load_cell("ads131m04", "spidev0.15", [*ADS131, "data_ready_pin: {pin}gpio15", "adc_channel: 3"], "(00)*$"),
    load_cell("hx711", "", ["dout_pin: {pin}gpio20", "sclk_pin: {pin}gpio21", "sample_rate: 10"], None),
    load_cell("hx717", "", ["dout_pin: {pin}gpio22", "sclk_pin: {pin}gpio23", "sample_rate: 10"], None)]

# Klipper's classes without what they are part of: there can be but one probe, and without a stepper that it calibrates
# (nor numpy) Angle ends klippy.
ALONE = {"ldc1612": "from .ldc1612 import LDC1612 as load_config_prefix\n",
         "angle": "from .angle import Angle as load_config_prefix, AngleCalibration\n"
                  "AngleCalibration.apply_calibration = lambda self, samples: None\n"}
