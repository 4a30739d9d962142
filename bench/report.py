#!/usr/bin/python3
"""Measures every backend and writes report.json, report.md, report.svg and index.html. Called by scripts/report.

    bench/report.py [--short] [--check] [--accept WHY] [--publish] [--build DIR] [--out DIR]

--short measures only rv32ec (and rv32dense) at the registered optimisations. --check compares with bench/history.json: a figure that
grew by more than 2 % is an error, and so is a row that is gone. --accept adds a line to that file, which makes this
run's figures those to compare with. --publish renews bench/report.svg, the picture that the README shows. Exit status 1
when anything could not be measured, was wrong, differed between emulators or is above what limits.py promises.
"""

import argparse
import datetime
import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True
import boards
import bpf
import drivers
import history
import limits
import markdown
import report_page
import report_picture
import report_text
import silicon_rows
from measuring import CALLS, REFERENCE, ROOT, WORKLOADS, Bench, MeasuringError, Variant, command

BOARD = "qemu-microbit"
STARTED = time.monotonic()

# Every row has these keys, in this order. Those of the second group are numbers, or null in the rows of CALLS, which
# have only cycles, and in that of a driver, which has only image_bytes.
TEXT_KEYS = ["isa", "backend", "target", "board", "opt", "guest_opt", "workload"]
NUMBER_KEYS = ["flash_bytes", "state_bytes", "stack_bytes", "image_bytes", "prepared_bytes", "cycles",
               "prepare_cycles", "guest_insns", "cycles_per_insn", "native_cycles", "slowdown"]
ROW_KEYS = TEXT_KEYS + NUMBER_KEYS + ["source"]
CHOICES = {
    "isa": {"rv32e", "rv32ec", "rv32emc", "rv32ecx", "rv32dense", "ebpf", "ebpf32"},
    "board": {"qemu-microbit", "qemu-mps2-an385", "rp2040", "stm32g0b1", "linux"},
    "opt": {"-Os", "-O2", "asm"},
    "guest_opt": {"-Os", "-O2"},
    "workload": {*WORKLOADS, *CALLS, *drivers.NAMES},
}
# The rows of these have only one number.
ONLY = dict.fromkeys(CALLS, "cycles") | dict.fromkeys(drivers.NAMES, "image_bytes")


def progress(text):
    print(f"[{time.monotonic() - STARTED:5.0f} s] {text}", flush=True)


def check_report(report):
    """Raises MeasuringError unless the report is as schema 1 says and no row is missing or there twice."""
    if list(report) != ["schema", "commit", "compilers", "rows"] or report["schema"] != 1:
        raise MeasuringError("report: wrong keys")
    if not report["commit"] or not report["compilers"] or not report["rows"]:
        raise MeasuringError("report: no commit, compilers or rows")
    seen = {}
    for row in report["rows"]:
        check_row(row)
        key = tuple(row[name] for name in TEXT_KEYS[:-1] + ["source"])
        if row["workload"] in seen.setdefault(key, set()):
            raise MeasuringError(f"report: a row is there twice: {row}")
        seen[key].add(row["workload"])
    for key, workloads in seen.items():
        measured = workloads - set(drivers.NAMES)
        if key[0] in bpf.ROWS and not measured:
            continue  # of guests at -Os there are drivers alone
        if measured != {*bpf.ROWS.get(key[0], WORKLOADS + CALLS)}:
            raise MeasuringError(f"report: {key} has rows for {sorted(workloads)} only")
    if not drivers.complete(report):
        raise MeasuringError("report: not every driver has a row")


def check_row(row):
    measured = str(row.get("source")).startswith("silicon:")
    if list(row) != ROW_KEYS + (silicon_rows.KEYS if measured else []):
        raise MeasuringError(f"report: a row with the keys {list(row)}")
    for key, choices in CHOICES.items():
        if row[key] not in choices:
            raise MeasuringError(f"report: {key} is {row[key]!r}")
    if not str(row["source"]).startswith(("emulated:", "silicon:")):
        raise MeasuringError(f"report: source is {row['source']!r}")
    for key in NUMBER_KEYS:
        value = row[key]
        if key != ONLY.get(row["workload"], key):
            right = value is None
        elif key in ("prepared_bytes", "prepare_cycles"):
            right = isinstance(value, int) and value >= 0
        else:
            right = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
        if not right:
            raise MeasuringError(f"report: {key} is {value!r} in {row}")
    if measured:
        silicon_rows.check(row)


