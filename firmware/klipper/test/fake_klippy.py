# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""As much of klippy as the add-on touches, for tests without Klipper: a dictionary's messages, a printer, and an MCU
that keeps what it is sent. Integers travel as Klipper's documentation (Protocol.md) has them."""

import importlib
import json
import logging
import sys
import types
from pathlib import Path

sys.dont_write_bytecode = True
logging.getLogger().addHandler(logging.NullHandler())
FOLDER = Path(__file__).resolve().parent.parent


class KlippyError(Exception):
    """Any of klippy's own."""


class Value:
    def __init__(self, kind):
        self.is_data = kind == "%*s"
        self.is_signed = kind in ("%i", "%hi")

    def encode(self, out, value):
        if self.is_data:
            out.append(len(value))
            out.extend(value)
            return
        value = value - (1 << 32) if value >= 0xc0000000 else value
        groups = [value & 0x7f]
        while not -32 <= value < 96:  # 7 bits a byte; the first byte has the sign
            value >>= 7
            groups.append(value & 0x7f | 0x80)
        out.extend(reversed(groups))

    def parse(self, data, at):
        if self.is_data:
            return bytes(data[at + 1:at + 1 + data[at]]), at + 1 + data[at]
        value = data[at] & 0x7f
        value -= 0x80 if value >= 0x60 else 0
        while data[at] & 0x80:
            at += 1
            value = value << 7 | data[at] & 0x7f
        return value if self.is_signed else value & 0xffffffff, at + 1


class MessageFormat:
    def __init__(self, msgid_bytes, msgformat, enumerations=None):
        self.msgid_bytes = msgid_bytes
        self.msgformat = msgformat
        self.name = msgformat.split()[0]
        self.param_names = [(word.split("=")[0], Value(word.split("=")[1])) for word in msgformat.split()[1:]]
        self.param_types = [kind for _, kind in self.param_names]
        self.name_to_type = dict(self.param_names)

    def encode(self, params):
        out = list(self.msgid_bytes)
        for kind, value in zip(self.param_types, params):
            kind.encode(out, value)
        return out

    def parse(self, data, at):
        at += len(self.msgid_bytes)
        params = {}
        for name, kind in self.param_names:
            params[name], at = kind.parse(data, at)
        assert at == len(data)
        return params


class Parser:
    def __init__(self, dictionary):
        self.constants = dictionary["config"]
        self.enumerations = {}
        self.fill_enumerations(dictionary["enumerations"])
        self.messages_by_name, self.msgid_by_format, self.messages_by_id = {}, {}, {}
        for msgformat, number in {**dictionary["commands"], **dictionary["responses"]}.items():
            data = []
            Value("%u").encode(data, number)
            message = MessageFormat(data, msgformat)
            self.messages_by_name[message.name] = self.messages_by_id[number & 0xffffffff] = message
            self.msgid_by_format[msgformat] = number

    def lookup_command(self, msgformat):
        message = self.messages_by_name.get(msgformat.split()[0])
        if message is None or message.msgformat != msgformat:
            raise KlippyError("Unknown command: " + msgformat)
        return message

    def lookup_msgid(self, msgformat):
        return self.msgid_by_format[msgformat]

    def fill_enumerations(self, enumerations):
        for name, values in enumerations.items():
            known = self.enumerations.setdefault(name, {})
            for text, value in values.items():
                if isinstance(value, int):
                    known[text] = value
                    continue
                root = text.rstrip("0123456789")
                for i in range(value[1]):
                    known[root + str(int(text[len(root):]) + i)] = value[0] + i

    def read(self, data):
        """Name and parameters of one encoded message."""
        number, _ = Value("%u").parse(data, 0)
        message = self.messages_by_id[number]
        return message.name, message.parse(data, 0)

    def create_command(self, text):
        """A configuration command, as klippy makes messages of them."""
        name, *words = text.split()
        message = self.messages_by_name[name]
        values = dict(word.split("=", 1) for word in words)
        assert set(values) == set(message.name_to_type), text
        return message.encode([bytes.fromhex(values[key]) if kind.is_data else int(values[key], 0)
                               for key, kind in message.param_names])


