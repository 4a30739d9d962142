# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE of firmware/klipper).
"""Klipper as it runs on a printer, but for the hardware: firmware as Linux processes, with chips on their buses
(chips.h), and klippy, spoken to by its API server.

Needs KLIPPER_DIR, a checkout of Klipper, which is cloned and otherwise left alone; LIMPET, the command; Debian's
python3-greenlet, python3-cffi, python3-jinja2 and python3-serial; and rp2040js, which scripts/setup installs."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import tty
from pathlib import Path

ADD_ON = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
NATIVE = "THERMOCOUPLE ADXL345 LIS2DW BMI160 MPU9250 ICM20948 HX71X ADS1220 ADS131M0X LDC1612 SENSOR_ANGLE".split()
LINUX = "CONFIG_MACH_LINUX=y\n"
RP2040 = ("CONFIG_LOW_LEVEL_OPTIONS=y\nCONFIG_MACH_RPXXXX=y\nCONFIG_MACH_RP2040=y\n"
          "CONFIG_RPXXXX_SERIAL_UART0_PINS_0_1=y\n")
START_SECONDS = 120
ANSWER_SECONDS = 30


def run(*words, **settings):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          text=True, **settings)
    if done.returncode != 0:
        raise RuntimeError("%s\n%s" % (" ".join(map(str, words)), done.stdout))
    return done.stdout


class Workshop:
    """A clone of Klipper with the add-on installed, and what is built from it: `stock`, firmware with all native
    drivers and no add-on, `guest`, with the add-on and without native sensor drivers, and `both`."""

    def __init__(self, folder):
        self.folder = folder
        self.klipper = folder / "klipper"
        run("git", "clone", "-q", "--shared", os.environ["KLIPPER_DIR"], self.klipper)
        home = folder / "home"
        home.mkdir()
        run("sh", ADD_ON / "install.sh", self.klipper, env={"PATH": os.environ["PATH"], "HOME": str(home)})
        self.stock = self.build("stock")
        self.guest = self.build("guest", "-f", ADD_ON / "limpet.mk", *["CONFIG_WANT_%s=" % name for name in NATIVE])
        self.both = self.build("both", "-f", ADD_ON / "limpet.mk")
        self.chips = folder / "chips.so"
        run("g++", "-std=c++20", "-O1", "-shared", "-fPIC", Path(__file__).with_name("chips.cpp"), "-o", self.chips,
            "-ldl")

    def build(self, name, *words, config=LINUX):
        """Builds firmware; returns its folder."""
        out = self.folder / name
        out.mkdir()
        (out / ".config").write_text(config)
        settings = ["OUT=%s/" % out, "KCONFIG_CONFIG=%s/.config" % out]
        run("make", *settings, "olddefconfig", cwd=self.klipper)
        run("make", "-j2", *words, *settings, cwd=self.klipper)
        return out


class Printer:
    """A running printer: MCU `mcu` has the stock firmware, MCU `guest` the one with the add-on, or another. Sections of
    the configuration come from the test."""

    def __init__(self, workshop, config, second="guest"):
        self.folder = Path(tempfile.mkdtemp(dir=workshop.folder))
        self.processes = []
        self.waiting = b""
        self.requests = 0
        self.events = []
        self.socket = None
        self.config = self.folder / "printer.cfg"
        self.head = self.start_mcus(workshop, second)
        self.head += "[printer]\nkinematics: none\nmax_velocity: 100\nmax_accel: 100\n"
        self.write_config(config)
        self.start([PYTHON, "-B", workshop.klipper / "klippy/klippy.py", self.config, "-l", self.folder / "klippy.log",
                    "-a", self.folder / "api", "-I", self.folder / "tty"], self.folder / "klippy.out",
                   HOME=str(self.folder))
        self.connect()
        self.wait_until_started()

    def start_mcus(self, workshop, second):
        """Returns their sections of the configuration."""
        head = ""
        for name, mcu, firmware in (("stock", "mcu", "stock"), ("guest", "mcu guest", second)):
            # Klipper takes only paths that begin like this for those of a Linux process.
            path = "/tmp/klipper_host_%d_%s_%s" % (os.getpid(), self.folder.name, name)
            head += "[%s]\nserial: %s\n" % (mcu, path)
            self.start([getattr(workshop, firmware) / "klipper.elf", "-I", path], self.folder / (name + ".log"),
                       LD_PRELOAD=str(workshop.chips), LIMPET_BUS_LOG=str(self.folder / (name + ".bus")))
        return head

    def write_config(self, text):
        self.config.write_text(self.head + text)

    def start(self, words, log, **environment):
        with open(log, "wb") as file:
            self.processes.append(subprocess.Popen([str(word) for word in words], stdout=file, stderr=file,
                                                   stdin=subprocess.DEVNULL, env=dict(os.environ, **environment)))

    def stop(self):
        if self.socket is not None:
            self.socket.close()
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for path in Path("/tmp").glob("klipper_host_%d_%s_*" % (os.getpid(), self.folder.name)):
            path.unlink()
        shutil.rmtree(self.folder)

    # The API server (docs/API_Server.md of Klipper): JSON, each message ended by 0x03

    def connect(self):
        end = time.monotonic() + START_SECONDS
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(self.folder / "api"))
                return
            except OSError:
                self.socket.close()
                if time.monotonic() > end or self.processes[-1].poll() is not None:
                    raise RuntimeError("klippy: " + (self.folder / "klippy.out").read_text()) from None
                time.sleep(0.1)

    def read(self, end):
        while b"\x03" not in self.waiting:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("klippy closed the connection")
            self.waiting += data
        message, self.waiting = self.waiting.split(b"\x03", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.requests += 1
        self.socket.sendall(json.dumps({"id": self.requests, "method": method, "params": params}).encode() + b"\x03")
        end = time.monotonic() + ANSWER_SECONDS
        while True:
            message = self.read(end)
            if message.get("id") == self.requests:
                return message.get("result", message.get("error"))
            self.events.append(message)

    def gcode(self, script):
        """Returns what klippy says of an error, or None."""
        return self.call("gcode/script", script=script).get("message")

    def collect(self, seconds):
        """The events of so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.events.append(self.read(end))
            except TimeoutError:
                break
        events, self.events = self.events, []
        return events

    def state(self):
        info = self.call("info")
        return info["state"], info["state_message"]

    def wait_until_started(self):
        end = time.monotonic() + START_SECONDS
        while self.state()[0] == "startup":
            if time.monotonic() > end:
                raise RuntimeError("klippy does not start: " + self.log())
            time.sleep(0.1)

    def restart(self, command):
        """RESTART or FIRMWARE_RESTART; the connection is a new one afterwards."""
        try:
            self.call("gcode/" + command)
            while True:
                self.read(time.monotonic() + ANSWER_SECONDS)
        except ConnectionError:
            pass
        self.reconnect()

    def reconnect(self):
        """klippy may restart more than once: it restarts the firmware when that has another configuration."""
        end = time.monotonic() + START_SECONDS
        while True:
            self.waiting = b""
            self.socket.close()
            try:
                self.connect()
                self.wait_until_started()
                return
            except ConnectionError:
                if time.monotonic() > end:
                    raise

    def status(self, name):
        return self.call("objects/query", objects={name: None})["status"][name]

    def log(self):
        return (self.folder / "klippy.log").read_text()

    def bus(self, name, device):
        """What an MCU has exchanged with a device: ["sent received"]."""
        lines = (self.folder / (name + ".bus")).read_text().splitlines()
        return [line.split(" ", 1)[1] for line in lines if line.startswith(device + " ")]


