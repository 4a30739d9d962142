# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""The reader of .limpet files: what is shipped is read, every damaged file is refused, calls are bound."""

import json
import struct
import unittest
import zlib

import fake_klippy

calls = fake_klippy.limpet("calls")
container = fake_klippy.limpet("container")
messages = fake_klippy.limpet("messages")
firmware = fake_klippy.limpet("firmware")
IMAGES = fake_klippy.FOLDER / "images"
KNOWN = calls.klipper_calls()


def declaring(*declarations, known=KNOWN):
    """What a firmware with these declarations tells, to a PC that knows some."""
    return calls.Calls("".join(calls.mark_of(declaration) for declaration in declarations), known)


def offering(kind, *declarations):
    """A firmware."""
    return firmware.Firmware({"LIMPET": "3 %s %s" % (kind, "".join(map(calls.mark_of, declarations)))})


def image_file(name="max31865"):
    return (IMAGES / (name + ".limpet")).read_bytes()


def split(file):
    size = struct.unpack_from("<I", file, 8)[0]
    return json.loads(file[20:20 + size]), file[20 + size:]


def join(metadata, payload):
    text = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
    head = struct.pack("<4sHHII", b"LMPT", 1, 0, len(text), len(payload))
    crc = zlib.crc32(head + bytes(4) + text + payload)
    return head + struct.pack("<I", crc) + text + payload


