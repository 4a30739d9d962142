# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The places of klippy that are not meant for extras; nothing else here touches them."""


class UnknownKlipper(Exception):
    """This klippy keeps its things elsewhere."""


def _attribute(owner, name):
    try:
        return getattr(owner, name)
    except AttributeError:
        raise UnknownKlipper("this version of Klipper is not known to Limpet (%s.%s): update Limpet"
                             % (type(owner).__name__, name)) from None


def serial_of(mcu):
    """The connection: register_response(), handlers, get_msgparser()."""
    return _attribute(mcu, "_serial")


def handler_of(mcu, name, oid):
    """Who waits for a message; for the background thread, which has the connection's lock."""
    return _attribute(serial_of(mcu), "handlers").get((name, oid))


def command_lists(mcu):
    """The lists of configuration, restart and init commands, as strings; to be changed in place, and only from a config
    callback: afterwards klippy computes the checksum of the first, and sends them."""
    helper = getattr(mcu, "_config_helper", mcu)  # it was part of MCU until 2025
    return tuple(_attribute(helper, name) for name in ("_config_cmds", "_restart_cmds", "_init_cmds"))


def add_message(parser, name, message, alias):
    """A message that the dictionary does not have; `alias`: the format of the one that is really sent."""
    _attribute(parser, "messages_by_name")[name] = message
    if alias is not None:
        _attribute(parser, "msgid_by_format")[message.msgformat] = parser.lookup_msgid(alias)


def has_message(parser, name):
    return name in _attribute(parser, "messages_by_name")


def pin_number(printer, mcu, name):
    """What a pin's name, or an alias of it, is to the firmware.."""
    resolver = printer.lookup_object("pins").get_pin_resolver(mcu.get_name())
    resolved = resolver.update_command("limpet pin=%s" % name).split("pin=")[1]
    pins = mcu.get_enumerations().get("pin", {})
    if resolved not in pins:
        raise printer.config_error("Pin '%s' is not a valid pin name on mcu '%s'" % (name, mcu.get_name()))
    return pins[resolved]


def explain_shutdown(printer, reason, callback):
    """callback(message, details): a text for users, or None. Older versions of Klipper have no place for it."""
    explainer = printer.lookup_object("error_mcu", None)
    if explainer is not None:
        explainer.add_clarify(reason, callback)


def find_mcu(printer, name):
    return printer.lookup_object("mcu" if name == "mcu" else "mcu " + name)


def sensors_in(section):
    """The sensors of a config section: itself, or what it has for one. They have an oid and an mcu."""
    for path in ((), ("sensor",), ("sensor_helper",), ("heater", "sensor")):
        found = section
        for attribute in path:
            found = getattr(found, attribute, None)
        if getattr(found, "oid", None) is not None and getattr(found, "mcu", None) is not None:
            yield found


def section_of(printer, mcu, oid):
    """Name of the config section whose sensor has that oid; "" when it is not found."""
    for name, section in printer.lookup_objects():
        if any(sensor.oid == oid and sensor.mcu is mcu for sensor in sensors_in(section)):
            return name
    return ""
