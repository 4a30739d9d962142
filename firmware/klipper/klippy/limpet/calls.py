# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The host calls that a firmware declares. Its dictionary has a mark of each instead of its text, because it is in the
firmware's flash: 3 characters that come from name and types. An image says what it calls in full, so that nobody needs
the text; what is known of it is for users."""

import base64
import os
import re
import struct
import zlib

from .container import ImageError, name_of, shown

MARK_CHARACTERS = 3
KLIPPER_CALLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..", "sdk", "klipper.calls")


def mark_of(declaration):
    """18 bits of the CRC-32 of a declaration in canonical form, in base64."""
    return base64.b64encode(struct.pack(">I", zlib.crc32(declaration.encode())))[:MARK_CHARACTERS].decode()


def canonical(line):
    """A declaration of a .calls file without the names of its arguments: interp/calls/signature.h has the grammar."""
    head, arguments = re.fullmatch(r"(\w+ \w+)\((.*)\)", line).groups()
    types = [re.sub(r" \w+$", "", argument.strip()) for argument in arguments.split(",")]
    return "%s(%s)" % (head, ",".join(types))


def klipper_calls():
    """What firmware/sdk/klipper.calls declares, in canonical form; nothing, if it is not there."""
    try:
        with open(KLIPPER_CALLS, encoding="utf-8") as file:
            lines = (line.split("//")[0].strip() for line in file)
            return [canonical(line) for line in lines if line]
    except OSError:
        return []


class Calls:
    """Of a firmware: ids by `marks`, one behind the other. known: declarations that users can be told of."""

    def __init__(self, marks, known):
        self.marks = [marks[at:at + MARK_CHARACTERS] for at in range(0, len(marks), MARK_CHARACTERS)]
        if not re.fullmatch("(?:[A-Za-z0-9+/]{%d})*" % MARK_CHARACTERS, marks) or len(set(self.marks)) < len(self.marks):
            raise ImageError("its firmware declares calls by %s, which nobody understands" % shown(marks))
        self._known = {mark_of(declaration): declaration for declaration in known}

    def declarations(self):
        """Those that are known, in the order of their ids."""
        return [self._known[mark] for mark in self.marks if mark in self._known]

    def unknown(self):
        """How many are not."""
        return len(self.marks) - len(self.declarations())

    def id_of(self, declaration):
        """Raises ImageError when the firmware does not declare it."""
        mark = mark_of(declaration)
        # Two may have one mark; klipper.calls itself has no such two.
        if mark in self.marks and self._known.get(mark, declaration) == declaration:
            return self.marks.index(mark)
        for other in self.declarations():
            if name_of(other) == name_of(declaration):
                raise ImageError("it calls '%s', the firmware declares '%s'" % (declaration, other))
        raise ImageError("it calls '%s', which the firmware does not declare" % declaration)
