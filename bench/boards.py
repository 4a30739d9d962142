"""The measuring images on every emulated board, each counted by more than one emulator.

| board            | emulators                                                                        |
|------------------|----------------------------------------------------------------------------------|
| qemu-microbit    | QEMU, Unicorn (measuring.py)                                                     |
| qemu-mps2-an385  | QEMU, Unicorn                                                                    |
| rp2040           | rp2040js, which has a table of cycles of its own, and Unicorn; both run the .uf2 |
| stm32g0b1        | Unicorn, with a model of the board that runs the .bin; SysTick, as the image reads it |

Every image of one variant runs the same object code at zero wait states. So each region has to take what it takes on
qemu-microbit, to the cycle, on each board and in each emulator; anything else is a MeasuringError. (mps2-an385 has a
Cortex-M3. It runs the Cortex-M0+ image and counts by the table of the M0+: its rows prove the image on another machine,
and are not what an M3 takes.)
"""

import json
import os
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from measuring import NOT_CONTAINED, ROOT, MeasuringError, Variant, command, cross_check, hand_counted


@dataclass(frozen=True)
class Board:
    """A board in one of its layouts, as firmware/boards/boards.cmake names it."""

    name: str  # folder of firmware/boards
    source: str  # what its rows say
    layout: str = ""

    @property
    def id(self):
        return f"{self.name}-{self.layout}" if self.layout else self.name

    @property
    def shown(self):
        """As the image itself tells it."""
        return f"{self.name}/{self.layout}" if self.layout else self.name

    def image(self, variant):
        return f"{self.id}-{variant.image}"

    def targets(self, variant):
        """What to build."""
        return [self.image(variant), self.image(variant).removesuffix(".elf") + "-files"]


BOARDS = [Board("qemu-mps2-an385", "emulated:qemu"), Board("rp2040", "emulated:rp2040js"),
          Board("stm32g0b1", "emulated:unicorn")]
# The same code at another place: these have no rows of their own.
CONTROLS = [Board("rp2040", "emulated:rp2040js", "ram"), Board("stm32g0b1", "emulated:unicorn", "ram")]


def rp2040js_version():
    package = ROOT / "bench/cycles/rp2040js/package.json"
    return json.loads(package.read_text())["dependencies"]["rp2040js"]


def build_id(image):
    """The linker's hash of an ELF file, as the image prints it."""
    lines = command(["readelf", "-n", image]).splitlines()
    found = [line.split()[-1] for line in lines if "Build ID:" in line]
    if len(found) != 1:
        raise MeasuringError(f"{image}: has no build id")
    return found[0]


def identity(line):
    """{key: value} of the line `begin key=value ...`."""
    words = line.split()
    if not words or words[0] != "begin" or not all("=" in word for word in words[1:]):
        raise MeasuringError(f"not a first line: {line!r}")
    return dict(word.split("=", 1) for word in words[1:])


def check_identity(line, image, board):
    """Raises MeasuringError unless a run's first line is from `image` (an ELF file) on that board."""
    seen = identity(line)
    for key, value in {"board": board.shown, "image": build_id(image)}.items():
        if seen.get(key) != value:
            raise MeasuringError(f"{image.name}: the output comes from another {key}: {seen.get(key)}, not {value}")


def crc(lines):
    """What a run's last line says of those before it."""
    return zlib.crc32("".join(line + "\n" for line in lines).encode())


def check_lines(lines, image, board):
    """Raises MeasuringError unless these are the lines of a whole, successful run of `image` (an ELF file)."""
    check_identity(lines[0] if lines else "", image, board)
    end = lines[-1].split()
    wanted = f"{crc(lines[:-1]):08x}"
    if len(end) != 3 or end[0] != "end" or end[2] != wanted:
        raise MeasuringError(f"{image.name}: the output is damaged: its last line is {lines[-1]!r}, "
                             f"the CRC of the lines before it {wanted}")
    complaints = [line for line in lines if line.startswith("FAIL ")]
    if int(end[1], 16) not in (0, NOT_CONTAINED) or complaints:
        raise MeasuringError(f"{image.name}: {'; '.join(complaints) or lines[-1]}")


def skeleton(lines):
    """The lines between the first and the last without what a board times: the same in every run of an image."""
    inner = [line for line in lines[1:-1] if not re.fullmatch("overhead [0-9a-f]{8}", line)]
    return [re.sub(r"^(ticks \S+ \S+) [0-9a-f]{8}$", r"\1", line) for line in inner]


def own_ticks(lines):
    """[(name, what, ticks)] as the image timed itself, without what reading the clock takes."""
    overhead = next((int(line.split()[1], 16) for line in lines if line.startswith("overhead ")), 0)
    ticks = [line.split() for line in lines if line.startswith("ticks ")]
    return [(name, what, int(value, 16) - overhead) for _, name, what, value in ticks]


def run(bench, board, variant):
    """{(name, what): region} and the lines of an image, when every emulator of the board and the image itself agree."""
    image = board.image(variant)
    path = bench.mcu / "firmware" / image
    stored = path.with_suffix(".uf2" if board.name == "rp2040" else ".bin")
    outcomes = [bench.run_unicorn(image, "measure_host_call", board.name,
                                  stored if not board.name.startswith("qemu") else None)]
    if board.name == "rp2040":
        outcomes.append(bench.run_rp2040js(image))
    elif board.name == "qemu-mps2-an385":
        outcomes.append(bench.run_qemu(image, machine="mps2-an385"))
    for outcome in outcomes:
        if outcome.status not in (0, NOT_CONTAINED):
            raise MeasuringError(str(outcome))
        check_lines(outcome.lines, path, board)
    regions = cross_check(outcomes[-1], outcomes[0])
    for name, cycles in hand_counted(outcomes[0].lines):
        if regions[name, "check"]["cycles"] != cycles:
            raise MeasuringError(f"{image}: {name} takes {cycles} cycles by hand, {regions[name, 'check']}")
    for name, what, ticks in own_ticks(outcomes[0].lines):
        if regions[name, what]["cycles"] != ticks:
            raise MeasuringError(f"{image}: {name} {what}: SysTick says {ticks}, the counters {regions[name, what]}")
    return regions, outcomes[0].lines


def agree(image, regions, reference):
    """Raises MeasuringError unless every region takes what it takes on the reference board."""
    if regions.keys() != reference.keys():
        raise MeasuringError(f"{image}: other regions than on qemu-microbit: {regions.keys() ^ reference.keys()}")
    for name, region in regions.items():
        if region != reference[name]:
            raise MeasuringError(f"{image}: {' '.join(name)}: {region}, on qemu-microbit {reference[name]}")


def rows(bench, variants, reference_rows, progress):
    """Runs the variants on every board: rows like those of qemu-microbit, and a complaint for each that differs."""
    jobs = [(board, variant) for variant in variants if variant in bench.regions for board in BOARDS]
    bench.build([], [target for board, variant in jobs for target in board.targets(variant)])

    def one(job):
        board, variant = job
        try:
            agree(board.image(variant), run(bench, board, variant)[0], bench.regions[variant])
        except MeasuringError as error:
            return str(error)
        return None

    result, complaints = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, ((board, variant), complaint) in enumerate(zip(jobs, pool.map(one, jobs)), 1):
            progress(f"{done}/{len(jobs)}  {board.name}: {variant}{'  FAILED' if complaint else ''}")
            if complaint:
                complaints.append(complaint)
                continue
            result += [row | {"board": board.name, "source": board.source} for row in reference_rows
                       if row["cycles"] is not None and Variant.of(row) == variant]
    return result, complaints