class Rp2040Printer(Printer):
    """A printer whose one microcontroller is an RP2040 in rp2040js, on its UART."""

    def start_mcus(self, workshop, second):
        package = os.environ.get("RP2040JS", str(ADD_ON.parents[1] / "bench/cycles/rp2040js/node_modules/rp2040js"))
        words = ["node", str(ADD_ON / "test/rp2040.mjs"), package, str(getattr(workshop, second) / "klipper.uf2")]
        # Its third file descriptor is for questions that nobody asks here.
        emulator = subprocess.Popen(["sh", "-c", 'exec "$@" 3< /dev/null', "sh", *words], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
        self.processes.append(emulator)
        ours, theirs = self.ends = pty.openpty()
        tty.setraw(theirs)
        for source, target in ((ours, emulator.stdin.fileno()), (emulator.stdout.fileno(), ours)):
            threading.Thread(target=self.forward, args=(source, target), daemon=True).start()
        return "[mcu]\nserial: %s\nrestart_method: command\n" % os.ttyname(theirs)

    def stop(self):
        emulator = self.processes[0]
        super().stop()
        for file in (emulator.stdin, emulator.stdout):
            file.close()
        for end in self.ends:
            os.close(end)

    @staticmethod
    def forward(source, target):
        try:
            while data := os.read(source, 4096):
                os.write(target, data)
        except OSError:
            pass
