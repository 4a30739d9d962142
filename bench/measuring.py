"""Building and running the measuring images: what bench/measure and scripts/report share.

An image is named by Variant. It runs in QEMU (cycles by the plugin) and in Unicorn (cycles and stack by
limpet-cycles); both must agree to the cycle for every region, or MeasuringError is raised. So it is when a result is
wrong or anything is missing.
"""

import json
import math
import subprocess
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = ["max31865", "crc32", "sort", "sos", "accel", "angle", "alu", "fib"]
CALLS = ["empty", "one_host_call"]  # what entering a guest costs: cycles alone
GEOMEAN_WORKLOADS = ["crc32", "sort", "accel", "angle", "fib", "alu"]
ISAS = ["rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense"]
REFERENCE = "rv32-switch"
BPF_REFERENCE = "bpf-switch"
RUN_SECONDS_MAX = 300
NOT_CONTAINED = 2  # exit status of the measuring image: results were right, but a hostile guest was not contained
QUIET = ("timed", "ticks", "result", "executed", "prepared", "scratch")  # lines that are only for the scripts


class MeasuringError(Exception):
    pass


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def geometric_deviation(values):
    """Geometric standard deviation: a factor, 1 when all values are equal."""
    mean = math.log(geometric_mean(values))
    return math.exp(math.sqrt(sum((math.log(value) - mean) ** 2 for value in values) / len(values)))


