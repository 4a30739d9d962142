# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""What a microcontroller's firmware offers to guests, and what it is told about one: firmware/klipper/PROTOCOL.md."""

import struct
import zlib

from .calls import Calls, klipper_calls
from .container import RUNS_ON, ImageError

PROTOCOL = 3
COMMAND = "limpet oid=%c do=%c a=%u b=%u data=%*s"
ANSWER = "limpet_data oid=%c message=%i data=%*s"

# What `do` does: the first six attach a device of that kind.
OPERATIONS = {"spi": 0, "i2c": 1, "gpio_in": 2, "gpio_out": 3, "trigger": 4, "filter": 5,
              "configure": 6, "write": 7, "seal": 8, "call": 9}

WORDS_MAX = 5
MESSAGE_BYTES_MAX = 59
PART_BYTES_MAX = 16383
CHUNK_BYTES = 48
GUARD = struct.pack("<HH", 0x0008, 0x0008)  # behind the code; interp/limpet.h
START = struct.Struct("<HH")  # at address 0: stack_top, task
SLICE_SECONDS = 0.000100
SLICES_MAX = 255


class Firmware:
    """What a dictionary says: isa, encoding, whether it `filters` sensors' data, and its `calls`."""

    def __init__(self, constants):
        words = str(constants["LIMPET"]).split(" ")
        if words[0] != str(PROTOCOL):
            raise ImageError("its firmware speaks protocol %s, this add-on %d: build the firmware again"
                             % (words[0] or "?", PROTOCOL))
        if not 3 <= len(words) <= 4:
            raise ImageError("its firmware says '%s' of itself" % " ".join(words))
        self.isa = words[1]
        self.encoding = words[2] if len(words) == 4 else "plain"
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
        if image.writable_start < START.size or any(image.data[:START.size]):
            raise ImageError("it has data at address 0, which are the firmware's")
        start = START.pack(image.stack_top, image.entries.get("task", 0))
        data = start + image.data[len(start):]
        return data.ljust(image.code_start, b"\0") + image.bind(self.calls) + GUARD

    def sum(self, block):
        """CRC-16 (CCITT, as Klipper's messages have it), and what stands for the kind of code."""
        remainder = 0xffff
        for byte in block:
            byte ^= remainder & 0xff
            byte ^= byte << 4 & 0xff
            remainder = (byte << 8 | remainder >> 8) ^ byte >> 4 ^ byte << 3
        return remainder + (zlib.crc32(("%s %s" % (self.isa, self.encoding)).encode()) & 0xff)


def present(constants):
    """Is the firmware that has these constants built with the add-on?"""
    return "LIMPET" in constants


def command(oid, operation, a=0, b=0, data=b""):
    """As text of the configuration."""
    return "limpet oid=%d do=%d a=%d b=%d data=%s" % (oid, OPERATIONS[operation], a, b, data.hex())


def configure(oid, image, slices):
    writable = image.code_start - image.writable_start
    return command(oid, "configure", image.writable_start | slices << 16, writable | image.code_size << 16)


def device(oid, kind, number, value=0):
    return command(oid, kind, number, value)


def call(oid, entry, words, data):
    """Parameters of the command."""
    words = list(words) + [0] * (WORDS_MAX - len(words))
    return [oid, OPERATIONS["call"], entry, 0, struct.pack("<%dI" % WORDS_MAX, *words) + data]


def call_text(parameters):
    """The same as text."""
    oid, _, entry, _, data = parameters
    return command(oid, "call", entry, data=data)


def upload(oid, block, total, is_new):
    """The commands that load a block and start it anew. is_new: it has never been written, all of it is 0."""
    commands = []
    at = 0
    while at < len(block):
        chunk = block[at:at + CHUNK_BYTES]
        if is_new and not chunk[0]:
            at += 1
            continue
        commands.append(command(oid, "write", at, data=chunk))
        at += len(chunk)
    return commands + [command(oid, "seal", total)]


def state(params):
    """What an answer tells of the VM; None: it is a message of the guest."""
    if params["message"] >= 0:
        return None
    pc, result, address, status = struct.unpack("<4I", params["data"])
    return {"status": status, "pc": pc, "address": address, "result": result, "overruns": ~params["message"]}
