"""The report as text: the summary on the screen and report.md."""

from measuring import CALLS, GEOMEAN_WORKLOADS, WORKLOADS, geometric_deviation, geometric_mean


MAIN_BOARD = "qemu-microbit"  # the one that tables and promises are about


def groups(report, guest_opt, board=MAIN_BOARD):
    """{(backend, isa, opt): {workload: row}} of the guests at guest_opt, emulated on that board; without drivers."""
    result = {}
    for row in report["rows"]:
        ran = row["cycles"] is not None and row["source"].startswith("emulated:")
        if ran and row["guest_opt"] == guest_opt and row["board"] == board:
            result.setdefault((row["backend"], row["isa"], row["opt"]), {})[row["workload"]] = row
    return result


def emulated_boards(report):
    """The boards of a report's emulated rows, in their order."""
    return list(dict.fromkeys(row["board"] for row in report["rows"] if row["source"].startswith("emulated:")))


def mean_and_deviation(rows, key):
    values = [rows[name][key] for name in GEOMEAN_WORKLOADS]
    return geometric_mean(values), geometric_deviation(values)


def table(header, lines):
    """A Markdown table, its columns aligned for reading as plain text; numbers to the right."""
    cells = [header] + [[str(cell) for cell in line] for line in lines]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    numeric = [i > 0 and all(line[i].replace(".", "").isdigit() for line in cells[1:]) for i in range(len(header))]

    def join(row):
        return "| " + " | ".join(c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric)) + " |"

    rule = "|" + "|".join("-" * (w + 1) + (":" if n else "-") for w, n in zip(widths, numeric)) + "|"
    return "\n".join([join(cells[0]), rule, *map(join, cells[1:])])


def summary(report, opts):
    """One line per backend, isa and optimisation; those at the registered optimisation first."""
    lines = []
    ordered = sorted(groups(report, "-O2").items(), key=lambda item: item[0][2] != opts[item[0][0]])
    for (backend, isa, opt), rows in ordered:
        ratio, ratio_deviation = mean_and_deviation(rows, "cycles_per_insn")
        slowdown, slowdown_deviation = mean_and_deviation(rows, "slowdown")
        any_row = rows["crc32"]
        lines.append([backend, isa, opt, any_row["flash_bytes"], any_row["state_bytes"], any_row["stack_bytes"],
                      f"{ratio:.1f}", f"{ratio_deviation:.2f}", f"{slowdown:.1f}", f"{slowdown_deviation:.2f}",
                      *(rows[name]["cycles"] if name in rows else "" for name in CALLS)])
    return table(["backend", "isa", "opt", "flash B", "state B", "stack B", "cycles/insn", "gsd", "slowdown", "gsd",
                  "empty call", "one host call"], lines)


def per_workload(report, guest_opt, key, form):
    return table(["backend", "isa", "opt"] + WORKLOADS,
                 [[*name, *(form.format(rows[workload][key]) if workload in rows else "" for workload in WORKLOADS)]
                  for name, rows in groups(report, guest_opt).items()])


def guests(report, guest_opt, keys):
    """A line per isa and key; the same for every backend."""
    lines = {}
    for (_, isa, _), rows in groups(report, guest_opt).items():
        for key in keys:
            lines.setdefault((isa, key), [rows[workload][key] if workload in rows else "" for workload in WORKLOADS])
    return table(["isa", "figure"] + WORKLOADS, [[isa, key, *values] for (isa, key), values in lines.items()])


def method(report, emulators, flags):
    """How the figures were made, as Markdown."""
    flag_lines = "\n".join(f"- {what}: `{text}`" for what, text in flags.items())
    compilers = "\n".join(f"- {name}: {text}" for name, text in report["compilers"].items())
    return f"""- **flash**: difference of two linked images, compiler helpers included: one that calls init, prepare, call
  and resume with no host calls, one with empty functions instead.
- **stack**: deepest below the call of `limpet_call`, traced over all workloads and hostile guests; what host calls use
  is not in it.
- **cycles/insn**: M0+ cycles per guest instruction (as `rv32-switch` counts them), **slowdown**: against native Thumb
  at -O2 of the same C; geometric means over {", ".join(GEOMEAN_WORKLOADS)}, and their geometric standard deviation
  (**gsd**, a factor).
- **empty call**: cycles of calling a guest function that returns at once; **one host call**: of one that reads the
  firmware's clock first, the firmware's own part included.
- **eBPF**: guests by clang at -O2; the libraries run in Unicorn without a board around them, without max31865, whose
  host calls are not there. state is with registers of 64 bits; frames of local calls are not in it.

Made with:

{compilers}
{chr(10).join(f"- {emulator}" for emulator in emulators)}

Flags:

{flag_lines}
"""