def command(arguments, **options):
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise MeasuringError(f"{' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


@dataclass
class Outcome:
    """What an emulator made of an image."""

    emulator: str
    image: str
    status: int  # exit status
    lines: list  # of the console
    regions: list  # dictionaries, in the order of time

    def words(self, kind):
        """{name: number} of the console's lines `kind name number`."""
        return {line.split()[1]: int(line.split()[2], 16) for line in self.lines if line.startswith(kind + " ")}

    def __str__(self):
        told = [line for line in self.lines if not line.startswith(QUIET)]
        return f"{self.image} in {self.emulator}: exit status {self.status}\n" + "\n".join(told)


def parse_regions(text):
    regions = []
    for line in text.splitlines():
        if not line.startswith("region "):
            raise MeasuringError(line)
        regions.append({key: int(value) for key, value in (word.split("=") for word in line.split()[1:])})
    return regions


def cross_check(other, unicorn):
    """{(name, what): region as Unicorn tells it}, when it and another emulator agree in every line and to the cycle,
    and a region that runs several times takes the same each time."""
    if other.lines != unicorn.lines:
        a, b = next(pair for pair in zip_longest(other.lines, unicorn.lines) if pair[0] != pair[1])
        raise MeasuringError(f"{other.image}: {other.emulator} prints {a!r}, Unicorn {b!r}")
    names = [tuple(line.split()[1:3]) for line in other.lines if line.startswith("timed ")]
    if not len(names) == len(other.regions) == len(unicorn.regions):
        raise MeasuringError(f"{other.image}: {len(names)} regions announced, {len(other.regions)} seen in "
                             f"{other.emulator}, {len(unicorn.regions)} in Unicorn")
    regions = {}
    for name, a, b in zip(names, other.regions, unicorn.regions):
        if a["cycles"] != b["cycles"] or a["instructions"] != b["instructions"]:
            raise MeasuringError(f"{other.image}: {' '.join(name)}: {other.emulator} counts {a}, Unicorn {b}")
        if regions.setdefault(name, b) != b:
            raise MeasuringError(f"{other.image}: {' '.join(name)}: {regions[name]}, another time {b}")
    return regions


def hand_counted(lines):
    """[(name, cycles)] of the kernels that an image begins with: what firmware/measure/calibration.S says they take."""
    checks = [line.split() for line in lines if line.startswith("timed ") and line.split()[2] == "check"]
    return [(words[1], int(words[3], 16)) for words in checks]


@dataclass(frozen=True)
class Variant:
    """A backend compiled for one isa at one optimisation, and its guests'."""

    backend: str
    isa: str
    opt: str
    guest_opt: str = "-O2"

    @classmethod
    def of(cls, row):
        """The variant that a row of the report is about."""
        return cls(row["backend"], row["isa"], row["opt"], row["guest_opt"])

    @property
    def build(self):
        return f"{self.backend.replace('/', '-')}-{self.isa}-{self.opt.lstrip('-')}"

    @property
    def image(self):
        return f"measure-{self.build}-guest{self.guest_opt}.elf"

    @property
    def flash_image(self):
        return f"flash-{self.build}.elf"

    @property
    def empty_flash_image(self):
        return "flash-bpf-none.elf" if self.isa.startswith("ebpf") else "flash-none.elf"

    def reference(self, opts):
        """The variant that tells how many instructions the same guests execute: dense code is made from rv32ec."""
        if self.isa == "ebpf":
            return Variant(BPF_REFERENCE, self.isa, opts[BPF_REFERENCE], self.guest_opt)
        isa = "rv32ec" if self.isa == "rv32dense" else self.isa
        return Variant(REFERENCE, isa, opts[REFERENCE], self.guest_opt)

    def __str__(self):
        return f"{self.backend} {self.isa} {self.opt}, guests at {self.guest_opt}"


class Bench:
    """Builds below `build` and runs what was built."""

    def __init__(self, build):
        self.host = build / "host"
        self.mcu = build / "m0plus"
        self.rp2040js = ROOT / "bench/cycles/rp2040js/run.mjs"
        self.regions = {}  # of each variant that was measured, as cross_check returns them

    def configure(self):
        command(["cmake", "-S", ROOT / "bench/cycles", "-B", self.host, "-G", "Ninja"])
        command(["ninja", "-C", self.host])
        toolchain = ROOT / "firmware/cortex-m0plus.cmake"
        command(["cmake", "-S", ROOT, "-B", self.mcu, "-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"])

    def registered_opts(self):
        """{backend: the optimisation that it is registered with}, in the order of variants/backends.cmake."""
        return json.loads((self.mcu / "firmware/backends.json").read_text())

    def isas(self):
        """{backend: the isas that it runs}."""
        return {name: isas.split() for name, isas in json.loads((self.mcu / "firmware/isas.json").read_text()).items()}

    def build(self, variants, others=()):
        targets = {*others}
        for variant in variants:
            targets |= {variant.image, variant.flash_image, variant.empty_flash_image}
        command(["ninja", "-C", self.mcu] + [f"firmware/{target}" for target in sorted(targets)])

    def flash_bytes(self, variant):
        return self.size(variant.flash_image) - self.size(variant.empty_flash_image)

    def size(self, image):
        """Bytes of flash of an image."""
        fields = command(["arm-none-eabi-size", self.mcu / "firmware" / image]).splitlines()[1].split()
        return int(fields[0]) + int(fields[1])  # text, data

    def _symbols(self, image, names):
        listing = command(["arm-none-eabi-nm", image])
        found = {line.split()[2]: int(line.split()[0], 16) for line in listing.splitlines()}
        return [found[name] & ~1 for name in names]

    def run_qemu(self, image, profile=None, machine="microbit"):
        """An image in QEMU."""
        path = self.mcu / "firmware" / image
        regions = path.with_suffix(".regions")
        begin, end = self._symbols(path, ["cycles_begin", "cycles_end"])
        plugin = f"{self.host}/liblimpet_cycles.so,begin={begin:#x},end={end:#x},out={regions}"
        if profile:
            plugin += f",profile={profile}"
        done = self._qemu(machine, path, "-plugin", plugin)
        return Outcome("QEMU", image, done.returncode, done.stdout.splitlines() + done.stderr.splitlines(),
                       parse_regions(regions.read_text()))

    def run_uncounted(self, image, machine):
        """An image in QEMU, in a tenth of the time: without regions."""
        done = self._qemu(machine, self.mcu / "firmware" / image)
        return Outcome("QEMU", image, done.returncode, done.stdout.splitlines() + done.stderr.splitlines(), [])

    def _qemu(self, machine, path, *options):
        return self._run([
            "qemu-system-arm", "-M", machine, "-nographic", "-monitor", "none", "-serial", "none",
            "-semihosting-config", "enable=on,target=native", "-kernel", path, *options])

    def run_unicorn(self, image, aside=None, board="qemu-microbit", flash_file=None):
        """An image in Unicorn; its regions have `stack`, too: without that of the function `aside`. What runs is
        flash_file (.bin, .uf2) if there is one."""
        done = self._run([
            self.host / "limpet-cycles", self.mcu / "firmware" / image, "--begin", "cycles_begin",
            "--end", "cycles_end", "--board", board, *(["--aside", aside] if aside else []),
            *(["--load", flash_file] if flash_file else [])])
        return self._outcome("Unicorn", image, done)

    def run_rp2040js(self, image):
        """An image's .uf2 file in rp2040js."""
        path = self.mcu / "firmware" / image
        begin, end = self._symbols(path, ["cycles_begin", "cycles_end"])
        done = self._run(["node", self.rp2040js, path.with_suffix(".uf2"), hex(begin), hex(end)])
        return self._outcome("rp2040js", image, done)

    @staticmethod
    def _outcome(emulator, image, done):
        """Of a command that prints regions among the console's lines."""
        lines = [line for line in done.stdout.splitlines() if not line.startswith("region ")]
        regions = [line for line in done.stdout.splitlines() if line.startswith("region ")]
        return Outcome(emulator, image, done.returncode, lines + done.stderr.splitlines(),
                       parse_regions("\n".join(regions)))

    @staticmethod
    def _run(arguments):
        try:
            return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=RUN_SECONDS_MAX)
        except subprocess.TimeoutExpired as error:
            raise MeasuringError(f"no end within {RUN_SECONDS_MAX} s: {error.cmd}") from error

    def native_results(self):
        """{workload: what it computes as native code of this machine}."""
        lines = command([self.host / "limpet-workloads"]).splitlines()
        return {line.split()[0]: int(line.split()[1], 16) for line in lines}

    def measure(self, variant):
        """Of an image, checked: {workload: {...}} with the keys at the end of this function, and a list of complaints
        about hostile guests that were not contained."""
        qemu = self.run_qemu(variant.image)
        unicorn = self.run_unicorn(variant.image, aside="measure_host_call")
        for outcome in (qemu, unicorn):
            if outcome.status not in (0, NOT_CONTAINED):
                raise MeasuringError(str(outcome))
        regions = self.regions[variant] = cross_check(qemu, unicorn)
        results, executed = qemu.words("result"), qemu.words("executed")
        prepared, scratch = qemu.words("prepared"), qemu.words("scratch")
        if results != self.native_results():
            raise MeasuringError(f"{variant}: results {results}, on this machine {self.native_results()}")
        complaints = [line for line in qemu.lines if line.startswith("FAIL ")]
        state_bytes = next(int(line.split()[1], 16) for line in qemu.lines if line.startswith("state_bytes "))
        stack_bytes, deepest = max((region["stack"], name) for (name, what), region in regions.items()
                                   if what == "guest")
        return complaints, {
            name: {
                "cycles": regions[name, "guest"]["cycles"],
                "native_cycles": regions[name, "native"]["cycles"],
                "prepare_cycles": regions[name, "prepare"]["cycles"],
                "executed": executed[name],
                "prepared_bytes": prepared[name],
                "scratch_bytes": scratch[name],  # more RAM, while preparing
                "stack_bytes": stack_bytes,
                "deepest": deepest,  # workload or hostile guest that took so much stack
                "state_bytes": state_bytes,
            }
            for name in WORKLOADS + CALLS
        }

    def code_bytes(self, isa, opt, workload):
        return (self.mcu / "firmware/guests" / f"{isa}{opt}" / f"{workload}.text").stat().st_size

    def guest_bytes(self, isa, opt, workload):
        """What is uploaded of a guest: read-only data, initialised data, code."""
        base = self.mcu / "firmware/guests" / f"{isa}{opt}"
        return sum((base / f"{workload}.{piece}").stat().st_size for piece in ("rodata", "data", "text"))

    def flags(self):
        """{what: how it is compiled} for the library of a backend, native workloads and guests."""
        commands = json.loads((self.mcu / "compile_commands.json").read_text())

        def of(output):
            line = next(c["command"] for c in commands if output in c["command"])
            return " ".join(w for w in line.split()[1:] if w[0] == "-" and w not in ("-o", "-c") and w[:2] != "-I")

        guest = next(line for line in command(["ninja", "-C", self.mcu, "-t", "commands",
                                               "firmware/guests/rv32ec-O2/crc32.elf"]).splitlines()
                     if "guest.ld" in line).split("&&")[1]
        dropped = ("-o", "-MD", "-MF", "-MT", "-T")
        return {
            "backend (rv32-switch at -Os; the last -O counts)": of("limpet-rv32-switch-rv32ec-Os.dir"),
            "native workloads": of("workloads_native.dir"),
            "guests (rv32ec; -Os instead of -O2 for bytes)":
                " ".join(w for w in guest.split()[1:] if w[0] == "-" and w not in dropped),
        }
