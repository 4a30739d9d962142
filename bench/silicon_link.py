"""The way to a real board: its serial port, and how it is flashed. What goes wrong is one line, a MeasuringError."""

import errno
import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import serial
from serial.tools import list_ports

import boards
from measuring import MeasuringError

BAUD = 115200
SILENT_SECONDS_MAX = 10
LINE_BYTES_MAX = 1000
NOISE_BYTES_MAX = 65536
LINES_MAX = 5000
DRIVE_SECONDS_MAX = 60
ASK_AFTER_SECONDS = 5  # our own firmware goes to the boot loader by itself


@dataclass(frozen=True)
class Kit:
    """A board that one can buy."""

    title: str
    board: str  # folder of firmware/boards
    usb: dict = field(hash=False)  # {(vendor, product): what has that USB id}


STLINK = {(0x0483, product): "ST-LINK" for product in (0x374B, 0x374E, 0x374F, 0x3752, 0x3753, 0x3754, 0x3757)}
ADAPTERS = {
    (0x2E8A, 0x000C): "Raspberry Pi Debug Probe", (0x2E8A, 0x0004): "picoprobe", (0x0403, 0x6001): "FTDI adapter",
    (0x0403, 0x6015): "FTDI adapter", (0x10C4, 0xEA60): "CP210x adapter", (0x1A86, 0x7523): "CH340 adapter",
}
KITS = {
    "pico": Kit("Raspberry Pi Pico", "rp2040", ADAPTERS),
    "nucleo-g0b1": Kit("Nucleo-G0B1RE", "stm32g0b1", STLINK),
}


def find_port(kit, wanted=None, ports=None):
    """The serial port's name: the one `wanted`, else the only one with a USB id of the kit."""
    ports = list_ports.comports() if ports is None else ports
    ids = {port.device: (port.vid, port.pid) for port in ports if port.vid is not None}
    if wanted:
        if wanted in ids and ids[wanted] not in kit.usb:
            raise MeasuringError("{}: USB id {:04x}:{:04x} is no {}".format(
                wanted, *ids[wanted], " or ".join(dict.fromkeys(kit.usb.values()))))
        return wanted
    found = [device for device, usb in ids.items() if usb in kit.usb]
    if len(found) > 1:
        raise MeasuringError(f"{', '.join(found)} could be a {kit.title}: say which by --port")
    if not found:
        raise MeasuringError(f"no {kit.title} found: plug in its {' or '.join(dict.fromkeys(kit.usb.values()))}, "
                             "or say which port by --port")
    return found[0]


class Link:
    """An open serial port, read line by line."""

    def __init__(self, port, silent_seconds_max=SILENT_SECONDS_MAX):
        self.port = port
        self.silent_seconds_max = silent_seconds_max
        self._pending = b""
        try:
            self._serial = serial.Serial(port, BAUD, timeout=0.1, exclusive=True)
            self._serial.reset_input_buffer()
        except (serial.SerialException, OSError) as error:
            raise MeasuringError(f"{port}: {self._reason(error)}") from error

    @staticmethod
    def _reason(error):
        code = getattr(error, "errno", None)
        if code in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
            return "is in use by another program"
        if code == errno.ENOENT:
            return "there is no such port"
        if code == errno.EACCES:
            return "you may not open it (on Debian its users are in the group dialout)"
        return str(error).splitlines()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._serial.close()

    def send(self, byte):
        try:
            self._serial.write(byte)
        except (serial.SerialException, OSError) as error:
            raise MeasuringError(f"{self.port}: the connection is lost") from error

    def line(self):
        """The next line, or None when there was silence. What is no ASCII becomes U+FFFD."""
        quiet_since = time.monotonic()
        while b"\n" not in self._pending:
            if len(self._pending) > LINE_BYTES_MAX:
                raise MeasuringError(f"{self.port}: garbage: {len(self._pending)} bytes without the end of a line")
            try:
                got = self._serial.read(max(1, self._serial.in_waiting))
            except (serial.SerialException, OSError) as error:
                raise MeasuringError(f"{self.port}: the connection is lost") from error
            if got:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > self.silent_seconds_max:
                return None
            self._pending += got
        line, self._pending = self._pending.split(b"\n", 1)
        return line.decode("ascii", "replace").rstrip("\r")


