# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Messages of guests, read by name: an image describes the struct that each number stands for (LIMPET_MESSAGE)."""

import re

SCALAR_BYTES = {"bool": 1, "char": 1, "u8": 1, "i8": 1, "u16": 2, "i16": 2, "u32": 4, "i32": 4, "u64": 8, "i64": 8}


class Message:
    """fields: (name, offset, type, count) in their order; count 0: no array."""

    def __init__(self, name, size, fields):
        self.name = name
        self.size = size
        self.fields = fields

    def decode(self, data):
        """The fields by name: numbers, booleans, lists, text. A message may be cut off: fields that were not sent whole
        are left out, arrays have the elements that were sent. Raises ValueError when more was sent than it has."""
        if len(data) > self.size:
            raise ValueError("message %s has %d bytes, the guest sent %d" % (self.name, self.size, len(data)))
        result = {}
        for name, offset, kind, count in self.fields:
            size = SCALAR_BYTES[kind]
            sent = max(0, len(data) - offset) // size
            values = [scalar(kind, data[at:at + size])
                      for at in range(offset, offset + size * min(sent, max(count, 1)), size)]
            if kind == "char" and count:
                text = bytes(values).split(b"\0")[0]
                result[name] = text.decode("utf-8", "replace")
            elif count:
                result[name] = values
            elif values:
                result[name] = values[0]
        return result


def scalar(kind, data):
    value = int.from_bytes(data, "little", signed=kind.startswith("i"))
    return value != 0 if kind == "bool" else value


def read(items, members_of, error):
    """{number: Message} of the metadata."""
    result = {}
    for value in items:
        item = members_of(value, "a message")
        number, name, size = item.number("id"), item.identifier("name"), item.number("size")
        if number in result:
            raise error("with two messages %d" % number)
        result[number] = Message(name, size, read_fields(item, name, size, members_of, error))
    return result


def read_fields(item, message, size, members_of, error):
    fields = []
    for value in item.list("fields"):
        field = members_of(value, "a field of message " + message)
        name, kind = field.text("name"), field.text("type")
        offset, count = field.number("offset"), field.number("count")
        if not re.fullmatch(r"[A-Za-z0-9_.\[\]]{1,128}", name):
            raise error("metadata: message %s has a field without a name" % message)
        if kind not in SCALAR_BYTES:
            raise error("metadata: %s of message %s has an unknown type" % (name, message))
        if offset + SCALAR_BYTES[kind] * max(count, 1) > size:
            raise error("metadata: %s ends behind its message %s" % (name, message))
        if name in (other[0] for other in fields):
            raise error("metadata: message %s has two fields %s" % (message, name))
        fields.append((name, offset, kind, count))
    return fields
