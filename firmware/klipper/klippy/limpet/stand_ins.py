# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Guests in place of native sensor drivers: of those that a firmware was built without, or of all.

klippy's own sensor classes stay as they are. They look up their commands in the firmware's dictionary: it gets those
that it lacks, and what is sent then is a call of the guest. Commands of the configuration are replaced by the upload of
the guest, before klippy computes their checksum."""

import os

from . import firmware, klipper, native
from .container import Image, ImageError
from .guest import Guest

IMAGES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "images")


class Command:
    """What a dictionary has for a command (klippy's MessageFormat), but it calls a guest."""

    def __init__(self, call, stand_ins, template):
        self.call = call
        self.stand_ins = stand_ins
        self.name = call.format.split()[0]
        self.msgformat = call.format
        self.param_names = template.param_names
        self.param_types = template.param_types
        self.name_to_type = template.name_to_type

    def encode(self, params):
        return self.stand_ins.encode_call(self.call, params[0], list(params[1:]))

    def encode_by_name(self, **params):
        return self.encode([params[name] for name, _ in self.param_names])


class Sensor:
    """A sensor of klippy's, carried out by a guest. parameters: of the command that configures it."""

    def __init__(self, guest, image_name, parameters):
        self.guest = guest
        self.image_name = image_name
        self.parameters = parameters


def parse(command):
    """Name and parameters of a configuration command."""
    words = command.split()
    return words[0], dict(word.split("=", 1) for word in words[1:])


class StandIns:
    """Those of one microcontroller. settings: options of the guests, a folder of images that comes before that of
    Limpet, or None, and whether guests come before native drivers."""

    def __init__(self, printer, mcu, offers, settings):
        self.printer = printer
        self.mcu = mcu
        self.offers = offers
        self.settings = settings
        self.sensors = {}  # by oid
        self.serial = klipper.serial_of(mcu)
        self.parser = self.serial.get_msgparser()
        self.template = self.parser.lookup_command(firmware.COMMAND)
        self._calls = {call.format.split()[0]: call for call in native.CALLS}
        self._lacking = {name for name in list(native.CONFIGS) + native.ATTACH + list(self._calls)
                         if settings.prefers_guests or not klipper.has_message(self.parser, name)}
        self._extend_dictionary()
        mcu.register_config_callback(self._last_callback)

    def _extend_dictionary(self):
        message_format = type(self.template)
        for call in native.CALLS:
            if call.format.split()[0] in self._lacking:
                command = Command(call, self, message_format([], call.format))
                klipper.add_message(self.parser, command.name, command, firmware.COMMAND)
        for response in native.RESPONSES:
            name = response.format.split()[0]
            if not klipper.has_message(self.parser, name):
                klipper.add_message(self.parser, name, message_format([], response.format), None)
        for config, enumerations in native.ENUMERATIONS.items():
            if config in self._lacking:
                self.parser.fill_enumerations(enumerations)

    def _last_callback(self):
        """Sensors add commands in callbacks, too; one that is registered now runs behind all of them."""
        self.mcu.register_config_callback(self._replace_commands)

    def _replace_commands(self):
        config, restart, init = klipper.command_lists(self.mcu)
        restarts = []
        for command in list(config):
            name, parameters = parse(command)
            if name in native.CONFIGS and name in self._lacking:
                at = config.index(command)
                config[at:at + 1], more = self._configure(name, parameters)
                restarts += more
        # A guest that starts anew needs no command that stops it.
        restart[:] = restarts + [command for command in restart if not self._is_replaced(command)]
        init[:] = [self._init(command) if self._is_replaced(command) else command for command in init]

    def _is_replaced(self, command):
        name, parameters = parse(command)
        return name in self._lacking and int(parameters.get("oid", -1)) in self.sensors

    def _configure(self, name, parameters):
        """The commands in place of the one that configures a native driver, and those of a restart."""
        oid = int(parameters["oid"])
        image_name, devices = native.CONFIGS[name].resolve(parameters)
        section = klipper.section_of(self.printer, self.mcu, oid) or "oid %d" % oid
        guest = Guest(self.mcu, oid, "%s (%s)" % (section, image_name), self.settings.options,
                      native.SHUTDOWN_REASONS.get(name))
        try:
            commands = guest.load(self._image(image_name), self.offers,
                                  [self._device(kind, parameters[key], value) for kind, key, value in devices])
        except (ImageError, OSError) as error:
            raise self.printer.config_error("Limpet: driver '%s' for MCU '%s': %s"
                                            % (image_name, self.mcu.get_name(), error))
        guest.listener = lambda *message: self._pass_on(oid, *message)
        guest.listen(self.serial)
        self.sensors[oid] = Sensor(guest, image_name, parameters)
        return commands

    def _image(self, name):
        for folder in (self.settings.images, IMAGES):
            path = os.path.join(folder, name + ".limpet") if folder else ""
            if os.path.exists(path):
                with open(path, "rb") as file:
                    return Image(file.read())
        raise ImageError("there is no image of it")

    def _device(self, kind, text, value):
        if kind.startswith("gpio"):
            return kind, klipper.pin_number(self.printer, self.mcu, text), value
        return kind, int(text), value

    def _init(self, command):
        name, parameters = parse(command)
        oid = int(parameters["oid"])
        if name in native.ATTACH:
            return firmware.device(oid, "trigger", int(parameters["trigger_analog_oid"]))
        words = [int(parameters[key], 0) for key, _ in self.parser.lookup_command(self._calls[name].format).param_names]
        return firmware.call_text(self._arguments(self._calls[name], oid, words[1:]))

    def _arguments(self, call, oid, params):
        sensor = self.sensors[oid]
        if call.data:
            return sensor.guest.call_words(call.entry, (), bytes(params[0]))
        return sensor.guest.call_words(call.entry, params + call.more(sensor, self.mcu))

    def encode_call(self, call, oid, params):
        """The bytes of a message that klippy sends to a sensor."""
        try:
            return self.template.encode(self._arguments(call, oid, params))
        except ImageError as error:
            raise self.printer.command_error("Limpet: %s" % error)

    def _pass_on(self, oid, name, fields, params):
        """A guest's message becomes the one that klippy waits for."""
        for response in native.RESPONSES:
            if response.message != name:
                continue
            native_name = response.format.split()[0]
            handler = klipper.handler_of(self.mcu, native_name, oid)
            if handler is not None:
                handler({**params, **response.convert(fields), "#name": native_name})
