#!/usr/bin/python3
"""Measures backends on a real board and puts what it finds beside the emulated figures. Called by scripts/measure.

    bench/silicon.py --board pico|nucleo-g0b1 [--port P] [--backend NAME]... [--isa rv32ec] [--no-flash] [--drive DIR]
                     [--layout ram] [--build DIR] [--rows FILE]

Without --backend it takes all. The port is found by USB ids when --port does not name it. --no-flash measures what is
on the board, which has to be this very image. --layout ram takes the image that runs from RAM (of a Nucleo: without the
flash's wait states; of a Pico: without storing anything): it is shown and not kept. Rows go to bench/silicon.json,
which ./scripts/report reads, and only when a run was whole and right. firmware/boards/README.md shows the wiring.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.dont_write_bytecode = True
import boards
import silicon_rows
from measuring import CALLS, ISAS, ROOT, WORKLOADS, Bench, MeasuringError, Variant, hand_counted
from report import row_of
from report_text import table
from silicon_link import KITS, Link, find_port, flash_by_drive, flash_by_openocd, read_run


def board_of(kit, layout):
    every = boards.BOARDS + boards.CONTROLS
    return next(board for board in every if board.name == kit.board and board.layout == layout)


def emulated(bench, board, variant, opts):
    """{workload: row} of the variant, and the lines of its image for the board, which agrees with every other."""
    reference = variant.reference(opts)
    bench.build([variant, reference], board.targets(variant))
    complaints, measured = bench.measure(variant)
    if complaints:
        raise MeasuringError("; ".join(complaints))
    insns = measured if variant == reference else bench.measure(reference)[1]
    regions, lines = boards.run(bench, board, variant)
    boards.agree(board.image(variant), regions, bench.regions[variant])
    return {name: row_of(bench, variant, name, measured[name], insns[name]["executed"]) for name in measured}, lines


def rows_of(lines, board, emulated_rows):
    """Rows of a run's lines, which have been checked."""
    told = boards.identity(lines[0])
    ticks = {}
    for name, what, value in boards.own_ticks(lines):
        ticks.setdefault((name, what), []).append(value)
    rows = []
    for name, row in emulated_rows.items():
        cycles = statistics.median_low(ticks[name, "guest"])
        new = row | {"board": board.name, "source": f"silicon:{told['chip']}", "cycles": cycles}
        if name not in CALLS:
            native = statistics.median_low(ticks[name, "native"])
            new |= {"native_cycles": native, "prepare_cycles": statistics.median_low(ticks[name, "prepare"]),
                    "cycles_per_insn": round(cycles / row["guest_insns"], 3), "slowdown": round(cycles / native, 3)}
        rows.append(new | {
            "ratio": round(cycles / row["cycles"], 4),
            "spread_cycles": max(ticks[name, "guest"]) - min(ticks[name, "guest"]),
            "measured_commit": told["commit"], "image": told["image"]})
    return rows


def show(lines, variant, rows, emulated_rows):
    print(f"{variant} on {boards.identity(lines[0])['board']}, chip {boards.identity(lines[0])['chip']}")
    ticks = {}
    for name, what, value in boards.own_ticks(lines):
        ticks.setdefault((name, what), []).append(value)
    hand = dict(hand_counted(lines))
    print(table(["kernel", "by hand", "measured", "spread"],
                [[name, cycles, statistics.median_low(ticks[name, "check"]),
                  max(ticks[name, "check"]) - min(ticks[name, "check"])] for name, cycles in hand.items()]))
    print(table(["workload", "emulated", "measured", "ratio", "spread", "native", "slowdown"],
                [[row["workload"], emulated_rows[row["workload"]]["cycles"], row["cycles"], f"{row['ratio']:.4f}",
                  row["spread_cycles"], row["native_cycles"] or "", row["slowdown"] or ""] for row in rows]))


def measure(bench, board, variant, emulated_run, link, flash, keep):
    """One image: flash() puts it on the board, keep(rows) is called when all went well."""
    emulated_rows, emulated_lines = emulated_run
    image = bench.mcu / "firmware" / board.image(variant)
    if flash:
        flash(image)
    else:
        link.send(b"r")
    lines = read_run(link, image, board)
    if boards.skeleton(lines) != boards.skeleton(emulated_lines):
        raise MeasuringError(f"{link.port}: the output has other lines than the emulated image's")
    rows = rows_of(lines, board, emulated_rows)
    show(lines, variant, rows, emulated_rows)
    keep(rows)


def flasher(kit, link, drive):
    """The function that puts an image on a kit's board."""
    if kit.board == "stm32g0b1":
        return lambda image: flash_by_openocd(image, link.port)

    def flash(image):
        link.send(b"b")  # our own firmware, if it is there, leaves for the boot loader
        flash_by_drive(image.with_suffix(".uf2"), drive)

    return flash


def keeper(path):
    """The function that adds rows to a file."""
    def keep(rows):
        silicon_rows.write(silicon_rows.merged(silicon_rows.read(path), rows), path)
        print(f"{len(rows)} rows are in {path}", flush=True)

    return keep


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", required=True, choices=KITS)
    parser.add_argument("--port")
    parser.add_argument("--backend", action="append")
    parser.add_argument("--isa", default="rv32ec", choices=ISAS)
    parser.add_argument("--no-flash", action="store_true")
    parser.add_argument("--drive", type=Path)
    parser.add_argument("--layout", default="", choices=["", "ram"])
    parser.add_argument("--build", type=Path, default=ROOT / "build/silicon")
    parser.add_argument("--rows", type=Path, default=silicon_rows.FILE)
    return parser.parse_args(argv)


def main(argv):
    options = arguments(argv)
    kit = KITS[options.board]
    board = board_of(kit, options.layout)
    with Link(find_port(kit, options.port)) as link:
        bench = Bench(options.build.resolve())
        bench.configure()
        opts = bench.registered_opts()
        if unknown := set(options.backend or []) - set(opts):
            raise MeasuringError(f"unknown backend '{unknown.pop()}'; there is: {', '.join(opts)}")
        flash = None if options.no_flash else flasher(kit, link, options.drive)
        keep = (lambda rows: None) if options.layout else keeper(options.rows)
        runs = {}
        # All are built before any row is kept: rows in a tracked file make the commit that images tell a changed one.
        for name in options.backend or opts:
            variant = Variant(name, options.isa, opts[name])
            print(f"{variant}: building and emulating", flush=True)
            runs[variant] = emulated(bench, board, variant, opts)
        for variant, run in runs.items():
            print(f"{variant}: measuring", flush=True)
            measure(bench, board, variant, run, link, flash, keep)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except MeasuringError as error:
        sys.exit(f"measure: {error}")
