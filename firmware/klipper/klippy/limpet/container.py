# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The .limpet file, as interp/image/container.h of Limpet has it: read, checked, and bound to a firmware.

A file may be anything: what is wrong with it is said in one line, an ImageError.
"""

import bisect
import json
import re
import struct
import zlib

from . import messages

MAGIC = b"LMPT"
VERSION = 1
HEADER = struct.Struct("<4sHHIII")  # magic, version, 0, bytes of metadata, of payload, CRC of the file with this as 0

# Memory of a microcontroller is small; a file that says otherwise is wrong.
WINDOW_BYTES_MAX = 16 << 20
UNBOUND_ID = 0xfff

# For each profile its instructions' alignment, and the firmwares that can run it.
CODE_ALIGNMENT = {"rv32e": 4, "rv32ec": 2, "rv32emc": 2, "rv32ecx": 2, "rv32dense": 1}
DENSE_SECOND = 1 << 31  # of pc: in the second instruction of a code of rv32dense
RUNS_ON = {
    "rv32e": ("rv32e", "rv32ec", "rv32emc", "rv32ecx"),
    "rv32ec": ("rv32ec", "rv32emc", "rv32ecx"),
    "rv32emc": ("rv32emc",),
    "rv32ecx": ("rv32ecx",),
    "rv32dense": ("rv32dense",),
}


class ImageError(Exception):
    """What is wrong with a guest; one line for the user."""


def shown(text):
    """Text of a file, fit to be shown: no control characters, not endless."""
    return "'%s'" % re.sub(r"[^ -~]", "?", text[:128])


def is_identifier(text):
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text) is not None


class Members:
    """One object of the metadata, with words for what is wrong in it."""

    def __init__(self, value, what):
        if not isinstance(value, dict):
            raise ImageError("metadata: %s is not an object" % what)
        self.value = value
        self.what = what

    def _member(self, key, kind, what):
        if key not in self.value:
            raise ImageError("metadata: %s has no %s" % (self.what, key))
        if not isinstance(self.value[key], kind):
            raise ImageError("metadata: %s of %s is not %s" % (key, self.what, what))
        return self.value[key]

    def number(self, key):
        return as_number(self._member(key, object, ""), "%s of %s" % (key, self.what))

    def text(self, key):
        return self._member(key, str, "text")

    def identifier(self, key):
        name = self.text(key)
        if not is_identifier(name):
            raise ImageError("metadata: %s has the name %s, no identifier" % (self.what, shown(name)))
        return name

    def list(self, key):
        return self._member(key, list, "a list")

    def object(self, key):
        return self._member(key, dict, "an object")


def as_number(value, what):
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise ImageError("metadata: %s is not a number of 32 bits" % what)
    return value


class Import:
    """A function of the firmware that the guest calls: signature is the whole declaration in canonical form, fixups are
    where its calls are, in bytes from the start of the code."""

    def __init__(self, name, signature, fixups):
        self.name = name
        self.signature = signature
        self.fixups = fixups


class Image:
    """A guest. Addresses are the guest's own; `data` is its data window from address 0 up to the last byte that is not
    zero from the start, `code` its code window."""

    def __init__(self, file):
        metadata, payload = split(file)
        members = Members(metadata, "the image")
        self._read_encoding(members)
        self._read_windows(members, len(payload))
        self.code = payload[len(payload) - self.code_size:]
        self.data = payload[:len(payload) - self.code_size]
        self._read_entries(members)
        self._read_imports(members)
        self.messages = messages.read(members.list("messages"), Members, ImageError)
        self.build_id = members.text("build_id")
        if not re.fullmatch("[0-9a-f]{16}", self.build_id):
            raise ImageError("with the build id %s" % shown(self.build_id))
        self._read_lines(metadata)

    def _read_encoding(self, members):
        self.isa = members.text("isa")
        encoding, table = members.text("encoding"), members.text("table_version")
        if self.isa not in CODE_ALIGNMENT:
            raise ImageError("for the isa %s, which is unknown here" % shown(self.isa))
        # Which tables a firmware has it tells by itself.
        if (encoding, bool(table)) != (("dense", True) if self.isa == "rv32dense" else ("plain", False)):
            raise ImageError("in the encoding %s, which is unknown here" % shown(encoding + table))
        self.encoding = table or encoding

    def _read_windows(self, members, payload_bytes):
        self.data_size = members.number("data_size")
        self.writable_start = members.number("writable_start")
        self.code_start = members.number("code_start")
        self.code_size = members.number("code_size")
        self.stack_top = members.number("stack_top")
        self.stack_bytes = members.number("stack_bytes")
        if max(self.data_size, self.code_start, self.code_size) > WINDOW_BYTES_MAX:
            raise ImageError("with sizes that overflow: no window may be larger than 16 MiB")
        if not self.writable_start <= self.data_size <= self.code_start:
            raise ImageError("whose windows are not in order")
        if (not self.writable_start <= self.stack_top <= self.data_size
                or self.stack_bytes > self.stack_top - self.writable_start):
            raise ImageError("whose stack is outside its writable data")
        if self.stack_top % 16:
            raise ImageError("whose stack is not aligned")
        if not 0 <= payload_bytes - self.code_size <= self.data_size:
            raise ImageError("whose payload does not match its windows")
        if self.code_start % 4 or self.code_size % CODE_ALIGNMENT[self.isa]:
            raise ImageError("whose code is not aligned")

    def _starts_instruction(self, offset, size):
        return offset % CODE_ALIGNMENT[self.isa] == 0 and 0 <= offset <= self.code_size - size

    def _read_entries(self, members):
        self.entries = {}
        for name, value in members.object("entries").items():
            if not is_identifier(name):
                raise ImageError("metadata: the entry %s is no identifier" % shown(name))
            address = as_number(value, "the entry " + name)
            if not self._starts_instruction(address - self.code_start, CODE_ALIGNMENT[self.isa]):
                raise ImageError("with the entry %s outside its code" % name)
            self.entries[name] = address
        if not self.entries:
            raise ImageError("without an entry")

    def _read_imports(self, members):
        self.imports = []
        seen = set()
        for value in members.list("imports"):
            item = Members(value, "an import")
            name, signature = item.identifier("name"), item.text("signature")
            if name_of(signature) != name:
                raise ImageError("that imports %s with the signature %s" % (name, shown(signature)))
            if any(other.name == name for other in self.imports):
                raise ImageError("that imports %s twice" % name)
            fixups = [as_number(fixup, "a fixup of " + name) for fixup in item.list("fixups")]
            for fixup in fixups:
                self._check_fixup(fixup, "with a fixup of %s at %d" % (name, fixup))
                if fixup in seen:
                    raise ImageError("with two fixups at %d" % fixup)
                seen.add(fixup)
            self.imports.append(Import(name, signature, fixups))

    def _check_fixup(self, fixup, what):
        if not self._starts_instruction(fixup, min(2, CODE_ALIGNMENT[self.isa])):
            raise ImageError(what + ", outside its code")
        size = self._call_bytes(fixup)
        if self.code[fixup:fixup + size] != host_call(UNBOUND_ID, size):
            raise ImageError(what + ", which is not an unbound host call")

    def _call_bytes(self, fixup):
        if self.isa == "rv32dense":
            return 1
        return 2 if self.isa == "rv32ecx" and self.code[fixup] & 3 != 3 else 4

    def _read_lines(self, metadata):
        """Where the code comes from. Older images do not tell."""
        self._line_starts, self._line_texts = [], []
        if "lines" not in metadata:
            return
        lines = Members(metadata["lines"], "lines")
        files = lines.list("files")
        for row in lines.list("rows"):
            if not isinstance(row, list) or len(row) != 3:
                raise ImageError("metadata: a row of lines is not three numbers")
            address, file, line = (as_number(value, "a row of lines") for value in row)
            if line and (file >= len(files) or not isinstance(files[file], str)):
                raise ImageError("metadata: a row of lines names no file")
            if self._line_starts and address <= self._line_starts[-1]:
                raise ImageError("metadata: lines are not in order")
            self._line_starts.append(address)
            self._line_texts.append("%s:%d" % (shown(files[file])[1:-1], line) if line else "")

    def source_line(self, address):
        """"driver.c:12", where the instruction at `address` comes from; "" when that is not known."""
        if self.isa == "rv32dense":
            address &= ~DENSE_SECOND
        if not self.code_start <= address < self.code_start + self.code_size:
            return ""
        at = bisect.bisect_right(self._line_starts, address)
        return self._line_texts[at - 1] if at else ""

    def bind(self, calls):
        """The code with every host call bound to the firmware that has these (calls.Calls)."""
        code = bytearray(self.code)
        for item in self.imports:
            number = calls.id_of(item.signature)
            for fixup in item.fixups:
                size = self._call_bytes(fixup)
                code[fixup:fixup + size] = host_call(number, size)
        return bytes(code)


def host_call(number, size):
    """The instruction, as interp/image/container_format.h has it: custom-0 with the id in bits 31:20; c.x.call; the
    byte of rv32dense."""
    if size == 1:
        return struct.pack("<B", number & 0xff)
    if size == 2:
        return struct.pack("<H", 0xa002 | (number & 0x7ff) << 2)
    return struct.pack("<I", 0x0b | number << 20)


def name_of(signature):
    """Name of a declaration in canonical form; "" when it is none."""
    found = re.fullmatch(r"\w+ ([a-z_][a-z0-9_]{0,62})\([^ ()]*(?: [^ ()]+)*\)", signature)
    return found.group(1) if found else ""


def split(file):
    """Checks the header; returns metadata and payload."""
    if file[:4] != MAGIC:
        raise ImageError("without LMPT at its start")
    if len(file) < HEADER.size:
        raise ImageError("is truncated: its header is cut off")
    _, version, reserved, metadata_bytes, payload_bytes, crc = HEADER.unpack_from(file)
    if version > VERSION:
        raise ImageError("of the newer format version %d; %d is known here" % (version, VERSION))
    if version == 0 or reserved:
        raise ImageError("with a header that has never been defined")
    size = HEADER.size + metadata_bytes + payload_bytes
    if size > len(file):
        raise ImageError("is truncated: %d of %d bytes" % (len(file), size))
    if size < len(file):
        raise ImageError("with %d bytes behind its end" % (len(file) - size))
    if zlib.crc32(file[20:], zlib.crc32(bytes(4), zlib.crc32(file[:16]))) != crc:
        raise ImageError("with a wrong CRC")
    try:
        metadata = json.loads(file[20:20 + metadata_bytes].decode("utf-8"))
    except (ValueError, RecursionError):
        raise ImageError("metadata is not JSON") from None
    return metadata, file[20 + metadata_bytes:]