class Serial:
    def __init__(self, parser):
        self.parser = parser
        self.handlers = {}

    def get_msgparser(self):
        return self.parser

    def register_response(self, callback, name, oid=None):
        self.handlers[name, oid] = callback


class Completion:
    def __init__(self):
        self.value = None

    def wait(self, waketime=None):
        return self.value


class Reactor:
    def __init__(self):
        self.now = 0.

    def monotonic(self):
        return self.now

    def pause(self, waketime):
        self.now = waketime

    def completion(self):
        return Completion()

    def async_complete(self, completion, value):
        completion.value = value

    def register_async_callback(self, callback):
        callback(self.now)


class Gcode:
    def __init__(self):
        self.responses = []
        self.commands = {}

    def respond_raw(self, text):
        self.responses.append(text)

    def register_mux_command(self, command, key, value, callback, desc=None):
        self.commands[command, value] = callback


class ErrorMcu:
    """Explains shutdowns of an MCU to users."""

    def __init__(self):
        self.callbacks = {}

    def add_clarify(self, reason, callback):
        self.callbacks.setdefault(reason, []).append(callback)

    def explanations(self, reason):
        told = [callback("MCU shutdown", {"mcu": "mcu", "reason": reason})
                for callback in self.callbacks.get(reason, [])]
        return [text for text in told if text is not None]


class GcodeCommand:
    error = KlippyError

    def __init__(self, **params):
        self.params = params
        self.responses = []

    def get(self, name, default=None):
        return self.params.get(name, default)

    def respond_info(self, text):
        self.responses.append(text)


class PinResolver:
    aliases = {"cs_alias": "PA4"}

    def update_command(self, command):
        name = command.split("pin=")[1]
        return "limpet pin=" + self.aliases.get(name, name)


class Pins:
    def __init__(self, mcu):
        self.mcu = mcu

    def get_pin_resolver(self, name):
        return PinResolver()

    def lookup_pin(self, text, can_invert=False, can_pullup=False):
        pullup = {"^": 1, "~": -1}.get(text[0], 0) if can_pullup else 0
        invert = int(can_invert and text[0] == "!")
        return {"chip": self.mcu, "pin": text.lstrip("^~!"), "pullup": pullup, "invert": invert}


class Printer:
    command_error = config_error = KlippyError

    def __init__(self, dictionary):
        self.reactor = Reactor()
        self.shutdowns = []
        self.events = {}
        self.mcu = Mcu(self, Parser(dictionary))
        self.objects = {"mcu": self.mcu, "gcode": Gcode(), "pins": Pins(self.mcu), "error_mcu": ErrorMcu()}

    def get_reactor(self):
        return self.reactor

    def lookup_object(self, name, default=None):
        return self.objects.get(name, default)

    def lookup_objects(self, module=None):
        return [(name, value) for name, value in self.objects.items() if module in (None, name)]

    def load_object(self, config, name):
        if name == "limpet" and name not in self.objects:
            self.objects[name] = limpet("section").Settings(Config(self, name, {}))
        return self.objects[name]

    def register_event_handler(self, event, callback):
        self.events.setdefault(event, []).append(callback)

    def invoke_shutdown(self, text):
        self.shutdowns.append(text)

    def connect(self):
        """What klippy does between reading the configuration and sending it."""
        for callback in self.events.get("klippy:mcu_identify", []):
            callback()
        self.mcu.finalize()


class SentCommand:
    def __init__(self, mcu, msgformat):
        self.mcu = mcu
        self.command = mcu.parser.lookup_command(msgformat)

    def send(self, data=(), minclock=0, reqclock=0):
        self.mcu.receive(self.command.encode(list(data)))