class ContainerTest(unittest.TestCase):
    def refusal(self, file):
        try:
            container.Image(file)
        except container.ImageError as error:
            self.assertNotIn("\n", str(error))
            return str(error)
        return "accepted"

    def refusal_with(self, *path_and_value):
        """What is said of an image whose metadata have another value somewhere."""
        *path, last, value = path_and_value
        metadata, payload = split(image_file())
        place = metadata
        for step in path:
            place = place[step]
        place[last] = value
        return self.refusal(join(metadata, payload))

    def test_every_shipped_image_is_read(self):
        names = sorted(path.name for path in IMAGES.glob("*.limpet"))
        self.assertIn("adxl345.limpet", names)
        for name in names:
            image = container.Image((IMAGES / name).read_bytes())
            metadata, payload = split((IMAGES / name).read_bytes())
            self.assertEqual(image.data + image.code, payload)
            self.assertEqual(image.entries, metadata["entries"])
            self.assertRegex(image.source_line(image.entries[sorted(image.entries)[0]]), r"^\w+\.[ch]:\d+$")
            bound = image.bind(declaring(*KNOWN))
            self.check_bound(image, metadata, bound)

    def check_bound(self, image, metadata, bound):
        """Nothing but the ids differs, and those are the positions of the declarations."""
        rest = bytearray(bound)
        for item in metadata["imports"]:
            for at in item["fixups"]:
                word = struct.unpack_from("<I", bound, at)[0]
                self.assertEqual(word & 0xfffff, 0x0b)
                self.assertEqual(KNOWN[word >> 20], item["signature"])
                struct.pack_into("<I", rest, at, 0xfff0000b)
        self.assertEqual(bytes(rest), image.code)

    def test_short_calls(self):
        """Xlimpet's: 16 bits, the id in bits 12:2."""
        metadata, payload = split(image_file())
        code = struct.pack("<HH", 0xa002 | 0x7ff << 2, 0x8082) + bytes(metadata["code_size"] - 4)
        metadata.update(isa="rv32ecx", imports=[{"name": "f", "signature": "void f()", "fixups": [0]}])
        image = container.Image(join(metadata, payload[:-metadata["code_size"]] + code))
        self.assertEqual(image.bind(declaring("void a()", "void f()"))[:4], struct.pack("<HH", 0xa002 | 1 << 2, 0x8082))

    def dense(self, table):
        """An image of rv32dense: two host calls with the ids that a byte has."""
        metadata, payload = split(image_file())
        start, data = metadata["code_start"], payload[:len(payload) - metadata["code_size"]]
        metadata.update(isa="rv32dense", encoding="dense", table_version=table, code_size=4,
                        entries={"task": start + 1}, imports=[{"name": "f", "signature": "void f()", "fixups": [1, 3]}],
                        lines={"files": ["a.c"], "rows": [[start, 0, 7]]})
        return container.Image(join(metadata, data + b"\0\xff\0\xff"))

    def test_dense_calls(self):
        image = self.dense("dense-1")
        self.assertEqual(image.bind(declaring("void a()", "void f()")), b"\0\1\0\1")
        self.assertEqual(image.source_line(image.code_start + (1 << 31)), "a.c:7")
        self.assertEqual(image.encoding, "dense-1")
        self.assertRaisesRegex(container.ImageError, "unknown here", self.dense, "")

    def test_a_firmware_without_the_table_is_told(self):
        for says, runs in (("rv32dense dense-1", True), ("rv32dense dense-2", False), ("rv32ec", False)):
            offers = offering(says, "void f()")
            if runs:
                offers.block(self.dense("dense-1"))
                continue
            told = "it is rv32dense dense-1, the firmware runs " + says
            self.assertRaisesRegex(container.ImageError, told, offers.block, self.dense("dense-1"))

    def test_damage(self):
        file = image_file()
        for size in range(len(file)):
            self.assertRegex(self.refusal(file[:size]), "truncated|LMPT")
        for at in range(len(file)):
            changed = bytearray(file)
            changed[at] ^= 1 << at % 8
            self.assertNotEqual(self.refusal(bytes(changed)), "accepted", at)
        self.assertIn("1 bytes behind its end", self.refusal(file + b"x"))
        self.assertIn("not JSON", self.refusal(join(b"{", b"")))
        self.assertIn("not JSON", self.refusal(join(b"[" * 100000, b"")))
        self.assertIn("not JSON", self.refusal(join(b"\xff", b"")))
        self.assertIn("not an object", self.refusal(join([], b"")))
        newer = bytearray(file)
        newer[4] = 2
        self.assertIn("newer format version 2", self.refusal(bytes(newer)))

    def test_metadata_of_another_kind(self):
        metadata, payload = split(image_file())
        for key in metadata:
            less = {name: value for name, value in metadata.items() if name != key}
            self.assertEqual(self.refusal(join(less, payload)),
                             "accepted" if key == "lines" else "metadata: the image has no " + key)
            for value in (None, -1, 1.5, True, 1 << 32, [[]], {"a": []}):
                self.assertNotEqual(self.refusal_with(key, value), "accepted", (key, value))
        for path in (("imports", 0), ("messages", 0), ("messages", 0, "fields", 0)):
            for key in ("name", "signature", "fixups", "id", "size", "type", "offset", "count"):
                self.assertNotEqual(self.refusal_with(*path, {}), "accepted")
                place = metadata
                for step in path:
                    place = place[step]
                if key in place:
                    self.assertNotEqual(self.refusal_with(*path, key, {}), "accepted", (path, key))

    def test_windows(self):
        self.assertIn("overflow", self.refusal_with("code_start", 0x1000004))
        self.assertIn("not in order", self.refusal_with("data_size", 36))
        self.assertIn("outside its writable data", self.refusal_with("stack_top", 48))
        self.assertIn("outside its writable data", self.refusal_with("stack_bytes", 13))
        self.assertIn("stack is not aligned", self.refusal_with("stack_top", 20))
        self.assertIn("does not match", self.refusal_with("code_size", 200))
        self.assertIn("code is not aligned", self.refusal_with("code_start", 34))
        self.assertIn("unknown here", self.refusal_with("isa", "rv64"))
        self.assertIn("unknown here", self.refusal_with("encoding", "dense"))

    def test_entries_and_imports(self):
        for address in (30, 31, 33, 32 + 122, 0xffffffff):
            self.assertIn("outside its code", self.refusal_with("entries", "task", address))
        self.assertIn("without an entry", self.refusal_with("entries", {}))
        self.assertIn("no identifier", self.refusal_with("entries", {"a\x1b": 32}))
        for fixup in (-4, 1, 119, 120, 200):
            self.assertNotEqual(self.refusal_with("imports", 0, "fixups", [fixup]), "accepted")
        self.assertIn("not an unbound host call", self.refusal_with("imports", 0, "fixups", [0]))
        self.assertIn("two fixups", self.refusal_with("imports", 0, "fixups", [30]))
        for signature in ("void other()", "respond", "void respond(", "void respond() x", "void\x1brespond()"):
            self.assertIn("with the signature", self.refusal_with("imports", 0, "signature", signature))
        self.assertIn("twice", self.refusal_with("imports", [{"name": "f", "signature": "void f()", "fixups": []}] * 2))

    def test_lines(self):
        self.assertIn("names no file", self.refusal_with("lines", "rows", 0, [32, 9, 1]))
        self.assertIn("not in order", self.refusal_with("lines", "rows", [[34, 0, 1], [34, 0, 2]]))
        self.assertIn("three numbers", self.refusal_with("lines", "rows", 0, [1]))
        image = container.Image(image_file())
        starts = [address for address, _, _ in split(image_file())[0]["lines"]["rows"]]
        self.assertEqual(image.source_line(starts[0]), image.source_line(starts[1] - 2))
        self.assertEqual(image.source_line(image.code_start - 2), "")
        self.assertEqual(image.source_line(image.code_start + image.code_size), "")

    def test_a_firmware_that_lacks_a_call(self):
        image = container.Image(image_file())
        exchange = "u32 spi_exchange(handle<spi>,u32,u8)"
        lacking = [call for call in KNOWN if call != exchange]
        told = "it calls '%s', which the firmware does not declare" % exchange
        self.assertEqual(self.refusal_of(image, declaring(*lacking)), told)
        other = "u32 spi_exchange(handle<spi>,u32)"
        self.assertEqual(self.refusal_of(image, declaring(other, *lacking)), told)  # nobody knows what it declares
        self.assertEqual(self.refusal_of(image, declaring(other, *lacking, known=[other])),
                         "it calls '%s', the firmware declares '%s'" % (exchange, other))

    def refusal_of(self, image, offered):
        with self.assertRaises(container.ImageError) as caught:
            image.bind(offered)
        return str(caught.exception)

    def test_marks_of_calls(self):
        self.assertEqual(calls.mark_of("void a()"), "x2L")
        self.assertEqual(calls.canonical("u8 f(in i16[#1] a, u8 length, handle<pin> b, bool, out u8[4])"),
                         "u8 f(in i16[#1],u8,handle<pin>,bool,out u8[4])")
        offered = declaring("void own()", KNOWN[3], KNOWN[1])
        self.assertEqual((offered.declarations(), offered.unknown()), ([KNOWN[3], KNOWN[1]], 1))
        self.assertEqual([offered.id_of(call) for call in ("void own()", KNOWN[1])], [0, 2])  # with or without its text
        for marks in ("abcd", "abc,ef", "abcabc"):
            with self.assertRaisesRegex(container.ImageError, "nobody understands"):
                calls.Calls(marks, KNOWN)

    def test_two_declarations_with_one_mark(self):
        first, second = "void f598()", "void f21046()"
        self.assertEqual(calls.mark_of(first), calls.mark_of(second))
        self.assertEqual(declaring(first, known=()).id_of(second), 0)
        with self.assertRaisesRegex(container.ImageError, "does not declare"):
            declaring(first, known=[first]).id_of(second)