def read_run(link, image, board):
    """The lines of one whole run of `image` (an ELF file), checked. Asks for a run when there is none by itself."""
    lines, noise_bytes, asked = [], 0, False
    while True:
        line = link.line()
        if line is None:
            if lines:
                raise MeasuringError(f"{link.port}: the output stopped after {len(lines)} lines")
            if asked:
                raise MeasuringError(f"{link.port}: no answer (is it the right port, are the wires right?)")
            asked = True
            link.send(b"r")
        elif line.startswith("begin "):
            lines = [line]
            boards.check_identity(line, image, board)
        elif lines:
            lines.append(line)
            if len(lines) > LINES_MAX:
                raise MeasuringError(f"{link.port}: garbage: a run of more than {LINES_MAX} lines")
            if line.startswith("FAULT "):
                raise MeasuringError(f"{link.port}: {line}")
            if line.startswith("end "):
                boards.check_lines(lines, image, board)
                return lines
        else:
            noise_bytes += len(line)
            if noise_bytes > NOISE_BYTES_MAX:
                raise MeasuringError(f"{link.port}: garbage: {noise_bytes} bytes and no first line of a run")


def flash_by_openocd(image, port, ports=None):
    """A Nucleo, by the debug probe that has this port."""
    ports = list_ports.comports() if ports is None else ports
    number = next((p.serial_number for p in ports if p.device == port and p.serial_number), None)
    choose = ["-c", f"adapter serial {number}"] if number else []
    try:
        done = subprocess.run(["openocd", "-f", "board/st_nucleo_g0.cfg", *choose,
                               "-c", f"program {{{image}}} verify reset exit"],
                              capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise MeasuringError("openocd is not installed: run scripts/setup") from error
    except subprocess.TimeoutExpired as error:
        raise MeasuringError("openocd does not end") from error
    if done.returncode != 0:
        told = [line for line in done.stderr.splitlines() if line.startswith("Error:")] or ["openocd failed"]
        raise MeasuringError(f"flashing: {told[0]}")


def drive_of(info):
    """The folder of an INFO_UF2.TXT when it is an RP2040's boot loader; it raises when it is another chip's."""
    text = info.read_text(errors="replace")
    if "Board-ID: RPI-RP2" not in text:
        named = next((line for line in text.splitlines() if line.startswith("Board-ID:")), "no Board-ID")
        raise MeasuringError(f"{info.parent}: is not a Pico's drive: {named}")
    return info.parent


def find_drive():
    """Where the drive of a Pico's boot loader is mounted, or None."""
    for line in Path("/proc/mounts").read_text().splitlines():
        folder = Path(line.split()[1].replace("\\040", " "))
        if (folder / "INFO_UF2.TXT").is_file():
            return drive_of(folder / "INFO_UF2.TXT")
    return None


def flash_by_drive(image, drive=None, seconds_max=DRIVE_SECONDS_MAX):
    """A Pico, whose boot loader is a drive that one copies a .uf2 file to."""
    if drive and not (drive / "INFO_UF2.TXT").is_file():
        raise MeasuringError(f"{drive}: is not a Pico's drive")
    where = drive_of(drive / "INFO_UF2.TXT") if drive else find_drive()
    start, told = time.monotonic(), False
    while where is None:
        waited_seconds = time.monotonic() - start
        if waited_seconds > seconds_max:
            raise MeasuringError("no drive RPI-RP2 was mounted: say where it is by --drive")
        if waited_seconds > ASK_AFTER_SECONDS and not told:
            print("Hold the Pico's BOOTSEL button while you plug it in, and mount its drive RPI-RP2.", flush=True)
            told = True
        time.sleep(0.5)
        where = find_drive()
    try:
        with (where / image.name).open("wb") as out, image.open("rb") as source:
            shutil.copyfileobj(source, out)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        # The last block restarts the chip, and the drive is gone before the system is done with it.
        if error.errno not in (errno.EIO, errno.ENODEV, errno.ENXIO):
            raise MeasuringError(f"flashing: {error}") from error
