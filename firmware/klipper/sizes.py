#!/usr/bin/python3
# What the add-on takes of a part's flash, for each backend.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE here).
"""KLIPPER_DIR=CHECKOUT sizes.py [--config NAME] [--twelve] [BACKEND..]

Builds Klipper without and with the add-on, and prints the difference in bytes of flash, with its parts: the interpreter
with its tables; what checks and makes host calls, and the functions that they reach; the service with the commands; and
the dictionary with what Klipper needs for each command. Parts are told by symbols; `other` is what link-time optimisation
made of Klipper's own functions. --twelve: with 12 host calls, as bench/ and firmware/calls have them, no filters,
and Klipper's way of calling tasks (LIMPET_SHALLOW=n)."""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "test"))
sys.dont_write_bytecode = True

import mcu  # noqa: E402
import settings  # noqa: E402

TWELVE = ("timer_read_time timer_start receive respond bulk_report bulk_status spi_transfer i2c_read i2c_write"
          " gpio_in_read gpio_out_write trigger_update")
DICTIONARY = re.compile(r"command_(identify_data|index|encoder|parameters)|ctr_")
SERVICE = re.compile(r"limpet_|command_.*limpet|_ZN12_GLOBAL__N_1")


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def flash_bytes(elf):
    words = run("arm-none-eabi-size", elf).splitlines()[1].split()
    return int(words[0]) + int(words[1])


def symbols(elf):
    """{name: bytes} of what is in flash; names of one function's pieces are one."""
    found = {}
    for line in run("arm-none-eabi-nm", "-S", elf).splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tTrRdD":
            name = words[3].split(".")[0]
            found[name] = found.get(name, 0) + int(words[1], 16)
    return found


def part_of(name, calls):
    if DICTIONARY.match(name):
        return "dictionary"
    if name in ("calls", "limpet_platform_call", "limpet_call_declared", "limpet_calls", "limpet_resolve_handle"):
        return "host calls"
    if name.startswith("limpet_") and name[len("limpet_"):] in calls or name == "wait_200_ns":
        return "host calls"
    return "service" if SERVICE.match(name) else "other"


def parts(stock, elf, interpreter, total):
    """{part: bytes}"""
    before, after = symbols(stock), symbols(elf)
    calls = {settings.name_of(declaration) for declaration in settings.klipper_calls()}
    result = {"interpreter": interpreter, "host calls": 0, "service": 0, "dictionary": 0}
    for name in before.keys() | after.keys():
        part = part_of(name, calls)
        if part in result:
            result[part] += after.get(name, 0) - before.get(name, 0)
    backend = {"limpet_init", "limpet_prepare", "limpet_call", "limpet_resume", "limpet_prepared_size",
               "limpet_prepared_kept", "limpet_needs_code"}
    result["service"] -= sum(after.get(name, 0) for name in backend if name in after)
    result["other"] = total - sum(result.values())
    return result


def interpreter_bytes(folder):
    """Of the backend's object what the linker kept, by its map."""
    text = (folder / "map").read_text()
    text = text[text.index("Linker script and memory map"):]
    return sum(int(size, 16) for size in
               re.findall(r"^ \.(?:text|rodata)\S*\s+0x[0-9a-f]{8,}\s+0x([0-9a-f]+) \S*/backend\.o$", text, re.M))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="stm32g0b1", help="of Klipper's test/configs")
    parser.add_argument("--twelve", action="store_true")
    parser.add_argument("backends", nargs="*", default=list(settings.CYCLES))
    arguments = parser.parse_args()
    extra = [f"LIMPET_CALLS={TWELVE}", "LIMPET_FILTER=n", "LIMPET_SHALLOW=n"] if arguments.twelve else []
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)

        def build(backend):
            folder = temporary / backend.replace("/", "-")
            folder.mkdir()
            made = mcu.make(folder, arguments.config, f"LIMPET_BACKEND={backend}", *extra,
                            f"LIMPET_MAP={folder}/map")
            if made.returncode != 0:
                sys.exit(made.stdout)
            return folder / "klipper.elf"

        stock = build("none")
        print(f"{arguments.config}: Klipper alone {flash_bytes(stock)} bytes")
        names = ["interpreter", "host calls", "service", "dictionary", "other"]
        print(f"{'backend':16}{'all':>7}" + "".join(f"{name:>13}" for name in names))
        for backend in arguments.backends:
            elf = build(backend)
            total = flash_bytes(elf) - flash_bytes(stock)
            split = parts(stock, elf, interpreter_bytes(elf.parent), total)
            print(f"{backend:16}{total:7}" + "".join(f"{split[name]:13}" for name in names), flush=True)


if __name__ == "__main__":
    main()