# What backends are compared by: each has one of these.
SHORT_ISAS = ["rv32ec", "rv32dense"]
EMPTY_ROW = dict.fromkeys(ROW_KEYS) | {"target": "cortex-m0plus", "board": BOARD, "source": "emulated:qemu"}


def row_of(bench, variant, name, measured, guest_insns):
    """A row of the report: every figure is of the guest as compiled at the row's guest_opt."""
    row = EMPTY_ROW | {
        "isa": variant.isa, "backend": variant.backend, "opt": variant.opt, "guest_opt": variant.guest_opt,
        "workload": name, "cycles": measured["cycles"],
    }
    if name in CALLS:
        return row
    return row | {
        "flash_bytes": bench.flash_bytes(variant),
        "state_bytes": measured["state_bytes"],
        "stack_bytes": measured["stack_bytes"],
        "image_bytes": bench.guest_bytes(variant.isa, variant.guest_opt, name),
        "prepared_bytes": measured["prepared_bytes"],
        "prepare_cycles": measured["prepare_cycles"],
        "guest_insns": guest_insns,
        "cycles_per_insn": round(measured["cycles"] / guest_insns, 3),
        "native_cycles": measured["native_cycles"],
        "slowdown": round(measured["cycles"] / measured["native_cycles"], 3),
    }


def variants_to_measure(opts, isas, short):
    return [
        Variant(backend, isa, opt, guest_opt)
        for backend, registered in opts.items()
        for isa in ([isa for isa in isas[backend] if isa in SHORT_ISAS] if short else isas[backend])
        # Other backends are written for the optimisation that they are registered with.
        for opt in ([registered] if short or backend != REFERENCE else ["-Os", "-O2"])
        for guest_opt in ["-O2", "-Os"]
    ]


def measure_all(bench, variants, opts):
    """{variant: measured} and complaints. The reference backends come first: they count the guests' instructions."""
    measured, complaints = {}, []

    def one(variant):
        try:
            return bench.measure(variant)
        except MeasuringError as error:
            return [str(error)], None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (variant, (complained, figures)) in enumerate(zip(variants, pool.map(one, variants)), 1):
            complaints += [f"{variant}: {line}" for line in complained]
            if figures:
                measured[variant] = figures
            progress(f"{done}/{len(variants)}  {variant}{'  FAILED' if complained else ''}")
    rows = []
    for variant, figures in measured.items():
        reference = measured.get(variant.reference(opts))
        if reference is None:
            complaints.append(f"{variant}: the reference did not count its instructions")
            continue
        rows += [row_of(bench, variant, name, figures[name], reference[name]["executed"]) for name in figures]
    return rows, complaints


def first_line(*arguments):
    return command(arguments).splitlines()[0]


def commit():
    state = "-dirty" if command(["git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no"]) else ""
    return command(["git", "-C", ROOT, "rev-parse", "HEAD"]).strip() + state


def baseline(lines, short, opts):
    """The rows of the history that this run has to have."""
    state = history.state_after(lines)
    if not short:
        return state

    def is_short(name):
        backend, isa, *opt = name.split(" ")  # "drivers" have no opt
        return isa in SHORT_ISAS and (not opt or opt[0] == opts.get(backend, opt[0]))

    return {name: row for name, row in state.items() if is_short(name)}


def accept(lines, before, now, why):
    """Adds a line to the history when a figure has changed."""
    changed = history.changes(before, now)
    if not changed:
        progress("no figure has changed: nothing to accept")
        return
    lines.append({"date": datetime.date.today().isoformat(), "why": why, "rows": changed})
    history.write(lines)
    progress(f"accepted {len(changed)} changed rows: commit bench/history.json with the change")


