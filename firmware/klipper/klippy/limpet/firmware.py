# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""What a microcontroller's firmware offers to guests, and what it is told about one: firmware/klipper/PROTOCOL.md."""

import struct
import zlib

from .calls import Calls, klipper_calls
from .container import RUNS_ON, ImageError

PROTOCOL = 2
CALL = "limpet_call oid=%c entry=%hu a0=%u a1=%u a2=%u a3=%u a4=%u data=%*s"
STATE = "limpet_state oid=%c status=%c pc=%u address=%u result=%u overruns=%hu"
MESSAGE = "limpet_message oid=%c message=%c data=%*s"

WORDS_MAX = 5
MESSAGE_BYTES_MAX = 59
PART_BYTES_MAX = 16383
CHUNK_BYTES = 48
GUARD = struct.pack("<HH", 0x0008, 0x0008)  # behind the code; interp/limpet.h
SLICE_SECONDS = 0.000100
SLICES_MAX = 255

DEVICE_KINDS = {"spi": 0, "i2c": 1, "gpio_in": 2, "gpio_out": 3, "trigger": 4, "filter": 5}


class Firmware:
    """What a dictionary says: backend, isa, encoding, whether it `filters` sensors' data, and its `calls`."""

    def __init__(self, constants):
        words = str(constants["LIMPET"]).split(" ")
        if words[0] != str(PROTOCOL):
            raise ImageError("its firmware speaks protocol %s, this add-on %d: build the firmware again"
                             % (words[0] or "?", PROTOCOL))
        if not 4 <= len(words) <= 5:
            raise ImageError("its firmware says '%s' of itself" % " ".join(words))
        self.backend, self.isa = words[1:3]
        self.encoding = words[3] if len(words) == 5 else "plain"
        self.filters = "LIMPET_FILTER" in constants
        self.calls = Calls(words[-1], klipper_calls())

    def check(self, image):
        """Refuses an image that this firmware cannot run, by name."""
        if self.isa not in RUNS_ON[image.isa] or self.encoding != image.encoding:
            raise ImageError("it is %s %s, the firmware runs %s %s" % (image.isa, image.encoding, self.isa, self.encoding))
        for what, size in (("read-only data", image.writable_start), ("code", image.code_size),
                           ("data and stack", image.code_start - image.writable_start)):
            if size > PART_BYTES_MAX:
                raise ImageError("it has %d bytes of %s, %d is the most" % (size, what, PART_BYTES_MAX))

    def block(self, image):
        """The guest's memory as it is before its first run, and its code bound to this firmware."""
        self.check(image)
        return image.data.ljust(image.code_start, b"\0") + image.bind(self.calls) + GUARD

    def crc(self, block):
        return zlib.crc32(block, zlib.crc32(("%s %s" % (self.isa, self.encoding)).encode()))


def present(constants):
    """Is the firmware that has these constants built with the add-on?"""
    return "LIMPET" in constants


def configure(oid, image, slices):
    return ("config_limpet oid=%d readonly=%d writable=%d code=%d stack_top=%d task=%d slices=%d"
            % (oid, image.writable_start, image.code_start - image.writable_start, image.code_size, image.stack_top,
               image.entries.get("task", 0), slices))


def device(oid, kind, number, value=0):
    return "limpet_device oid=%d kind=%d device=%d value=%d" % (oid, DEVICE_KINDS[kind], number, value)


def upload(oid, block, crc):
    """The commands that load a block and start it anew, whatever ran before."""
    commands = ["limpet_write oid=%d offset=0 data=" % oid]
    at = 0
    while at < len(block):
        if not block[at]:  # memory that has just been cleared
            at += 1
            continue
        chunk = block[at:at + CHUNK_BYTES].rstrip(b"\0")
        commands.append("limpet_write oid=%d offset=%d data=%s" % (oid, at, chunk.hex()))
        at += len(chunk)
    commands.append("limpet_seal oid=%d crc=%d" % (oid, crc))
    return commands