class FirmwareTest(unittest.TestCase):
    def test_who_runs_what(self):
        image = container.Image(image_file())
        for isa, runs in (("rv32e", False), ("rv32ec", True), ("rv32emc", True), ("rv32ecx", True), ("ebpf", False)):
            offers = offering(isa, *KNOWN)
            if runs:
                offers.block(image)
            else:
                told = "it is rv32ec plain, the firmware runs " + isa
                self.assertRaisesRegex(container.ImageError, told, offers.block, image)
        offers = offering("rv32dense dense-3f2a", *KNOWN)
        self.assertRaises(container.ImageError, offers.block, image)

    def test_other_protocols(self):
        for text in ("1 rv32-tiny rv32ec plain", "", "3", "3 rv32ec plain abc more"):
            self.assertRaises(container.ImageError, firmware.Firmware, {"LIMPET": text})
        self.assertFalse(firmware.present({}))

    def test_memory_that_no_firmware_has(self):
        metadata, payload = split(image_file())
        offers = offering("rv32ec", *KNOWN)
        start = metadata["writable_start"] + 16384
        metadata.update(data_size=start, code_start=start, entries={"task": start})
        image = container.Image(join(metadata, payload))
        self.assertRaisesRegex(container.ImageError, "16384 bytes of data and stack, 16383 is", offers.block, image)
        metadata.update(data_size=start - 4, code_start=start - 4, entries={"task": start - 4})
        offers.block(container.Image(join(metadata, payload)))

    def test_the_first_bytes_are_the_firmwares(self):
        metadata, payload = split(image_file())
        offers = offering("rv32ec", *KNOWN)
        block = offers.block(container.Image(join(metadata, payload)))
        self.assertEqual(struct.unpack_from("<HH", block), (metadata["stack_top"], metadata["entries"].get("task", 0)))
        image = container.Image(join(metadata, payload))
        image.data = b"\0\0\0\1" + image.data[4:]
        self.assertRaisesRegex(container.ImageError, "at address 0", offers.block, image)
        image.data, image.writable_start = b"", 3
        self.assertRaisesRegex(container.ImageError, "at address 0", offers.block, image)

    def test_the_checksum(self):
        of_kind = zlib.crc32(b"rv32ec plain") & 0xff
        self.assertEqual(offering("rv32ec").sum(b"123456789"), 0x6f91 + of_kind)


class MessageTest(unittest.TestCase):
    MESSAGE = messages.Message("reading", 16, [("clock", 0, "u32", 0), ("celsius", 4, "i16", 0), ("ok", 6, "bool", 0),
                                               ("axis", 7, "i8", 3), ("text", 10, "char", 6)])

    def test_all_of_it(self):
        data = struct.pack("<Ihb3b6s", 7, -20, 1, -1, 2, -3, b"ab\0cd")
        self.assertEqual(self.MESSAGE.decode(data),
                         {"clock": 7, "celsius": -20, "ok": True, "axis": [-1, 2, -3], "text": "ab"})

    def test_cut_off(self):
        data = struct.pack("<Ihb3b6s", 7, -20, 1, -1, 2, -3, b"ab\0cd")
        self.assertEqual(self.MESSAGE.decode(data[:5]), {"clock": 7, "axis": [], "text": ""})
        self.assertEqual(self.MESSAGE.decode(data[:9])["axis"], [-1, 2])
        self.assertEqual(self.MESSAGE.decode(b"\1\2\3"), {"axis": [], "text": ""})
        self.assertEqual(self.MESSAGE.decode(data[:10] + b"\xff")["text"], "\ufffd")
        self.assertRaisesRegex(ValueError, "16 bytes, the guest sent 17", self.MESSAGE.decode, bytes(17))


if __name__ == "__main__":
    unittest.main()