def judge(report, opts, driver_sizes, lines, options):
    """Complaints about figures that were measured without any. With --accept, adds a line to the history."""
    check_report(report)
    complaints = limits.exceeded(report, opts) + driver_sizes.exceeded
    before, now = baseline(lines, options.short, opts), history.figures(report)
    if options.accept and not complaints:
        accept(lines, before, now, options.accept)
    elif options.check and (grown := history.grown(before, now)):
        complaints += [*grown, 'to accept these figures: ./scripts/report --accept "why they are worth it", and commit '
                               "bench/history.json with the change"]
    return complaints


def write_report(report, opts, bench, driver_sizes, lines, complaints, out):
    emulators = [first_line("qemu-system-arm", "--version"), first_line(bench.host / "limpet-cycles", "--version"),
                 "rp2040js " + boards.rp2040js_version()]
    texts = (report_text.method(report, emulators, bench.flags()), report_text.repeat(report), driver_sizes.note)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / "report.md").write_text(report_text.markdown(report, opts, driver_sizes.rows, texts, complaints))
    page = report_page.page(report, driver_sizes.rows, lines, *(markdown.markdown(text) for text in texts[:2]))
    (out / "index.html").write_text(page)
    report_picture.draw(out / "index.html", out / "report.svg")


def fail(complaints):
    sys.exit("report: FAILED\n" + "\n".join(complaints))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--accept", metavar="WHY")
    parser.add_argument("--publish", action="store_true")
    parser.add_argument("--build", type=Path, default=ROOT / "build/report")
    parser.add_argument("--out", type=Path, default=ROOT / "out/report")
    return parser.parse_args()


def main():
    options = arguments()
    bench = Bench(options.build.resolve())
    progress("building")
    bench.configure()
    opts = bench.registered_opts()
    variants = variants_to_measure(opts, bench.isas(), options.short)
    bench.build(variants)
    progress(f"measuring {len(variants)} images, each in QEMU and in Unicorn")
    rows, complaints = measure_all(bench, variants, opts)
    progress("the same on the other boards")
    everywhere = [v for v in variants if v.opt == opts[v.backend] and v.guest_opt == "-O2"]
    rows_of_boards, disagreements = boards.rows(bench, everywhere, rows, progress)
    rows += rows_of_boards + silicon_rows.read()
    complaints += disagreements
    progress("building drivers")
    driver_sizes = drivers.measure()
    if not options.short:
        progress("eBPF")
        opts |= bpf.registered_opts(bench)
        bench.build(bpf.variants(bench))
        rows_of_images, complaints_of_images = measure_all(bench, bpf.variants(bench), opts)
        native_cycles = {row["workload"]: row["native_cycles"] for row in rows if row["guest_opt"] == "-O2"}
        rows += bpf.rows(bench, EMPTY_ROW, rows_of_images, native_cycles)
        complaints += complaints_of_images
        rows += drivers.report_rows(driver_sizes.rows, ["ebpf"], EMPTY_ROW, opts)
    isas = dict.fromkeys(variant.isa for variant in variants)
    rows += drivers.report_rows(driver_sizes.rows, isas, EMPTY_ROW, opts)

    report = {
        "schema": 1,
        "commit": commit(),
        "compilers": {name: first_line(name, "--version")
                      for name in ("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc", "clang-19")},
        "rows": rows,
    }
    if not any(row["cycles"] for row in rows):
        fail(complaints)
    lines = history.read()
    if not complaints:
        complaints = judge(report, opts, driver_sizes, lines, options)
    write_report(report, opts, bench, driver_sizes, lines, complaints, options.out)
    if options.publish and not complaints:
        shutil.copy(options.out / "report.svg", ROOT / "bench/report.svg")
    print(report_text.summary(report, opts))
    progress(f"wrote {options.out}/index.html, report.md, report.json, report.svg")
    if complaints:
        fail(complaints)


if __name__ == "__main__":
    try:
        main()
    except MeasuringError as error:
        sys.exit(f"report: {error}")
