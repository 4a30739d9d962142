# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""[limpet] and [limpet NAME]: what a user says about guests."""

import logging
import os

from .. import bus
from . import firmware, klipper
from .calls import KLIPPER_CALLS
from .compile import compile_source
from .container import Image, ImageError
from .guest import Guest, Options
from .stand_ins import StandIns

CACHE = "~/.cache/limpet"


class Settings:
    """[limpet]: guests in place of the native drivers that a firmware lacks, or of all."""

    def __init__(self, config):
        self.printer = config.get_printer()
        self.options = Options(config)
        self.images = config.get("images", None)
        if self.images is not None:
            self.images = os.path.expanduser(self.images)
        self.prefers_guests = config.getchoice("prefer", {"native": False, "guests": True}, "native")
        self.command = config.get("command", None)
        self.cache = os.path.expanduser(config.get("cache", CACHE))
        self.stand_ins = []
        self.printer.register_event_handler("klippy:mcu_identify", self._identify)

    def _identify(self):
        for _, mcu in self.printer.lookup_objects("mcu"):
            if firmware.present(mcu.get_constants()):
                self.stand_ins.append(StandIns(self.printer, mcu, offers_of(self.printer, mcu), self))

    def get_status(self, eventtime=None):
        """The sensors' guests: a macro can look for one that has stopped."""
        return {"drivers": {sensor.guest.name: sensor.guest.get_status()
                            for stand_ins in self.stand_ins for sensor in stand_ins.sensors.values()}}


def offers_of(printer, mcu):
    """What the firmware of an MCU offers to guests."""
    constants = mcu.get_constants()
    if not firmware.present(constants):
        raise printer.config_error("Limpet: the firmware of MCU '%s' was built without Limpet" % mcu.get_name())
    try:
        offers = firmware.Firmware(constants)
    except ImageError as error:
        raise printer.config_error("Limpet: MCU '%s': %s" % (mcu.get_name(), error))
    if offers.calls.unknown():
        logging.info("Limpet: %d of the calls that MCU '%s' declares are not in %s", offers.calls.unknown(),
                     mcu.get_name(), os.path.normpath(KLIPPER_CALLS))
    return offers


