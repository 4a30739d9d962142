#!/usr/bin/python3
# What limpet.mk needs to know of the rest of Limpet.
#
# This file may be distributed under the terms of the GNU GPLv3 license (see LICENSE here).
"""  settings.py backend NAME ISA      words for limpet.mk: source, optimisation, header, namespace, instructions between
                                    two looks at the clock, whether it prepares code, CRC-32 of the kind of image,
                                    and the flags that tune it
  settings.py calls FOLDER [NAME..]  writes limpet_klipper_calls.h and limpet_klipper_names.h: the declarations of
                                    firmware/sdk/klipper.calls, or those of these names only, and their marks
On an error, one line on standard output that begins with `error`."""
import argparse
import pathlib
import re
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

sys.path.insert(0, str(ROOT / "firmware/klipper/klippy"))
sys.dont_write_bytecode = True

from limpet.calls import klipper_calls, mark_of  # noqa: E402
from limpet.container import name_of  # noqa: E402

# What a part of Klipper's configuration brings; the rest is always there.
PARTS = {
    "CONFIG_WANT_SPI": ("spi_transfer", "spi_exchange", "cs_pulse_latch"),
    "CONFIG_WANT_I2C": ("i2c_read", "i2c_write", "i2c_shutdown_on_err"),
    "CONFIG_HAVE_GPIO": ("timer_poll", "gpio_in_read", "gpio_out_write", "shift_in"),
    "CONFIG_WANT_TRIGGER_ANALOG": ("trigger_update", "trigger_error"),
}

# Cycles per unit of fuel, in bench/'s workloads. The slower the backend, the fewer units may run before the clock is
# looked at: about 50 us at 48 MHz. rv32-goto and rv32-jit charge less than a unit for an instruction, and not each loop
# alike: rv32-jit's are 2 to 16, those of rv32-jit/compact, which charges one for a pass through a loop, 22 to 127.
CYCLES = {"rv32-tiny": 185, "rv32-switch": 90, "rv32-goto/lean": 70, "rv32-goto": 54, "rv32-threaded": 16,
          "rv32-threaded/compact": 20, "rv32-jit": 7, "rv32-jit/compact": 60,
          "rv32-dense": 86}
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
    prepares = int(any(re.search(r"struct Preparation|^function limpet_prepared_size @", file.read_text(), re.M)
                       for file in folder.glob("*.[hi]*")))
    return [thumb.rstrip("_") or "portable", opt, header, namespace, str(chunk), str(prepares),
            hex(zlib.crc32(f"{isa} {encoding}".encode())), encoding, *flags]


def in_macro_words(declaration):
    """What the macros of limpet_calls.h take: "CALL(void, respond, u8, in(u8, arg(2)), u8)"."""
    result, name, arguments = re.fullmatch(r"(\w+) (\w+)\((.*)\)", declaration).groups()
    arguments = re.sub(r"(\w+) (\w+)\[#(\d+)\]", r"\1(\2, arg(\3))", arguments)
    arguments = re.sub(r"(\w+) (\w+)\[(\d+)\]", r"\1(\2, \3)", arguments)
    arguments = re.sub(r"handle<(\w+)>", r"handle(\1)", arguments)
    return f"CALL({', '.join(filter(None, [result, name, arguments]))})"


def write_calls(folder, names):
    """The headers that limpet.c includes: the list of calls with their marks, and which function carries out which."""
    every = {name_of(declaration): declaration for declaration in klipper_calls()}
    unknown = set(names) - set(every)
    if unknown:
        raise Refused(f"LIMPET_CALLS: {' '.join(sorted(unknown))} is not declared in firmware/sdk/klipper.calls")
    if len({mark_of(declaration) for declaration in every.values()}) != len(every):
        raise Refused("two declarations of firmware/sdk/klipper.calls have the same mark: rename one")
    parts = {part: [] for part in ("1", *PARTS)}
    for name in every:
        if not names or name in names:
            parts[next((part for part, members in PARTS.items() if name in members), "1")].append(name)
    lines = ["// Made by settings.py."]
    for part, members in parts.items():
        lines += [f"#if {part}", f"#define LIMPET_CALLS_IF_{part}(CALL) \\"]
        lines += [f"    {in_macro_words(every[name])} \\" for name in members]
        lines += ["", f"#define LIMPET_MARKS_IF_{part} \"{''.join(mark_of(every[name]) for name in members)}\""]
        lines += [f"#define LIMPET_HAS_{name} 1" for name in members]
        lines += ["#else", f"#define LIMPET_CALLS_IF_{part}(CALL)", f'#define LIMPET_MARKS_IF_{part} ""', "#endif"]
    lines.append("#define LIMPET_KLIPPER_CALLS(CALL) " + " ".join(f"LIMPET_CALLS_IF_{part}(CALL)" for part in parts))
    lines.append("#define LIMPET_KLIPPER_MARKS " + " ".join(f"LIMPET_MARKS_IF_{part}" for part in parts))
    (folder / "limpet_klipper_calls.h").write_text("\n".join(lines) + "\n")
    renamed = [f"#define {name} limpet_{name}" for name in every if name != "timer_read_time"]
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