def repeat(report):
    """The commands that make the report again, as Markdown."""
    return f"""    git checkout {report["commit"].removesuffix("-dirty")}
    ./scripts/report            # everything; one backend: bench/measure --backend NAME --isa ISA --opt OPT
    limpet measure driver.c     # another guest, under every backend: flash, RAM, stack and cycles
"""


def driver_table(drivers):
    columns = list(drivers[0])
    total = ["all"] + [sum(row[column] for row in drivers) for column in columns[1:]]
    return table(columns, [[row[column] for column in columns] for row in drivers] + [total])


def silicon_table(rows):
    """A line per board and variant that was measured on silicon."""
    runs = {}
    for row in rows:
        name = (row["board"], row["source"].removeprefix("silicon:"), row["backend"], row["isa"], row["opt"])
        runs.setdefault(name, {})[row["workload"]] = row
    return table(["board", "chip", "backend", "isa", "opt", "cycles/insn", "slowdown", "ratio", "spread", "commit"],
                 [[*name, f"{mean_and_deviation(run, 'cycles_per_insn')[0]:.1f}",
                   f"{mean_and_deviation(run, 'slowdown')[0]:.1f}", f"{mean_and_deviation(run, 'ratio')[0]:.4f}",
                   max(row["spread_cycles"] for row in run.values()), run["crc32"]["measured_commit"]]
                  for name, run in runs.items()])


def boards(report):
    """Where else the same images ran, as Markdown."""
    others = [board for board in emulated_boards(report) if board != MAIN_BOARD]
    silicon = [row for row in report["rows"] if row["source"].startswith("silicon:")]
    told = ""
    if others:
        told = f"""## Boards

The tables are of `{MAIN_BOARD}`. Images of the same object code ran on {", ".join(others)}.
Every region took the same number of cycles on each, by every counter there: QEMU, Unicorn, rp2040js with a table of its
own, the image's own SysTick. All at zero wait states, which the flash of an STM32G0B1 at 64 MHz has not.
`qemu-mps2-an385` counts by the table of the Cortex-M0+ and is not what its Cortex-M3 takes.

"""
    if silicon:
        told += f"""Measured on silicon; **ratio** is to the emulated cycles, **spread** the largest of three runs' in cycles:

{silicon_table(silicon)}

"""
    elif told:
        told += "No row comes from silicon yet: `./scripts/measure` is how one would.\n\n"
    return told


def markdown(report, opts, drivers, texts, complaints):
    """report.md. texts: those of method() and repeat(), and the note below the table of drivers."""
    failed = ""
    if complaints:
        failed = "**Not everything is as it must be:**\n\n" + "\n".join(f"    {line}" for line in complaints) + "\n\n"
    driver_section = ""
    if drivers:
        driver_section = f"""## Bytes of real drivers

What is uploaded of each driver in firmware/drivers, at -Os (ebpf-packed: eBPF with its code packed): code, read-only and
initialised data. Thumb is the same source, compiled and linked with the same flags for the machine itself, without what
a firmware has anyway (the functions called, memset).

{driver_table(drivers)}

{texts[2]}

"""
    return f"""# What the backends cost on a Cortex-M0+

{failed}Emulated (QEMU `microbit`): cycles by the timing table of ARM DDI0484C at zero wait states, counted by a QEMU
plugin and, independently, in Unicorn; both agree to the cycle for every row. All checks and fuel are on. Every result
was compared with native code before it was timed, and every image contained a set of hostile guests. `index.html` has
the same with pictures.

![flash against speed](report.svg)

{summary(report, opts)}

## Cycles per guest instruction, guests at -O2

{per_workload(report, "-O2", "cycles_per_insn", "{:.1f}")}

## Slowdown against native code, guests at -O2

{per_workload(report, "-O2", "slowdown", "{:.1f}")}

{boards(report)}{driver_section}## The guests themselves

Compiled at -O2 (for cycles):

{guests(report, "-O2", ["guest_insns", "native_cycles", "image_bytes"])}

Compiled at -Os (for bytes):

{guests(report, "-Os", ["guest_insns", "native_cycles", "image_bytes"])}

image_bytes is what is uploaded: code, read-only and initialised data. In `report.json` each row's figures are all of
the guest as compiled at the row's `guest_opt`: take cycles from the rows with `-O2` and `image_bytes` from those with
`-Os`. `native_cycles` are always of native code at -O2. Rows of workloads `empty` and `one_host_call` have only `cycles`, those of drivers
only `image_bytes`, which are the same for every backend.

## Method

{texts[0]}
## How to repeat it

{texts[1]}"""