class Driver:
    """[limpet NAME]: a user's own driver."""

    def __init__(self, config):
        self.printer = printer = config.get_printer()
        self.settings = printer.load_object(config, "limpet")
        self.name = config.get_name().split(None, 1)[1]
        self.source = config.get("source", None)
        self.image_path = config.get("image", None)
        if (self.source is None) == (self.image_path is None):
            raise config.error("limpet %s: one of source: and image: is needed" % self.name)
        self.mcu = None
        self.devices = []  # (kind, how to get its number in a config callback, value)
        self._read_devices(config)
        self.filtered = self._read_filter(config)
        if self.mcu is None:
            self.mcu = klipper.find_mcu(printer, config.get("mcu", "mcu"))
        self.start = config.get("start", None)
        self.oid = self.mcu.create_oid()
        self.guest = Guest(self.mcu, self.oid, self.name, Options(config))
        self.mcu.register_config_callback(self._build_config)
        gcode = printer.lookup_object("gcode")
        gcode.register_mux_command("LIMPET_CALL", "GUEST", self.name, self.cmd_LIMPET_CALL,
                                   desc=self.cmd_LIMPET_CALL_help)

    def _read_devices(self, config):
        for suffix in ("", "_2", "_3", "_4"):
            if config.get("cs_pin" + suffix, None) is not None:
                mode = config.getint("spi_mode", 0, minval=0, maxval=3)
                device = bus.MCU_SPI_from_config(config, mode, pin_option="cs_pin" + suffix)
                self._add_device(config, "spi", device.get_mcu(), device.get_oid)
        if config.get("i2c_address", None) is not None:
            device = bus.MCU_I2C_from_config(config)
            self._add_device(config, "i2c", device.get_mcu(), device.get_oid)
        pins = self.printer.lookup_object("pins")
        for kind in ("in", "out"):
            for name in config.getlist(kind + "_pins", ()):
                pin = pins.lookup_pin(name, can_invert=kind == "out", can_pullup=kind == "in")
                value = pin["pullup"] & 0xff if kind == "in" else pin["invert"]
                number = lambda pin=pin: klipper.pin_number(self.printer, pin["chip"], pin["pin"])
                self._add_device(config, "gpio_" + kind, pin["chip"], number, value)

    def _read_filter(self, config):
        """The sensor of the section that `filter:` names, whose data shall pass through this guest; None: no such."""
        name = config.get("filter", None)
        if name is None:
            return None
        sensors = list(klipper.sensors_in(self.printer.load_object(config, name)))
        if not sensors:
            raise config.error("limpet %s: [%s] has no sensor" % (self.name, name))
        if self.mcu not in (None, sensors[0].mcu):
            raise config.error("limpet %s: [%s] is on another mcu" % (self.name, name))
        self.mcu = sensors[0].mcu
        return sensors[0]

    def _add_device(self, config, kind, mcu, number, value=0):
        if self.mcu not in (None, mcu):
            raise config.error("limpet %s: all its devices must be on one mcu" % self.name)
        self.mcu = mcu
        self.devices.append((kind, number, value))

    def _read_image(self, offers):
        if self.image_path is not None:
            with open(os.path.expanduser(self.image_path), "rb") as file:
                return Image(file.read())
        return Image(compile_source(self.settings.command, os.path.expanduser(self.source), offers.isa,
                                    offers.calls.declarations(), self.settings.cache))

    def _build_config(self):
        offers = offers_of(self.printer, self.mcu)
        try:
            image = self._read_image(offers)
            devices = [(kind, number(), value) for kind, number, value in self.devices]
            if self.filtered is not None:
                if "filter" not in image.entries:
                    raise ImageError("it has no entry 'filter'")
                if not offers.filters:
                    raise ImageError("the firmware has no filters: it was built with LIMPET_FILTER=n")
                devices.append(("filter", self.filtered.oid, image.entries["filter"]))
            commands, restart = self.guest.load(image, offers, devices)
            if self.start is not None:
                self.mcu.add_config_cmd(self._start_command(), is_init=True)
        except (ImageError, OSError) as error:
            raise self.printer.config_error("Limpet: '%s': %s" % (self.name, error))
        self.guest.listen(klipper.serial_of(self.mcu))
        for command in commands:
            self.mcu.add_config_cmd(command)
        for command in restart:
            self.mcu.add_config_cmd(command, on_restart=True)

    def _start_command(self):
        """Of `start: query clock 0.3s`: the entry, then its words."""
        parts = self.start.split()
        words = [self._word(part) for part in parts[1:]]
        if len(words) > firmware.WORDS_MAX:
            raise ImageError("start: more than %d words" % firmware.WORDS_MAX)
        return firmware.call_text(self.guest.call_words(parts[0] if parts else "", words))

    def _word(self, text):
        """A number; "clock": a time soon, the same for no two guests; "0.3s": so many ticks."""
        if text == "clock":
            return self.mcu.get_query_slot(self.oid)
        try:
            return self.mcu.seconds_to_clock(float(text[:-1])) if text.endswith("s") else int(text, 0)
        except ValueError:
            raise ImageError("'%s' is not a number, clock, or a time such as 0.3s" % text) from None

    cmd_LIMPET_CALL_help = "Calls an entry of a Limpet guest"

    def cmd_LIMPET_CALL(self, gcmd):
        entry = gcmd.get("ENTRY", "command")
        try:
            words = [self._word(part.strip()) for part in gcmd.get("ARGS", "").split(",") if part.strip()]
            data = bytes.fromhex(gcmd.get("DATA", "")) or gcmd.get("TEXT", "").encode("utf-8")
            if len(words) > firmware.WORDS_MAX:
                raise ImageError("more than %d ARGS" % firmware.WORDS_MAX)
            before = dict(self.guest.messages)
            result = self.guest.call(entry, words, data)
        except (ImageError, ValueError) as error:
            raise gcmd.error("Limpet: %s" % error)
        for name, fields in self.guest.messages.items():
            if fields is not before.get(name):
                gcmd.respond_info("%s %s: %s" % (self.name, name, " ".join("%s=%s" % item for item in fields.items())))
        if result is None:
            raise gcmd.error("Limpet: '%s' stopped: %s" % (self.name, self.guest.fault))
        gcmd.respond_info("%s %s: %d" % (self.name, entry, result))

    def get_status(self, eventtime=None):
        return self.guest.get_status(eventtime)
