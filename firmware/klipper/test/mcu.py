# Klipper's firmware as a Linux process, spoken to as klippy does, with Klipper's own msgproto.py.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE in the folder above).
import json
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import time
import tty
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "firmware/klipper/klippy"))

from limpet.calls import Calls  # noqa: E402

KLIPPER = pathlib.Path(os.environ.get("KLIPPER_DIR", ""))
WRAPPER = ROOT / "firmware/klipper/limpet.mk"
CHUNK = 40
DEVICE_SPI, CONFIGURE, WRITE, SEAL, CALL = 0, 6, 7, 8, 9


def command(oid, operation, a=0, b=0, data=b""):
    return f"limpet oid={oid} do={operation} a={a} b={b} data={data.hex()}"


def make(folder, config, *arguments):
    """Builds a configuration (of Klipper's tests, or its lines) into a folder of its own; returns the finished process."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "config").exists():
        text = config if "\n" in config else (KLIPPER / f"test/configs/{config}.config").read_text()
        (folder / "config").write_text(text)
    common = [f"KCONFIG_CONFIG={folder}/config", f"OUT={folder}/"]
    subprocess.run(["make", *common, "olddefconfig"], cwd=KLIPPER, check=True, stdout=subprocess.DEVNULL)
    return subprocess.run(["make", "-f", str(WRAPPER), "-j2", *common, *arguments], cwd=KLIPPER, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Image:
    """A .limpet file, as PROTOCOL.md has it uploaded."""

    def __init__(self, path, declared):
        file = pathlib.Path(path).read_bytes()
        metadata_bytes, payload_bytes = struct.unpack_from("<II", file, 8)
        self.about = json.loads(file[20:20 + metadata_bytes])
        payload = file[20 + metadata_bytes:][:payload_bytes]
        code_size = self.about["code_size"]
        data, code = payload[:len(payload) - code_size], bytearray(payload[len(payload) - code_size:])
        for imported in self.about["imports"]:
            number = declared.id_of(imported["signature"])
            for fixup in imported["fixups"]:
                code[fixup:fixup + 4] = struct.pack("<I", 0x0b | number << 20)
        data = struct.pack("<HH", self.about["stack_top"], self.about["entries"].get("task", 0)) + data[4:]
        self.block = data.ljust(self.about["code_start"], b"\0") + code + b"\x08\0\x08\0"

    def sum(self, kind):
        remainder = 0xffff
        for byte in self.block:
            remainder ^= byte
            for _ in range(8):
                remainder = remainder >> 1 ^ (0x8408 if remainder & 1 else 0)
        return remainder + zlib.crc32(kind.encode()) % 256

    def configuration(self, oid, slices):
        start = self.about["code_start"]
        return command(oid, CONFIGURE, self.about["writable_start"] + (slices << 16),
                       start - self.about["writable_start"] + (self.about["code_size"] << 16))

    def chunks(self):
        for at in range(0, len(self.block), CHUNK):
            chunk = self.block[at:at + CHUNK]
            yield at, chunk


class Mcu:
    """A running firmware: as a Linux process."""

    timeout_s = 3

    def __init__(self, elf, folder):
        sys.path.insert(0, str(KLIPPER / "klippy"))
        import msgproto
        self.parser = msgproto.MessageParser()
        self.start(elf, folder)
        self.received = b""
        self.sequence = 0
        self.crc16 = msgproto.crc16_ccitt
        self.messages = []
        try:
            self.identify()
        except BaseException:
            self.close()
            raise
        constants = self.parser.get_constants()
        _, isa, marks = constants.get("LIMPET", "3 none ").split(" ")
        self.kind = isa + " plain"
        self.declared = Calls(marks, ())

    def start(self, elf, folder):
        terminal = folder / "tty"
        terminal.unlink(missing_ok=True)
        self.process = subprocess.Popen([elf, "-I", terminal], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + self.timeout_s
        while not terminal.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.input = self.output = os.open(terminal, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.input)

    def close(self):
        self.process.kill()
        self.process.wait()
        for file in {self.input, self.output}:
            os.close(file)

    def identify(self):
        data = b""
        while True:
            answer = self.ask(f"identify offset={len(data)} count=40", "identify_response")
            if not answer["data"]:
                break
            data += answer["data"]
        self.parser.process_identify(data)

    def send(self, text):
        command = self.parser.create_command(text)
        block = [len(command) + 5, self.sequence | 0x10, *command]
        os.write(self.output, bytes([*block, *self.crc16(block), 0x7e]))
        self.sequence = (self.sequence + 1) & 0x0f

    def poll(self, seconds):
        """Takes what comes within so long."""
        if select.select([self.input], [], [], seconds)[0]:
            self.received += os.read(self.input, 4096)
        while True:
            length = self.parser.check_packet(self.received)
            if length == 0:
                return
            if length < 0:
                self.received = self.received[-length:]
                continue
            block, self.received = self.received[:length], self.received[length:]
            if length > 5:
                self.messages.append(self.with_state(self.parser.parse(block)))

    @staticmethod
    def with_state(message):
        """A VM's state under a name of its own."""
        if message["#name"] != "limpet_data" or message["message"] >= 0:
            return message
        pc, result, address, status = struct.unpack("<4I", message["data"])
        return {"#name": "state", "oid": message["oid"], "status": status, "pc": pc, "address": address,
                "result": result, "overruns": ~message["message"]}

    def wait(self, name, **fields):
        """The first message of that name with these fields; it and those before it are taken away."""
        deadline = time.monotonic() + self.timeout_s
        while time.monotonic() < deadline:
            for index, message in enumerate(self.messages):
                if message["#name"] == name and all(message[key] == value for key, value in fields.items()):
                    del self.messages[:index + 1]
                    return message
            self.poll(0.05)
        raise AssertionError(f"no {name} {fields}; there was: {self.messages}")

    def ask(self, command, name, **fields):
        self.send(command)
        return self.wait(name, **fields)

    def upload(self, oid, image):
        for at, chunk in image.chunks():
            self.send(command(oid, WRITE, at, data=chunk))
        return self.ask(command(oid, SEAL, image.sum(self.kind)), "state", oid=oid)["status"]

    def call(self, oid, image, entry, *words, data=b"", wait=True):
        address = image.about["entries"][entry]
        words = list(words) + [0] * (5 - len(words))
        self.send(command(oid, CALL, address, data=struct.pack("<5I", *(word & 0xffffffff for word in words)) + data))
        return self.wait("state", oid=oid) if wait else None

    def clock(self):
        return self.ask("get_clock", "clock")["clock"]


class EmulatedMcu(Mcu):
    """An RP2040 with its UART0, in rp2040js. Its time passes only while something is waited for."""

    timeout_s = 60
    step_ms = 2

    def start(self, elf, folder):
        package = os.environ.get("RP2040JS", str(ROOT / "bench/cycles/rp2040js/node_modules/rp2040js"))
        self.control, theirs = socket.socketpair()
        script = pathlib.Path(__file__).resolve().parent / "rp2040.mjs"
        command = f'exec node "$0" "$1" "$2" "$3" 3<&{theirs.fileno()} 3>&{theirs.fileno()}'
        words = ["bash", "-c", command, script, package, elf, str(self.step_ms)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        pass_fds=[theirs.fileno()])
        theirs.close()
        self.input, self.output = self.process.stdout.fileno(), self.process.stdin.fileno()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.control.close()
        self.process.stdin.close()
        self.process.stdout.close()

    def ask_emulator(self, question):
        self.control.send(question)
        return self.control.recv(100)

    def poll(self, seconds):
        """Takes what it has sent after another step, however long that takes here."""
        self.ask_emulator(b"t")
        super().poll(0)

    def lowest_stack_pointer(self):
        """Since it was asked last."""
        return int(self.ask_emulator(b"?"), 16)