class Mcu:
    """answer: what the firmware replies, from (name, parameters) to [(name, parameters)]."""

    def __init__(self, printer, parser):
        self.printer = printer
        self.parser = parser
        self._serial = Serial(parser)
        self._config_cmds, self._restart_cmds, self._init_cmds = [], [], []
        self.callbacks = []
        self.oids = 0
        self.sent = []
        self.answer = lambda name, params: []

    def get_name(self):
        return "mcu"

    def get_printer(self):
        return self.printer

    def get_constants(self):
        return self.parser.constants

    def get_enumerations(self):
        return self.parser.enumerations

    def is_fileoutput(self):
        return False

    def create_oid(self):
        self.oids += 1
        return self.oids - 1

    def get_query_slot(self, oid):
        return 1000 + oid

    def seconds_to_clock(self, seconds):
        return int(seconds * 64000000)

    def register_config_callback(self, callback):
        self.callbacks.append(callback)

    def add_config_cmd(self, command, is_init=False, on_restart=False):
        (self._init_cmds if is_init else self._restart_cmds if on_restart else self._config_cmds).append(command)

    def lookup_command(self, msgformat, cq=None):
        return SentCommand(self, msgformat)

    def finalize(self):
        for callback in self.callbacks:
            callback()

    def receive(self, data):
        name, params = self.parser.read(data)
        self.sent.append((name, params))
        for reply, values in self.answer(name, params):
            self.tell(reply, **values)

    def tell(self, name, **params):
        """A message from the firmware."""
        self._serial.handlers[name, params["oid"]]({**params, "#name": name})


class Config:
    def __init__(self, printer, name, values):
        self.printer = printer
        self.name = name
        self.values = values

    error = KlippyError

    def get_printer(self):
        return self.printer

    def get_name(self):
        return self.name

    def get(self, option, default=None):
        return self.values.get(option, default)

    def getint(self, option, default=None, minval=None, maxval=None):
        return int(self.get(option, default))

    def getfloat(self, option, default=None, minval=None, maxval=None):
        value = float(self.get(option, default))
        if not minval <= value <= maxval:
            raise KlippyError("Option '%s' is out of range" % option)
        return value

    def getchoice(self, option, choices, default=None):
        if self.get(option, default) not in choices:
            raise KlippyError("Choice '%s' is not valid" % option)
        return choices[self.get(option, default)]

    def getlist(self, option, default=None):
        return [part.strip() for part in self.values[option].split(",")] if option in self.values else default


class BusDevice:
    """An SPI or I2C device of the configuration."""

    def __init__(self, printer, setup):
        self.mcu = printer.mcu
        self.oid = self.mcu.create_oid()
        self.mcu.add_config_cmd(setup % self.oid)

    def get_mcu(self):
        return self.mcu

    def get_oid(self):
        return self.oid


def _spi_from_config(config, mode, pin_option="cs_pin"):
    return BusDevice(config.get_printer(), "config_spi_without_cs oid=%d")


def _i2c_from_config(config):
    return BusDevice(config.get_printer(), "config_i2c oid=%d")


def limpet(module):
    """A module of the add-on, in a package like klippy's."""
    if "extras" not in sys.modules:
        extras = types.ModuleType("extras")
        extras.__path__ = [str(FOLDER / "klippy")]
        extras.bus = types.ModuleType("extras.bus")
        extras.bus.MCU_SPI_from_config = _spi_from_config
        extras.bus.MCU_I2C_from_config = _i2c_from_config
        sys.modules.update({"extras": extras, "extras.bus": extras.bus})
    return importlib.import_module("extras.limpet." + module)


def dictionary(name):
    return json.loads((FOLDER / "test" / "dictionaries" / (name + ".json")).read_text())


KLIPPER_CALLS = limpet("calls").klipper_calls()


def calls_of(mcu):
    """What the firmware declares."""
    return limpet("calls").Calls(mcu.get_constants()["LIMPET"].split(" ")[-1], KLIPPER_CALLS)


def lose_call(mcu, declaration):
    """From now on its firmware does not declare it."""
    *words, marks = mcu.get_constants()["LIMPET"].split(" ")
    at = calls_of(mcu).id_of(declaration) * limpet("calls").MARK_CHARACTERS
    mcu.get_constants()["LIMPET"] = " ".join(words + [marks[:at] + marks[at + limpet("calls").MARK_CHARACTERS:]])
