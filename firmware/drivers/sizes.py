#!/usr/bin/python3
"""What each driver takes as an image, beside the same source as native code. The report has the same table.

    firmware/drivers/sizes.py --limpet COMMAND --images FOLDER

FOLDER/<isa>/<driver>.limpet are the images that the build makes. Bytes are code, read-only and initialised data.
Native code is compiled here as images are, at -Os with link-time optimisation: Thumb for the Cortex-M0+, with a call of
4 bytes where a guest has a host call of 4. What a firmware has anyway (the functions called, memset) is not in it.
Exit status 1 when a driver does not compile, or is larger than promised.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
# As `limpet build` has them, which is checked.
GCC = ["-Os", "-ffreestanding", "-fbuiltin", "-fno-pic", "-fno-common", "-ffunction-sections", "-fdata-sections",
       "-fno-jump-tables"]
THUMB = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", *GCC, "-flto"]
RV32EC = ["riscv64-unknown-elf-gcc", "-march=rv32eac", "-mabi=ilp32e", "-msmall-data-limit=0", *GCC]

# {(driver, isa): bytes}. The first published driver for Klipper's firmware as a guest, a MAX31865 without limits, took
# 198 bytes as rv32ec, and 168 as Thumb; both of ours have to be below, the one with limits, too.
# Xlimpet has to earn its flash: all drivers at 0.83 of rv32ec. The table of rv32dense was learned from these drivers,
# all but ads131m0x.
PROMISED = {("max31865", "rv32ec"): 128, ("max31865-report-only", "rv32ec"): 72, ("all", "rv32ec"): 4340,
            ("all", "rv32ecx"): 3550, ("all", "rv32dense"): 2255, ("max31865-report-only", "rv32dense"): 32}
# Packed eBPF has to be about as small as rv32ec: {(column, another): the most that all drivers may take of it}.
PROMISED_RATIOS = {("ebpf-packed", "ebpf"): 0.36}
# The same driver as max31865, which is bound to its instance when it is compiled.
UNBOUND = "max31865-unbound"


class SizesError(Exception):
    pass


def command(arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SizesError(f"{' '.join(map(str, arguments))}\n{done.stderr}".rstrip())
    return done.stdout


def drivers():
    """{name: (source, definitions)} of images.cmake."""
    lines = re.findall(r"^limpet_driver\((\S+) (\S+)((?: \S+)*)\)$", (FOLDER / "images.cmake").read_text(), re.M)
    return {name: (FOLDER / source, definitions.split()) for name, source, definitions in lines}


def write_sdk(limpet, folder):
    folder.mkdir()
    command([limpet, "sdk", folder, "--imports", FOLDER.parent / "sdk/klipper.calls"])


def text_and_data(size, file):
    text, data = command([size, file]).splitlines()[1].split()[:2]
    return int(text) + int(data)


class Sizes:
    def __init__(self, limpet, images, scratch):
        self.limpet, self.images, self.scratch = limpet, images, scratch
        self.sdk = scratch / "sdk"
        write_sdk(limpet, self.sdk)
        self.isas = sorted(folder.name for folder in images.iterdir() if folder.is_dir())

    def image(self, isa, name):
        """{isa: bytes}, and of eBPF with its code packed, too."""
        told = command([self.limpet, "info", self.images / isa / f"{name}.limpet"])
        upload, code = map(int, re.search(r"^upload +(\d+) bytes: (\d+) code", told, re.M).groups())
        packed = re.search(r"^packed +(\d+) bytes", told, re.M)
        return {isa: upload} | ({f"{isa}-packed": upload - code + int(packed.group(1))} if packed else {})

    def _object(self, compiler, name):
        source, definitions = drivers()[name]
        out = self.scratch / "driver.o"
        command([*compiler, *WARNINGS, f"-I{self.sdk}", *definitions, "-c", source, "-o", out])
        return out

    def thumb(self, name):
        """Linked, but for the functions of the firmware."""
        linked = self.scratch / "linked.o"
        command([*THUMB, "-flinker-output=nolto-rel", "-nostdlib", "-r", self._object(THUMB, name), "-o", linked])
        helpers = re.findall(r" U (__\S+)", command(["arm-none-eabi-nm", "-u", linked]))
        if helpers:
            raise SizesError(f"{name} as Thumb needs {', '.join(helpers)}, which would not be counted")
        return text_and_data("arm-none-eabi-size", linked)

    def rv32ec(self, name, *options):
        """Without `limpet build`, for the sake of the options."""
        out = self.scratch / "driver.elf"
        compiler = [*RV32EC, *options]
        command([*compiler, "-nostdlib", "-T", self.sdk / "guest.ld", "-Wl,--gc-sections,-e,limpet_code_start",
                 self._object(compiler, name), "-o", out])
        sections = re.findall(r"^\.(?:text|rodata|data) +(\d+)", command(["riscv64-unknown-elf-size", "-A", out]), re.M)
        return sum(map(int, sections))

    def rows(self):
        """[{"driver", <isa>.., "thumb"}]; bytes."""
        rows = []
        for name in drivers():
            if name != UNBOUND:
                rows.append({"driver": name})
                for isa in self.isas:
                    rows[-1] |= self.image(isa, name)
                rows[-1]["thumb"] = self.thumb(name)
        return rows

    def binding(self):
        """Bytes as rv32ec of the driver max31865 {(is it bound when it is compiled, with link-time optimisation?)}."""
        found = {(bound, lto): self.rv32ec(name, *["-flto"] * lto)
                 for bound, name in ((True, "max31865"), (False, UNBOUND)) for lto in (True, False)}
        for bound, name in ((True, "max31865"), (False, UNBOUND)):
            if found[bound, True] != self.image("rv32ec", name)["rv32ec"]:
                raise SizesError(f"{name}: {found[bound, True]} bytes, but `limpet build` makes "
                                 f"{self.image('rv32ec', name)['rv32ec']}: its flags are others")
        return found


def total(rows):
    return {"driver": "all"} | {column: sum(row[column] for row in rows) for column in list(rows[0])[1:]}


def table(rows):
    columns = list(rows[0])
    width = max(len(row["driver"]) for row in rows)
    lines = [[row[column] for column in columns] for row in [*rows, total(rows)]]
    widths = [width, *(max(7, len(column)) for column in columns[1:])]
    rule = "|" + "-" * (width + 2) + "|" + "".join("-" * (w + 1) + ":|" for w in widths[1:])
    text = ["| " + " | ".join(f"{cell!s:{w}}" if i == 0 else f"{cell!s:>{w}}"
                              for i, (cell, w) in enumerate(zip(line, widths))) + " |"
            for line in [columns, *lines]]
    return "\n".join([text[0], rule, *text[1:]])


def binding_text(found):
    return (f"max31865 as rv32ec: {found[True, True]} bytes with its bus and its message number fixed when it is "
            f"compiled, {found[False, True]} when the PC tells them at run time; without link-time optimisation "
            f"{found[True, False]} and {found[False, False]}.")


def exceeded(rows, promised=None, ratios=None):
    """A line for each promise that is not held."""
    by_name = {row["driver"]: row for row in [*rows, total(rows)]}
    lines = [f"{name}: {by_name[name][isa]} bytes as {isa}, promised are {limit}"
             for (name, isa), limit in (PROMISED if promised is None else promised).items()
             if by_name[name][isa] > limit]
    every = by_name["all"]
    return lines + [f"all: {every[small]} bytes as {small}, promised are {ratio} of {every[large]} as {large}"
                    for (small, large), ratio in (PROMISED_RATIOS if promised is None else ratios or {}).items()
                    if every[small] > ratio * every[large]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limpet", required=True)
    parser.add_argument("--images", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sizes = Sizes(options.limpet, options.images, Path(scratch))
        rows, binding = sizes.rows(), binding_text(sizes.binding())
    print(f"{table(rows)}\n\n{binding}")
    if complaints := exceeded(rows):
        raise SizesError("\n".join(complaints))


if __name__ == "__main__":
    try:
        main()
    except SizesError as error:
        sys.exit(f"sizes: {error}")
