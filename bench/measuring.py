"""Building and running the measuring images: what bench/measure and scripts/report share.

An image is named by Variant. It runs in QEMU (cycles by the plugin) and in Unicorn (cycles and stack by
limpet-cycles); both must agree to the cycle for every region, or MeasuringError is raised. So it is when a result is
wrong or anything is missing.
"""

import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKLOADS = ["max31865", "crc32", "sort", "sos", "accel", "angle", "alu", "fib"]
GEOMEAN_WORKLOADS = ["crc32", "sort", "accel", "angle", "fib", "alu"]
ISAS = ["rv32e", "rv32ec", "rv32emc"]
REFERENCE = "rv32-switch"
RUN_SECONDS_MAX = 300
NOT_CONTAINED = 2  # exit status of the measuring image: results were right, but a hostile guest was not contained


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


@dataclass(frozen=True)
class Variant:
    """A backend compiled for one isa at one optimisation, and its guests'."""

    backend: str
    isa: str
    opt: str
    guest_opt: str = "-O2"

    @property
    def library(self):
        return f"{self.backend.replace('/', '-')}-{self.isa}{self.opt}"

    @property
    def image(self):
        return f"measure-{self.library}-guest{self.guest_opt}.elf"

    @property
    def flash_image(self):
        return f"flash-{self.library}.elf"

    def __str__(self):
        return f"{self.backend} {self.isa} {self.opt}, guests at {self.guest_opt}"


class Bench:
    """Builds below `build` and runs what was built."""

    def __init__(self, build):
        self.host = build / "host"
        self.mcu = build / "m0plus"

    def configure(self):
        command(["cmake", "-S", ROOT / "bench/cycles", "-B", self.host, "-G", "Ninja"])
        command(["ninja", "-C", self.host])
        toolchain = ROOT / "firmware/cortex-m0plus.cmake"
        command(["cmake", "-S", ROOT, "-B", self.mcu, "-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"])

    def registered_opts(self):
        """{backend: the optimisation that it is registered with}, in the order of variants/backends.cmake."""
        return json.loads((self.mcu / "firmware/backends.json").read_text())

    def build(self, variants):
        targets = {"flash-none.elf"}
        for variant in variants:
            targets |= {variant.image, variant.flash_image}
        command(["ninja", "-C", self.mcu] + [f"firmware/{target}" for target in sorted(targets)])

    def flash_bytes(self, variant):
        return self._size(variant.flash_image) - self._size("flash-none.elf")

    def _size(self, image):
        fields = command(["arm-none-eabi-size", self.mcu / "firmware" / image]).splitlines()[1].split()
        return int(fields[0]) + int(fields[1])  # text, data

    def _symbols(self, image, names):
        listing = command(["arm-none-eabi-nm", image])
        found = {line.split()[2]: int(line.split()[0], 16) for line in listing.splitlines()}
        return [found[name] & ~1 for name in names]

    def run_qemu(self, variant, profile=None):
        """Console lines and regions (dictionaries), from QEMU."""
        image = self.mcu / "firmware" / variant.image
        regions = image.with_suffix(".regions")
        begin, end = self._symbols(image, ["cycles_begin", "cycles_end"])
        plugin = f"{self.host}/liblimpet_cycles.so,begin={begin:#x},end={end:#x},out={regions}"
        if profile:
            plugin += f",profile={profile}"
        done = subprocess.run(
            ["qemu-system-arm", "-M", "microbit", "-nographic", "-monitor", "none", "-serial", "none",
             "-semihosting-config", "enable=on,target=native", "-kernel", image, "-plugin", plugin],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
        lines = done.stdout.splitlines() + done.stderr.splitlines()
        return self._checked("QEMU", variant, done.returncode, lines, regions.read_text().splitlines())

    def run_unicorn(self, variant):
        """Console lines and regions, from Unicorn: these have `stack`, too."""
        done = subprocess.run(
            [self.host / "limpet-cycles", self.mcu / "firmware" / variant.image, "--begin", "cycles_begin",
             "--end", "cycles_end", "--aside", "measure_host_call"],
            capture_output=True, text=True, timeout=RUN_SECONDS_MAX)
        regions = [line for line in done.stdout.splitlines() if line.startswith("region ")]
        lines = [line for line in done.stdout.splitlines() if not line.startswith("region ")]
        return self._checked("Unicorn", variant, done.returncode, lines + done.stderr.splitlines(), regions)

    @staticmethod
    def _checked(where, variant, status, lines, regions):
        if status not in (0, NOT_CONTAINED):
            told = [line for line in lines if not line.startswith(("timed", "result", "executed"))]
            raise MeasuringError(f"{variant} in {where}: exit status {status}\n" + "\n".join(told))
        parsed = []
        for line in regions:
            if not line.startswith("region "):
                raise MeasuringError(f"{variant} in {where}: {line}")
            parsed.append({key: int(value) for key, value in (word.split("=") for word in line.split()[1:])})
        return lines, parsed

    def measure(self, variant):
        """Of an image, checked: {workload: {...}} with the keys at the end of this function, and a list of complaints
        about hostile guests that were not contained."""
        lines, qemu = self.run_qemu(variant)
        other_lines, unicorn = self.run_unicorn(variant)
        if lines != other_lines:
            raise MeasuringError(f"{variant}: QEMU and Unicorn do not print the same")
        names = [line.split()[1:] for line in lines if line.startswith("timed ")]
        if not len(names) == len(qemu) == len(unicorn):
            raise MeasuringError(f"{variant}: {len(names)} regions, {len(qemu)} in QEMU, {len(unicorn)} in Unicorn")
        cycles = {}
        stack_bytes = 0
        for (name, what), a, b in zip(names, qemu, unicorn):
            if a["cycles"] != b["cycles"] or a["instructions"] != b["instructions"]:
                raise MeasuringError(f"{variant} {name} {what}: QEMU counts {a}, Unicorn {b}")
            cycles[name, what] = a["cycles"]
            if what == "guest":
                stack_bytes = max(stack_bytes, b["stack"])

        def words(kind):
            return {line.split()[1]: int(line.split()[2], 16) for line in lines if line.startswith(kind + " ")}

        results, executed = words("result"), words("executed")
        state_bytes = int(lines[0].split()[1], 16)
        complaints = [line for line in lines if line.startswith("FAIL ")]
        return complaints, {
            name: {
                "cycles": cycles[name, "guest"],
                "native_cycles": cycles[name, "native"],
                "prepare_cycles": cycles[name, "prepare"],
                "executed": executed[name],
                "result": results[name],
                "stack_bytes": stack_bytes,
                "state_bytes": state_bytes,
            }
            for name in WORKLOADS + ["empty"]
        }

    def guest_bytes(self, isa, opt, workload):
        """What is uploaded of a guest: read-only data, initialised data, code."""
        base = self.mcu / "firmware/guests" / f"{isa}{opt}"
        return sum((base / f"{workload}.{piece}").stat().st_size for piece in ("rodata", "data", "text"))
