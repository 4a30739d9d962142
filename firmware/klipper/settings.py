#!/usr/bin/python3
# What limpet.mk needs to know of the rest of Limpet.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE here).
"""  settings.py backend NAME ISA      words for limpet.mk: source, optimisation, header, namespace, instructions between
                                    two looks at the clock, whether it prepares code, CRC-32 of the kind of image,
                                    and the flags that tune it
  settings.py calls FOLDER [NAME..]  writes limpet_klipper_calls.h and limpet_klipper_names.h: the declarations of
                                    firmware/sdk/klipper.calls, or those of these names only
On an error, one line on standard output that begins with `error`."""
import argparse
import pathlib
import re
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# What a part of Klipper's configuration brings; the rest is always there.
PARTS = {
    "CONFIG_WANT_SPI": ("spi_transfer", "spi_exchange", "cs_pulse_latch"),
    "CONFIG_WANT_I2C": ("i2c_read", "i2c_write", "i2c_shutdown_on_err"),
    "CONFIG_HAVE_GPIO": ("timer_poll", "gpio_in_read", "gpio_out_write", "shift_in"),
    "CONFIG_WANT_TRIGGER_ANALOG": ("trigger_update", "trigger_error"),
}

# The slower the backend, the fewer instructions may run before the clock is looked at: about 50 us at 48 MHz.
CYCLES = {"rv32-tiny": 185, "rv32-switch": 90, "rv32-goto/lean": 55, "rv32-goto": 42, "rv32-threaded": 16, "rv32-jit": 4,
          "rv32-dense": 80}
CHUNK_CYCLES = 2400


class Refused(Exception):
    pass


def backend_words(name, isa):
    """The words of `settings.py backend`."""
    text = re.sub(r"#.*", "", (ROOT / "variants/backends.cmake").read_text())
    rows = {row.split()[0]: (thumb, row.split()) for thumb, row in
            re.findall(r"limpet_(thumb_)?backend\(((?!\$|list)[^)]*)\)", text) if row.split()}
    isas = re.search(r"set\(LIMPET_ISAS ([^)]*)\)", text).group(1).split()
    rows = {row: value for row, value in rows.items() if row.startswith("rv32-")}
    encoding = "plain"
    if name in re.search(r"set\(LIMPET_DENSE_BACKENDS ([^)]*)\)", text).group(1).split():
        isas = re.search(r"set\(LIMPET_DENSE_ISAS ([^)]*)\)", text).group(1).split()
        encoding = re.search(r'kTableVersion = "(.*)"', (ROOT / "interp/rv32/dense_1.h").read_text()).group(1)
    if name not in rows:
        raise Refused(f"LIMPET_BACKEND={name} is unknown; there is: none {' '.join(sorted(rows))}")
    if isa not in isas:
        raise Refused(f"LIMPET_ISA={isa} is unknown to {name}; there is: {' '.join(isas)}")
    thumb, (_, header, namespace, opt, *flags) = rows[name]
    chunk = max(1, CHUNK_CYCLES // CYCLES.get(name, 185))
    folder = (ROOT / "variants" / header).parent
    prepares = int(any("struct Preparation" in file.read_text() for file in folder.glob("*.h")))
    return [thumb.rstrip("_") or "portable", opt, header, namespace, str(chunk), str(prepares),
            hex(zlib.crc32(f"{isa} {encoding}".encode())), encoding, *flags]


def declarations():
    """[(result, name, [type, ..])], in the words of klipper.calls."""
    found = []
    for line in (ROOT / "firmware/sdk/klipper.calls").read_text().splitlines():
        line = line.split("//")[0].strip()
        if not line:
            continue
        result, name, arguments = re.fullmatch(r"(\w+) (\w+)\((.*)\)", line).groups()
        types = []
        for argument in filter(None, (part.strip() for part in arguments.split(","))):
            buffer = re.match(r"(in|out|inout) (\w+)\[(#?)(\d+)\]", argument)
            handle = re.match(r"handle<(\w+)>", argument)
            if buffer:
                way, element, by_argument, length = buffer.groups()
                types.append(f"{way}({element}, {f'arg({length})' if by_argument else length})")
            elif handle:
                types.append(f"handle({handle.group(1)})")
            else:
                types.append(argument.split()[0])
        found.append((result, name, types))
    return found


def write_calls(folder, names):
    """The headers that limpet.c includes: the list of calls, and which function carries out which."""
    every = declarations()
    unknown = set(names) - {name for _, name, _ in every}
    if unknown:
        raise Refused(f"LIMPET_CALLS: {' '.join(sorted(unknown))} is not declared in firmware/sdk/klipper.calls")
    parts = {part: [] for part in ("1", *PARTS)}
    for result, name, types in every:
        if not names or name in names:
            part = next((part for part, members in PARTS.items() if name in members), "1")
            parts[part].append(f"CALL({', '.join([result, name, *types])})")
    lines = ["// Made by settings.py."]
    for part, calls in parts.items():
        macro = f"LIMPET_CALLS_IF_{part}"
        lines += [f"#if {part}", f"#define {macro}(CALL) \\"]
        lines += [f"    {call} \\" for call in calls]
        lines += ["", "#else", f"#define {macro}(CALL)", "#endif"]
    lines.append("#define LIMPET_KLIPPER_CALLS(CALL) " + " ".join(f"LIMPET_CALLS_IF_{part}(CALL)" for part in parts))
    (folder / "limpet_klipper_calls.h").write_text("\n".join(lines) + "\n")
    renamed = [f"#define {name} limpet_{name}" for _, name, _ in every if name != "timer_read_time"]
    undefined = ["#undef try_shutdown"]
    (folder / "limpet_klipper_names.h").write_text("\n".join(["// Made by settings.py.", *undefined, *renamed]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    backend = commands.add_parser("backend")
    backend.add_argument("name")
    backend.add_argument("isa")
    calls = commands.add_parser("calls")
    calls.add_argument("folder", type=pathlib.Path)
    calls.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    try:
        if arguments.command == "backend":
            print(" ".join(backend_words(arguments.name, arguments.isa)))
        else:
            write_calls(arguments.folder, arguments.names)
    except Refused as refused:
        print(f"error {refused}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
